"""Offers: what came from above and waits for an answer, and a bulletin sent to many units in one step."""

from collections.abc import Iterable, Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlmodel import Session, col, select
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from audio.models import Clip
from core.errors import N_
from playlists import (
    approval_rules,
    bulletins,
    offer_deciders,
    offer_lists,
    offer_recipients,
    offers,
    programmes,
    renditions,
    subjects,
)
from playlists.models import Programme
from playlists.offer_models import OfferRule
from playlists.offered import IN_LINE, TAKEN, WAITING
from playlists.offers import Found
from registry import naming, units
from registry.models import Unit
from registry.rights import Permission
from scheduler import arranged, bulletin_air, in_line, offer_notices, reached
from scheduler.air_models import AirWishRow
from web.access import actor, for_browsers
from web.app import house
from web.panel import approval_words, forms, times

PAGE = 10
LINES = 100
_MOST_PROGRAMMES = 300
_AIRED = "aired"
_KINDS = (WAITING, IN_LINE, TAKEN, "declined")
_ORDER = (WAITING, "declined", IN_LINE, TAKEN, _AIRED)
_NAMED = 5


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/offers", endpoint="offers", view_func=inbox)
    blueprint.add_url_rule("/offers/rule", endpoint="offers_rule", view_func=settle, methods=["POST"])
    for name, view in (("take", take), ("decline", decline), ("order", order), ("remind", remind)):
        blueprint.add_url_rule(f"/offers/<identity>/{name}", endpoint=f"offer_{name}", view_func=view, methods=["POST"])
    blueprint.add_url_rule(
        "/bulletins/<identity>/offer", endpoint="bulletin_offer", view_func=send, methods=["GET", "POST"]
    )


# -- what came from above --------------------------------------------------------------------------------------


@for_browsers
def inbox() -> str:
    state = request.args.get("state", "")
    with house().database.read() as reading:
        rows = offer_lists.arrived(
            reading, actor(), state=state if state in _KINDS else None, before=request.args.get("before") or "zz",
            limit=PAGE + 1,
        )  # fmt: skip
        shown = rows[:PAGE]
        here, heard = [row.unit for row in shown], _sounds(reading, shown)
        return render_template(
            "panel/offers.html",
            rows=[(row, heard.get(row.version.id, []) if row.version else [], _may(row)) for row in shown],
            proposed=_proposed(reading, shown),
            more=f"{shown[-1].offer.id}/{shown[-1].unit.id}" if len(rows) > PAGE else None,
            state=state,
            states=_KINDS,
            programmes=_programmes(reading, (unit.id for unit in here)),
            places=_places(reading, [row.unit for row in shown if row.target.state in {WAITING, IN_LINE}]),
            titles=_titles(reading, shown),
            declines=approval_words.DECLINES,
            names=naming.by_id(
                reading, [each for row in shown for each in (row.offer.offered_by, row.target.answered_by)]
            ),
            zones=times.zones_of(reading, here),
            subjects={each.code: each for each in subjects.every(reading)},
            rules=_rules(reading),
            own=_own_programmes(reading),
        )


def _may(row: Found) -> bool:
    return actor().may(Permission.APPROVE, row.unit)


def _proposed(reading: Session, rows: list[Found]) -> dict[tuple[str, str], str]:
    """Who proposed where and when, by the ids of bulletin and unit, where that waits. Two queries."""
    query = select(AirWishRow).where(
        col(AirWishRow.bulletin_id).in_({row.offer.bulletin_id for row in rows}),
        col(AirWishRow.unit_id).in_({row.unit.id for row in rows}), col(AirWishRow.state).in_(arranged.OPEN),
    )  # fmt: skip
    found = {(each.bulletin_id, each.unit_id or ""): each.wanted_by for each in reading.exec(query).all()}
    names = naming.by_id(reading, set(found.values()))
    return {key: names.get(who, "") for key, who in found.items()}


def _sounds(reading: Session, rows: list[Found]) -> Mapping[str, list[tuple[str, Clip]]]:
    """Language and clip of all that sounds of each version that is offered, by version. Two queries."""
    versions = [row.version for row in rows if row.version is not None]
    others = renditions.of(reading, [version.id for version in versions])
    wanted = {version.clip_id for version in versions}
    wanted |= {each.clip_id for there in others.values() for each in there}
    known = {clip.id: clip for clip in reading.exec(select(Clip).where(col(Clip.id).in_(wanted))).all()}
    return {
        version.id: [
            (version.language, known[version.clip_id]),
            *((each.language, known[each.clip_id]) for each in others.get(version.id, ())),
        ]
        for version in versions
    }


def _programmes(reading: Session, unit_ids: Iterable[str]) -> Mapping[str, list[Programme]]:
    """The programmes of these units, the newest first."""
    query = select(Programme).where(col(Programme.unit_id).in_(set(unit_ids)))
    found: dict[str, list[Programme]] = {}
    for row in reading.exec(query.order_by(col(Programme.id).desc()).limit(_MOST_PROGRAMMES)).all():
        found.setdefault(row.unit_id, []).append(row)
    return found


def _places(reading: Session, here: list[Unit]) -> Mapping[str, in_line.Place]:
    """The programme that comes next at each of these units."""
    coming = in_line.next_places(reading, {unit.id for unit in here}, house().clock())
    return {unit: places[0] for unit, places in coming.items() if places}


def _titles(reading: Session, rows: list[Found]) -> dict[str, str]:
    wanted = {row.target.programme_id for row in rows if row.target.programme_id}
    return {row.id: row.title for row in reading.exec(select(Programme).where(col(Programme.id).in_(wanted))).all()}


def _rules(reading: Session) -> list[tuple[OfferRule, Unit, Programme]]:
    """What is taken without asking at the units the viewer answers for."""
    query = (
        select(OfferRule, Unit, Programme)
        .join(Unit, col(Unit.id) == OfferRule.unit_id)
        .join(Programme, col(Programme.id) == OfferRule.programme_id)
        .where(actor().within(Permission.APPROVE, col(Unit.path)))
        .order_by(col(Unit.path))
        .limit(LINES)
    )
    return [(rule, unit, programme) for rule, unit, programme in reading.exec(query).all()]


def _own_programmes(reading: Session) -> list[tuple[Programme, Unit]]:
    """Programmes that may take offers by themselves."""
    query = (
        select(Programme, Unit)
        .join(Unit, col(Unit.id) == Programme.unit_id)
        .where(actor().within(Permission.APPROVE, col(Unit.path)), col(Unit.parent_id).is_not(None))
        .order_by(col(Programme.id).desc())
        .limit(LINES)
    )
    return [(programme, unit) for programme, unit in reading.exec(query).all()]


@for_browsers
def take(identity: str) -> Response:
    """Take it into a programme, or as the writer here proposed, or go on to where and when it sounds."""
    unit_id, how, now = forms.text("unit"), forms.text("how"), house().clock()
    next_page: list[str] = []

    def act() -> str:
        with house().database.write() as writing:
            wanted = forms.text("programme") or None if how == "programme" else None
            offers.take(writing, actor(), identity, unit_id, wanted, now)
            found = offers.find(writing, actor(), identity, unit_id)
            if how in {"alone", "wish"}:
                next_page.append(url_for("panel.bulletin_air", identity=found.offer.bulletin_id, unit=found.unit.id))
            if how == "wish":
                done = bulletin_air.carry_out(writing, actor(), found.offer.bulletin_id, now, at=found.unit.id)
                if any(each.problem for each in done):
                    return N_("Taken. What was proposed can't be done any more: say where and when.")
                if done:
                    return N_("Taken, and on the timetable as it was proposed.")
        if how == "alone":
            return N_("Taken. The unit above sees it. Now say where and when it sounds.")
        return N_("Taken. The unit above sees it.")

    answer = forms.told(act, _back())
    return redirect(next_page[0], 303) if next_page else answer


@for_browsers
def decline(identity: str) -> Response:
    known = approval_words.DECLINES
    tapped = [gettext(known[each]) for each in request.form.getlist("ready") if each in known]
    reason = " ".join([*tapped, forms.text("reason")]).strip()

    def act() -> None:
        with house().database.write() as writing:
            offers.decline(writing, actor(), identity, forms.text("unit"), reason, house().clock())

    return forms.acted(act, N_("Declined. The unit above sees your reason."), _back())


@for_browsers
def order(identity: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            offers.put_in_order(
                writing, actor(), identity, forms.text("unit"), after_own=forms.text("place") == "after",
                now=house().clock(),
            )  # fmt: skip

    return forms.acted(act, N_("The order is set."), _back())


@for_browsers
def settle() -> Response:
    """What is taken without asking: a programme of the unit, or nothing."""

    def act() -> None:
        with house().database.write() as writing:
            chosen = forms.text("programme")
            if chosen:
                _, unit = programmes.find(writing, actor(), chosen)
            else:
                unit = units.find(writing, actor(), forms.text("unit"))
            offers.settle(writing, actor(), unit, chosen or None, request.form.getlist("fields"), house().clock())

    return forms.acted(act, N_("Saved. It holds for what is sent from now on."), url_for("panel.offers"))


def _back() -> str:
    return url_for("panel.offers")


# -- what is sent ----------------------------------------------------------------------------------------------


@for_browsers
@forms.keeps_text
def send(identity: str) -> Response | str | tuple[str, int]:
    """Where a bulletin has been sent and what became of it there; and the form to send it to more units."""
    problem = None
    if request.method == "POST":
        done = forms.attempt(lambda: _send(identity))
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    now = house().clock()
    with house().database.read() as reading:
        bulletin, unit, latest = bulletins.find(reading, actor(), identity)
        version = offers.approved(reading, bulletin)
        lines = offer_lists.of_bulletin(reading, bulletin.id)
        heard = reached.heard_in(reading, bulletin.id, [line.unit for line in lines])
        states = {line.unit.id: _AIRED if line.unit.id in heard else line.target.state for line in lines}
        # Who has not answered comes first: that is what the sender looks for. The order of the tree stays within.
        lines = sorted(lines, key=lambda line: _ORDER.index(states[line.unit.id]))
        sent = set(states)
        page = max(forms.number("page", request.args) or 1, 1)
        shown = lines[(page - 1) * LINES : page * LINES]
        last = offer_lists.newest_of(reading, bulletin.id)
        may_send = actor().may(Permission.APPROVE, unit)
        every = offer_lists.below(reading, unit) if may_send else []
        below = [each for each in every if each.id not in sent]
        found = render_template(
            "panel/bulletin_offer.html",
            bulletin=bulletin,
            unit=unit,
            version=version or latest,
            may_send=may_send and version is not None and version.priority != "emergency",
            emergency=version is not None and version.priority == "emergency",
            approved=version is not None,
            below=below,
            whole=offer_recipients.below_each(below),
            groups=offer_recipients.groups_reaching(reading, actor(), below) if below else [],
            form=request.form or MultiDict(),
            problem=problem,
            lines=shown,
            states=states,
            heard=heard,
            counts={state: list(states.values()).count(state) for state in _ORDER},
            total=len(lines),
            page=page,
            more=len(lines) > page * LINES,
            last=last,
            may_remind=may_send and any(
                line.target.state == WAITING and last is not None and line.offer.id == last.id for line in lines
            ),
            reminded_lately=last is not None and last.reminded_at is not None
            and now - last.reminded_at < offer_deciders.REMINDED_EVERY,
            needed=approval_rules.approvals_needed(reading, unit, latest),
            names=naming.by_id(reading, [line.target.answered_by for line in shown]),
            zone=times.zone_of(reading, unit),
        )  # fmt: skip
    return found, problem.status if problem else 200


def _send(identity: str) -> Response:
    now = house().clock()
    with house().database.write() as writing:
        bulletin, unit, _ = bulletins.find(writing, actor(), identity)
        wanted = offer_recipients.named(
            writing, actor(), unit, forms.text("to"), request.form.getlist("for"), request.form.getlist("group")
        )
        made = offers.offer(writing, actor(), bulletin.id, wanted, forms.text("note"), now)
        if made.priority != "ordinary":
            in_line.line_up(writing, now)
    flash(gettext("Sent. Below you see what each unit makes of it."), "success")
    return redirect(url_for("panel.bulletin_offer", identity=identity), 303)


@for_browsers
def remind(identity: str) -> Response:
    with house().database.read() as reading:
        made, _ = offers.sent(reading, actor(), identity)
        bulletin_id = made.bulletin_id

    def act() -> str:
        with house().database.write() as writing:
            done = offers.remind(writing, actor(), identity, house().clock())
            sent = offer_notices.write(writing, bulletin_id, done.people, house().settings, house().clock())
            words = gettext(
                "%(people)s people who may answer at %(units)s units are reminded: their page says so. To %(sent)s of "
                "them, who left an address, a message goes as well.",
                people=len(done.people), units=len(done.units) - len(done.nobody), sent=sent,
            )  # fmt: skip
            if done.nobody:
                some = ", ".join(each.name for each in done.nobody[:_NAMED])
                words += " " + gettext("Nobody may answer yet at: %(units)s.", units=some)
            return str(words)

    return forms.told(act, url_for("panel.bulletin_offer", identity=bulletin_id))

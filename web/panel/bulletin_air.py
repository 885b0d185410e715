"""Where and when a bulletin sounds: one page, one form; what it would do stands beside it before anything is sent."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlmodel import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from audio import clips
from audio.models import Clip
from core.errors import N_, Conflict, InvalidInput, LoaError, NotFound
from playlists import renditions, there
from playlists.there import There
from registry import groups, units
from registry.models import Unit
from registry.rights import Permission
from scheduler import bulletin_air, bulletin_check, editing
from scheduler.air_asking import Asked
from scheduler.bulletin_check import Look
from web.access import actor, for_browsers
from web.app import house
from web.messages import said
from web.panel import air_choices, air_places, air_sentences, air_usual, calendar_words, forms, rrule_words, times
from web.panel.air_choices import Choice, Typed
from web.panel.repeats import DAYS
from web.panel.when_reading import MAX_CHARS, read_when

Answer = Response | str | tuple[str, int]
_HERE = "panel.bulletin_air"


def register(blueprint: Blueprint) -> None:
    base = "/bulletins/<identity>/air"
    blueprint.add_url_rule(base, endpoint="bulletin_air", view_func=air, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{base}/look", endpoint="bulletin_air_look", view_func=looked, methods=["POST"])
    blueprint.add_url_rule(f"{base}/words", endpoint="bulletin_air_words", view_func=words)
    blueprint.add_url_rule(f"{base}/places", endpoint="bulletin_air_places", view_func=places)
    blueprint.add_url_rule(f"{base}/points", endpoint="bulletin_air_points", view_func=points)
    for name, view in (("undo", undo), ("drop", drop), ("carry", carry)):
        blueprint.add_url_rule(f"{base}/{name}", endpoint=f"bulletin_air_{name}", view_func=view, methods=["POST"])


@dataclass(frozen=True)
class Checked:
    """What the page shows of a request: the sentence, what was found, or why nothing could be."""

    sentence: str = ""
    look: Look | None = None
    problem: forms.Problem | None = None
    zone: ZoneInfo | None = None
    instead: str = ""
    lifters: tuple[str, ...] = ()
    may_lift: bool = False


@for_browsers
@forms.keeps_text
def air(identity: str) -> Answer:
    with house().database.read() as reading:
        unit = _here(reading, identity).unit
        if not actor().may(Permission.SCHEDULE, unit):
            actor().require(Permission.WRITE, unit)
    if request.method == "GET":
        start: Typed = MultiDict({"place": "mine", "when": "soon", "every": "day", "interval": "1"})
        return _page(identity, start, None, "")
    typed: Typed = MultiDict(request.form)
    unknown: list[str] = []

    def act() -> Response:
        step = forms.text("step", typed)
        if step == "words" or (step in {"", "check"} and _fresh_words(typed)):
            unknown.append(_understand(identity, typed))
        elif step.startswith("instead-"):
            _instead(typed, step.removeprefix("instead-"))
        elif step == "send":
            return _send(identity, typed)
        return _AGAIN

    done = forms.attempt(act)
    if isinstance(done, forms.Problem):
        return _page(identity, typed, done, "")
    return done if done is not _AGAIN else _page(identity, typed, None, "".join(unknown))


_AGAIN = Response()


def _here(session: Session, identity: str) -> There:
    """The bulletin at the unit that the address names; without one where it was written, or was sent to."""
    return there.find(session, actor(), identity, request.args.get("unit") or None)


def _fresh_words(typed: Typed) -> bool:
    """Whether words were typed since they were last understood."""
    return forms.text("words", typed) != typed.get("words-read", "")


def _understand(identity: str, typed: Typed) -> str:
    """Write what the typed words mean over the choices; the words that were not understood."""
    with house().database.read() as reading:
        unit = _here(reading, identity).unit
        found = read_when(forms.text("words", typed), _today(reading, unit), air_usual.part_names(reading, unit))
        typed["words-read"] = forms.text("words", typed)
        if found.choice is None:
            raise InvalidInput(
                N_("This was not understood. Write for example: every day 17:00, except Sunday, until 30/11"),
                fields={"words": "form"},
            )  # fmt: skip
        air_choices.put(typed, air_usual.dated(reading, unit, found.choice, house().clock(), _freeze()))
    return " ".join(found.unknown)


def _instead(typed: Typed, local: str) -> None:
    """Take the free time that was offered: the day and the hour of a single airing, the hour of a repeated one."""
    day, _, clock = local.partition("T")
    if typed.get("when") == "repeat":
        typed["times-repeat"], typed["part"] = clock, ""
    else:
        typed["when"], typed["date"], typed["times"] = "time", day, clock


def _today(reading: Session, unit: Unit) -> date:
    return house().clock().astimezone(times.zone_of(reading, unit)).date()


def _freeze() -> timedelta:
    return _rules().freeze


def _rules() -> editing.Rules:
    settings = house().settings
    return editing.Rules(settings.zone, timedelta(minutes=settings.freeze_minutes))


def _asked(reading: Session, unit: Unit, typed: Typed) -> tuple[Asked, Choice, ZoneInfo]:
    """The request of the form, without a place where none is chosen. Raises InvalidInput beside the field at fault."""
    where = times.zone_of(reading, unit)
    choice = air_choices.of_form(typed)
    audience = [f"unit:{unit.id}"] if typed.get("place", "mine") == "mine" else typed.getlist("for")
    return air_choices.asked(choice, audience, where, house().clock(), forms.text("lift", typed)), choice, where


def _somewhere(asked: Asked) -> None:
    if not asked.audience and not asked.join:
        raise InvalidInput(N_("Choose at least one place."), fields={"for": "empty"})


def _check(identity: str, typed: Typed) -> Checked:
    """Hold what the form says against everything known; errors are part of the answer."""
    sentence, where, now = "", None, house().clock()
    with house().database.read() as reading:
        try:
            here = _here(reading, identity)
            unit = here.unit
            asked, choice, where = _asked(reading, unit, typed)
            approved = here.version.state == "approved"
            sentence = air_sentences.sentence(reading, actor(), unit, asked, where, now, approved=approved)
            _somewhere(asked)
            found = bulletin_check.look(reading, actor(), identity, asked, _rules(), now, at=here.sent_to)
        except NotFound:
            raise
        except LoaError as error:
            return Checked(sentence, None, forms.Problem(said(error), frozenset(error.fields), 422, error), where)
        if choice.mode == "soon" and found.next:
            sentence = air_sentences.soon(approved=approved)
        instead = bulletin_check.local_text(found.free, where.key) if found.free else ""
        lifters = air_sentences.lifters(reading, found) if found.limits else ()
        heard = {each.id: each for wanted in found.times for each in wanted.heard.units}
        may_lift = bool(heard) and all(actor().may(Permission.ADMINISTER, each) for each in heard.values())
        return Checked(sentence, found, None, where, instead, lifters, may_lift)


def _send(identity: str, typed: Typed) -> Response:
    now = house().clock()
    house().check_room()
    with house().database.read() as reading:
        here = _here(reading, identity)
        asked, _, _ = _asked(reading, here.unit, typed)
    _somewhere(asked)
    with house().database.write() as writing:
        sent = bulletin_air.send(writing, actor(), identity, asked, _rules(), now, at=here.sent_to)
    if sent.waits and sent.submitted:
        flash(gettext("Sent for approval. It goes on the timetable with the approval."), "success")
    elif sent.submitted:
        flash(gettext("It is on the timetable and sent for approval. Nothing sounds before it is approved."), "success")
    elif sent.waits and here.sent_to:
        flash(gettext("Your wish is kept. Whoever takes the bulletin here puts it on the timetable."), "success")
    elif sent.waits:
        flash(gettext("Your wish is kept. It goes on the timetable with the approval."), "success")
    else:
        flash(gettext("It is on the timetable. Stations fetch it with their next look."), "success")
    return redirect(url_for(_HERE, identity=identity, unit=here.sent_to, sent=sent.row), 303)


def _page(identity: str, typed: Typed, problem: forms.Problem | None, unknown: str) -> Answer:
    checked = _check(identity, typed)
    fault = problem or (checked.problem if request.method == "POST" else None)
    now = house().clock()
    with house().database.read() as reading:
        here = _here(reading, identity)
        bulletin, unit, version = here.bulletin, here.unit, here.version
        permission = bulletin_check.permission_for(actor(), unit)
        page = render_template(
            "panel/air.html",
            bulletin=bulletin, unit=unit, version=version, form=typed, problem=fault, unknown=unknown,
            checked=checked,
            arranged=[
                (each, rrule_words.when_in_words(each), _why(each))
                for each in bulletin_air.wanted(reading, actor(), identity, now, at=here.sent_to)
            ],
            sent=request.args.get("sent", ""),
            usual=air_usual.offered(reading, unit, now, _freeze()),
            parts=air_usual.part_names(reading, unit),
            chosen=air_places.named(reading, actor(), typed.getlist("for")),
            tree=_tree(reading, here, typed, permission),
            found=air_places.search(reading, actor(), permission, typed.get("q", "")),
            groups=[
                (group, home) for group, home in groups.visible(reading, actor())
                if actor().may(permission, home) and (not here.sent_to or home.path.startswith(unit.path))
            ][:50],
            stations=bulletin_check.count(reading, [f"unit:{unit.id}"]),
            days=DAYS, nths=air_choices.NTHS, most_words=MAX_CHARS,
            zone=times.zone_of(reading, unit), of_day=calendar_words.of_day,
            offers=_offers(identity) if here.target is None else "",
            may_schedule=actor().may(Permission.SCHEDULE, unit),
            at=here.sent_to,
            here=here,
            sender=reading.get(Unit, bulletin.unit_id) if here.sent_to else None,
            clips=_clips(reading, here),
            takes=here.taken or (actor().may(Permission.SCHEDULE, unit) and there.may_take(reading, actor(), here)),
        )  # fmt: skip
    return page, problem.status if problem else 200


def _why(each: bulletin_air.AirWish) -> str:
    """Why a wish could not be carried out."""
    return said(LoaError(each.reason, **each.reason_params)) if each.reason else ""


def _offers(identity: str) -> str:
    """Where the bulletin is sent to other communes; empty where this application has no such page."""
    name = "panel.bulletin_offer"
    return url_for(name, identity=identity) if name in current_app.view_functions else ""


def _clips(reading: Session, here: There) -> list[tuple[str, Clip]]:
    """Language and clip of all that sounds of what was sent here: its own page is the upper unit's."""
    if here.target is None:
        return []
    others = renditions.with_clips(reading, here.version)
    own = (here.version.language, clips.get(reading, here.version.clip_id))
    return [own, *((row.language, clip) for row, clip in others)]


def _tree(reading: Session, here: There, typed: Typed, permission: Permission) -> air_places.Level:
    """The level of the tree that is open: what a button of the form asked for."""
    under = here.unit if here.sent_to else None
    opened = typed.get("open", "") or typed.get("opened", "")
    with suppress(NotFound):
        under = units.find(reading, actor(), opened) if opened and opened != "top" else under
    return air_places.level(reading, actor(), permission, under)


@for_browsers
def looked(identity: str) -> Answer:
    """The check alone, for the script that follows what is typed."""
    typed: Typed = MultiDict(request.form)
    with house().database.read() as reading:
        _reach(reading, identity)
    checked = _check(identity, typed)
    return render_template("panel/_air_check.html", checked=checked, form=typed, of_day=calendar_words.of_day)


def _reach(reading: Session, identity: str) -> tuple[Unit, Permission]:
    unit = _here(reading, identity).unit
    permission = bulletin_check.permission_for(actor(), unit)
    actor().require(permission, unit)
    return unit, permission


@for_browsers
def words(identity: str) -> Response:
    """What typed words mean: the fields of the form that say it, and what was not understood."""
    with house().database.read() as reading:
        unit, _ = _reach(reading, identity)
        found = read_when(request.args.get("text", ""), _today(reading, unit), air_usual.part_names(reading, unit))
        if found.choice is None:
            return jsonify({"fields": None, "unknown": list(found.unknown)})
        choice = air_usual.dated(reading, unit, found.choice, house().clock(), _freeze())
    form = air_choices.to_form(choice)
    return jsonify({"fields": {name: form.getlist(name) for name in form}, "unknown": list(found.unknown)})


@for_browsers
def places(identity: str) -> str:
    """A level of the tree, or what was found by name."""
    with house().database.read() as reading:
        _, permission = _reach(reading, identity)
        text = request.args.get("q", "").strip()
        found = air_places.search(reading, actor(), permission, text) if text else []
        under = request.args.get("under", "")
        unit = units.find(reading, actor(), under) if under and under != "top" else None
        after = min(request.args.get("after", 0, type=int), air_places.MOST_SEARCHED)
        tree = None if text else air_places.level(reading, actor(), permission, unit, max(after, 0))
        return render_template("panel/_air_places.html", tree=tree, found=found, searched=text, chosen=())


@for_browsers
def points(identity: str) -> Response:
    with house().database.read() as reading:
        _, permission = _reach(reading, identity)
        return jsonify(air_places.points(reading, actor(), permission))


@for_browsers
def undo(identity: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            at = _here(writing, identity).sent_to
            bulletin_air.take_back(writing, actor(), identity, forms.text("row"), house().clock(), at=at)

    return forms.acted(act, N_("Undone. Nothing was sent, and nothing of it is on the timetable."), _back(identity))


@for_browsers
def drop(identity: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            at = _here(writing, identity).sent_to
            bulletin_air.drop(writing, actor(), identity, forms.text("name"), house().clock(), at=at)

    return forms.acted(act, N_("It does not sound there and then any more."), _back(identity))


@for_browsers
def carry(identity: str) -> Response:
    """Carry out what was wished, by somebody who may schedule."""

    def act() -> None:
        with house().database.write() as writing:
            here = _here(writing, identity)
            actor().require(Permission.SCHEDULE, here.unit)
            if here.version.state != "approved":
                raise Conflict(N_("It goes on the timetable with the approval."))
            if not here.taken:
                raise Conflict(N_("It has to be taken first, by somebody who may approve here."), code="not_taken")
            for each in bulletin_air.carry_out(writing, actor(), identity, house().clock(), at=here.sent_to):
                if each.problem is not None:
                    raise each.problem

    return forms.acted(act, N_("It is on the timetable. Stations fetch it with their next look."), _back(identity))


def _back(identity: str) -> str:
    return url_for(_HERE, identity=identity, unit=request.args.get("unit") or None)

"""One airing of the week: what it is and may become, where it can be moved to, and undoing what was done."""

from datetime import date, datetime, timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlmodel import Session, col, select
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from core.clock import format_instant
from core.clock import zone as known_zone
from core.errors import N_, InvalidInput, LoaError, NotFound
from playlists import programmes
from registry import naming
from registry.models import Group, Station, Unit
from registry.rights import Permission
from scheduler import audience, editing, moving, readiness, series, slots, undoing, week_folded
from scheduler.models import Airing, Slot
from scheduler.series import Series, named
from scheduler.wanting import usual
from web.access import actor, for_browsers
from web.app import house
from web.messages import said
from web.panel import calendar_words, forms, left_out, slot_forms, slot_wishes, week_labels, week_places
from web.panel.slot_wishes import Typed

Answer = Response | str | tuple[str, int]
_MOST_PLACES = 20


def register(blueprint: Blueprint) -> None:
    path = "/slots/<identity>/occurrences/<at>"
    blueprint.add_url_rule(f"{path}/card", endpoint="slot_card", view_func=card)
    blueprint.add_url_rule(f"{path}/move", endpoint="slot_move", view_func=move, methods=["GET", "POST"])
    blueprint.add_url_rule("/timetable/<identity>/undo", endpoint="timetable_undo", view_func=undo, methods=["POST"])


def _part() -> bool:
    """Whether only the inner part is wanted, for a window on the page of the week."""
    return request.args.get("part") == "1"


@for_browsers
def card(identity: str, at: str) -> str:
    """What an occurrence is: programme, places, who approved it, how it went; and what can be done with it."""
    now = house().clock()
    with house().database.read() as reading:
        slot, unit = slots.find(reading, actor(), identity)
        instant = editing.instant_of(slot, at)
        held = series.one(reading, slot)
        found = usual(held, instant)
        if found is None:
            raise NotFound
        row = held.exceptions.get(instant)
        present = named(held, instant) or found
        programme, _ = programmes.find(reading, actor(), present.programme_id)
        airing = _airing(reading, slot, instant)
        went = week_folded.outcomes(reading, [airing.id]).get(airing.id, {}) if airing else {}
        place = week_places.read(reading, request.args.get("week", "")) or week_places.Place(unit)
        station = place.station.id if place.station else _hears(reading, slot)
        asked = (house().room.board.plans, now, house().settings.silent_after_seconds)
        soon = [airing] if airing and _soon(airing, now) else []
        ready = readiness.of(reading, actor(), soon, *asked).get(soon[0].id) if soon else None
        state = "skipped" if row and row.skip else airing.state if airing else "expected"
        zone = known_zone(slot.zone)
        starts_at = airing.starts_at if airing else present.starts_at
        return render_template(
            "panel/week_card.html", slot=slot, unit=unit, programme=programme, at=format_instant(instant),
            usual=found, row=row, airing=airing, ready=ready, zone=zone, starts_at=starts_at,
            look=week_labels.look_of(state, went), tally=week_labels.tally(went), sign=week_labels.sign,
            word=week_labels.word, of_day=calendar_words.of_day, places=_places(reading, slot), place=place,
            names=naming.by_id(reading, [slot.created_by, row.changed_by if row else ""]),
            missing=left_out.titles(reading, actor(), airing) if airing else (), station=station,
            may_change=actor().may(Permission.SCHEDULE, unit) and slot.withdrawn_at is None and starts_at > now,
            repeats=len(moving.scopes(slot)) > 1, part=_part(), week_of=_week_of(place, starts_at, slot),
        )  # fmt: skip


def _soon(airing: Airing, now: datetime) -> bool:
    return airing.ends_at > now and airing.starts_at <= now + readiness.SOON


def _airing(reading: Session, slot: Slot, at: datetime) -> Airing | None:
    query = select(Airing).where(Airing.slot_id == slot.id, Airing.occurrence_at == at, Airing.state != "withdrawn")
    return reading.exec(query.order_by(col(Airing.id)).limit(1)).first()


def _hears(reading: Session, slot: Slot) -> str:
    """A station that the slot is for and the person sees, to ask for explanations."""
    ids = sorted(audience.station_ids(reading, slot.audience))[:400]
    query = (
        select(Station.id).join(Unit, col(Unit.id) == Station.unit_id)
        .where(col(Station.id).in_(ids), actor().within(Permission.SEE, col(Unit.path)))
    )  # fmt: skip
    return reading.exec(query.order_by(col(Station.id)).limit(1)).first() or ""


def _places(reading: Session, slot: Slot) -> list[str]:
    """What the slot is for, by name; the first of many."""
    found: list[str] = []
    kinds: dict[str, Any] = {"unit": Unit, "group": Group, "station": Station}
    for kind, model in kinds.items():
        ids = [name.partition(":")[2] for name in slot.audience if name.startswith(f"{kind}:")][:_MOST_PLACES]
        found += reading.exec(select(model.name).where(col(model.id).in_(ids)).order_by(col(model.name))).all()
    left = len(slot.audience) - _MOST_PLACES
    return [*found[:_MOST_PLACES], *([gettext("and %(count)s more", count=left)] if left > 0 else [])]


def _week_of(place: week_places.Place, instant: datetime, slot: Slot, **more: str) -> str:
    """The page of the week in which an instant lies."""
    day = instant.astimezone(known_zone(slot.zone)).date()
    monday = day - timedelta(days=day.weekday())
    return place.address(**{"from": monday.isoformat(), "day": day.isoformat()}, **more)


@for_browsers
@forms.keeps_text
def move(identity: str, at: str) -> Answer:
    """Where an occurrence is moved to, what each way of moving it would meet, and doing it."""
    with house().database.read() as reading:
        slot, unit = slots.find(reading, actor(), identity)
        actor().require(Permission.SCHEDULE, unit)
        instant = editing.instant_of(slot, at)
        held = series.one(reading, slot)
        present = named(held, instant)
        if present is None:
            raise NotFound
        programme, _ = programmes.find(reading, actor(), present.programme_id)
        place = week_places.read(reading, request.values.get("week", "")) or week_places.Place(unit)
    problem = None
    typed = _typed(held, present.starts_at)
    if request.method == "POST":
        done = forms.attempt(lambda: _moved(slot, instant, typed, place))
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    goal = _goal(typed, held)
    checks: dict[str, LoaError | None] = {}
    if goal != present.starts_at.replace(second=0) or problem:
        checks, unclear = _looked(slot, instant, typed)
        problem = problem or unclear
    frozen = [error for error in checks.values() if error is not None and error.code == "frozen"]
    page = render_template(
        "panel/week_move.html", slot=slot, unit=unit, programme=programme, at=format_instant(instant),
        starts_at=present.starts_at, zone=held.zone, form=typed, problem=problem, place=place,
        checks={scope: said(error) if error else "" for scope, error in checks.items()},
        first=next((scope for scope, error in checks.items() if error is None), ""), frozen=bool(frozen),
        freeze=house().settings.freeze_minutes, part=_part(), of_day=calendar_words.of_day,
        goal=goal if checks else None,
        week_of=_week_of(place, present.starts_at, slot),
    )  # fmt: skip
    return page, problem.status if problem else 200


def _typed(held: Series, starts_at: datetime) -> Typed:
    local = starts_at.astimezone(held.zone)
    asked = request.values
    return MultiDict({
        "date": asked.get("date") or local.strftime("%Y-%m-%d"),
        "time": (asked.get("time") or slot_wishes.clock_of(local))[:5],
        "scope": asked.get("scope", ""), "bypass": asked.get("bypass", ""), "week": asked.get("week", ""),
    })  # fmt: skip


def _target(typed: Typed) -> moving.Target:
    try:
        wanted = datetime.fromisoformat(f"{forms.text('date', typed)}T{forms.text('time', typed)}")
        return moving.Target(date(wanted.year, wanted.month, wanted.day), wanted.hour, wanted.minute)
    except ValueError:
        raise InvalidInput(N_("Give a day and a time of day."), fields={"date": "form", "time": "form"}) from None


def _goal(typed: Typed, held: Series) -> datetime | None:
    try:
        return datetime.fromisoformat(_target(typed).local).replace(tzinfo=held.zone)
    except InvalidInput:
        return None


def _looked(slot: Slot, at: datetime, typed: Typed) -> tuple[dict[str, LoaError | None], forms.Problem | None]:
    """What each way would meet, or why that can't be told."""
    unclear: list[forms.Problem] = []
    found: dict[str, LoaError | None] = {}

    def look() -> Response:
        with house().database.write() as writing:
            found.update(moving.looked_at(
                writing, actor(), slot.id, at, _target(typed), slot_forms.rules(forms.text("bypass", typed)),
                house().clock(),
            ))  # fmt: skip
        return Response()

    done = forms.attempt(look)
    if isinstance(done, forms.Problem):
        unclear.append(done)
    return found, unclear[0] if unclear else None


def _moved(slot: Slot, at: datetime, typed: Typed, place: week_places.Place) -> Response:
    target = _target(typed)
    with house().database.write() as writing:
        step = moving.move(
            writing, actor(), slot.id, at, target, typed["scope"], slot_forms.rules(forms.text("bypass", typed)),
            house().clock(),
        )  # fmt: skip
        name = step.id
    day = target.day
    monday = day - timedelta(days=day.weekday())
    back = place.address(**{"from": monday.isoformat(), "day": day.isoformat(), "undo": name})
    return redirect(back, 303)


@for_browsers
def undo(identity: str) -> Response:
    """Let everything be as it was before a move or a copy."""
    with house().database.read() as reading:
        undoing.find(reading, actor(), identity)
        place = week_places.read(reading, request.form.get("week", ""))
    first = request.form.get("from", "")[:10]

    def act() -> None:
        with house().database.write() as writing:
            undoing.undo(writing, actor(), identity, slot_forms.rules(), house().clock())

    back = place.address(**({"from": first} if first else {})) if place else url_for("panel.week")
    return forms.acted(act, N_("It is as it was before."), back)

"""One occurrence of a slot: skipped, moved, shortened, with another programme, and put back."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlmodel import Session, col, select
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from core.allowed import LIMITS
from core.clock import format_instant
from core.clock import zone as known_zone
from core.errors import N_, InvalidInput, NotFound
from playlists import programmes
from playlists.models import Programme
from registry import naming
from registry.models import Unit
from registry.rights import Permission
from scheduler import audience, editing, series, slots, undoing
from scheduler.editing import Change
from scheduler.models import Airing, Slot, SlotException
from scheduler.recurrence import local_instant
from scheduler.series import Series, named, occurring
from scheduler.wishes import LOOK_AHEAD
from web.access import actor, for_browsers
from web.app import house
from web.panel import calendar_words, forms, left_out, slot_forms, slot_wishes, week_places
from web.panel.slot_wishes import Typed

Answer = Response | str | tuple[str, int]
WHAT = ("change", "skip")
LISTED = 12
_CHOICES = 200


@dataclass(frozen=True)
class Coming:
    """One line of a slot's list: `at` names the occurrence (`name` in addresses).

    `usual` is when its rule has it begin, `starts_at` when it does. `missing` is what of it is not going to sound, as
    title and reason.
    """

    at: datetime
    name: str
    usual: datetime
    starts_at: datetime
    exception: SlotException | None
    frozen: bool
    programme: str = ""
    by: str = ""
    airing: Airing | None = None
    missing: tuple[tuple[str, str], ...] = ()


def register(blueprint: Blueprint) -> None:
    path = "/slots/<identity>/occurrences/<at>"
    blueprint.add_url_rule(path, endpoint="slot_occurrence", view_func=occurrence, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{path}/restore", endpoint="slot_restore", view_func=restore, methods=["POST"])


def coming(reading: Session, slot: Slot, now: datetime, count: int = LISTED) -> list[Coming]:
    """The next `count` occurrences by start, those that are skipped in between included."""
    held = series.one(reading, slot)
    found = [
        (each.at, each.starts_at, each.exception)
        for each in islice(occurring(held, now, now + LOOK_AHEAD), count)
    ]  # fmt: skip
    end = found[-1][1] if len(found) == count else now + LOOK_AHEAD
    for at, row in held.exceptions.items():
        usual = _usual(held, at)
        if row.skip and usual is not None and now < usual <= end:
            found.append((at, usual, row))
    found.sort(key=lambda each: each[1])
    rows = [row for _, _, row in found if row]
    people = naming.by_id(reading, [row.changed_by for row in rows])
    wanted = {row.programme_id for row in rows if row.programme_id}
    titles = dict(reading.exec(select(Programme.id, Programme.title).where(col(Programme.id).in_(wanted))).all())
    airings = _airings(reading, slot, now)
    freeze = timedelta(minutes=house().settings.freeze_minutes)
    return [
        Coming(
            at, format_instant(at), _usual(held, at) or starts_at, starts_at, row,
            frozen=now < starts_at <= now + freeze,
            programme=titles.get(row.programme_id or "", "") if row else "",
            by=people.get(row.changed_by, row.changed_by) if row else "",
            airing=airings.get(at),
            missing=left_out.titles(reading, actor(), airings[at]) if at in airings else (),
        )
        for at, starts_at, row in found[:count]
    ]  # fmt: skip


def _usual(held: Series, at: datetime) -> datetime | None:
    found = named(replace(held, exceptions={}), at)
    return found.starts_at if found else None


def _airings(reading: Session, slot: Slot, now: datetime) -> dict[datetime, Airing]:
    """What is planned of the slot already, by occurrence; of variants one that leaves something out."""
    query = select(Airing).where(Airing.slot_id == slot.id, Airing.state != "withdrawn", col(Airing.ends_at) > now)
    found: dict[datetime, Airing] = {}
    for airing in reading.exec(query.order_by(col(Airing.starts_at)).limit(200)).all():
        if airing.occurrence_at and (airing.occurrence_at not in found or airing.left_out):
            found[airing.occurrence_at] = airing
    return found


@for_browsers
@forms.keeps_text
def occurrence(identity: str, at: str) -> Answer:
    now = house().clock()
    with house().database.read() as reading:
        slot, unit = slots.find(reading, actor(), identity)
        actor().require(Permission.SCHEDULE, unit)
        instant = editing.instant_of(slot, at)
        held = series.one(reading, slot)
        usual, row = _usual(held, instant), held.exceptions.get(instant)
        if usual is None:
            raise NotFound
        programme, _ = programmes.find(reading, actor(), slot.programme_id)
        offered = [
            (each.id, f"{each.title} · {home.name}")
            for each, home in programmes.visible(reading, actor(), limit=_CHOICES) if each.id != slot.programme_id
        ]  # fmt: skip
        by = naming.by_id(reading, [row.changed_by]) if row else {}
    problem = None
    typed: Typed = MultiDict(request.form) if request.method == "POST" else _typed(slot, usual, row)
    if request.method == "POST":
        done = forms.attempt(lambda: _save(slot, instant, usual, typed))
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    starts_at = row.starts_at if row and row.starts_at else usual
    freeze = house().settings.freeze_minutes
    page = render_template(
        "panel/slot_occurrence.html",
        slot=slot,
        unit=unit,
        programme=programme,
        at=format_instant(instant),
        usual=usual,
        starts_at=starts_at,
        row=row,
        by=by.get(row.changed_by, row.changed_by) if row else "",
        form=typed,
        problem=problem,
        offered=offered,
        what=WHAT,
        zone=known_zone(slot.zone),
        freeze=freeze,
        may_lift=_may_lift(slot) and bool(typed.get("lift") or (problem and problem.error.code in LIMITS)),
        begun=starts_at <= now,
        frozen=_is_frozen([usual, starts_at], now, freeze) or (problem is not None and problem.error.code == "frozen"),
        of_day=calendar_words.of_day,
        place=_week(),
    )
    return page, problem.status if problem else 200


def _may_lift(slot: Slot) -> bool:
    """Whether the actor may break the limits of every place where it sounds."""
    with house().database.read() as reading:
        places = audience.known(reading, slot.audience).units
        return all(actor().may(Permission.ADMINISTER, unit) for unit in places)


def _is_frozen(instants: list[datetime], now: datetime, minutes: float) -> bool:
    return any(now < each <= now + timedelta(minutes=minutes) for each in instants)


def _typed(slot: Slot, usual: datetime, row: SlotException | None) -> Typed:
    """The form as the occurrence stands; empty fields leave things as they are."""
    where = known_zone(slot.zone)
    starts = (row.starts_at if row and row.starts_at else usual).astimezone(where)
    return MultiDict(
        {
            "what": "skip" if row and row.skip else "change",
            "date": starts.strftime("%Y-%m-%d"),
            "time": slot_wishes.clock_of(starts),
            "programme": (row.programme_id if row else "") or "",
            "max_minutes": f"{row.max_seconds / 60:g}" if row and row.max_seconds else "",
            "reason": row.reason if row else "",
            "lift": row.lifted_reason if row else "",
        }
    )


def _save(slot: Slot, at: datetime, usual: datetime, typed: Typed) -> Response:
    skip = typed.get("what") == "skip"
    wished = f"{forms.text('date', typed)}T{forms.text('time', typed)}"
    moved = not skip and local_instant(wished, known_zone(slot.zone)).astimezone(UTC) != usual
    change = Change(
        skip=skip,
        starts=wished if moved else None,
        programme=None if skip else forms.text("programme", typed) or None,
        max_minutes=None if skip else forms.decimal("max_minutes", typed),
        reason=forms.text("reason", typed),
        lift=forms.text("lift", typed),
    )
    if not (skip or moved or change.programme or change.max_minutes is not None):
        raise InvalidInput(N_("Say what is to be different this time, or skip it."), fields={"what": "empty"})
    with house().database.write() as writing:
        rules = slot_forms.rules(forms.text("bypass", typed))
        before = undoing.standing(writing, [slot.id])
        editing.change_one(writing, actor(), slot.id, at, change, rules, house().clock())
        unit = writing.get_one(Unit, slot.unit_id)
        step = undoing.keep(writing, actor(), unit, "skip" if skip else "change", before, house().clock()).id
    place = _week()
    if place is not None:
        return redirect(_day_of_week(place, usual, slot, step), 303)
    flash(gettext("This one time is changed; the others stay as they are."), "success")
    return redirect(url_for("panel.slot", identity=slot.id), 303)


def _week() -> week_places.Place | None:
    """The week from which somebody came, where they came from one."""
    with house().database.read() as reading:
        return week_places.read(reading, request.args.get("week", ""))


def _day_of_week(place: week_places.Place, at: datetime, slot: Slot, step: str) -> str:
    """The page of a week, on the day of `at`, where the step just made can be undone."""
    day = at.astimezone(known_zone(slot.zone)).date()
    monday = day - timedelta(days=day.weekday())
    return place.address(**{"from": monday.isoformat(), "day": day.isoformat(), "undo": step})


@for_browsers
def restore(identity: str, at: str) -> Response:
    """Let the occurrence be as its rule says again."""
    place, back = _week(), [url_for("panel.slot", identity=identity)]

    def act() -> None:
        with house().database.write() as writing:
            slot, unit = slots.find(writing, actor(), identity)
            rules = slot_forms.rules(forms.text("bypass"))
            before, instant = undoing.standing(writing, [slot.id]), editing.instant_of(slot, at)
            editing.restore_one(writing, actor(), identity, instant, rules, house().clock())
            step = undoing.keep(writing, actor(), unit, "restore", before, house().clock())
            if place is not None:
                back.append(_day_of_week(place, instant, slot, step.id))

    answer = forms.acted(act, N_("It is as the rule says again."), back[0])
    return redirect(back[-1], 303) if len(back) > 1 else answer

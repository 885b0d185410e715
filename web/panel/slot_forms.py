"""A new slot, or another shape for one there is, in two steps: look at what it would do, then save it."""

from contextlib import suppress
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlmodel import Session, col, select
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from core.clock import format_instant
from core.clock import zone as known_zone
from core.errors import Conflict, InvalidInput, LoaError
from playlists import programmes
from registry.models import Unit
from registry.rights import Permission
from scheduler import audience, editing, slots
from scheduler.calendar import HOLIDAY_RULES
from scheduler.models import DayPart, Slot
from scheduler.slots import Preview
from web.access import actor, for_browsers
from web.app import house
from web.panel import calendar_words, forms, repeats, slot_wishes, targets, times
from web.panel.slot_wishes import Typed

Answer = Response | str | tuple[str, int]
CHOICES = 200


def register(blueprint: Blueprint) -> None:
    for path, view in (("/slots/new", slot_new), ("/slots/<identity>/edit", slot_edit)):
        blueprint.add_url_rule(path, view_func=view, methods=["GET", "POST"])


@for_browsers
@forms.keeps_text
def slot_new() -> Answer:
    if request.method == "GET":
        wanted = {"programme": request.args.get("programme", ""), "late": "join", "date": request.args.get("date", "")}
        return _page(MultiDict(wanted), None, None, None, None)
    return _handle(None, None)


@for_browsers
@forms.keeps_text
def slot_edit(identity: str) -> Answer:
    """Change all occurrences that are still to come, or with `from` those from the named one on."""
    with house().database.read() as reading:
        slot, unit = slots.find(reading, actor(), identity)
        actor().require(Permission.SCHEDULE, unit)
        start = editing.instant_of(slot, request.args["from"]) if request.args.get("from") else None
        typed = slot_wishes.typed_of(slot, start)
    return _page(typed, None, None, slot, start) if request.method == "GET" else _handle(slot, start)


def rules(bypass: str = "") -> editing.Rules:
    """What an edit has to know of this installation; `bypass` is the reason for changing what is frozen."""
    settings = house().settings
    return editing.Rules(settings.zone, timedelta(minutes=settings.freeze_minutes), bypass)


def _handle(slot: Slot | None, start: datetime | None) -> Answer:
    typed: Typed = MultiDict(request.form)
    shown: list[Preview] = []

    def work() -> Response:
        if typed.get("step") == "save":
            return _save(typed, slot, start)
        shown.append(_preview(typed, slot))
        raise _OnlyLooking

    try:
        done = forms.attempt(work)
    except _OnlyLooking:
        return _page(typed, None, shown[0], slot, start)
    if not isinstance(done, forms.Problem):
        return done
    # A clash, or a limit, is best seen with everything around it.
    looked = None
    if isinstance(done.error, Conflict | InvalidInput) and typed.get("step") == "save":
        with suppress(LoaError):
            looked = _preview(typed, slot)
    return _page(typed, done, looked, slot, start)


class _OnlyLooking(Exception):
    """Nothing to save yet: show the form again with what it would do."""


def _preview(typed: Typed, slot: Slot | None) -> Preview:
    with house().database.read() as reading:
        return slots.preview(
            reading, actor(), slot_wishes.wish(typed, slot), default_zone=house().settings.zone, now=house().clock(),
            leave_out=frozenset({slot.id} if slot else ()),
        )  # fmt: skip


def _save(typed: Typed, slot: Slot | None, start: datetime | None) -> Response:
    wish, now = slot_wishes.wish(typed, slot), house().clock()
    with house().database.write() as writing:
        if slot is None:
            saved, _ = slots.create(writing, actor(), wish, default_zone=house().settings.zone, now=now)
        else:
            saved = editing.edit(
                writing, actor(), slot.id, wish, rules(forms.text("bypass", typed)), now,
                scope="following" if start else "all", start=start,
            )  # fmt: skip
        identity = saved.id
    done = gettext("It is on the timetable. Stations fetch it with their next look.")
    flash(done if slot is None else gettext("The timetable is changed. Stations fetch it with their next look."),
          "success")  # fmt: skip
    return redirect(url_for("panel.slot", identity=identity), 303)


def _page(
    typed: Typed, problem: forms.Problem | None, looked: Preview | None, slot: Slot | None, start: datetime | None
) -> Answer:
    with house().database.read() as reading:
        offered = _offered(reading)
        page = render_template(
            "panel/slot_form.html",
            form=typed,
            problem=problem,
            looked=looked,
            slot=slot,
            start=format_instant(start) if start else None,
            started=start,
            singles=len(editing.exceptions(reading, slot)) if slot else 0,
            freeze=house().settings.freeze_minutes,
            zone=known_zone(slot.zone) if slot else _zone(reading, typed),
            programmes=[(identity, title) for identity, title, _ in offered],
            parts=_parts(reading, [unit for _, _, unit in offered]),
            tree=targets.tree(reading, actor(), Permission.SCHEDULE),
            may_lift=bool(looked and looked.limits) and _may_lift(reading, typed),
            repeats=repeats.CHOICES,
            days=repeats.DAYS,
            holidays=HOLIDAY_RULES,
            late=slots.LATE,
            short=slots.SHORT,
            of_day=calendar_words.of_day,
        )
    return page, problem.status if problem else 200


def _may_lift(reading: Session, typed: Typed) -> bool:
    """Whether the actor may break the limits of every place that is ticked."""
    heard = audience.read(reading, actor(), typed.getlist("for"), Permission.SCHEDULE)
    return all(actor().may(Permission.ADMINISTER, unit) for unit in heard.units)


def _zone(reading: Session, typed: Typed) -> ZoneInfo:
    for programme, unit in programmes.visible(reading, actor(), limit=CHOICES):
        if programme.id == typed.get("programme"):
            return times.zone_of(reading, unit)
    return times.home_zone()


def _offered(reading: Session) -> list[tuple[str, str, Unit]]:
    return [
        (programme.id, f"{programme.title} · {unit.name}", unit)
        for programme, unit in programmes.visible(reading, actor(), limit=CHOICES)
        if actor().may(Permission.SCHEDULE, unit)
    ]


def _parts(reading: Session, homes: list[Unit]) -> list[tuple[str, str]]:
    """The day parts that hold where a programme on offer belongs, with their ordinary hours where all agree."""
    chain = sorted({each for unit in homes for each in unit.path.strip("/").split("/")})
    found: dict[str, list[DayPart]] = {}
    for start in range(0, len(chain), 400):
        query = select(DayPart).where(col(DayPart.unit_id).in_(chain[start : start + 400]))
        for part in reading.exec(query.order_by(col(DayPart.code))).all():
            found.setdefault(part.code, []).append(part)
    named = []
    for code, parts in sorted(found.items()):
        hours = {f"{part.windows[-1]['from']}–{part.windows[-1]['to']}" for part in parts if part.windows}
        names = " / ".join(dict.fromkeys(part.name for part in parts))
        named.append((code, f"{names} ({hours.pop()})" if len(hours) == 1 else names))
    return named

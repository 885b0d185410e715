"""A new slot, in two steps: look at what it would do, then save it."""

from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlmodel import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from core.errors import Conflict
from playlists import programmes
from registry.rights import Permission
from scheduler import slots
from scheduler.slots import Preview, Wish
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms, repeats, targets, times

Answer = Response | str | tuple[str, int]
Typed = MultiDict[str, str]
CHOICES = 200


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/slots/new", view_func=slot_new, methods=["GET", "POST"])


@for_browsers
@forms.keeps_text
def slot_new() -> Answer:
    if request.method == "GET":
        return _page(MultiDict({"programme": request.args.get("programme", ""), "late": "join"}), None, None)
    typed: Typed = MultiDict(request.form)
    shown: list[Preview] = []

    def work() -> Response:
        if typed.get("step") == "save":
            return _save(typed)
        shown.append(_preview(typed))
        raise _OnlyLooking

    try:
        done = forms.attempt(work)
    except _OnlyLooking:
        return _page(typed, None, shown[0])
    if not isinstance(done, forms.Problem):
        return done
    # A clash is best seen with everything around it.
    looked = None
    if isinstance(done.error, Conflict):
        with house().database.read() as reading:
            looked = slots.preview(
                reading, actor(), _wish(typed), default_zone=house().settings.zone, now=house().clock()
            )
    return _page(typed, done, looked)


class _OnlyLooking(Exception):
    """Nothing to save yet: show the form again with what it would do."""


def _wish(typed: Typed) -> Wish:
    """What was typed, as the timetable understands it. Raises InvalidInput."""
    starts = f"{forms.text('date', typed)}T{forms.text('time', typed)}"
    # Read once here, so that a missing date is told before anything is built on it.
    times.from_input(starts, times.home_zone())
    return Wish(
        programme=forms.text("programme", typed),
        starts=starts,
        audience=typed.getlist("for"),
        rrule=repeats.rule(typed.get("repeat", "once"), typed.getlist("days"), typed.get("rrule", ""), starts),
        until=forms.text("until", typed) or None,
        volume=forms.number("volume", typed),
        late=typed.get("late", "join"),
    )


def _preview(typed: Typed) -> Preview:
    with house().database.read() as reading:
        return slots.preview(reading, actor(), _wish(typed), default_zone=house().settings.zone, now=house().clock())


def _save(typed: Typed) -> Response:
    with house().database.write() as writing:
        slot, _ = slots.create(writing, actor(), _wish(typed), default_zone=house().settings.zone, now=house().clock())
        identity = slot.id
    flash(gettext("It is on the timetable. Stations fetch it with their next look."), "success")
    return redirect(url_for("panel.slot", identity=identity), 303)


def _page(typed: Typed, problem: forms.Problem | None, looked: Preview | None) -> Answer:
    with house().database.read() as reading:
        page = render_template(
            "panel/slot_form.html",
            form=typed,
            problem=problem,
            looked=looked,
            zone=_zone(reading, typed),
            programmes=_offered(reading),
            tree=targets.tree(reading, actor(), Permission.SCHEDULE),
            repeats=repeats.CHOICES,
            days=repeats.DAYS,
            late=slots.LATE,
        )
    return page, problem.status if problem else 200


def _zone(reading: Session, typed: Typed) -> ZoneInfo:
    for programme, unit in programmes.visible(reading, actor(), limit=CHOICES):
        if programme.id == typed.get("programme"):
            return times.zone_of(reading, unit)
    return times.home_zone()


def _offered(reading: Session) -> list[tuple[str, str]]:
    return [
        (programme.id, f"{programme.title} · {unit.name}")
        for programme, unit in programmes.visible(reading, actor(), limit=CHOICES)
        if actor().may(Permission.SCHEDULE, unit)
    ]

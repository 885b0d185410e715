"""What is on air, live: the page, its part that changes, its stream, and one line opened down to the stations."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, render_template, request, stream_with_context
from flask_babel import get_locale
from sqlmodel import Session, col, select

from core.clock import zone as known_zone
from core.errors import NotFound
from registry.models import Station
from registry.rights import Permission
from scheduler.air_folds import Fold, Line
from scheduler.air_now import Home
from web import access, events
from web.access import actor, for_browsers
from web.app import house
from web.panel import air_live, air_words, times
from web.panel.air_live import AirRoom, View, air

CHECK_SECONDS = 10.0
PACE_SECONDS = 1.0
DRAWN_SECONDS = 2.0  # what was drawn says how far things have come
TODAYS = (6, 5)  # so many lines that sound, and that come, stand on the first page
LINES = 60  # so many places, or stations, stand on one page of an opened line
STATIONS = 100
_MOST_PAGES = 10_000
_GONE = frozenset({"failed", "withdrawn"})
_FEW = 30  # so many stations are shown at once, without their units between


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/on-air", view_func=on_air)
    blueprint.add_url_rule("/on-air/fragment", view_func=on_air_fragment)
    blueprint.add_url_rule("/on-air/events", view_func=on_air_events)
    blueprint.add_url_rule("/on-air/detail", view_func=on_air_detail)
    blueprint.add_url_rule("/on-air/detail/fragment", view_func=on_air_detail_fragment)


@for_browsers
def on_air() -> str:
    """The page."""
    return render_template("panel/on_air.html", part=drawn(short=False), now=house().clock())


@for_browsers
def on_air_fragment() -> str:
    """The part of it that changes; the shorter one of the first page with `part=today`."""
    return drawn(short=request.args.get("part") == "today")


def drawn(*, short: bool) -> str:
    """The lines as the person sees them: drawn once for all who see the same in the same language at one time."""
    room, who = air(), actor()
    view = room.view(who)
    key = "short" if short else "long", str(get_locale()), "alarm" if who.may_somewhere(Permission.ALARM) else ""
    stamp = render_template("panel/_air_stamp.html", mark=room.mark_of(view), **_words(room))
    known = view.parts.get(key)
    if known is not None and known[0] == view.version and time.monotonic() - known[1] < DRAWN_SECONDS:
        return known[2] + stamp
    first = [fold for fold in view.first if fold.ends_at > room.picture.now]
    over = [fold for fold in view.first if fold.ends_at <= room.picture.now]
    most = TODAYS if short else (len(first), len(view.later))
    html = render_template(
        "panel/_on_air.html", first=first[: most[0]], later=view.later[: most[1]], over=[] if short else over,
        more=(len(first) - most[0], len(view.later) - most[1]), short=short,
        **_words(room), at=room.picture.now,
    )  # fmt: skip
    view.parts[key] = view.version, time.monotonic(), html
    return html + stamp


@for_browsers
def on_air_events() -> Response:
    """What is new, as server-sent events, for as long as the person sees the same units.

    `since` or the browser's own `Last-Event-ID` says how new the page is.
    """
    here, who, room = house(), actor(), air()
    paths = air_live.paths_of(who)
    mark = request.headers.get("Last-Event-ID") or request.args.get("since", "")

    def may_still() -> bool:
        now = access.again()
        return now is not None and now.id == who.id and air_live.paths_of(now) == paths

    def say() -> str:
        nonlocal mark
        text, mark = room.event(paths, mark)
        return text

    room.view(who)
    listener = here.events.join(who.id, f"air:{' '.join(paths)}", lambda _: room.version(paths))
    answer = Response(
        stream_with_context(
            events.told(
                here.events, listener, may_still, heartbeat_seconds=CHECK_SECONDS, check_seconds=CHECK_SECONDS,
                say=say, pace_seconds=PACE_SECONDS,
            )
        ),
        mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"},
    )  # fmt: skip
    answer.call_on_close(lambda: here.events.leave(listener))
    return answer


@for_browsers
def on_air_detail() -> str:
    """One line opened: the units below, and in a small unit its stations."""
    return render_template("panel/on_air_detail.html", **_detail())


@for_browsers
def on_air_detail_fragment() -> str:
    """The part of it that changes."""
    return render_template("panel/_on_air_detail.html", **_detail())


def _detail() -> dict[str, Any]:
    """What an opened line shows. Raises NotFound for one that the person does not see, or that is long over."""
    room = air()
    view = room.view(actor())
    fold = view.fold(request.args.get("line", ""))
    if fold is None:
        raise NotFound
    place = _place(room, view, request.args.get("at", ""))
    base = place.path if place is not None else view.scope.base
    lines = room.lines(view, fold, base)
    planned = sum(line.planned for line in lines)
    open_here = planned <= _FEW or all(place is not None and line.unit == place.id for line in lines)
    each = STATIONS if open_here else LINES
    pages = max(1, -(-(planned if open_here else len(lines)) // each))
    page = min(max(1, request.args.get("page", 1, type=int)), pages, _MOST_PAGES)
    shown = slice((page - 1) * each, page * each)
    rows: Sequence[tuple[Station | None, Line | None, str, int]] = ()
    if open_here:
        standings = room.standings(view, fold, base)
        with house().database.read() as reading:
            rows = _stations(reading, room, standings[shown])
            reading.expunge_all()
    return {
        "fold": fold, "place": place, "lines": [] if open_here else lines[shown], "rows": rows,
        "page": page, "pages": pages, "open_here": open_here,
        "counts": _sum(lines) if place is not None else fold.counts, "mark": room.mark_of(view),
        "above": _above(room, view, place), "at": room.picture.now, **_words(room),
    }  # fmt: skip


def _place(room: AirRoom, view: View, unit: str) -> Home | None:
    """The unit that the line is opened at; None for the whole line. Raises NotFound for one out of sight."""
    if not unit:
        return None
    home = room.home(unit)
    if home is None or unit not in view.scope.homes:
        raise NotFound
    return home


def _above(room: AirRoom, view: View, place: Home | None) -> list[Home]:
    """The units between the whole line and this place, for the way back."""
    if place is None:
        return []
    inside = place.path[len(view.scope.base) :].strip("/").split("/")[:-1]
    return [home for each in inside if each in view.scope.homes and (home := room.home(each)) is not None]


def _sum(lines: Sequence[Line]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*(line.counts for line in lines), strict=True))) if lines else ()


def _stations(
    reading: Session, room: AirRoom, standings: Sequence[tuple[str, str, int]]
) -> list[tuple[Station | None, Line | None, str, int]]:
    ids = sorted({station for _, station, _ in standings})
    found = {each.id: each for each in reading.exec(select(Station).where(col(Station.id).in_(ids))).all()}
    rows: list[tuple[Station | None, Line | None, str, int]] = []
    for airing, station, standing in standings:
        home = room.home(room.picture.homes.get(station, ""))
        unit = Line(home.id, home.name, ()) if home is not None else None
        rows.append((found.get(station), unit, airing, standing))
    return rows


def _words(room: AirRoom) -> dict[str, Any]:
    """What the templates of lines say things with."""

    def zone(fold: Fold) -> ZoneInfo:
        """The clock by which a line is told: that of its first unit."""
        name = room.picture.zone_of(fold.units[0]) if fold.units else None
        return known_zone(name) if name else times.home_zone()

    def below(unit: str) -> str:
        home = room.home(unit)
        return home.name if home is not None else ""

    return {
        "air_zone": zone, "unit_name": below, "figures": air_words.figures, "parts": air_words.parts,
        "air_title": air_words.title, "standing_word": air_words.word, "standing_tone": air_words.tone,
        "clock": house().clock(),
        "ms": air_live.milliseconds, "now_in": _now_in, "is_gone": lambda fold: fold.states <= _GONE,
        "item_starts": lambda fold: [[round(item.at, 1), item.title] for item in fold.items],
    }  # fmt: skip


def _now_in(fold: Fold, now: datetime) -> tuple[str, str]:
    """The title of the piece that sounds by the plan, and of the next one; empty where there is none."""
    at = (now - fold.starts_at).total_seconds()
    titles = [item.title for item in fold.items]
    index = next((i for i, item in enumerate(fold.items) if item.at <= at < item.at + item.seconds), None)
    if index is None:
        return "", titles[0] if titles and at < 0 else ""
    return titles[index], titles[index + 1] if index + 1 < len(titles) else ""

"""The week of a unit or a station, why a station plays what it plays, and the calendar to subscribe to."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, flash, render_template, request, url_for
from flask_babel import gettext
from sqlmodel import Session, col, select

from core.clock import parse_instant
from core.clock import zone as known_zone
from core.errors import N_, InvalidInput, NotFound
from playlists import subjects
from registry import stations, subscriptions, units
from registry.models import Unit
from registry.rights import Actor, Permission
from scheduler import explaining, ics, undoing, week_folded
from scheduler import week as weeks
from scheduler.models import Slot
from scheduler.reasons import Because, said
from scheduler.undo_models import TimetableStep
from web import addresses
from web.access import actor, anyone, for_browsers
from web.api.explaining import calendar_response, first_day, look
from web.app import house
from web.messages import language
from web.messages import said as said_error
from web.panel import forms, labels, times, week_blocks, week_labels, week_page, week_places
from web.panel.repeats import DAYS
from web.panel.week_places import Place

PAGE = 50


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/week", endpoint="week", view_func=page)
    blueprint.add_url_rule("/stations/<identity>/week", endpoint="station_week", view_func=station_page)
    blueprint.add_url_rule("/units/<identity>/week/open", endpoint="week_open", view_func=opened)
    blueprint.add_url_rule("/stations/<identity>/explain", endpoint="station_explain", view_func=explain)
    blueprint.add_url_rule(
        "/units/<identity>/calendar/code", endpoint="unit_calendar_code", view_func=subscribe, methods=["POST"]
    )
    blueprint.add_url_rule(
        "/units/<identity>/calendar/revoke", endpoint="unit_calendar_revoke", view_func=unsubscribe, methods=["POST"]
    )
    blueprint.add_url_rule("/calendar/<secret>.ics", endpoint="calendar_feed", view_func=feed)


def _day() -> date | None:
    """The day asked for, or the Monday before it; this week's Monday for what is no day."""
    try:
        day = first_day()
    except InvalidInput as error:
        flash(said_error(error), "warning")
        return None
    return day - timedelta(days=day.weekday()) if day else None


@for_browsers
def page() -> str:
    """The week of one of the units the person sees; the first of them unless one is chosen."""
    day = _day()
    with house().database.read() as reading:
        offered = week_places.units_on_offer(reading)
        unit = week_places.asked(reading, offered)
        if unit is None:
            return render_template("panel/week.html", week=None, unit=None)
        frame = weeks.frame_of_unit(reading, unit, day, look())
        if week_blocks.is_wide(week_folded.size(reading, unit, frame.start, frame.end)):
            return _wide(reading, frame, Place(unit), offered)
        week = weeks.of_unit(reading, actor(), unit, day, look())
        return _shown(reading, week, Place(unit), offered)


@for_browsers
def station_page(identity: str) -> str:
    """The week of one station."""
    day = _day()
    with house().database.read() as reading:
        station, unit = stations.find(reading, actor(), identity)
        week = weeks.of_station(reading, actor(), identity, day, look())
        return _shown(reading, week, Place(unit, station), [])


def _shown(reading: Session, week: weeks.Week, place: Place, offered: list[tuple[str, str]]) -> str:
    seen = _seen(reading, week, place)
    over = [block.airing for block in week.blocks if block.airing and block.state == "over"]
    went = week_folded.outcomes(reading, over)
    blocks = week_blocks.of_week(week, seen, went, _homes(reading, week))
    return _page(reading, week, place, blocks, offered, wide=False)


def _wide(reading: Session, week: weeks.Week, place: Place, offered: list[tuple[str, str]]) -> str:
    """A place with so many airings that alike ones are one block."""
    lines = week_folded.of_unit(reading, actor(), place.unit, week.start, week.end, house().clock())
    seen = _seen(reading, week, place)
    week.clashes = week_blocks.clashes_of_lines(lines)
    for clash in week.clashes:
        clash["links"] = [week_blocks.behind(line, seen) for line in clash["lines"]]
    week.cut = len(lines) >= week_folded.MAX_LINES
    over = [line.airing for line in lines if line.airing and line.state == "over"]
    blocks = week_blocks.of_lines(lines, seen, week_folded.outcomes(reading, over))
    return _page(reading, week, place, blocks, offered, wide=True)


def _seen(reading: Session, week: weeks.Week, place: Place) -> week_blocks.Seen:
    who = actor()
    station = place.station.id if place.station else week_places.first_station(reading, place.unit)
    return week_blocks.Seen(
        place, week.zone, week.days[0].date.isoformat(), station, house().clock(),
        _may(who, Permission.SEE), _may(who, Permission.SCHEDULE),
    )  # fmt: skip


def _may(who: Actor, permission: Permission) -> Callable[[Unit], bool]:
    return lambda unit: who.may(permission, unit)


def _homes(reading: Session, week: weeks.Week) -> dict[str, Unit]:
    """The units whose slots are in the week, by slot."""
    ids = sorted({block.slot for block in week.blocks if block.slot})
    found: dict[str, Unit] = {}
    for start in range(0, len(ids), 400):
        query = select(Slot.id, Unit).join(Unit, col(Unit.id) == Slot.unit_id)
        found.update(reading.exec(query.where(col(Slot.id).in_(ids[start : start + 400]))).all())
    return found


def _page(
    reading: Session, week: weeks.Week, place: Place, blocks: list[week_page.Block], offered: list[tuple[str, str]], *,
    wide: bool,
) -> str:  # fmt: skip
    now, first = house().clock(), week.days[0].date
    today = now.astimezone(week.zone).date()
    chosen = _chosen(first, today)
    frame = week_page.Frame(
        week.zone, week.held, first, chosen, now, request.args.get("hours") == "all",
        lambda number: labels.label("day", DAYS[number]),
    )  # fmt: skip
    words = {
        "quiet": gettext("Quiet hours"), "closed": gettext("Outside the hours allowed"),
        "weekdays": gettext("No programmes on this day"),
    }  # fmt: skip
    laid = week_page.laid_out(frame, blocks, week.reserved, {day.date: day.over for day in week.days}, words)
    unit = place.unit
    names = {each.code: each.name_vi if language() == "vi" else each.name_en for each in subjects.every(reading)}
    return render_template(
        "panel/week.html", week=week, zone=week.zone, laid=laid, fields=names, first=first, place=place, unit=unit,
        station=place.station, offered=offered, wide=wide, whole=frame.whole, chosen=chosen, today=today,
        as_list=request.args.get("look") == "list",
        stations=[] if place.station else week_places.stations_on_offer(reading, unit),
        before=first - timedelta(days=weeks.DAYS), after=first + timedelta(days=weeks.DAYS),
        may_order=place.station is None and actor().may(Permission.SCHEDULE, unit),
        subscribed=0 if place.station else len(subscriptions.held(reading, actor(), unit)),
        sign=week_labels.sign, word=week_labels.word, looks=week_labels.LOOKS, step=_step(reading), link=place.address,
        short=week_labels.short_days(),
    )  # fmt: skip


def _chosen(first: date, today: date) -> date:
    """The day that a narrow screen shows: the one asked for, or today, or the first."""
    try:
        day = date.fromisoformat(request.args.get("day", ""))
    except ValueError:
        day = today
    return day if first <= day < first + timedelta(days=weeks.DAYS) else first


def _step(reading: Session) -> TimetableStep | None:
    """The step just made, while it can be undone."""
    wanted = request.args.get("undo", "")[:40]
    if not wanted:
        return None
    try:
        step, _ = undoing.find(reading, actor(), wanted)
    except NotFound:
        return None
    return step if undoing.is_open(step, house().clock()) else None


@for_browsers
def opened(identity: str) -> str:
    """What a folded block stands for: the airings, or the slots that bring them, unit by unit."""
    title, after = request.args.get("title", "")[:200], request.args.get("after", "")[:40]
    with house().database.read() as reading:
        unit = units.find(reading, actor(), identity)
        zone = known_zone(units.inherited(units.ancestors(reading, unit), house().settings.zone).zone)
        at = parse_instant(request.args.get("at", ""))
        airings = week_folded.members(reading, actor(), unit, title, at, after, PAGE + 1)
        coming = [] if airings else week_folded.expected_members(reading, actor(), unit, title, at, after, PAGE + 1)
        went = week_folded.outcomes(reading, [each.id for each, _ in airings if each.state == "over"])
        shown: list[tuple[str, Unit, str, str, str]] = []
        for airing, home in airings[:PAGE]:
            counts = went.get(airing.id, {})
            look_ = week_labels.look_of(airing.state, counts)
            link = url_for("panel.log_entry", identity=airing.id)
            shown.append((airing.id, home, look_, week_labels.tally(counts), link))
        for slot, home in coming[:PAGE]:
            shown.append((slot.id, home, "expected", "", url_for("panel.slot", identity=slot.id)))
        return render_template(
            "panel/week_open.html", unit=unit, title=title, at=at, zone=zone, rows=shown, sign=week_labels.sign,
            word=week_labels.word, more=shown[-1][0] if max(len(airings), len(coming)) > PAGE else "",
            first=_day() or at.astimezone(zone).date(),
        )  # fmt: skip


@for_browsers
def explain(identity: str) -> str | tuple[str, int]:
    """Why the station plays what it plays at an instant: `at` is local time there, now unless given."""
    now, problem = house().clock(), None
    with house().database.read() as reading:
        _, unit = stations.find(reading, actor(), identity)
        zone = times.zone_of(reading, unit)
        at = now
        try:
            at = times.from_input(request.args.get("at", "").replace(" ", "+"), zone) or now
        except InvalidInput as error:
            problem = forms.Problem(said_error(error), frozenset({"at"}), 422, error)
        told = explaining.explain(reading, actor(), identity, at, default_zone=house().settings.zone, now=now)
        shown = render_template(
            "panel/explain.html", told=told, zone=zone, problem=problem, now=now,
            at=at.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S"), reason=_reason(zone),
        )  # fmt: skip
    return (shown, problem.status) if problem else shown


def _reason(zone: ZoneInfo) -> Callable[[Because], str]:
    def when(instant: datetime) -> str:
        return times.shown(instant.astimezone(UTC), zone, "%d/%m/%Y %H:%M:%S")

    return partial(said, translate=gettext, when=when)


@for_browsers
def subscribe(identity: str) -> Response:
    """Make a secret address for the unit's calendar, and show it this once."""
    with house().database.write() as writing:
        unit = units.find(writing, actor(), identity)
        secret = subscriptions.make(writing, actor(), unit, house().clock())
    address = addresses.whole(url_for("panel.calendar_feed", secret=secret))
    return Response(
        render_template("panel/calendar_address.html", unit=unit, address=address), status=201, mimetype="text/html"
    )


@for_browsers
def unsubscribe(identity: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            unit = units.find(writing, actor(), identity)
            subscriptions.revoke(writing, actor(), unit, house().clock())

    return forms.acted(act, N_("The address of the calendar no longer works."), url_for("panel.week", unit=identity))  # type: ignore[return-value]


@anyone
def feed(secret: str) -> Response:
    """The calendar under a secret address: for calendars, which can't sign in."""
    here = house()
    with here.database.read() as reading:
        unit, person = subscriptions.opened(reading, secret[:200])
        content = ics.of_unit(reading, person, unit, timedelta(days=here.settings.horizon_days), here.clock())
    return calendar_response(content)

"""Seven days at a unit or a station: what sounds, what was skipped or lost, clashes, limits, minutes, SIM data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from core.allowed import LIMITS
from core.clock import format_instant
from core.clock import zone as known_zone
from registry import stations, units
from registry.models import Unit
from registry.rights import Actor
from registry.units import Inherited
from scheduler import (
    audience,
    lists,
    log,
    minutes,
    ordering,
    overlapping,
    precedence,
    reservations,
    sessions,
    simdata,
    wanting,
)
from scheduler.calendar import holiday_name, lunar_label
from scheduler.clashes import Span
from scheduler.explanation import claim_of_airing
from scheduler.models import Airing, AiringTarget, Slot, SlotException
from scheduler.recurrence import occurrences
from scheduler.series import Occurrence
from scheduler.simdata import Use

DAYS = 7
MAX_BLOCKS = 2_000
MAX_STATIONS = 500  # whose SIM data is reckoned on one page
HEAVIEST = 10
_KEPT = ("planned", "issued", "on_air", "over", "failed")
_SHOWN = ("bulletin_withdrawn", "stopped")


@dataclass(frozen=True)
class Day:
    """A local day: its lunar date as calendars print it, and its public holiday ("" on others)."""

    date: date
    lunar: str
    holiday: str
    sessions: int = 0
    longest_minutes: float = 0.0
    over: tuple[str, ...] = ()


@dataclass
class Block:
    """One airing, or an occurrence that has none: `expected` beyond what is planned, `skipped` by a person.

    `lost` says at a station why it is not heard whole (a code of `precedence`), `lost_to` to what it lost.
    """

    airing: str | None
    slot: str | None
    at: datetime | None
    title: str
    unit: str
    level: str
    kind: str
    priority: str
    starts_at: datetime
    ends_at: datetime
    state: str
    reason: str = ""
    moved_from: datetime | None = None
    names: tuple[str, ...] = ()
    lost: str = ""
    lost_to: str = ""

    @property
    def sounds(self) -> bool:
        return self.state in {"planned", "issued", "on_air", "over", "expected"}


@dataclass
class Week:
    """`uses` holds the SIM data of stations, the heaviest first; `over_budget` how many are above `budget_mb`."""

    place: str
    name: str
    zone: ZoneInfo
    start: datetime
    end: datetime
    held: Inherited
    days: list[Day] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    clashes: list[dict[str, Any]] = field(default_factory=list)
    reserved: list[dict[str, Any]] = field(default_factory=list)
    minutes: "minutes.Minutes" = field(default_factory=minutes.Minutes)
    uses: list[tuple[str, str, Use]] = field(default_factory=list)
    budget_mb: int = 0
    over_budget: int = 0
    cut: bool = False


@dataclass(frozen=True)
class Look:
    """What a week has to know of the installation."""

    default_zone: str
    budget_mb: int
    now: datetime


def of_station(session: Session, actor: Actor, station_id: str, first: date | None, look: Look) -> Week:
    """The week from the local day `first` (None: this week's Monday) at one station. Raises NotFound."""
    station, unit = stations.find(session, actor, station_id)
    place = stations.place(session, station.id)
    week = _empty(station.id, station.name, units.inherited(place.units, look.default_zone), first, look)
    mine = select(AiringTarget.airing_id).where(col(AiringTarget.name).in_(place.names))
    rows = _airings(session, week, col(Airing.id).in_(mine))
    _fill(session, week, unit, rows, place.names, look)
    order = _order(session, place.units)
    _lose(session, week, [airing for airing, _ in rows], order)
    week.uses = _heaviest(simdata.of_stations(session, {station.id: (place.names, week.held.codec)}, look.now),
                          {station.id: station.name})  # fmt: skip
    _finish(session, week, unit, order, one_station=True)
    return week


def of_unit(session: Session, actor: Actor, unit: Unit, first: date | None, look: Look) -> Week:
    """The week from the local day `first` (None: this week's Monday) at a unit the actor sees, and all below it."""
    held = units.inherited(units.ancestors(session, unit), look.default_zone)
    week = _empty(unit.id, unit.name, held, first, look)
    rows = _airings(session, week, log.visible(lists.narrowed(actor, unit)))
    names = audience.related_names(session, {f"unit:{unit.id}"})
    _fill(session, week, unit, rows, sorted(names), look)
    ids = sorted(audience.station_ids(session, {f"unit:{unit.id}"}))
    if len(ids) <= MAX_STATIONS:
        places = stations.places(session, ids)
        wanted = {p.station.id: (p.names, units.inherited(p.units, look.default_zone).codec) for p in places}
        week.uses = _heaviest(
            simdata.of_stations(session, wanted, look.now), {place.station.id: place.station.name for place in places}
        )
    chain = units.ancestors(session, unit)
    _finish(session, week, unit, _order(session, chain), one_station=False)
    return week


def frame_of_unit(session: Session, unit: Unit, first: date | None, look: Look) -> Week:
    """The week at a unit with its days, its limits and the time reserved there, and no airings."""
    chain = units.ancestors(session, unit)
    week = _empty(unit.id, unit.name, units.inherited(chain, look.default_zone), first, look)
    _reserve(session, week, unit)
    return week


def _order(session: Session, chain: Sequence[Unit]) -> ordering.Order:
    path = [unit.id for unit in chain]
    return ordering.at_place(ordering.held(session, path), path)


def _empty(place: str, name: str, held: Inherited, first: date | None, look: Look) -> Week:
    zone = known_zone(held.zone)
    today = look.now.astimezone(zone).date()
    start = first or today - timedelta(days=today.weekday())
    bounds = [datetime.combine(day, time(), zone).astimezone(UTC) for day in (start, start + timedelta(days=DAYS))]
    week = Week(place, name, zone, bounds[0], bounds[1], held, budget_mb=look.budget_mb)
    week.days = [
        Day(day, lunar_label(day), holiday_name(day)) for day in (start + timedelta(days=n) for n in range(DAYS))
    ]
    return week


def _airings(session: Session, week: Week, condition: Any) -> list[tuple[Airing, Unit]]:
    rows = session.exec(
        select(Airing, Unit)
        .join(Unit, col(Unit.id) == Airing.unit_id)
        .where(
            col(Airing.starts_at) >= week.start, col(Airing.starts_at) < week.end,
            col(Airing.state).in_(_KEPT) | ((col(Airing.state) == "withdrawn") & col(Airing.reason).in_(_SHOWN)),
            condition,
        )
        .order_by(col(Airing.starts_at), col(Airing.id))
        .limit(MAX_BLOCKS + 1)
    ).all()  # fmt: skip
    week.cut = len(rows) > MAX_BLOCKS
    return [(airing, unit) for airing, unit in rows[:MAX_BLOCKS]]


def _fill(
    session: Session, week: Week, place: Unit, rows: Sequence[tuple[Airing, Unit]], names: Sequence[str], look: Look
) -> None:
    """Blocks of airings, of skipped occurrences, and of those that are not planned yet."""
    held = wanting.load(session, names, look.now)
    homes = {unit.id: unit for unit in session.exec(
        select(Unit).where(col(Unit.id).in_({slot.unit_id for slot in held.rows}))).all()}  # fmt: skip
    planned = {(airing.slot_id, airing.occurrence_at) for airing, _ in rows}
    for airing, unit in rows:
        moved = _moved_from(held, airing.slot_id, airing.occurrence_at)
        week.blocks.append(
            Block(
                airing.id, airing.slot_id, airing.occurrence_at, airing.title, unit.name,
                minutes.level(place.path, unit.path), airing.kind, airing.priority, airing.starts_at, airing.ends_at,
                airing.state, airing.reason, moved, tuple(airing.audience),
            )
        )  # fmt: skip
    for slot in held.rows:
        if slot.withdrawn_at is not None or slot.id not in held.series:
            continue
        home = homes[slot.unit_id]
        where = minutes.level(place.path, home.path)
        title = held.library.programmes[slot.programme_id].title
        for each in held.between(slot, max(week.start, look.now), week.end):
            if (slot.id, each.at) not in planned:
                title_now = held.library.programmes[each.programme_id].title
                moved = _moved_from(held, slot.id, each.at)
                week.blocks.append(
                    Block(
                        None, slot.id, each.at, title_now, home.name, where, "programme", "ordinary", each.starts_at,
                        held.ends(each), "expected", "", moved, tuple(slot.audience),
                    )
                )  # fmt: skip
        for usual, exception in _skipped(held, slot.id):
            if week.start <= usual.starts_at < week.end:
                week.blocks.append(
                    Block(
                        None, slot.id, usual.at, title, home.name, where, "programme", "ordinary", usual.starts_at,
                        held.ends(usual), "skipped", exception.reason, None, tuple(slot.audience),
                    )
                )  # fmt: skip
    week.blocks.sort(key=lambda block: (block.starts_at, block.title, block.airing or ""))
    week.cut = week.cut or len(week.blocks) > MAX_BLOCKS
    del week.blocks[MAX_BLOCKS:]
    kept = [airing for airing, _ in rows if airing.state in {"planned", "issued", "on_air", "over"}]
    week.minutes = minutes.counted(session, place, kept)


def _moved_from(held: wanting.Slots, slot_id: str | None, at: datetime | None) -> datetime | None:
    series = held.series.get(slot_id or "")
    if series is None or at is None:
        return None
    exception = series.exceptions.get(at)
    if exception is None or exception.starts_at is None:
        return None
    usual = wanting.usual(series, at)
    return usual.starts_at if usual is not None and usual.starts_at != exception.starts_at else None


def _skipped(held: wanting.Slots, slot_id: str) -> Iterable[tuple[Occurrence, SlotException]]:
    series = held.series[slot_id]
    for at, exception in series.exceptions.items():
        usual = wanting.usual(series, at) if exception.skip else None
        if usual is not None:
            yield usual, exception


def _lose(session: Session, week: Week, airings: Sequence[Airing], order: ordering.Order) -> None:
    """Say of each block at a station what becomes of it, by the rule the station goes by."""
    ids = sorted({airing.slot_id for airing in airings if airing.slot_id})
    since: dict[str, datetime] = {}
    for start in range(0, len(ids), 400):
        query = select(Slot.id, Slot.created_at).where(col(Slot.id).in_(ids[start : start + 400]))
        since.update(session.exec(query).all())
    claims = {airing.id: claim_of_airing(airing, since) for airing in airings if airing.items and airing.ticket}
    after = week.end + timedelta(days=1)
    whole = precedence.course(claims.values(), after, sessions.rules(week.held, week.zone), order.pairs)
    titles = {airing.id: airing.title for airing in airings}
    for block in week.blocks:
        claim = claims.get(block.airing or "")
        if claim is not None:
            standing = whole.standing(claim)
            if standing.code in {"lost", "partly", *LIMITS}:
                block.lost, block.lost_to = standing.code, titles.get(standing.by or "", "")


def _heaviest(uses: Mapping[str, Use], names: Mapping[str, str]) -> list[tuple[str, str, Use]]:
    found = sorted(uses.items(), key=lambda each: (-each[1].total, each[0]))
    return [(identity, names[identity], use) for identity, use in found]


def _finish(session: Session, week: Week, unit: Unit, order: ordering.Order, *, one_station: bool) -> None:
    """What is seen only when all blocks are there: clashes, sessions of the days, reserved time, the budget."""
    sounding = [block for block in week.blocks if block.sounds]
    week.clashes = overlapping.clashes(session, unit, sounding, order, one_station=one_station)
    week.over_budget = sum(use.over(week.budget_mb) for _, _, use in week.uses)
    del week.uses[HEAVIEST:]
    line = {f"unit:{each}" for each in unit.path.strip("/").split("/")}
    here = [b for b in week.blocks if b.sounds and b.kind != "emergency" and (one_station or line & set(b.names))]
    week.days = [_counted(day, here, week) for day in week.days]
    _reserve(session, week, unit)


def _reserve(session: Session, week: Week, unit: Unit) -> None:
    for row in reservations.over(session, unit):
        long = timedelta(seconds=row.seconds)
        times = occurrences(reservations.rule_of(row), week.start - long, week.end)
        week.reserved += [
            {"name": row.name, "unit": row.unit_id, "starts_at": at, "ends_at": at + long} for at in list(times)[:500]
        ]
    week.reserved.sort(key=lambda each: each["starts_at"])


def _counted(day: Day, blocks: Sequence[Block], week: Week) -> Day:
    """The sessions of a local day, and which limits they go over."""
    spans = [
        Span(b.starts_at, b.ends_at, b.slot or "") for b in blocks
        if b.starts_at.astimezone(week.zone).date() == day.date
    ]  # fmt: skip
    joined = list(sessions.joined(spans))
    longest = max(((each.end - each.start).total_seconds() / 60 for each in joined), default=0.0)
    limits = week.held.limits
    over = []
    if limits.sessions_a_day is not None and len(joined) > limits.sessions_a_day:
        over.append("sessions_a_day")
    if limits.session_minutes is not None and longest > limits.session_minutes:
        over.append("session_minutes")
    if joined and day.date.weekday() not in limits.weekdays:
        over.append("weekdays")
    return Day(day.date, day.lunar, day.holiday, len(joined), round(longest, 1), tuple(over))


def written(week: Week) -> dict[str, Any]:
    """The week for JSON."""

    def instants(row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: format_instant(v) if isinstance(v, datetime) else v for name, v in row.items()}

    def rounded(row: Mapping[str, float]) -> dict[str, float]:
        return {name: round(value, 1) for name, value in sorted(row.items())}

    hidden = {"names", "at"}
    return {
        "place": week.place, "name": week.name, "zone": week.zone.key, "from": format_instant(week.start),
        "to": format_instant(week.end),
        "days": [
            {
                "date": day.date.isoformat(), "lunar": day.lunar, "holiday": day.holiday, "sessions": day.sessions,
                "longest_minutes": day.longest_minutes, "over": list(day.over),
            }
            for day in week.days
        ],
        "blocks": [
            instants({name: value for name, value in vars(block).items() if name not in hidden})
            | {"occurrence": format_instant(block.at) if block.at else None}
            for block in week.blocks
        ],
        "cut": week.cut,
        "clashes": [instants(each) for each in week.clashes],
        "reserved": [instants(each) for each in week.reserved],
        "limits": week.held.limits.written(),
        "quiet_hours": [list(pair) for pair in week.held.quiet_hours],
        "minutes": {
            "total": round(week.minutes.total, 1), "fields": rounded(week.minutes.fields),
            "levels": rounded(week.minutes.levels), "units": rounded(week.minutes.units),
        },
        "sim": {
            "budget_mb": week.budget_mb, "over_budget": week.over_budget,
            "stations": [
                {
                    "station": identity, "name": name, "clips_bytes": use.clips, "overhead_bytes": use.overhead,
                    "bytes_a_month": use.total, "codec": use.codec, "observed_days": use.observed_days,
                    "over": use.over(week.budget_mb),
                }
                for identity, name, use in week.uses
            ],
        },
    }  # fmt: skip

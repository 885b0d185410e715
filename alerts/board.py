"""Who heard it: the board of an emergency, while it runs and when it is over. Reading only; docs/emergencies.md.

Figures, hamlets and stations are those that the actor sees. All of it is counted in the database, in a number of
queries that does not grow with the stations.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Subquery, case, func, or_
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from alerts import board_lines, board_people
from alerts.board_lines import STATES, Asked
from alerts.board_models import EmergencyReport
from alerts.board_people import Person
from core.errors import NotFound
from registry.models import Person as Account
from registry.models import Unit
from registry.rights import Actor, Permission
from scheduler import log
from scheduler.models import Airing, Emergency

PAGE = 100
HAMLETS = 50
MOST = 0.95  # the share of the stations of which people want to know when it was reached
SILENT_AFTER = timedelta(seconds=180)
# Reports of the last item have so long to come before what is missing counts as missing.
GRACE = timedelta(minutes=2)
_ENDED = ("over", "withdrawn", "failed")


@dataclass(frozen=True)
class Figures:
    """How an emergency went at the stations that the actor sees. Seconds are counted from the press.

    `sounded` is at how many it sounded at all, `acknowledged` how many had it, `told` at how many anything shows that
    it was known there. `first_s` is None while it sounded nowhere, `most_s` until 95 % of the stations have sounded.
    """

    stations: int = 0
    told: int = 0
    acknowledged: int = 0
    sounded: int = 0
    first_s: float | None = None
    most_s: float | None = None
    counts: dict[str, int] = field(default_factory=dict)
    units: int = 0
    unreached: int = 0
    partly: int = 0

    def many(self, shown: str) -> int:
        """How many stations `lines` has for this filter."""
        return self.stations if shown == "" else self.counts.get(shown, 0)


class Line(NamedTuple):
    """One station. `after_s` is when it first sounded there, in seconds from the press."""

    station_id: str
    name: str
    unit_id: str
    unit_name: str
    path: str
    state: str
    reason: str | None
    acknowledged_at: datetime | None
    first_at: datetime | None
    seconds: float
    heard: str | None
    after_s: float | None = None


@dataclass(frozen=True)
class Hamlet:
    """A unit with stations at which it did not sound: `sounded` of its `stations` did. `above` names the next unit up.

    `person` is who can be called: the nearest with a phone, there or further up; None where there is nobody, or where
    the actor neither runs the stations nor may raise alarms.
    """

    unit_id: str
    name: str
    above: str
    path: str
    stations: int
    sounded: int
    person: Person | None = None


@dataclass(frozen=True)
class Raised:
    """An emergency as the actor sees it. `state` is that of `scheduler.emergencies.stated`, over all its airings."""

    emergency: Emergency
    unit: Unit
    airings: Sequence[Airing]
    by: str
    title: str
    state: str
    issued_at: datetime | None
    ended_at: datetime | None
    report: EmergencyReport | None = None

    @property
    def until(self) -> datetime | None:
        """Up to when a station that comes back may still play it."""
        return max((airing.not_after for airing in self.airings), default=None)


@dataclass(frozen=True)
class Board:
    """One emergency, its figures, the hamlets not reached, and one page of its stations, the worst first."""

    raised: Raised
    figures: Figures
    hamlets: Sequence[Hamlet]
    lines: Sequence[Line]


def board(
    session: Session, actor: Actor, emergency_id: str, now: datetime, *,
    silent_after: timedelta = SILENT_AFTER, shown: str = "", page: int = 1, limit: int = PAGE,
    hamlet_page: int = 1, hamlets_limit: int = HAMLETS,
) -> Board:  # fmt: skip
    """The whole board. `shown` is a state of `STATES`, or empty for all stations. Raises NotFound."""
    raised = find(session, actor, emergency_id)
    source = lines_of(session, raised, now, silent_after)
    return Board(
        raised, figures(session, actor, raised, source), hamlets(session, actor, source, hamlet_page, hamlets_limit),
        lines(session, actor, raised, source, shown=shown, page=page, limit=limit),
    )  # fmt: skip


def find(session: Session, actor: Actor, emergency_id: str) -> Raised:
    """An emergency of a unit that the actor sees, or that sounds where they see. Raises NotFound."""
    found = raised_of(session, [emergency_id], log.visible(actor) | _own(actor))
    if not found:
        raise NotFound
    return found[0]


def recent(session: Session, actor: Actor, *, after: str = "", limit: int = 20) -> list[Raised]:
    """Emergencies that the actor may see, the newest first, beyond the id `after`."""
    query = (
        select(Emergency.id)
        .join(Airing, col(Airing.emergency_id) == Emergency.id)
        .join(Unit, col(Unit.id) == Emergency.unit_id)
        .where(or_(log.visible(actor), _own(actor)))
        .distinct()
        .order_by(col(Emergency.id).desc())
        .limit(limit)
    )
    if after:
        query = query.where(col(Emergency.id) < after)
    ids = session.exec(query).all()
    return sorted(raised_of(session, ids), key=lambda each: each.emergency.id, reverse=True)


def _own(actor: Actor) -> ColumnElement[bool]:
    return actor.within(Permission.SEE, col(Unit.path))


def raised_of(session: Session, ids: Sequence[str], visible: ColumnElement[bool] | None = None) -> list[Raised]:
    """These emergencies with what stands around them: all, or those for which `visible` holds. Two queries."""
    query = (
        select(Emergency, Unit, Account, EmergencyReport)
        .join(Unit, col(Unit.id) == Emergency.unit_id)
        .join(Account, col(Account.id) == Emergency.raised_by, isouter=True)
        .join(EmergencyReport, col(EmergencyReport.emergency_id) == Emergency.id, isouter=True)
        .where(col(Emergency.id).in_(ids))
    )
    if visible is not None:
        seen = select(Airing.emergency_id).join(Emergency).join(Unit, col(Unit.id) == Emergency.unit_id)
        query = query.where(col(Emergency.id).in_(seen.where(col(Emergency.id).in_(ids), visible)))
    rows = session.exec(query).all()
    airings: dict[str, list[Airing]] = {}
    of_these = select(Airing).where(col(Airing.emergency_id).in_(ids)).order_by(col(Airing.id))
    for airing in session.exec(of_these).all():
        airings.setdefault(airing.emergency_id or "", []).append(airing)
    return [
        _put_together(emergency, unit, person, report, airings.get(emergency.id, []))
        for emergency, unit, person, report in rows
    ]


def _put_together(
    emergency: Emergency, unit: Unit, person: Account | None, report: EmergencyReport | None, airings: list[Airing]
) -> Raised:
    issued = [airing.issued_at for airing in airings if airing.issued_at is not None]
    title = next((airing.title for airing in airings if airing.title), emergency.text[:120])
    return Raised(
        emergency, unit, airings, person.name if person else emergency.raised_by, title, stated(airings),
        min(issued, default=None), ended_at(airings), report,
    )  # fmt: skip


def stated(airings: Sequence[Airing]) -> str:
    """How an emergency of several airings stands: what is furthest from its end speaks for all. Pure."""
    states = {airing.state for airing in airings}
    for state, word in (("on_air", "on_air"), ("issued", "on_air"), ("planned", "preparing"), ("withdrawn", "stopped")):
        if state in states:
            return word
    return "failed" if states == {"failed"} else "over"


def ended_at(airings: Sequence[Airing]) -> datetime | None:
    """When the last of these airings ended, by itself or by order; None while one still runs or is to come. Pure."""
    if not airings or any(airing.state not in _ENDED for airing in airings):
        return None
    return max(airing.withdrawn_at or airing.ends_at for airing in airings)


def asked(raised: Raised, now: datetime, silent_after: timedelta) -> Asked:
    """What its lines are asked for at `now`."""
    ended = raised.ended_at
    settled = ended is not None and now >= ended + GRACE
    return Asked(raised.airings, raised.emergency.raised_at, now, silent_after, ended is not None, settled)


def lines_of(session: Session, raised: Raised, now: datetime, silent_after: timedelta) -> FromClause:
    """Its lines: those that are kept, where there is a report, else those of this moment."""
    if raised.report is not None:
        return board_lines.kept(raised.emergency.id)
    return board_lines.gathered(session, board_lines.live(session, asked(raised, now, silent_after)))


def figures(session: Session, actor: Actor | None, raised: Raised, source: FromClause) -> Figures:
    """The figures of these lines, as far as the actor sees (None: all). Three queries."""
    line, here = source.c, _seen(actor, source)
    counted = columns(
        line.state, func.count(), func.count(line.first_at), func.count(line.acknowledged_at), func.min(line.first_at)
    )
    rows = session.execute(counted.where(here).group_by(line.state)).all()
    stations, sounded = sum(row[1] for row in rows), sum(row[2] for row in rows)
    counts = {state: number for state in STATES for found, number, *_ in rows if found == state}
    first = min((row[4] for row in rows if row[4] is not None), default=None)
    needed = math.ceil(MOST * stations)
    most = None
    if stations and sounded >= needed:
        in_order = columns(line.first_at).where(here, line.first_at.is_not(None)).order_by(line.first_at)
        most = session.execute(in_order.limit(1).offset(needed - 1)).scalar_one()
    home = _homes(source, here).c
    none, some = home.sounded == 0, (home.sounded > 0) & (home.sounded < home.stations)
    units, unreached, partly = session.execute(
        columns(func.count(), func.count(case((none, 1))), func.count(case((some, 1))))
    ).one()
    unheard = counts.get("waiting", 0) + counts.get("silent", 0)
    return Figures(
        stations, stations - unheard, sum(row[3] for row in rows), sounded, _after(raised, first),
        _after(raised, most), counts, units, unreached, partly,
    )  # fmt: skip


def lines(
    session: Session, actor: Actor | None, raised: Raised, source: FromClause, *,
    shown: str = "", page: int = 1, limit: int = PAGE, after: tuple[str, str] | None = None,
    after_id: str | None = None,
) -> list[Line]:  # fmt: skip
    """One page of stations, the worst first; with `after` (path and station) in the order of the tree beyond that.

    With `after_id` in the order of ids beyond that one.
    """
    line = source.c
    query = columns(*line).where(_seen(actor, source)).limit(limit)
    if shown in STATES:
        query = query.where(line.state == shown)
    if after_id is not None:
        query = query.where(line.station_id > after_id).order_by(line.station_id)
    elif after is None:
        rank = case({state: number for number, state in enumerate(STATES)}, value=line.state, else_=len(STATES))
        query = query.order_by(rank, line.path, line.name, line.station_id).offset((max(page, 1) - 1) * limit)
    else:
        beyond = (line.path > after[0]) | ((line.path == after[0]) & (line.station_id > after[1]))
        query = query.where(beyond).order_by(line.path, line.station_id)
    rows: Sequence[Any] = session.execute(query).all()
    return [Line(*row)._replace(after_s=_after(raised, row.first_at)) for row in rows]


def hamlets(session: Session, actor: Actor, source: FromClause, page: int = 1, limit: int = HAMLETS) -> list[Hamlet]:
    """Units where it did not sound at every station, those first where it sounded at none; with whom to call."""
    homes = _homes(source, _seen(actor, source))
    query = (
        columns(homes)
        .where(homes.c.sounded < homes.c.stations)
        .order_by(homes.c.sounded > 0, homes.c.path)
        .limit(limit)
        .offset((max(page, 1) - 1) * limit)
    )
    rows = session.execute(query).all()
    paths = [row.path for row in rows]
    above, people = board_people.above(session, paths), board_people.nearest(session, actor, paths)
    return [
        Hamlet(
            row.unit_id, row.unit_name, above.get(row.path, ""), row.path, row.stations, row.sounded,
            people.get(row.path),
        )
        for row in rows
    ]  # fmt: skip


def _homes(source: FromClause, here: ColumnElement[bool]) -> Subquery:
    """Stations and those that sounded, by the unit that they stand in."""
    line = source.c
    counted = columns(
        line.unit_id, func.max(line.unit_name).label("unit_name"), func.max(line.path).label("path"),
        func.count().label("stations"), func.count(line.first_at).label("sounded"),
    )  # fmt: skip
    return counted.where(here).group_by(line.unit_id).subquery("home")


def _seen(actor: Actor | None, source: FromClause) -> ColumnElement[bool]:
    return source.c.station_id.is_not(None) if actor is None else actor.within(Permission.SEE, source.c.path)


def _after(raised: Raised, instant: datetime | None) -> float | None:
    """Seconds from the press to `instant`."""
    return None if instant is None else round((instant - raised.emergency.raised_at).total_seconds(), 3)

"""What became of an emergency at each station, as one SQL query: of the running one, and of what is kept of it.

Both have the same columns, so that figures, filters and pages ask either in the same way, and nothing is counted in
Python however many stations there are. What the server can truthfully say of a station, from most to least:

| state | what is known |
|---|---|
| `sounding` | its heartbeat says that it plays it now, and no report of that item has come yet |
| `played` | it reported all of it as played |
| `sounded` | it sounded there, and more of it is to come |
| `partial` | it sounded there, and not all of it: with the reason |
| `stopped` | it was stopped or replaced before it sounded there |
| `acknowledged` | it has it, and has checked its signature; nothing of it has sounded yet |
| `told` | it has read a document of `/now` that held it, and has not taken it |
| `waiting` | it is on line and has said nothing of it yet |
| `silent` | it is off line |
| `failed` | nothing of it sounded there: with the reason that the station gave |

That an answer to `/now` was written into a connection proves nothing, and counts for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Float,
    MetaData,
    Select,
    String,
    Subquery,
    Table,
    and_,
    case,
    distinct,
    func,
    insert,
    literal,
    null,
    or_,
    true,
    union,
)
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from alerts.board_models import EmergencyLine
from core.changes import Change
from core.database import UtcDateTime
from core.wire import AS_WITHDRAWN
from registry.models import GroupMember, Station, StationState, Unit
from registry.rights import within
from scheduler.models import Acknowledgement, Airing, AiringTarget, PlayReport
from scheduler.reports import NOBODY_SAID, TOLERANCE_S
from scheduler.sound_models import FirstSound

# The worst first: so they stand on a page.
STATES = (
    "failed", "silent", "waiting", "told", "acknowledged", "stopped", "partial", "sounded", "sounding", "played",
)  # fmt: skip
_FEW = 0.02  # as `scheduler.reports.judge` has it
_STOPPED = "withdrawn"
_STATION = "station:"
_GATHERED = Table(
    "gathered_line", MetaData(),
    Column("station_id", String), Column("name", String), Column("unit_id", String), Column("unit_name", String),
    Column("path", String), Column("state", String), Column("reason", String), Column("acknowledged_at", UtcDateTime),
    Column("first_at", UtcDateTime), Column("seconds", Float), Column("heard", String),
    prefixes=["TEMPORARY"],
)  # fmt: skip
_CHUNK = 200


@dataclass(frozen=True)
class Asked:
    """What the query is asked about: the airings of one emergency, at an instant.

    `ended` says that nothing of it sounds any more by order; `settled` that reports of it had their time to come.
    """

    airings: Sequence[Airing]
    raised_at: datetime
    now: datetime
    silent_after: timedelta
    ended: bool
    settled: bool

    @property
    def ids(self) -> list[str]:
        return [airing.id for airing in self.airings]


def kept(emergency_id: str) -> Subquery:
    """The lines that are kept of an emergency."""
    line = EmergencyLine
    wanted = (
        line.station_id, line.name, line.unit_id, line.unit_name, line.path, line.state, line.reason,
        line.acknowledged_at, line.first_at, line.seconds, line.heard,
    )  # fmt: skip
    return columns(*(col(each) for each in wanted)).where(col(line.emergency_id) == emergency_id).subquery("line")


def gathered(session: Session, lines: Subquery) -> Table:
    """The same lines in a table of this transaction's own, so that they are worked out once for several questions.

    It goes with the transaction of a reading session, and is made anew by the next call in the same one.
    """
    connection = session.connection()
    _GATHERED.drop(connection, checkfirst=True)
    _GATHERED.create(connection, checkfirst=False)
    session.execute(insert(_GATHERED).from_select([each.name for each in _GATHERED.columns], columns(*lines.c)))
    return _GATHERED


def live(session: Session, asked: Asked, only: Sequence[str] | None = None) -> Subquery:
    """The lines of an emergency as the tables tell them at this moment; `only` of these stations."""
    said, noted, stopped, begun = _reports(asked), _noted(asked), _stopped(asked), _begun(asked)
    has_it = and_(noted.c.at.is_not(None), or_(stopped.c.at.is_(None), noted.c.at < stopped.c.at))
    first_at = func.coalesce(said.c.first_at, begun.c.at)
    state = _state(session, asked, said, has_it, first_at)
    settled_for = case((state.in_(("failed", "partial")), NOBODY_SAID), else_=null()) if asked.settled else null()
    reason = case(
        (state.in_(("played", "sounding", "silent")), null()), else_=func.coalesce(said.c.reason, settled_for)
    )
    in_service = and_(
        col(Station.token_hash).is_not(None),
        or_(col(Station.enrolled_at).is_(None), col(Station.enrolled_at) <= _last_moment(asked)),
    )
    query = (
        columns(
            col(Station.id).label("station_id"), col(Station.name).label("name"), col(Unit.id).label("unit_id"),
            col(Unit.name).label("unit_name"), col(Unit.path).label("path"), state.label("state"),
            reason.label("reason"), case((has_it, noted.c.at), else_=null()).label("acknowledged_at"),
            first_at.label("first_at"), func.coalesce(said.c.seconds, 0.0).label("seconds"),
            said.c.heard.label("heard"),
        )
        .select_from(Station)
        .join(Unit, col(Unit.id) == Station.unit_id)
        .outerjoin(StationState, col(StationState.station_id) == Station.id)
        .outerjoin(said, said.c.station_id == Station.id)
        .outerjoin(noted, noted.c.station_id == Station.id)
        .outerjoin(stopped, stopped.c.station_id == Station.id)
        .outerjoin(begun, begun.c.station_id == Station.id)
        .where(or_(in_service, said.c.station_id.is_not(None), has_it))
    )  # fmt: skip
    query = query.where(col(Station.id).in_(_addressed(session, asked) if only is None else list(only)))
    return query.subquery("line")


def _last_moment(asked: Asked) -> datetime:
    """Who was taken into service after that owes nothing."""
    return max((airing.ends_at for airing in asked.airings), default=asked.now) if asked.ended else asked.now


def _addressed(session: Session, asked: Asked) -> Select[Any]:
    """Ids of the stations that it is for by now, and of those that it was for when they said something of it."""
    names = {kind: sorted(ids) for kind, ids in _names(asked).items()}
    homes: list[str] = []
    for start in range(0, len(names["unit"]), _CHUNK):
        homes += session.exec(select(Unit.path).where(col(Unit.id).in_(names["unit"][start : start + _CHUNK]))).all()
    homes = [path for path in homes if not any(path != other and path.startswith(other) for other in homes)]
    parts: list[Select[Any]] = [
        columns(col(Acknowledgement.station_id).label("id")).where(col(Acknowledgement.subject).in_(asked.ids)),
        columns(col(PlayReport.station_id)).where(col(PlayReport.airing_id).in_(asked.ids)),
    ]
    for start in range(0, len(homes), _CHUNK):
        below = columns(col(Unit.id)).where(within(homes[start : start + _CHUNK], col(Unit.path)))
        parts.append(columns(col(Station.id)).where(col(Station.unit_id).in_(below)))
    if names["group"]:
        members = col(GroupMember.group_id).in_(names["group"])
        parts.append(columns(col(GroupMember.station_id)).where(members))
    if names["station"]:  # thousands of them, where parts of an audience hear other languages
        own = col(AiringTarget.airing_id).in_(asked.ids), col(AiringTarget.name).startswith(_STATION)
        parts.append(columns(func.substr(AiringTarget.name, len(_STATION) + 1)).where(*own))
    everyone = union(*parts).subquery("addressed")
    return columns(everyone.c.id)


def _names(asked: Asked) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {"unit": set(), "group": set(), "station": set()}
    for airing in asked.airings:
        for name in airing.audience:
            kind, _, identity = name.partition(":")
            found[kind].add(identity)
    return found


def _reports(asked: Asked) -> Subquery:
    """What each station reported of it, in one row."""
    report = PlayReport
    sounded = col(report.seconds) > 0
    whole = col(report.outcome) == "played"
    # A clock that was wrong tells no instant; by the time its report came it had sounded.
    possible = and_(col(report.started_at) >= asked.raised_at, col(report.started_at) <= col(report.received_at))
    first = case((possible, col(report.started_at)), else_=col(report.received_at))
    return (
        columns(
            col(report.station_id).label("station_id"),
            func.max(report.airing_id).label("airing_id"),
            func.min(case((sounded, first))).label("first_at"),
            func.sum(case((col(report.outcome).in_(("played", "partial")), report.seconds), else_=0.0)).label(
                "seconds"
            ),
            func.count(distinct(case((whole, report.item)))).label("whole"),
            func.count(distinct(col(report.item))).label("told"),
            func.max(report.item).label("last_item"),
            func.max(report.reason).label("reason"),
            func.max(report.heard).label("heard"),  # yes > unsure > no, also by their letters
        )
        .where(col(report.airing_id).in_(asked.ids))
        .group_by(col(report.station_id))
        .subquery("said")
    )


def _noted(asked: Asked) -> Subquery:
    """When each station acknowledged it, or that it was taken off the air."""
    return _acknowledged(asked.ids, "noted")


def _stopped(asked: Asked) -> Subquery:
    """When each station acknowledged that it was taken off the air: who did only then never had it to play."""
    return _acknowledged([f"{AS_WITHDRAWN}{airing}" for airing in asked.ids], "stopped")


def _acknowledged(subjects: Sequence[str], name: str) -> Subquery:
    return _earliest(Acknowledgement.station_id, Acknowledgement.at, col(Acknowledgement.subject).in_(subjects), name)


def _begun(asked: Asked) -> Subquery:
    """When it began at each station, as heartbeats told."""
    return _earliest(FirstSound.station_id, FirstSound.began_at, col(FirstSound.airing_id).in_(asked.ids), "begun")


def _earliest(who: Any, at: Any, which: ColumnElement[bool], name: str) -> Subquery:
    """For each station the earliest instant among these rows."""
    return columns(who.label("station_id"), func.min(at).label("at")).where(which).group_by(who).subquery(name)


def _state(
    session: Session, asked: Asked, said: Subquery, has_it: ColumnElement[bool], first_at: ColumnElement[Any]
) -> ColumnElement[str]:
    items, planned = _of_its_airing(asked, said)
    of = StationState
    off_line = or_(
        col(of.heard_at).is_(None), col(of.silent_since).is_not(None), col(of.heard_at) < asked.now - asked.silent_after
    )
    plays = and_(
        col(of.playing).in_(asked.ids), ~off_line,
        func.coalesce(said.c.last_item, -1) < func.coalesce(of.item, 0),
    )  # fmt: skip
    nearly = and_(
        said.c.seconds > 0, said.c.reason.is_(None), said.c.seconds >= planned * (1 - _FEW) - TOLERANCE_S,
    )  # fmt: skip
    whole = or_(said.c.whole >= items, nearly)
    all_told = true() if asked.settled else said.c.told >= items
    steps: list[tuple[ColumnElement[bool], str]] = [] if asked.settled else [(plays, "sounding")]
    steps += [
        (whole, "played"),
        (and_(first_at.is_not(None), all_told), "partial"),
        (first_at.is_not(None), "sounded"),
        (and_(said.c.station_id.is_not(None), all_told, said.c.reason == _STOPPED), "stopped"),
        (and_(said.c.station_id.is_not(None), all_told), "failed"),
        (has_it, "failed" if asked.settled else "acknowledged"),
    ]
    announced = _announced(session, asked)
    if announced is not None:
        steps.append((col(of.seq) >= announced, "told"))
    if asked.settled:
        return case(*steps, else_="silent")
    return case(*steps, (off_line, "silent"), else_="waiting")


def _of_its_airing(asked: Asked, said: Subquery) -> tuple[ColumnElement[int], ColumnElement[float]]:
    """How many items, and how many seconds, the airing has that a station reports of: parts differ by language."""
    counts = {airing.id: max(len(airing.items), 1) for airing in asked.airings}
    seconds = {airing.id: sum(float(item["seconds"]) for item in airing.items) for airing in asked.airings}
    if len(asked.airings) < 2:  # noqa: PLR2004
        return literal(next(iter(counts.values()), 1)), literal(next(iter(seconds.values()), 0.0))
    return (
        case(counts, value=said.c.airing_id, else_=1),
        case(seconds, value=said.c.airing_id, else_=0.0),
    )


def _announced(session: Session, asked: Asked) -> int | None:
    """The number in the feed of changes with which it was on air: whoever read a document of that number read of it.

    None while it is not signed, and days later, when the feed has forgotten.
    """
    issued = [airing.issued_at for airing in asked.airings if airing.issued_at is not None]
    if not issued or len(issued) < len(asked.airings):
        return None
    query = select(func.max(Change.seq)).where(Change.topic == "now", col(Change.at).in_(sorted(set(issued))))
    return session.exec(query).one()

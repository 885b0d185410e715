"""Orders to stations (volume, stop, restart, test tone, sync) and what stations acknowledge."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, get_args

from sqlalchemy import ColumnElement, func, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from core import audit, changes
from core.errors import N_, InvalidInput
from core.ids import new_id
from core.wire import AS_WITHDRAWN, Heartbeat, Order
from registry import stations
from registry.models import Station
from registry.rights import Actor, Permission
from scheduler import troubles
from scheduler.models import Acknowledgement, Airing, StationCommand

KEPT = timedelta(hours=24)
_CHUNK = 200
PREFIX = "co"
_ORDER = f"{PREFIX}_"  # with which the ids of orders begin
_MAX_ID = 70
_ACTING_AT_ONCE = timedelta(minutes=5)  # nobody wants yesterday's test tone


def kept(do: str) -> timedelta:
    """How long an order is held out to a station that does not fetch it."""
    return KEPT if do in {"volume", "sync"} else _ACTING_AT_ONCE


def give(
    session: Session, actor: Actor, station_id: str, do: str, value: Any, now: datetime, *, reason: str = ""
) -> StationCommand:
    """Order a station to do something; a new volume is kept as the station's own. Raises InvalidInput.

    A `reason` is kept in the audit log.
    """
    station, unit = stations.find(session, actor, station_id)
    actor.require(Permission.OPERATE, unit)
    if do not in get_args(Order):
        raise InvalidInput(N_("A station can't “%(do)s”."), fields={"do": "unknown"}, do=do[:40])
    if do == "volume":
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 100:  # noqa: PLR2004
            raise InvalidInput(N_("A volume lies between 0 and 100."), fields={"value": "range"})
        station.volume = value
        session.add(station)
        changes.announce(session, "plan", [f"station:{station.id}"], now)
    command = StationCommand(
        id=new_id(PREFIX), station_id=station.id, do=do, value=value if do == "volume" else None,
        given_by=actor.id, given_at=now, expires_at=now + kept(do),
    )  # fmt: skip
    session.add(command)
    audit.record(
        session,
        actor=actor.username,
        action=f"station.{do}",
        subject=station.id,
        unit_id=unit.id,
        now=now,
        value=command.value,
        **({"reason": reason[:300]} if reason else {}),
    )
    changes.announce(session, "now", [f"station:{station.id}"], now)
    return command


def acknowledge(session: Session, station_id: str, subjects: Sequence[str], now: datetime) -> None:
    """Keep that the station has these interrupts, withdrawals and commands; saying it again changes nothing."""
    acknowledge_all(session, [(station_id, subjects)], now)


def acknowledge_all(session: Session, said: Sequence[tuple[str, Sequence[str]]], now: datetime) -> None:
    """The same for several stations at once, in a number of queries that does not grow with theirs."""
    pairs = sorted({(subject, station_id) for station_id, subjects in said for subject in subjects})
    if not pairs:
        return
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    for start in range(0, len(pairs), _CHUNK):
        chunk = pairs[start : start + _CHUNK]
        rows = [{"subject": subject, "station_id": station_id, "at": now} for subject, station_id in chunk]
        session.execute(insert(Acknowledgement.__table__).on_conflict_do_nothing(), rows)  # type: ignore[attr-defined]
        orders = {subject for subject, _ in chunk if subject.startswith(_ORDER)}
        if not orders:
            continue
        waiting = select(StationCommand.id, StationCommand.station_id).where(
            col(StationCommand.id).in_(orders), col(StationCommand.acknowledged_at).is_(None)
        )
        carried_out = sorted(set(session.exec(waiting).all()) & set(chunk))
        if carried_out:
            ids = [identity for identity, _ in carried_out]
            session.execute(update(StationCommand).where(col(StationCommand.id).in_(ids)).values(acknowledged_at=now))
            changes.announce(session, "now", [f"station:{station_id}" for _, station_id in carried_out], now)


def told_in(session: Session, beat: Heartbeat) -> list[str]:
    """What a heartbeat takes note of: ids, and `AS_WITHDRAWN` with the id for what it has as withdrawn.

    A device that doesn't tell the two apart has what was withdrawn by now as withdrawn.
    """
    told = list(beat.acknowledged)
    gone = beat.withdrawn
    if gone is None and told:
        withdrawn = select(Airing.id).where(col(Airing.id).in_(told), Airing.state == "withdrawn")
        gone = list(session.exec(withdrawn).all())
    return told + [f"{AS_WITHDRAWN}{airing}" for airing in gone or () if len(airing) <= _MAX_ID]


def acknowledged_by(session: Session, subject: str) -> set[str]:
    """Ids of the stations that have acknowledged this airing or command."""
    return set(session.exec(select(Acknowledgement.station_id).where(Acknowledgement.subject == subject)).all())


def how_many_acknowledged(session: Session, subject: str) -> int:
    """The number of stations that have acknowledged this airing or command."""
    number = select(func.count()).select_from(Acknowledgement)
    return session.exec(number.where(Acknowledgement.subject == subject)).one()


def acknowledged(session: Session, subjects: Collection[str]) -> Counter[str]:
    """How many stations have acknowledged each of these airings or commands, in one query."""
    if not subjects:
        return Counter()
    number = select(Acknowledgement.subject, func.count()).where(col(Acknowledgement.subject).in_(subjects))
    return Counter(dict(session.exec(number.group_by(col(Acknowledgement.subject))).all()))


def set_aside_nonsense(session: Session, now: datetime) -> int:
    """End orders that no station can understand, with a trouble each; returns how many."""
    found = session.exec(
        select(StationCommand.id, StationCommand.station_id, StationCommand.do).where(_senseless(now)).limit(_CHUNK)
    ).all()
    for identity, station_id, do in found:
        session.execute(update(StationCommand).where(col(StationCommand.id) == identity).values(expires_at=now))
        unit_id = session.exec(select(Station.unit_id).where(Station.id == station_id)).first()
        troubles.report(session, "command", identity, f"{station_id} can't “{do[:40]}”", now, unit_id)
    return len(found)


def any_nonsense(session: Session, now: datetime) -> bool:
    """Whether `set_aside_nonsense` would find something: a look that takes no lock."""
    return session.exec(select(StationCommand.id).where(_senseless(now)).limit(1)).first() is not None


def _senseless(now: datetime) -> ColumnElement[bool]:
    waiting = col(StationCommand.acknowledged_at).is_(None) & (col(StationCommand.expires_at) > now)
    return waiting & col(StationCommand.do).not_in(get_args(Order))

"""Orders to stations (volume, stop, restart, test tone, sync) and what stations acknowledge."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, get_args

from sqlalchemy import update
from sqlmodel import Session, col, select

from core import audit, changes
from core.errors import N_, InvalidInput
from core.ids import new_id
from core.wire import Order
from registry import stations
from registry.rights import Actor, Permission
from scheduler.models import Acknowledgement, StationCommand

KEPT = timedelta(hours=24)
_ACTING_AT_ONCE = timedelta(minutes=5)  # nobody wants yesterday's test tone


def give(session: Session, actor: Actor, station_id: str, do: str, value: Any, now: datetime) -> StationCommand:
    """Order a station to do something; a new volume is kept as the station's own. Raises InvalidInput."""
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
    kept = KEPT if do in {"volume", "sync"} else _ACTING_AT_ONCE
    command = StationCommand(
        id=new_id("co"), station_id=station.id, do=do, value=value if do == "volume" else None, given_by=actor.id,
        given_at=now, expires_at=now + kept,
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
    )
    changes.announce(session, "now", [f"station:{station.id}"], now)
    return command


def acknowledge(session: Session, station_id: str, subjects: Sequence[str], now: datetime) -> None:
    """Keep that the station has these interrupts, withdrawals and commands; saying it again changes nothing."""
    wanted = set(subjects)
    if not wanted:
        return
    known = session.exec(
        select(Acknowledgement.subject).where(
            Acknowledgement.station_id == station_id, col(Acknowledgement.subject).in_(wanted)
        )
    ).all()
    for subject in sorted(wanted - set(known)):
        session.add(Acknowledgement(subject=subject, station_id=station_id, at=now))
    done = session.execute(
        update(StationCommand)
        .where(
            col(StationCommand.station_id) == station_id,
            col(StationCommand.id).in_(wanted),
            col(StationCommand.acknowledged_at).is_(None),
        )
        .values(acknowledged_at=now)
    )
    if done.rowcount:  # type: ignore[attr-defined]
        changes.announce(session, "now", [f"station:{station_id}"], now)


def acknowledged_by(session: Session, subject: str) -> set[str]:
    """Ids of the stations that have acknowledged this airing or command."""
    return set(session.exec(select(Acknowledgement.station_id).where(Acknowledgement.subject == subject)).all())

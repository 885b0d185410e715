"""One order for many stations: what it would do, doing it, and how far each station has come with it.

1. `propose` says who would get the order and who is left out, and why; nothing is kept.
2. `give` keeps one order a station, one act over all of them, in one transaction.
3. A station reads the order (its heartbeat names a later change), carries it out and acknowledges it; an order that
   nobody fetched runs out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, case, func, insert, select, update
from sqlmodel import Session, col

from core import audit, changes, quiet
from core.clock import zone as known_zone
from core.errors import N_, Conflict, Forbidden, InvalidInput, NotFound
from core.ids import new_id
from registry import units
from registry.models import Station, StationState, Unit
from registry.rights import Actor, Permission
from registry.units import Inherited
from scheduler import commands
from scheduler.batch_models import StationBatch
from scheduler.models import StationCommand

MOST = 5_000
ORDERS = ("volume", "test_tone", "restart", "sync")
# From here on whoever restarts them types the number: they fall silent for some seconds, all at once.
MANY_RESTARTS = 20
STEPS = ("ordered", "told", "acknowledged", "expired")
_CHUNK = 400
_NAMED = 60  # names that a confirmation lists
_REASON = 300


@dataclass(frozen=True)
class Proposed:
    """What an order would do: to whom with which value, and who is left out (`role`, `service`, `quiet`).

    `capped` counts those whose unit allows less than the wanted volume, `silent` those that will hear of it only when
    they are back. `names` are some of the stations.
    """

    do: str
    value: int | None
    targets: tuple[tuple[str, int | None], ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    capped: int = 0
    silent: int = 0
    names: tuple[str, ...] = ()
    places: tuple[tuple[str, int], ...] = ()  # units and how many of their stations, the largest first
    paths: frozenset[str] = field(default_factory=frozenset)
    unit_ids: Mapping[str, str] = field(default_factory=dict)

    def left_out_for(self, why: str) -> int:
        return sum(reason == why for _, reason in self.left_out)

    @property
    def needs_number(self) -> bool:
        return self.do == "restart" and len(self.targets) > MANY_RESTARTS


def propose(
    session: Session,
    actor: Actor,
    ids: Sequence[str],
    do: str,
    value: int | None,
    *,
    default_zone: str,
    now: datetime,
    reason: str = "",
) -> Proposed:
    """What `do` would do to these stations. A test tone in quiet hours needs a reason. Raises InvalidInput.

    Stations out of sight are as if they had not been named.
    """
    if do not in ORDERS:
        raise InvalidInput(N_("A station can't “%(do)s”."), fields={"do": "unknown"}, do=do[:40])
    if do == "volume" and (value is None or not 0 <= value <= 100):  # noqa: PLR2004
        raise InvalidInput(N_("A volume lies between 0 and 100."), fields={"value": "range"})
    if len(ids) > MOST:
        raise InvalidInput(N_("At most %(most)s stations at once. Narrow the choice."), most=MOST)
    rows = _seen(session, actor, ids)
    held = _held(session, {row.unit_id for row in rows}, default_zone)
    quiet_at = {
        unit: quiet.is_quiet(now, here.quiet_hours, known_zone(here.zone)) for unit, here in held.items()
    }  # fmt: skip
    targets: list[Row[Any]] = []
    left_out = []
    for row in rows:
        why = _why_not(actor, row, quiet=do == "test_tone" and quiet_at[row.unit_id] and not reason.strip())
        if why:
            left_out.append((row.id, why))
        else:
            targets.append(row)
    places: dict[str, int] = {}
    for row in targets:
        places[row.unit_name] = places.get(row.unit_name, 0) + 1
    wanted = value if do == "volume" else None
    return Proposed(
        do, wanted,
        tuple((row.id, None if wanted is None else min(wanted, held[row.unit_id].max_volume)) for row in targets),
        tuple(left_out),
        sum(wanted is not None and held[row.unit_id].max_volume < wanted for row in targets),
        sum(row.silent_since is not None for row in targets),
        tuple(row.name for row in targets[:_NAMED]),
        tuple(sorted(places.items(), key=lambda place: (-place[1], place[0]))),
        frozenset(row.path for row in targets),
        {row.id: row.unit_id for row in targets},
    )  # fmt: skip


def _why_not(actor: Actor, row: Row[Any], *, quiet: bool) -> str:
    if not any(row.path.startswith(path) for path in actor.paths(Permission.OPERATE)):
        return "role"
    if row.token_hash is None:
        return "service"
    return "quiet" if quiet else ""


def _seen(session: Session, actor: Actor, ids: Sequence[str]) -> list[Row[Any]]:
    found: list[Row[Any]] = []
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), _CHUNK):
        query: Any = (
            select(
                col(Station.id), col(Station.name), col(Station.unit_id), col(Station.token_hash), col(Unit.path),
                col(Unit.name).label("unit_name"), col(StationState.silent_since),
            )
            .join(Unit, col(Unit.id) == col(Station.unit_id))
            .join(StationState, col(StationState.station_id) == col(Station.id), isouter=True)
            .where(col(Station.id).in_(wanted[start : start + _CHUNK]))
            .where(actor.within(Permission.SEE, col(Unit.path)))
        )  # fmt: skip
        found += session.execute(query).all()
    return sorted(found, key=lambda row: (row.path, row.name))


def _held(session: Session, unit_ids: set[str], default_zone: str) -> dict[str, Inherited]:
    """What holds at each of these units."""
    known = units.with_those_above(session, unit_ids)
    return {
        each: units.inherited([known[one] for one in known[each].path.strip("/").split("/")], default_zone)
        for each in unit_ids
    }


def give(
    session: Session,
    actor: Actor,
    proposed: Proposed,
    *,
    batch_id: str,
    now: datetime,
    reason: str = "",
    confirmed: int | None = None,
) -> StationBatch:
    """Order what was proposed. Given again under the same `batch_id` it is the same act: nothing happens twice.

    Raises Conflict when there is nobody to order, InvalidInput when many shall restart and `confirmed` is another
    number than theirs.
    """
    before = session.get(StationBatch, batch_id)
    if before is not None:
        if before.given_by != actor.id:
            raise NotFound
        return before
    if not proposed.targets:
        if proposed.left_out and proposed.left_out_for("role") == len(proposed.left_out):
            raise Forbidden(N_("Your role does not allow this at these stations."))
        raise Conflict(N_("None of these stations can take this order now."))
    if proposed.needs_number and confirmed != len(proposed.targets):
        raise InvalidInput(
            N_("Type the number of stations that restart: %(count)s."),
            fields={"confirmed": "number"}, count=len(proposed.targets),
        )  # fmt: skip
    expires_at = now + commands.kept(proposed.do)
    names = [f"station:{identity}" for identity, _ in proposed.targets]
    rows = [
        {
            "id": new_id(commands.PREFIX), "station_id": identity, "do": proposed.do, "value": value,
            "given_by": actor.id, "given_at": now, "expires_at": expires_at, "batch_id": batch_id,
        }
        for identity, value in proposed.targets
    ]  # fmt: skip
    session.execute(insert(StationCommand), rows)
    if proposed.do == "volume":
        _keep_volumes(session, proposed)
        changes.announce(session, "plan", names, now)
    changes.announce(session, "now", names, now)
    batch = StationBatch(
        id=batch_id, do=proposed.do, value=proposed.value, stations=len(rows),
        left_out=[list(each) for each in proposed.left_out], reason=reason.strip()[:_REASON],
        seq=changes.latest(session), given_by=actor.id, given_at=now, expires_at=expires_at,
    )  # fmt: skip
    session.add(batch)
    _note(session, actor, batch, proposed, now)
    return batch


def _keep_volumes(session: Session, proposed: Proposed) -> None:
    by_value: dict[int | None, list[str]] = {}
    for identity, value in proposed.targets:
        by_value.setdefault(value, []).append(identity)
    for value, ids in by_value.items():
        for start in range(0, len(ids), _CHUNK):
            chosen = col(Station.id).in_(ids[start : start + _CHUNK])
            session.execute(
                update(Station).where(chosen).values(volume=value).execution_options(synchronize_session=False)
            )


def _note(session: Session, actor: Actor, batch: StationBatch, proposed: Proposed, now: datetime) -> None:
    """One entry for the act as a whole, at the lowest unit that all of it lies in, and one for each station."""
    whole = audit.Act(
        "station.batch", batch.id, _common(proposed.paths),
        {"do": batch.do, "value": batch.value, "stations": batch.stations, "left_out": len(batch.left_out)}
        | ({"reason": batch.reason} if batch.reason else {}),
    )  # fmt: skip
    each = [
        audit.Act(f"station.{batch.do}", identity, proposed.unit_ids[identity], {"value": value, "batch": batch.id})
        for identity, value in proposed.targets
    ]
    audit.record_all(session, actor=actor.username, acts=[whole, *each], now=now)


def _common(paths: frozenset[str]) -> str | None:
    """The lowest unit that all these paths lie in; None where they have none in common."""
    chains = [path.strip("/").split("/") for path in paths]
    shared = None
    for level in zip(*chains, strict=False):
        if len(set(level)) > 1:
            break
        shared = level[0]
    return shared


def find(session: Session, actor: Actor, batch_id: str) -> StationBatch:
    """The act with this id. Raises NotFound when the actor sees none of its stations."""
    batch = session.get(StationBatch, batch_id)
    seen = (
        select(col(StationCommand.id))
        .join(Station, col(Station.id) == col(StationCommand.station_id))
        .join(Unit, col(Unit.id) == col(Station.unit_id))
        .where(col(StationCommand.batch_id) == batch_id, actor.within(Permission.SEE, col(Unit.path)))
        .limit(1)
    )
    if batch is None or session.execute(seen).first() is None:
        raise NotFound
    return batch


def _step(batch: StationBatch, now: datetime) -> Any:
    read = (col(StationState.seq) >= batch.seq) & (col(StationState.heard_at) >= batch.given_at)
    return case(
        (col(StationCommand.acknowledged_at).is_not(None), "acknowledged"),
        (col(StationCommand.expires_at) <= now, "expired"),
        (read, "told"),
        else_="ordered",
    )


def _orders(batch: StationBatch, actor: Actor, *columns: Any) -> Any:
    return (
        select(*columns)
        .select_from(StationCommand)
        .join(Station, col(Station.id) == col(StationCommand.station_id))
        .join(Unit, col(Unit.id) == col(Station.unit_id))
        .join(StationState, col(StationState.station_id) == col(Station.id), isouter=True)
        .where(col(StationCommand.batch_id) == batch.id, actor.within(Permission.SEE, col(Unit.path)))
    )


def progress(session: Session, actor: Actor, batch: StationBatch, now: datetime) -> dict[str, int]:
    """How many stations that the actor sees are at each of STEPS."""
    step = _step(batch, now)
    rows = session.execute(_orders(batch, actor, step, func.count()).group_by(step)).all()
    return {**dict.fromkeys(STEPS, 0), **dict(rows)}


def lines(session: Session, actor: Actor, batch: StationBatch, now: datetime, limit: int = 100) -> Sequence[Row[Any]]:
    """Station id, name, unit's name, value, step and when it was acknowledged: those that have not answered first."""
    step = _step(batch, now)
    order = case((step == "expired", 0), (step == "ordered", 1), (step == "told", 2), else_=3)
    query = _orders(
        batch, actor, col(Station.id), col(Station.name), col(Unit.name).label("unit"), col(StationCommand.value),
        step.label("step"), col(StationCommand.acknowledged_at),
    )  # fmt: skip
    found: Sequence[Row[Any]] = session.execute(
        query.order_by(order, col(Station.plain), col(Station.id)).limit(limit)
    ).all()
    return found


def latest(session: Session, actor: Actor, limit: int = 5) -> Sequence[StationBatch]:
    """The acts that the actor gave last, the newest first."""
    query = select(StationBatch).where(col(StationBatch.given_by) == actor.id)
    return session.execute(query.order_by(col(StationBatch.given_at).desc()).limit(limit)).scalars().all()


def quiet_now(session: Session, unit: Unit, default_zone: str, now: datetime) -> bool:
    """Whether it is quiet hours at this unit."""
    here = _held(session, {unit.id}, default_zone)[unit.id]
    return quiet.is_quiet(now, here.quiet_hours, known_zone(here.zone))

"""What is arranged for a bulletin, and what waits: slots that hold it, and wishes, as pages show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import true
from sqlmodel import Session, col, select

from core.errors import LoaError
from playlists.models import Programme, ProgrammeItem
from playlists.there import There
from playlists.there import find as find_there
from registry.models import Group, Station, Unit
from registry.rights import Actor, Permission
from scheduler import air_asking, audience, dayparts, slots
from scheduler.air_asking import Asked, When
from scheduler.air_models import AirWishRow
from scheduler.models import DayPart, Slot

MAX_SHOWN = 50
OPEN = ("waiting", "failed")
_NAMED = 12


@dataclass(frozen=True)
class AirWish:
    """Where and when a bulletin sounds, or is wished to: a slot there is (`state` arranged), or one that waits.

    `state`: arranged; waiting (for the approval, or for somebody who may schedule); failed, and `reason` with
    `reason_params` says why. `places` are the first names of `audience`, `more` how many there are besides. What is
    shown in words by the panel has the names of a slot's columns. `joins` is the programme it is part of, if not alone.
    """

    id: str
    state: str
    audience: tuple[str, ...]
    places: tuple[str, ...]
    more: int
    stations: int
    starts: str = ""
    zone: str = ""
    rrule: str | None = None
    exdates: tuple[str, ...] = ()
    rdates: tuple[str, ...] = ()
    until: str | None = None
    days: Mapping[str, Any] | None = None
    daypart: str | None = None
    daypart_name: str = ""
    offset_s: int = 0
    soon: bool = False
    joins: str | None = None
    slot: str | None = None
    wish: str | None = None
    by: str = ""
    reason: str = ""
    reason_params: Mapping[str, Any] = field(default_factory=dict)
    next: tuple[datetime, ...] = ()


def rows_of(session: Session, there: There, states: Sequence[str]) -> list[AirWishRow]:
    """The requests for a bulletin at a unit that are in one of these states, the oldest first."""
    query = select(AirWishRow).where(
        AirWishRow.bulletin_id == there.bulletin.id, col(AirWishRow.state).in_(states),
        AirWishRow.unit_id == there.sent_to if there.sent_to else col(AirWishRow.unit_id).is_(None),
    )  # fmt: skip
    return list(session.exec(query.order_by(col(AirWishRow.id)).limit(MAX_SHOWN)).all())


def wanted(
    session: Session, actor: Actor, bulletin_id: str, now: datetime | None = None, *, at: str | None = None
) -> list[AirWish]:
    """What is arranged for a bulletin, and what waits: slots whose programme holds it, then wishes, the newest first.

    Where it was sent to a unit (`at`, as in `playlists.there.find`), what that unit has arranged. With `now` the next
    instants come along. Raises NotFound. A bounded number of rows, in a bounded number of queries.
    """
    there = find_there(session, actor, bulletin_id, at)
    bulletin, unit = there.bulletin, there.unit
    near = col(Unit.path).startswith(unit.path, autoescape=True) if there.sent_to else true()
    rows = session.exec(
        select(Slot, Programme)
        .join(Programme, col(Programme.id) == Slot.programme_id)
        .join(Unit, col(Unit.id) == Slot.unit_id)
        .where(
            col(Programme.id).in_(select(ProgrammeItem.programme_id).where(ProgrammeItem.bulletin_id == bulletin.id)),
            col(Slot.withdrawn_at).is_(None),
            actor.within(Permission.SEE, col(Unit.path)),
            near,
        )
        .order_by(col(Slot.id).desc())
        .limit(MAX_SHOWN)
    ).all()
    waiting = list(reversed(rows_of(session, there, OPEN)))
    alone = _held_alone(session, {programme.id for _, programme in rows})
    names = {name for slot, _ in rows for name in slot.audience}
    asked = {row.id: air_asking.read(row.wanted).asked for row in waiting}
    inside = {row.id: _inside(session, actor, asked[row.id].audience) for row in waiting}
    told = _named(session, names | {name for each in inside.values() for name in each})
    parts = {code: part.name for code, part in dayparts.held(session, unit).items()}
    parts = parts or {part.code: part.name for part in _parts(session, [slot for slot, _ in rows])}
    counted = _counts(session, [slot.audience for slot, _ in rows] + list(inside.values()))
    every = [slot for slot, _ in rows]
    coming = slots.next_instants_of(session, every, now, 3) if now else [[] for _ in every]
    found = [
        AirWish(
            id=slot.id, state="arranged", audience=tuple(slot.audience), **_where(slot.audience, told, counted),
            starts=slot.starts, zone=slot.zone, rrule=slot.rrule, exdates=tuple(slot.exdates),
            rdates=tuple(slot.rdates), until=slot.until, days=slot.days, daypart=slot.daypart,
            daypart_name=parts.get(slot.daypart or "", ""), offset_s=slot.offset_s, slot=slot.id, by=slot.created_by,
            joins=None if programme.id in alone else programme.title,
            next=tuple(instants),
        )
        for (slot, programme), instants in zip(rows, coming, strict=True)
    ]  # fmt: skip
    for row in waiting:
        found += _waiting(session, row, asked[row.id], inside[row.id], told, counted, parts)
    return found


def _waiting(
    session: Session, row: AirWishRow, asked: Asked, inside: Sequence[str], told: Mapping[str, str],
    counted: Mapping[tuple[str, ...], int], parts: Mapping[str, str],
) -> list[AirWish]:  # fmt: skip
    slot = session.get(Slot, asked.join) if asked.join else None
    programme = session.get(Programme, slot.programme_id) if slot else None
    times: Sequence[When] = asked.times or (When(""),)
    if slot is not None:
        times = (
            When(
                slot.starts, slot.rrule, slot.until, tuple(slot.exdates), slot.days, slot.daypart, slot.offset_s // 60
            ),
        )
    return [
        AirWish(
            id=row.id, state=row.state, audience=tuple(inside), **_where(inside, told, counted), starts=each.starts,
            zone=str(row.wanted.get("zone") or ""), rrule=each.rrule, exdates=each.exdates, until=each.until,
            days=each.days, daypart=each.daypart, daypart_name=parts.get(each.daypart or "", ""),
            offset_s=each.after_minutes * 60, soon=asked.soon, joins=programme.title if programme else None,
            wish=row.id, by=row.wanted_by, reason=row.reason, reason_params=row.reason_params,
        )
        for each in times
    ]  # fmt: skip


def _held_alone(session: Session, programme_ids: set[str]) -> set[str]:
    query = select(ProgrammeItem.programme_id).where(col(ProgrammeItem.programme_id).in_(programme_ids))
    every = list(session.exec(query).all())
    return {each for each in programme_ids if every.count(each) == 1}


def _parts(session: Session, rows: Sequence[Slot]) -> Sequence[DayPart]:
    codes = {slot.daypart for slot in rows if slot.daypart}
    return session.exec(select(DayPart).where(col(DayPart.code).in_(codes)).limit(MAX_SHOWN)).all() if codes else []


def _inside(session: Session, actor: Actor, names: Sequence[str]) -> tuple[str, ...]:
    """Internal names of what was asked for; nothing where it is gone, or out of sight."""
    try:
        return audience.read(session, actor, names, Permission.SEE).names if names else ()
    except LoaError:
        return ()


def _named(session: Session, names: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for kind, table in (("unit", Unit), ("group", Group), ("station", Station)):
        ids = sorted(name.partition(":")[2] for name in names if name.startswith(f"{kind}:"))[:400]
        query = select(table.id, table.name).where(col(table.id).in_(ids))
        found |= {f"{kind}:{identity}": name for identity, name in (session.exec(query).all() if ids else ())}
    return found


def _counts(session: Session, audiences: Sequence[Sequence[str]]) -> dict[tuple[str, ...], int]:
    return audience.counts(session, [tuple(names) for names in audiences])


def _where(names: Sequence[str], told: Mapping[str, str], counted: Mapping[tuple[str, ...], int]) -> dict[str, Any]:
    places = tuple(told[name] for name in names if name in told)
    return {
        "places": places[:_NAMED], "more": max(len(places) - _NAMED, 0), "stations": counted.get(tuple(names), 0),
    }  # fmt: skip

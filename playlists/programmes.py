"""Programmes: composing, changing and finding them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, delete, select

from core import audit, changes
from core.errors import N_, Forbidden, InvalidInput, NotFound
from core.ids import new_id
from playlists import bulletins, subjects
from playlists.models import Programme, ProgrammeItem
from registry.models import Unit
from registry.rights import Actor, Permission
from registry.units import clean_name

MAX_ITEMS = 100
MAX_NEWEST = 20


@dataclass(frozen=True)
class Newest:
    """The `count` newest approved bulletins of the programme's unit and the units above it."""

    field: str | None = None
    priority: str | None = None
    count: int = 1


@dataclass(frozen=True)
class Entry:
    """What a person puts into a programme: exactly one of the three."""

    bulletin: str | None = None
    clip: str | None = None
    newest: Newest | None = None


def create(
    session: Session, actor: Actor, unit: Unit, title: str, entries: Sequence[Entry], now: datetime
) -> Programme:
    actor.require(Permission.WRITE if not _schedules(actor, unit) else Permission.SCHEDULE, unit)
    programme = Programme(
        id=new_id("pr"), unit_id=unit.id, title=clean_name(title, "title"), created_by=actor.id, created_at=now
    )
    session.add(programme)
    session.flush()
    _set_items(session, actor, unit, programme, entries)
    audit.record(
        session, actor=actor.username, action="programme.create", subject=programme.id, unit_id=unit.id, now=now,
        title=programme.title,
    )  # fmt: skip
    return programme


def edit(
    session: Session, actor: Actor, programme_id: str, title: str, entries: Sequence[Entry], now: datetime
) -> Programme:
    """Change a programme. Airings that have not begun are issued anew."""
    programme, unit = find(session, actor, programme_id)
    actor.require(Permission.WRITE if not _schedules(actor, unit) else Permission.SCHEDULE, unit)
    programme.title = clean_name(title, "title")
    session.execute(delete(ProgrammeItem).where(col(ProgrammeItem.programme_id) == programme.id))
    _set_items(session, actor, unit, programme, entries)
    session.add(programme)
    audit.record(
        session, actor=actor.username, action="programme.edit", subject=programme.id, unit_id=unit.id, now=now,
        title=programme.title,
    )  # fmt: skip
    changes.announce(session, "timetable", [f"programme:{programme.id}"], now)
    return programme


def _schedules(actor: Actor, unit: Unit) -> bool:
    return actor.may(Permission.SCHEDULE, unit)


def _set_items(session: Session, actor: Actor, unit: Unit, programme: Programme, entries: Sequence[Entry]) -> None:
    if not 1 <= len(entries) <= MAX_ITEMS:
        raise InvalidInput(
            N_("A programme has between 1 and %(limit)s items."), fields={"items": "count"}, limit=MAX_ITEMS
        )
    for position, entry in enumerate(entries):
        item = ProgrammeItem(id=new_id("pi"), programme_id=programme.id, position=position, kind="bulletin")
        if sum(x is not None for x in (entry.bulletin, entry.clip, entry.newest)) != 1:
            raise InvalidInput(
                N_("Each item is a bulletin, a recording or “the newest”: give exactly one."), fields={"items": "form"}
            )
        if entry.bulletin is not None:
            bulletin, _, _ = bulletins.find(session, actor, entry.bulletin)
            item.bulletin_id = bulletin.id
        elif entry.clip is not None:
            _put_clip(session, actor, unit, item, entry.clip)
        elif entry.newest is not None:
            _put_newest(session, item, entry.newest)
        session.add(item)
    session.flush()


def _put_clip(session: Session, actor: Actor, unit: Unit, item: ProgrammeItem, clip_id: str) -> None:
    clip = bulletins.clip_for(session, actor, clip_id, unit)
    if not actor.may(Permission.APPROVE, unit):
        raise Forbidden(
            N_("A recording goes on air in an approved bulletin. Only who may approve puts it in directly.")
        )
    item.kind, item.clip_id, item.approved_by = "clip", clip.id, actor.id


def _put_newest(session: Session, item: ProgrammeItem, wanted: Newest) -> None:
    if not 1 <= wanted.count <= MAX_NEWEST:
        raise InvalidInput(
            N_("“The newest” takes between 1 and %(limit)s bulletins."), fields={"count": "range"}, limit=MAX_NEWEST
        )
    if wanted.field:
        subjects.known(session, wanted.field)
    if wanted.priority:
        bulletins.known_priority(wanted.priority)
    item.kind, item.field, item.priority, item.count = "newest", wanted.field, wanted.priority, wanted.count


def find(session: Session, actor: Actor, programme_id: str) -> tuple[Programme, Unit]:
    """A programme the actor may see, with its unit. Raises NotFound."""
    programme = session.get(Programme, programme_id)
    unit = session.get(Unit, programme.unit_id) if programme else None
    if programme is None or unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound
    return programme, unit


def visible(session: Session, actor: Actor, *, before: str = "zz", limit: int = 200) -> list[tuple[Programme, Unit]]:
    """Programmes the actor may see, the newest first, older than id `before`."""
    rows = session.exec(
        select(Programme, Unit)
        .join(Unit, col(Unit.id) == Programme.unit_id)
        .where(actor.within(Permission.SEE, col(Unit.path)), col(Programme.id) < before)
        .order_by(col(Programme.id).desc())
        .limit(limit)
    ).all()
    return [(programme, unit) for programme, unit in rows]


def items(session: Session, programme_id: str) -> Sequence[ProgrammeItem]:
    return session.exec(
        select(ProgrammeItem).where(ProgrammeItem.programme_id == programme_id).order_by(col(ProgrammeItem.position))
    ).all()

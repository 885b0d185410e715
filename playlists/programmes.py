"""Programmes: composing, changing and finding them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, delete, select

from core import audit, changes
from core.errors import N_, Forbidden, InvalidInput, NotFound
from core.ids import new_id
from playlists import bulletins, offered, relays, sources, subjects
from playlists.models import Programme, ProgrammeItem
from playlists.relays import Relay
from registry import units
from registry.models import Unit
from registry.rights import Actor, Permission
from registry.units import clean_name

MAX_ITEMS = 100
MAX_NEWEST = 20
MAX_CHOICES = 50
MAX_RELAYS = 10
MOST_DAYS = 90
ROLES = ("", "signature", "fill")


@dataclass(frozen=True)
class Newest:
    """The `count` newest approved bulletins of the programme's unit and the units above it.

    Bounded to what one of these units wrote (`unit`: id or code), to what was approved in the last `max_age_days`, and
    to what has not sounded in this slot for `unheard_days`.
    """

    field: str | None = None
    priority: str | None = None
    count: int = 1
    unit: str | None = None
    max_age_days: int | None = None
    unheard_days: int | None = None


@dataclass(frozen=True)
class Entry:
    """What a person puts into a programme: exactly one of the five.

    `rotation` lists bulletins and recordings of which one sounds at a time, in turn. `role`: a `signature` is never
    left out for want of time; a `fill` sounds only where a slot wants its time filled.
    """

    bulletin: str | None = None
    clip: str | None = None
    newest: Newest | None = None
    rotation: tuple[str, ...] | None = None
    relay: Relay | None = None
    role: str = ""


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
    if sum(entry.relay is not None for entry in entries) > MAX_RELAYS:
        raise InvalidInput(N_("A programme has at most %(limit)s relays."), fields={"items": "count"}, limit=MAX_RELAYS)
    for position, entry in enumerate(entries):
        item = ProgrammeItem(id=new_id("pi"), programme_id=programme.id, position=position, kind="bulletin")
        _fill_in(session, actor, unit, item, entry)
        session.add(item)
    session.flush()


def _fill_in(session: Session, actor: Actor, unit: Unit, item: ProgrammeItem, entry: Entry) -> None:
    given = (entry.bulletin, entry.clip, entry.newest, entry.rotation, entry.relay)
    if sum(x is not None for x in given) != 1:
        raise InvalidInput(
            N_("Each item is a bulletin, a recording, “the newest”, a rotation or a relay: give exactly one."),
            fields={"items": "form"},
        )  # fmt: skip
    if entry.role not in ROLES:
        raise InvalidInput(N_("The role of an item is signature or fill."), fields={"items": "role"})
    item.role = entry.role
    if entry.bulletin is not None:
        item.bulletin_id = offered.find(session, actor, entry.bulletin, unit).id
    elif entry.clip is not None:
        _put_clip(session, actor, unit, item, entry.clip)
    elif entry.newest is not None:
        _put_newest(session, actor, unit, item, entry.newest)
    elif entry.rotation is not None:
        _put_rotation(session, actor, unit, item, entry.rotation)
    elif entry.relay is not None:
        relays.put(session, actor, unit, item, entry.relay)


def _put_clip(session: Session, actor: Actor, unit: Unit, item: ProgrammeItem, clip_id: str) -> None:
    clip = sources.clip_for(session, actor, clip_id, unit)
    if not actor.may(Permission.APPROVE, unit):
        raise Forbidden(
            N_("A recording goes on air in an approved bulletin. Only who may approve puts it in directly.")
        )
    item.kind, item.clip_id, item.approved_by = "clip", clip.id, actor.id


def _put_rotation(session: Session, actor: Actor, unit: Unit, item: ProgrammeItem, wanted: Sequence[str]) -> None:
    if not 1 <= len(wanted) <= MAX_CHOICES:
        raise InvalidInput(
            N_("A rotation has between 1 and %(limit)s items."), fields={"items": "count"}, limit=MAX_CHOICES
        )
    for name in wanted:
        if name.startswith("cl_"):
            _put_clip(session, actor, unit, item, name)
        else:
            offered.find(session, actor, name, unit)
    item.kind, item.clip_id, item.choices = "rotation", None, list(wanted)


def _put_newest(session: Session, actor: Actor, unit: Unit, item: ProgrammeItem, wanted: Newest) -> None:
    if not 1 <= wanted.count <= MAX_NEWEST:
        raise InvalidInput(
            N_("“The newest” takes between 1 and %(limit)s bulletins."), fields={"count": "range"}, limit=MAX_NEWEST
        )
    if wanted.field:
        subjects.known(session, wanted.field)
    if wanted.priority:
        bulletins.known_priority(wanted.priority)
    if any(days is not None and not 1 <= days <= MOST_DAYS for days in (wanted.max_age_days, wanted.unheard_days)):
        raise InvalidInput(N_("Give between 1 and %(limit)s days."), fields={"items": "days"}, limit=MOST_DAYS)
    if wanted.unit:
        above = {each: row for row in units.ancestors(session, unit) for each in (row.id, row.code)}
        home = above.get(wanted.unit) or units.find(session, actor, wanted.unit)
        if not unit.path.startswith(home.path):
            raise InvalidInput(
                N_("“The newest” takes bulletins of the programme's own unit and those above."),
                fields={"items": "unit"},
            )
        item.from_unit_id = home.id
    item.kind, item.field, item.priority, item.count = "newest", wanted.field, wanted.priority, wanted.count
    item.max_age_days, item.unheard_days = wanted.max_age_days, wanted.unheard_days


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

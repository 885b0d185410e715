"""All that resolving some programmes needs, read from one state of the database in a fixed number of queries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlmodel import Session, col, select

from audio.models import Clip
from playlists import offered, relays, renditions
from playlists.models import Bulletin, BulletinVersion, Programme, ProgrammeItem, RelaySource, Rendition
from playlists.parts import Resolved
from registry.models import Person, Unit

_CHUNK = 500
_T = TypeVar("_T", Programme, Clip, Person)


@dataclass(frozen=True)
class InLine:
    """A bulletin of a unit above that comes into one occurrence by itself: first, or after the unit's own priority."""

    bulletin_id: str
    airs_at: datetime
    after_own: bool


@dataclass(frozen=True)
class Library:
    """All that resolving some programmes needs, read from one state of the database."""

    programmes: dict[str, Programme] = field(default_factory=dict)
    items: dict[str, list[ProgrammeItem]] = field(default_factory=dict)
    unit_chain: dict[str, tuple[str, ...]] = field(default_factory=dict)
    approved: dict[str, BulletinVersion] = field(default_factory=dict)
    latest: dict[str, BulletinVersion] = field(default_factory=dict)
    approved_in_unit: dict[str, list[BulletinVersion]] = field(default_factory=dict)
    others: dict[str, list[Rendition]] = field(default_factory=dict)  # by version
    clips: dict[str, Clip] = field(default_factory=dict)
    relays: dict[str, RelaySource] = field(default_factory=dict)  # by address
    names: dict[str, str] = field(default_factory=dict)
    turns: dict[str, list[datetime]] = field(default_factory=dict)
    tongues: dict[str, frozenset[str]] = field(default_factory=dict)
    in_line: dict[str, list[InLine]] = field(default_factory=dict)  # by programme
    known: dict[tuple[str, int, int, tuple[str, ...]], Resolved] = field(default_factory=dict)


def load(session: Session, programme_ids: Iterable[str]) -> Library:
    """Read these programmes with their items, bulletins, clips and approvers: a fixed number of queries per 500."""
    wanted = sorted(set(programme_ids))
    library = Library()
    for programme in _in_chunks(session, Programme, wanted):
        library.programmes[programme.id] = programme
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        query = select(ProgrammeItem).where(col(ProgrammeItem.programme_id).in_(chunk))
        for item in session.exec(query.order_by(col(ProgrammeItem.position))).all():
            library.items.setdefault(item.programme_id, []).append(item)
    _fill(session, library)
    return library


def imagined(session: Session, programme: Programme, bulletin_ids: Sequence[str]) -> Library:
    """What `load` would read of a programme that is not kept anywhere, with these bulletins in it and nothing else."""
    items = [
        ProgrammeItem(id="", programme_id=programme.id, position=place, kind="bulletin", bulletin_id=each)
        for place, each in enumerate(bulletin_ids)
    ]
    library = Library(programmes={programme.id: programme}, items={programme.id: items})
    _fill(session, library)
    return library


def _fill(session: Session, library: Library) -> None:
    """Read all that the items of a library name."""
    every_item = [item for items in library.items.values() for item in items]
    named = {i.bulletin_id for i in every_item if i.bulletin_id}
    named |= {choice for i in every_item for choice in i.choices if choice.startswith("bu_")}
    programmes = sorted(library.programmes)
    for start in range(0, len(programmes), _CHUNK):
        lined_up = offered.in_line_at(session, programmes[start : start + _CHUNK])
        for programme_id, bulletin_id, airs_at, after_own in lined_up:
            library.in_line.setdefault(programme_id, []).append(InLine(bulletin_id, airs_at, after_own))
    named |= {each.bulletin_id for lined in library.in_line.values() for each in lined}
    _load_bulletins(session, library, sorted(named))
    seeking = {i.programme_id for i in every_item if i.kind == "newest"}
    _load_newest(session, library, [library.programmes[each] for each in sorted(seeking)])
    versions = [*library.approved.values(), *library.latest.values()]
    versions += [v for found in library.approved_in_unit.values() for v in found]
    library.others.update(renditions.of(session, {v.id for v in versions}))
    clip_ids = {v.clip_id for v in versions} | {i.clip_id for i in every_item if i.clip_id}
    clip_ids |= {choice for i in every_item for choice in i.choices if choice.startswith("cl_")}
    clip_ids |= {other.clip_id for others in library.others.values() for other in others}
    for clip in _in_chunks(session, Clip, sorted(clip_ids)):
        library.clips[clip.id] = clip
    relayed = {i.relay for i in every_item if i.relay}
    if relayed:
        library.relays.update(relays.known(session, relayed))
    people = {v.decided_by for v in versions if v.decided_by} | {i.approved_by for i in every_item if i.approved_by}
    for person in _in_chunks(session, Person, sorted(people)):
        library.names[person.id] = person.name


def _in_chunks(session: Session, model: type[_T], ids: Sequence[str]) -> Iterable[_T]:
    for start in range(0, len(ids), _CHUNK):
        yield from session.exec(select(model).where(col(model.id).in_(ids[start : start + _CHUNK]))).all()


def _load_bulletins(session: Session, library: Library, ids: Sequence[str]) -> None:
    for start in range(0, len(ids), _CHUNK):
        rows = session.exec(
            select(Bulletin, BulletinVersion)
            .join(BulletinVersion, col(BulletinVersion.bulletin_id) == Bulletin.id)
            .where(
                col(Bulletin.id).in_(ids[start : start + _CHUNK]),
                (col(BulletinVersion.number) == Bulletin.approved) | (col(BulletinVersion.number) == Bulletin.latest),
            )
        ).all()
        for bulletin, version in rows:
            if version.number == bulletin.approved:
                library.approved[bulletin.id] = version
            if version.number == bulletin.latest:
                library.latest[bulletin.id] = version


def _load_newest(session: Session, library: Library, programmes: Sequence[Programme]) -> None:
    if not programmes:
        return
    paths = {unit.id: unit.path for unit in session.exec(select(Unit)).all()}
    for programme in programmes:
        library.unit_chain[programme.id] = tuple(paths[programme.unit_id].strip("/").split("/"))
    units = sorted({unit for chain in library.unit_chain.values() for unit in chain})
    for start in range(0, len(units), _CHUNK):
        rows = session.exec(
            select(Bulletin.unit_id, BulletinVersion)
            .join(Bulletin, col(Bulletin.id) == BulletinVersion.bulletin_id)
            .where(
                col(Bulletin.unit_id).in_(units[start : start + _CHUNK]),
                col(BulletinVersion.number) == Bulletin.approved,
            )
        ).all()
        for unit_id, version in rows:
            library.approved_in_unit.setdefault(unit_id, []).append(version)

"""What of a programme may sound at an instant: read once in a few queries, then decided by pure code."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlmodel import Session, col, select

from audio import clips
from audio.models import Clip
from core.wire import ClipFiles
from playlists.models import Bulletin, BulletinVersion, Programme, ProgrammeItem
from registry.models import Person, Unit

# Before a clip exists its length is guessed from the text: Vietnamese speech at a loudspeaker's pace.
_SECONDS_A_CHARACTER = 0.075
_SECONDS_A_CLIP = 4.0
_CHUNK = 500
_T = TypeVar("_T", Programme, Clip, Person)


@dataclass(frozen=True)
class Part:
    """Something that may sound: approved, valid, rendered. `seconds` is the length of its audio."""

    title: str
    seconds: float
    files: ClipFiles
    approved_by: str
    bulletin_id: str | None
    clip_id: str


@dataclass(frozen=True, eq=False)
class Resolved:
    """A programme at one instant. `waiting` are clips still being made; `left_out` says why of the rest.

    One library gives the same object for every instant at which the programme is the same.
    """

    parts: tuple[Part, ...] = ()
    waiting: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    priority: str = "ordinary"

    @property
    def seconds(self) -> float:
        return sum(part.seconds for part in self.parts)


@dataclass(frozen=True)
class Library:
    """All that resolving some programmes needs, read from one state of the database."""

    programmes: dict[str, Programme] = field(default_factory=dict)
    items: dict[str, list[ProgrammeItem]] = field(default_factory=dict)
    unit_chain: dict[str, tuple[str, ...]] = field(default_factory=dict)
    approved: dict[str, BulletinVersion] = field(default_factory=dict)
    latest: dict[str, BulletinVersion] = field(default_factory=dict)
    approved_in_unit: dict[str, list[BulletinVersion]] = field(default_factory=dict)
    clips: dict[str, Clip] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    turns: dict[str, list[datetime]] = field(default_factory=dict)
    known: dict[tuple[str, int], Resolved] = field(default_factory=dict)


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
    every_item = [item for items in library.items.values() for item in items]
    _load_bulletins(session, library, sorted({i.bulletin_id for i in every_item if i.bulletin_id}))
    seeking = {i.programme_id for i in every_item if i.kind == "newest"}
    _load_newest(session, library, [library.programmes[each] for each in sorted(seeking)])
    versions = [*library.approved.values(), *library.latest.values()]
    versions += [v for found in library.approved_in_unit.values() for v in found]
    clip_ids = {v.clip_id for v in versions} | {i.clip_id for i in every_item if i.clip_id}
    for clip in _in_chunks(session, Clip, sorted(clip_ids)):
        library.clips[clip.id] = clip
    people = {v.decided_by for v in versions if v.decided_by} | {i.approved_by for i in every_item if i.approved_by}
    for person in _in_chunks(session, Person, sorted(people)):
        library.names[person.id] = person.name
    return library


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


def resolve(library: Library, programme_id: str, at: datetime) -> Resolved:
    """What of the programme may sound at the instant `at`, in order, as far as it is known now. Pure.

    A bulletin counts when its approved version is valid at `at`. The same bulletin sounds once, also when
    "the newest" finds it again. Between two instants at which some bulletin begins or ends to be valid the answer
    is the same, so it is worked out once for each such stretch.
    """
    turns = library.turns.get(programme_id)
    if turns is None:
        turns = library.turns[programme_id] = _turns(library, programme_id)
    stretch = programme_id, bisect_right(turns, at)
    if stretch not in library.known:
        library.known[stretch] = _resolve(library, programme_id, at)
    return library.known[stretch]


def _turns(library: Library, programme_id: str) -> list[datetime]:
    """The instants, in order, at which what may sound in the programme can change."""
    chosen: list[BulletinVersion] = []
    for item in library.items.get(programme_id, ()):
        if item.kind == "newest":
            chosen += [v for unit in library.unit_chain[programme_id] for v in library.approved_in_unit.get(unit, ())]
        elif item.bulletin_id in library.approved:
            chosen.append(library.approved[item.bulletin_id])
    return sorted({turn for version in chosen for turn in (version.valid_from, version.valid_until) if turn})


def _resolve(library: Library, programme_id: str, at: datetime) -> Resolved:
    parts: list[Part] = []
    waiting: list[str] = []
    left_out: list[tuple[str, str]] = []
    seen: set[str] = set()
    priority = "ordinary"
    for item in library.items.get(programme_id, ()):
        if item.kind == "clip" and item.clip_id:
            clip = library.clips[item.clip_id]
            _take(library, clip, clip.title, item.approved_by, None, parts, waiting, left_out)
            continue
        if item.kind == "newest":
            found = _newest(library, programme_id, item, at)
        else:
            found = _approved(library, item.bulletin_id or "", at, left_out)
        for version in found:
            if version.bulletin_id in seen:
                continue
            seen.add(version.bulletin_id)
            clip = library.clips[version.clip_id]
            _take(library, clip, version.title, version.decided_by, version.bulletin_id, parts, waiting, left_out)
            # Only who raises an alarm makes an emergency: within a programme the highest is "priority".
            priority = "priority" if version.priority != "ordinary" else priority
    return Resolved(tuple(parts), tuple(waiting), tuple(left_out), priority)


def _valid(version: BulletinVersion, at: datetime) -> str:
    if version.valid_until and version.valid_until <= at:
        return "run_out"
    if version.valid_from and version.valid_from > at:
        return "not_yet_valid"
    return ""


def _approved(
    library: Library, bulletin_id: str, at: datetime, left_out: list[tuple[str, str]]
) -> list[BulletinVersion]:
    version = library.approved.get(bulletin_id)
    why = _valid(version, at) if version else "not_approved"
    if version is None or why:
        left_out.append((bulletin_id, why))
        return []
    return [version]


def _newest(library: Library, programme_id: str, item: ProgrammeItem, at: datetime) -> list[BulletinVersion]:
    found = [
        version
        for unit in library.unit_chain[programme_id]
        for version in library.approved_in_unit.get(unit, ())
        if not _valid(version, at)
        and (not item.field or version.field == item.field)
        and (not item.priority or version.priority == item.priority)
    ]
    found.sort(key=lambda version: (version.decided_at or version.written_at, version.id), reverse=True)
    return found[: item.count]


def _take(
    library: Library,
    clip: Clip,
    title: str,
    approved_by: str | None,
    bulletin_id: str | None,
    parts: list[Part],
    waiting: list[str],
    left_out: list[tuple[str, str]],
) -> None:
    if not approved_by:
        left_out.append((bulletin_id or clip.id, "not_approved"))
    elif clip.state == "ready" and clip.seconds:
        approver = library.names.get(approved_by, approved_by)
        parts.append(Part(title, clip.seconds, clips.files(clip), approver, bulletin_id, clip.id))
    elif clip.state == "failed":
        left_out.append((bulletin_id or clip.id, "audio_failed"))
    else:
        waiting.append(clip.id)


def expected_seconds(library: Library, programme_id: str, at: datetime) -> float:
    """How long the programme will take, guessing where audio is not made yet, counting what awaits approval. Pure."""
    total = 0.0
    for item in library.items.get(programme_id, ()):
        if item.kind == "newest":
            total += sum(_length(library.clips[v.clip_id]) for v in _newest(library, programme_id, item, at))
        elif item.clip_id:
            total += _length(library.clips[item.clip_id])
        elif item.bulletin_id in library.latest:
            total += _length(library.clips[library.latest[item.bulletin_id].clip_id])
    return total


def _length(clip: Clip) -> float:
    return clip.seconds or _SECONDS_A_CLIP + len(clip.text or "") * _SECONDS_A_CHARACTER

"""What of a programme may sound at an instant, decided by pure code from a library that was read once.

A bulletin in several languages sounds at each station in that station's languages.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from audio import clips
from audio.models import READY, Clip
from playlists.libraries import InLine, Library
from playlists.models import BulletinVersion, ProgrammeItem
from playlists.parts import NO_FILES, Part, Resolved
from playlists.sources import LOST

# Before a clip exists its length is guessed from the text: Vietnamese speech at a loudspeaker's pace.
_SECONDS_A_CHARACTER = 0.075
_SECONDS_A_CLIP = 4.0
_HALF_DAY_S = 43_200
_TICK = timedelta(microseconds=1)


def resolve(
    library: Library,
    programme_id: str,
    at: datetime,
    languages: Sequence[str] = (),
    heard: Mapping[str, datetime] | None = None,
) -> Resolved:
    """What of the programme may sound at the instant `at`, in order, as far as it is known now. Pure.

    A bulletin counts when its approved version is valid at `at`. The same bulletin sounds once, also when
    "the newest" finds it again. It sounds in each of `languages` (those of a station) that it has, in that order; where
    it has none of them, as it was written. `heard` says when each bulletin was last heard there, for items that ask for
    what was not. Between two instants at which some bulletin begins or ends to be valid the answer is the same, so it
    is worked out once for each such stretch.
    """
    spoken = heard_of(library, programme_id, languages)
    items = library.items.get(programme_id, ())
    if heard and any(item.unheard_days for item in items):
        return _resolve(library, programme_id, at, spoken, heard)
    turns = library.turns.get(programme_id)
    if turns is None:
        turns = library.turns[programme_id] = _turns(library, programme_id)
    turn = half_day(at) if any(item.kind == "rotation" for item in items) else 0
    stretch = programme_id, bisect_right(turns, at), turn, spoken
    if stretch not in library.known:
        library.known[stretch] = _resolve(library, programme_id, at, spoken, {})
    return library.known[stretch]


def half_day(at: datetime) -> int:
    """Number of the half day (in UTC) of an instant: what a rotation goes by."""
    return int(at.timestamp()) // _HALF_DAY_S


def asks_for_unheard(library: Library, programme_id: str) -> bool:
    """Whether what sounds depends on what was heard before."""
    return any(item.unheard_days for item in library.items.get(programme_id, ()))


def heard_of(library: Library, programme_id: str, languages: Sequence[str]) -> tuple[str, ...]:
    """What of a station's `languages` makes a difference to this programme; nothing where no bulletin has several."""
    there = tongues(library, programme_id)
    return tuple(each for each in dict.fromkeys(languages) if any(_same(each, tongue) for tongue in there))


def tongues(library: Library, programme_id: str) -> frozenset[str]:
    """The languages of those bulletins of a programme that have several. Mostly there are none."""
    found = library.tongues.get(programme_id)
    if found is None:
        versions = [each for each in _chosen(library, programme_id) if each.id in library.others]
        own = {each.language for each in versions}
        others = {other.language for each in versions for other in library.others[each.id]}
        found = library.tongues[programme_id] = frozenset(own | others)
    return found


def _same(wanted: str, language: str) -> bool:
    """Whether a station that wants `vi` takes `vi` or `vi-vn`."""
    return language == wanted or language.startswith(f"{wanted}-")


def _chosen(library: Library, programme_id: str) -> list[BulletinVersion]:
    """Every version that may sound in the programme at some time."""
    chosen: list[BulletinVersion] = []
    chosen += [
        library.approved[each.bulletin_id]
        for each in library.in_line.get(programme_id, ()) if each.bulletin_id in library.approved
    ]  # fmt: skip
    for item in library.items.get(programme_id, ()):
        if item.kind == "newest":
            chosen += [v for unit in library.unit_chain[programme_id] for v in library.approved_in_unit.get(unit, ())]
        for name in (item.bulletin_id or "", *item.choices):
            if name in library.approved:
                chosen.append(library.approved[name])
    return chosen


def _turns(library: Library, programme_id: str) -> list[datetime]:
    """The instants, in order, at which what may sound in the programme can change."""
    chosen = _chosen(library, programme_id)
    turns = {turn for version in chosen for turn in (version.valid_from, version.valid_until) if turn}
    for item in library.items.get(programme_id, ()):
        if item.max_age_days:
            turns |= {_decided(version) + timedelta(days=item.max_age_days) for version in chosen}
    for each in library.in_line.get(programme_id, ()):
        turns |= {each.airs_at, each.airs_at + _TICK}
    return sorted(turns)


def _resolve(
    library: Library, programme_id: str, at: datetime, languages: Sequence[str], heard: Mapping[str, datetime]
) -> Resolved:
    lined = [each for each in library.in_line.get(programme_id, ()) if each.airs_at == at]
    first, later = (_in_line(library, lined, at, languages, after_own=after) for after in (False, True))
    found = _Found(library)
    found.heed(first, later)
    fills = _Found(library)
    for item in library.items.get(programme_id, ()):
        into = fills if item.role == "fill" else found
        if item.kind == "newest":
            versions = _newest(library, programme_id, item, at, heard)
        elif item.kind == "rotation":
            chosen = item.choices[_turn_of(item, at)]
            if chosen.startswith("cl_"):
                into.take_clip(chosen, item)
                continue
            versions = _approved(library, chosen, at, into.left_out)
        elif item.relay:
            into.take_relay(item)
            continue
        elif item.clip_id:
            into.take_clip(item.clip_id, item)
            continue
        else:
            versions = _approved(library, item.bulletin_id or "", at, into.left_out)
        for version in versions:
            into.take_version(version, item, languages)
    found.let_in(first, later)
    return Resolved(
        tuple(found.parts), (*found.waiting, *fills.waiting), tuple(found.left_out), found.priority,
        tuple(fills.parts),
    )  # fmt: skip


def _in_line(
    library: Library, lined: Sequence[InLine], at: datetime, languages: Sequence[str], *, after_own: bool
) -> "_Found":
    """What stands in line for the occurrence at `at`: before all else there is, or after the unit's own priority."""
    found = _Found(library)
    for each in lined:
        if each.after_own == after_own:
            for version in _approved(library, each.bulletin_id, at, found.left_out):
                item = ProgrammeItem(id="", programme_id="", position=0, kind="in_line")
                found.take_version(version, item, languages)
    return found


def _turn_of(item: ProgrammeItem, at: datetime) -> int:
    """Whose turn it is: another one each day, and another in the second half of the day."""
    day, half = divmod(half_day(at), 2)
    return (day + half * (len(item.choices) // 2)) % len(item.choices)


def _decided(version: BulletinVersion) -> datetime:
    return version.decided_at or version.written_at


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


def _newest(
    library: Library, programme_id: str, item: ProgrammeItem, at: datetime, heard: Mapping[str, datetime]
) -> list[BulletinVersion]:
    found = [
        version
        for unit in library.unit_chain[programme_id]
        if item.from_unit_id in {None, unit}
        for version in library.approved_in_unit.get(unit, ())
        if not _valid(version, at)
        and (not item.field or version.field == item.field)
        and (not item.priority or version.priority == item.priority)
        and (not item.max_age_days or _decided(version) + timedelta(days=item.max_age_days) > at)
        and not _was_heard(version, item, at, heard)
    ]
    found.sort(key=lambda version: (_decided(version), version.id), reverse=True)
    return found[: item.count]


def _was_heard(version: BulletinVersion, item: ProgrammeItem, at: datetime, heard: Mapping[str, datetime]) -> bool:
    last = heard.get(version.bulletin_id)
    return bool(item.unheard_days) and last is not None and last > at - timedelta(days=item.unheard_days or 0)


def spoken_at(library: Library, version: BulletinVersion, languages: Sequence[str]) -> list[tuple[str, str]]:
    """Language (empty for the one it was written in) and clip of all that sounds of a version, in order."""
    own = ("", version.clip_id)
    there = [(version.language, own)]
    there += [(other.language, (other.language, other.clip_id)) for other in library.others.get(version.id, ())]
    found = [sound for wanted in languages for language, sound in there if _same(wanted, language)]
    return (list(dict.fromkeys(found)) or [own]) * (2 if version.twice else 1)


@dataclass
class _Found:
    """What has been found so far for a programme, in order; each bulletin once."""

    library: Library
    parts: list[Part] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    priority: str = "ordinary"
    _seen: set[str] = field(default_factory=set)

    def heed(self, *others: "_Found") -> None:
        """Take nothing again that the others have."""
        for other in others:
            self._seen |= other._seen  # noqa: SLF001 - its own kind

    def let_in(self, first: "_Found", later: "_Found") -> None:
        """Put `first` behind the opening tune, and `later` behind the unit's own bulletins with priority."""
        opening = next((n for n, part in enumerate(self.parts) if part.role != "signature"), len(self.parts))
        urgent = [n + 1 for n, part in enumerate(self.parts) if part.priority != "ordinary"]
        self.parts[max(urgent, default=opening) : max(urgent, default=opening)] = later.parts
        self.parts[opening:opening] = first.parts
        for other in (first, later):
            self.waiting += other.waiting
            self.left_out += other.left_out
            self.priority = other.priority if other.parts else self.priority

    def take_clip(self, clip_id: str, item: ProgrammeItem) -> None:
        clip = self.library.clips[clip_id]
        self._take(clip, Part(clip.title, 0.0, NO_FILES, item.approved_by or "", None, clip.id, role=item.role))

    def take_relay(self, item: ProgrammeItem) -> None:
        source = self.library.relays.get(item.relay or "")
        title = item.title or (source.name if source else "") or urlsplit(item.relay or "").hostname or ""
        clip = self.library.clips.get(item.clip_id or "")
        ready = clip is not None and clip.state == READY
        if not item.approved_by or not item.seconds:
            self.left_out.append((title, "not_approved"))
            return
        self.parts.append(
            Part(
                title, item.seconds, clips.files(clip) if clip and ready else NO_FILES,
                self.library.names.get(item.approved_by, item.approved_by), None, clip.id if clip and ready else "",
                role=item.role, relay=item.relay or "", relay_kind=source.kind if source else "", via=item.via,
            )
        )  # fmt: skip

    def take_version(self, version: BulletinVersion, item: ProgrammeItem, languages: Sequence[str]) -> None:
        if version.bulletin_id in self._seen:
            return
        self._seen.add(version.bulletin_id)
        # Only who raises an alarm makes an emergency: within a programme the highest is "priority".
        priority = "ordinary" if version.priority == "ordinary" else "priority"
        for language, clip_id in spoken_at(self.library, version, languages):
            part = Part(
                version.title, 0.0, NO_FILES, version.decided_by or "", version.bulletin_id, clip_id, language,
                priority, item.role, version.valid_until,
            )  # fmt: skip
            self._take(self.library.clips[clip_id], part)
        if item.role != "fill" and priority != "ordinary":
            self.priority = priority

    def _take(self, clip: Clip, part: Part) -> None:
        name = part.bulletin_id or clip.id
        if not part.approved_by:
            self.left_out.append((name, "not_approved"))
        elif clip.state == READY and clip.seconds:
            approver = self.library.names.get(part.approved_by, part.approved_by)
            self.parts.append(replace(part, seconds=clip.seconds, files=clips.files(clip), approved_by=approver))
        elif clip.state in LOST:
            self.left_out.append((name, "audio_failed"))
        else:
            self.waiting.append(clip.id)


def expected_seconds(
    library: Library, programme_id: str, at: datetime, languages: Sequence[str] | None = None
) -> float:
    """How long the programme will take, guessing where audio is not made yet, counting what awaits approval. Pure.

    Without `languages`, as long as it takes at a station that plays every language there is.
    """
    total = sum(
        _length(library, library.approved[each.bulletin_id], languages)
        for each in library.in_line.get(programme_id, ())
        if each.airs_at == at and each.bulletin_id in library.approved
    )
    for item in library.items.get(programme_id, ()):
        if item.role == "fill":
            continue
        if item.kind == "newest":
            total += sum(_length(library, v, languages) for v in _newest(library, programme_id, item, at, {}))
        elif item.kind == "rotation":
            total += max(_choice_seconds(library, choice, languages) for choice in item.choices)
        elif item.relay:
            total += item.seconds or 0.0
        elif item.clip_id:
            total += clip_seconds(library.clips[item.clip_id])
        elif item.bulletin_id in library.latest:
            total += _length(library, library.latest[item.bulletin_id], languages)
    return total


def expected_priority(library: Library, programme_id: str) -> str:
    """`priority` when a bulletin that is in the programme by name goes before ordinary ones, else `ordinary`. Pure."""
    for item in library.items.get(programme_id, ()):
        version = library.latest.get(item.bulletin_id or "") or library.approved.get(item.bulletin_id or "")
        if version is not None and version.priority != "ordinary":
            return "priority"
        if item.kind == "newest" and item.priority not in {None, "ordinary"}:
            return "priority"
    return "ordinary"


def _choice_seconds(library: Library, choice: str, languages: Sequence[str] | None) -> float:
    if choice.startswith("cl_"):
        return clip_seconds(library.clips[choice])
    return _length(library, library.latest[choice], languages) if choice in library.latest else 0.0


def _length(library: Library, version: BulletinVersion, languages: Sequence[str] | None) -> float:
    every = [version.language, *(other.language for other in library.others.get(version.id, ()))]
    spoken = spoken_at(library, version, every if languages is None else languages)
    return sum(clip_seconds(library.clips[clip_id]) for _, clip_id in spoken)


def clip_seconds(clip: Clip) -> float:
    """The length of a clip, or before it is made a guess from its text."""
    return clip.seconds or _SECONDS_A_CLIP + len(clip.text or "") * _SECONDS_A_CHARACTER

"""What a rehearsed station has on its disk: the store and the audio, without the disk.

Both keep the promises of the real ones (the tests of the store run over both) and outlive a power cut.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from core.wire import AudioFile, Codec, Report, StartedHere
from station.due import Key, Progress
from station.shelf import Shelf, name_of
from station.store import Store


class Memory(Store):
    """A station's store in plain containers. `on_report` is told of each report, once, when it is made."""

    def __init__(self, on_report: Callable[[Report], object] = lambda _: None) -> None:
        self._on_report = on_report
        self.fault, self.damaged = None, False
        self._standing: dict[str, tuple[str, datetime]] = {}
        self._facts: dict[str, str] = {}
        self._tickets: dict[str, tuple[str, datetime, bool]] = {}
        self._withdrawn: dict[str, datetime] = {}
        self._progress: dict[Key, Progress] = {}
        self._done: dict[Key, tuple[Report, datetime]] = {}
        self._begun: dict[tuple[str, int], tuple[str, datetime]] = {}
        self._refused: dict[str, datetime] = {}
        self._outbox: dict[str, Report] = {}
        self._acknowledgements: dict[str, None] = {}
        self._obeyed: dict[str, datetime] = {}

    def close(self) -> None:
        """Nothing is open."""

    @property
    def moved(self) -> int:
        return 0

    def look_after(self, *, at_once: bool = False) -> None:
        """There is no disk that could fail."""

    def standing(self) -> list[tuple[str, datetime]]:
        return list(self._standing.values())

    def keep_standing(self, tickets: Sequence[tuple[str, str]], now: datetime) -> None:
        former = self._standing
        self._standing = {message: (jws, former.get(message, ("", now))[1]) for message, jws in tickets}

    def started_here(self) -> list[tuple[str, str, StartedHere]]:
        return []

    @contextmanager
    def writing(self) -> Iterator[None]:
        yield

    def fact(self, name: str) -> str | None:
        return self._facts.get(name)

    def keep_fact(self, name: str, value: str) -> None:
        self._facts[name] = value

    def tickets(self) -> list[tuple[str, datetime]]:
        return [(jws, received_at) for jws, received_at, _ in self._tickets.values()]

    def keep_ticket(self, airing: str, jws: str, received_at: datetime, *, in_plan: bool) -> None:
        _, first, planned = self._tickets.get(airing, (jws, received_at, False))
        self._tickets[airing] = (jws, first, planned or in_plan)

    def drop_tickets(self, airings: Iterable[str]) -> None:
        for airing in airings:
            self._tickets.pop(airing, None)
            for key in [key for key in self._progress if key[0] == airing]:
                del self._progress[key]

    def planned(self) -> set[str]:
        return {airing for airing, (_, _, in_plan) in self._tickets.items() if in_plan}

    def withdrawn(self) -> set[str]:
        return set(self._withdrawn)

    def keep_withdrawn(self, airing: str, now: datetime) -> None:
        self._withdrawn.setdefault(airing, now)

    def progress(self) -> dict[Key, Progress]:
        return dict(self._progress)

    def keep_progress(self, key: Key, progress: Progress) -> None:
        self._progress[key] = progress

    def begun(self) -> dict[tuple[str, int], str]:
        return {key: airing for key, (airing, _) in self._begun.items()}

    def keep_begun(self, occurrence: str, item: int, airing: str, now: datetime) -> None:
        self._begun.setdefault((occurrence, item), (airing, now))

    def drop_begun(self, occurrence: str, item: int) -> None:
        self._begun.pop((occurrence, item), None)

    def done(self) -> set[Key]:
        return set(self._done)

    def report_of(self, key: Key) -> Report | None:
        found = self._done.get(key)
        return found[0] if found else None

    def finish(self, report: Report, now: datetime) -> None:
        key = (report.airing, report.item)
        if key not in self._done:
            self._done[key] = (report, now)
            self._outbox[report.id] = report
            self._on_report(report)
        self._progress.pop(key, None)

    def refuse(self, ticket_hash: str, report: Report | None, now: datetime) -> bool:
        if ticket_hash in self._refused:
            return False
        self._refused[ticket_hash] = now
        if report is not None:
            self._outbox[report.id] = report
            self._on_report(report)
        return True

    def outbox(self, limit: int) -> list[str]:
        return [report.model_dump_json() for report in self.waiting(limit)]

    def waiting(self, limit: int) -> list[Report]:
        """The outbox as reports."""
        return list(islice(self._outbox.values(), limit))

    def outbox_size(self) -> int:
        return len(self._outbox)

    def accepted(self, ids: Iterable[str]) -> None:
        for one in list(ids):
            self._outbox.pop(one, None)

    def postpone(self, ids: Iterable[str]) -> None:
        for one in list(ids):
            report = self._outbox.pop(one, None)
            if report is not None:
                self._outbox[one] = report

    def acknowledgements(self, limit: int) -> list[str]:
        return list(self._acknowledgements)[:limit]

    def acknowledge(self, ids: Iterable[str]) -> None:
        for one in ids:
            self._acknowledgements.setdefault(one)

    def acknowledged(self, ids: Iterable[str]) -> None:
        for one in list(ids):
            self._acknowledgements.pop(one, None)

    def obey_once(self, command: str, now: datetime) -> bool:
        if command in self._obeyed:
            return False
        self._obeyed[command] = now
        return True

    def prune(self, before: datetime) -> None:
        """Forget what is older than `before`. The outbox of a rehearsal never reaches its bound."""
        for aged in (self._withdrawn, self._refused, self._obeyed):
            for one in [one for one, at in aged.items() if at < before]:
                del aged[one]
        for key in [key for key, (_, at) in self._done.items() if at < before]:
            del self._done[key]
        for occurrence in [one for one, (_, at) in self._begun.items() if at < before]:
            del self._begun[occurrence]


@dataclass
class Disk:
    """Names of the audio files that lie whole, of those that have rotted, and the bytes of unfinished downloads."""

    files: set[str] = field(default_factory=set)
    rotten: set[str] = field(default_factory=set)
    parts: dict[str, int] = field(default_factory=dict)


class Cupboard(Shelf):
    """The shelf over a `Disk`: what depends on bytes is answered from there, all that it decides is the shelf's."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        super().__init__(Path())

    def _names(self) -> Iterator[str]:
        return iter(self._disk.files)

    def _is_genuine(self, path: Path, file: AudioFile) -> bool:  # noqa: ARG002 - what the real one compares it with
        return not self.is_rotten(path)

    def _remove(self, path: Path) -> None:
        self._disk.files.discard(path.name)
        self._disk.rotten.discard(path.name)

    def is_rotten(self, path: Path) -> bool:
        """Whether what lies there can't be decoded."""
        return path.name in self._disk.rotten

    def arrived(self, file: AudioFile, codec: Codec, *, whole: bool) -> bool:
        """Take a finished download; False, and nothing is kept, if it is not what was promised."""
        name = name_of(file, codec)
        self._disk.parts.pop(name, None)
        if not whole:
            self._bad.add(name)
            return False
        self._disk.files.add(name)
        self._here.add(name)
        self._checked.add(name)
        self._bad.discard(name)
        return True

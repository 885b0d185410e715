"""Power cuts: the real `loa station run` is killed at random instants while it fetches, plays and reports.

Each airing has audio of its own to fetch, made of a few sounds that are told apart, and told where in them one is, by
cross-correlation: so what went out before each cut is known to the millisecond, also from files that were torn.
"""

import hashlib
import json
import random
import shutil
import sqlite3
import time
import wave
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from station_lab import FakeServer, Player, encode, enrol, noise, ticket, write_wav

from core.clock import utc_now
from core.wire import AudioFile, ClipFiles, Item, Ticket
from station.decoding import Decoder

SOUNDS = 24
EVERY = timedelta(seconds=2)
SECONDS = 1.2
LONG_SECONDS = 5.4  # now and then, to be cut more than once
AHEAD = timedelta(seconds=24)
HOLDS = timedelta(seconds=15)
REMEMBERED = timedelta(minutes=2)  # so long a plan tells of what is over
# What may be said again: a position is noted ten times a second, and the WAV output runs ahead by as much.
OVERLAP_SECONDS = 0.35
_LIKE = 0.6


class Noting(Counter[str]):
    """Counts requests, and remembers when the first one after `spawned` came."""

    first: float | None = None

    def __setitem__(self, name: str, count: int) -> None:
        super().__setitem__(name, count)
        if self.first is None:
            self.first = time.monotonic()


@dataclass
class Piece:
    """What went out without a break: of which sound, from where to where in it, in seconds."""

    airing: str
    item: int
    begins: float
    ends: float


@dataclass
class Findings:
    """What the cuts met and what came of it; `wrong` holds every broken promise in words."""

    seed: int
    cuts: int = 0
    starts_s: list[float] = field(default_factory=list)
    starts_cpu_s: list[float] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    items: int = 0
    reports: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    pieces: int = 0
    most_overlap_s: float = 0.0


class PowerCuts:
    """One run. `cut` starts, kills and looks; `finish` lets the station catch up and adds up."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - a test's dice
        self.found = Findings(seed)
        self._folder = folder
        self.server = FakeServer()
        self.server.settings = self.server.settings.model_copy(update={"codec": "mp3", "spread_s": 0})
        self.server.media_bytes_per_second = 150_000
        enrolled = enrol(self.server, folder / "home")
        assert enrolled.returncode == 0, enrolled.stderr
        self.player = Player(folder / "home", f"wav:{folder / 'wav'}")
        self._sounds, self._coded = self._make_sounds()
        self._tickets: dict[str, Ticket] = {}
        self._sound_of: dict[tuple[str, int], int] = {}
        self._number = 0
        self._next_start = utc_now() + timedelta(seconds=3)
        self._pieces: list[Piece] = []
        self._made: dict[str, str] = {}  # ids of reports that were kept, by what they are about
        self._seen_files: set[str] = set()
        self._on_air: set[tuple[str, int]] = set()
        self._given: set[str] = set()  # airings that the station has held

    def _make_sounds(self) -> tuple[list[np.ndarray[Any, Any]], list[bytes]]:
        sounds, coded = [], []
        for number in range(SOUNDS):
            source = self._folder / f"sound-{number}.wav"
            write_wav(source, noise(LONG_SECONDS if number % 8 == 5 else SECONDS, 500 + number))
            target = source.with_suffix(".mp3")
            coded.append(encode(source, target))
            with closing(Decoder(target)) as decoder:
                sounds.append(np.frombuffer(decoder.read(decoder.frames), np.int16))
        return sounds, coded

    def _clip(self, number: int) -> ClipFiles:
        """A sound as a file of its own: a tag before it that nobody reads, and that makes it 20 to 60 kB longer."""
        body = self._chance.randbytes(self._chance.randrange(20_000, 60_000))
        frame = b"PRIV" + len(body).to_bytes(4, "big") + b"\0\0" + body
        size = bytes((len(frame) >> shift) & 0x7F for shift in (21, 14, 7, 0))
        content = b"ID3\x03\0\0" + size + frame + self._coded[number % SOUNDS]
        mp3 = self.server.add_media(content, "mp3")
        return ClipFiles(mp3=mp3, opus=AudioFile(sha256=hashlib.sha256(mp3.sha256.encode()).hexdigest(), bytes=1))

    def _plan_ahead(self) -> None:
        now = utc_now()
        self._next_start = max(self._next_start, now + timedelta(seconds=1))
        while self._next_start < now + AHEAD:
            self._number += 1
            name, late = f"air_{self._number:05}", ("play", "join", "play", "skip")[self._number % 4]
            items, at = [], 0.0
            for index in range(2 if self._number % 5 == 0 else 1):
                sound = (self._number * 2 + index) % SOUNDS
                seconds = round(len(self._sounds[sound]) / 44_100, 3)
                items.append(Item(at=at, seconds=seconds, clip=self._clip(sound)))
                self._sound_of[name, index] = sound
                at += seconds
            urgent = self._number % 9 == 0
            kind: dict[str, Any] = {"kind": "emergency", "priority": "emergency"} if urgent else {}
            ends = self._next_start + timedelta(seconds=at)
            self._tickets[name] = ticket(
                name, self._next_start, *items, late="play" if urgent else late, not_after=ends + HOLDS,
                occurrence=None if urgent else f"sl_1@{name}", **kind,
            )  # fmt: skip
            self._next_start += EVERY + timedelta(seconds=max(0.0, at - SECONDS - 0.4))
        current = [one for one in self._tickets.values() if one.not_after > now - REMEMBERED]
        keep = {item.clip.mp3.sha256 for one in current for item in one.items if item.clip}
        self.server.media = {name: body for name, body in self.server.media.items() if name[:64] in keep}
        self._publish(current)

    def _publish(self, current: list[Ticket]) -> None:
        urgent_ones = [one for one in current if one.kind == "emergency"]
        self.server.interrupts = [self.server.signer.sign(one) for one in urgent_ones]
        self.server.plan(*(one for one in current if one.kind != "emergency"))

    def cut(self) -> None:
        """Start it, kill it at a random instant, and look at what lies there."""
        self._plan_ahead()
        self.server.requests = Noting()
        self.server.ignore_reports_once = self._chance.random() < 0.5  # the answer is lost on its way
        spawned = time.monotonic()
        self.player.start()
        early = self._chance.random() < 0.2  # in the middle of starting
        until = spawned + (self._chance.uniform(0.02, 1.5) if early else self._chance.uniform(1.0, 6.0))
        told = False
        while time.monotonic() < until:
            time.sleep(0.005)
            if not told and self.server.requests.first is not None:
                told = True
                self._note_start(spawned)
        self.player.kill()
        self.found.cuts += 1
        self._look()

    def _note_start(self, spawned: float) -> None:
        self.found.starts_s.append((self.server.requests.first or 0.0) - spawned)  # type: ignore[attr-defined]
        with suppress(OSError, ValueError):
            fields = Path(f"/proc/{self.player.process.pid}/stat").read_text().rpartition(")")[2].split()  # type: ignore[union-attr]
            self.found.starts_cpu_s.append((int(fields[11]) + int(fields[12])) / 100)

    def _say(self, what: str) -> None:
        self.found.wrong.append(f"cut {self.found.cuts}: {what}")

    # what lies there
    def _look(self) -> None:
        home = self._folder / "home"
        json.loads((home / "station.json").read_bytes())
        fetching = self._look_at_audio(home / "audio")
        reporting = self._look_at_store(home)
        playing = self._look_at_sound()
        for name, there in (("fetching", fetching), ("playing", playing), ("reports waiting", reporting)):
            self.found.met[name] += there
        self.found.met["nothing"] += not (fetching or playing or reporting)

    def _look_at_audio(self, folder: Path) -> bool:
        fetching = False
        for path in folder.iterdir() if folder.exists() else ():
            content = path.read_bytes()
            if path.name.startswith("."):
                fetching = True
                whole = self.server.media.get(path.name[1:].removesuffix(".part"))
                if whole is not None and not whole.startswith(content):
                    self._say(f"what has come of {path.name} is not its beginning")
            elif hashlib.sha256(content).hexdigest() != path.stem:
                self._say(f"{path.name} is torn")
        return fetching

    def _look_at_store(self, home: Path) -> bool:
        copy = self._folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for path in home.glob("station.db*"):
            shutil.copy(path, copy / path.name)
        if (home / "station.db.damaged").exists():
            self._say("the store was put aside as damaged")
        if not (copy / "station.db").exists():
            return False
        with closing(sqlite3.connect(copy / "station.db")) as store:
            if store.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                self._say("the store is torn")
            try:
                rows = store.execute("SELECT airing, item, report FROM done ORDER BY at").fetchall()
                waiting = store.execute("SELECT count(*) FROM outbox").fetchone()[0]
                self._given.update(one for (one,) in store.execute("SELECT airing FROM tickets"))
                begun = store.execute("SELECT airing, item FROM progress WHERE started_at IS NOT NULL").fetchall()
            except sqlite3.OperationalError:
                return False  # killed before its tables were made
        # What was on air had begun, or is the last that was done.
        self._on_air = {(airing, item) for airing, item in begun} | {(one[0], one[1]) for one in rows[-3:]}
        for airing, item, report in rows:
            identity = json.loads(report)["id"]
            former = self._made.setdefault(f"{airing} {item}", identity)
            if former != identity:
                self._say(f"{airing} item {item} was reported twice: {former}, {identity}")
        return bool(waiting)

    def _look_at_sound(self) -> bool:
        """Tell what went out since the last look; what was being written is taken away, as the next start would."""
        folder = self._folder / "wav"
        playing = False
        for path in sorted(folder.glob("*.wav")) if folder.exists() else ():
            if path.name in self._seen_files:
                continue
            self._seen_files.add(path.name)
            airing, item, _ = path.stem.split("-", 2)
            with wave.open(str(path)) as file:
                samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
            self._heard(samples, [(airing, int(item))])
        for path in folder.glob(".*.part") if folder.exists() else ():
            samples = np.frombuffer(path.read_bytes()[44:][: path.stat().st_size // 2 * 2 - 44], np.int16)
            path.unlink()
            if len(samples) > 1000:
                playing = True
                self._heard(samples, sorted(self._on_air))
        return playing

    def _heard(self, samples: np.ndarray[Any, Any], keys: list[tuple[str, int]]) -> None:
        likely = [(*_place(samples, self._sounds[self._sound_of[key]]), key) for key in keys if key in self._sound_of]
        alike, begins, key = max(likely, default=(0.0, 0.0, ("", 0)))
        if alike < _LIKE:
            if len(samples) > 4410 and np.abs(samples).max() > 100:  # a decoder that lags leaves silence
                self._say(f"{len(samples)} samples went out that are like nothing ({alike:.2f}) {keys}")
            return
        ends = begins + len(samples) / 44_100
        self._pieces.append(Piece(*key, begins, ends))
        self.found.pieces += 1
        for other in self._pieces[:-1]:
            if (other.airing, other.item) == key:
                overlap = min(other.ends, ends) - max(other.begins, begins)
                self.found.most_overlap_s = max(self.found.most_overlap_s, overlap)
                if overlap > OVERLAP_SECONDS:
                    self._say(f"{key} was heard twice for {overlap:.2f} s")

    # the end
    def finish(self, seconds: float = 90.0) -> Findings:
        """Take what is yet to begin off the plan, let it run until the rest is over, and account for every item."""
        soon = utc_now() + timedelta(seconds=4)
        self._tickets = {name: one for name, one in self._tickets.items() if one.starts_at < soon}
        self._publish(list(self._tickets.values())[-60:])
        self.player.start()
        deadline = time.monotonic() + seconds
        over = max(one.not_after for one in self._tickets.values()) + timedelta(seconds=2)
        while time.monotonic() < deadline and (utc_now() < over or self._owed() - self._reported().keys()):
            time.sleep(0.1)
        self.player.stop()
        self._look()
        keys = self._owed() | self._reported().keys()
        self.found.items = len(keys)
        self.found.reports = len(self.server.reports)
        told = self._reported()
        for key in sorted(keys - told.keys()):
            self._say(f"{key} was never reported")
        for key, ids in told.items():
            if len(ids) > 1:
                self._say(f"{key} was reported {len(ids)} times")
        for about, identity in self._made.items():
            if identity not in self.server.reports:
                self._say(f"the report on {about} was lost")
        self.found.outcomes = Counter(
            f"{one['outcome']} {one['reason'] or ''}".strip() for one in self.server.reports.values()
        )
        return self.found

    def _owed(self) -> set[tuple[str, int]]:
        """What it must report. What it never heard of, in a row of lives too short to ask for the plan, it can't."""
        return {key for key in self._sound_of if key[0] in self._given and key[0] in self._tickets}

    def _reported(self) -> dict[tuple[str, int], list[str]]:
        found: dict[tuple[str, int], list[str]] = {}
        for identity, report in list(self.server.reports.items()):
            found.setdefault((report["airing"], report["item"]), []).append(identity)
        return found

    def close(self) -> None:
        if self.player.process is not None and self.player.process.poll() is None:
            self.player.process.kill()
            self.player.process.wait(10)
        self.server.stop()


def _place(samples: np.ndarray[Any, Any], sound: np.ndarray[Any, Any]) -> tuple[float, float]:
    """How alike the samples are to the best-fitting stretch of the sound, and where in it (s) they begin."""
    size = 1 << (len(samples) + len(sound) - 1).bit_length()
    mine, other = samples.astype(np.float32), sound.astype(np.float32)
    product = np.fft.irfft(np.fft.rfft(other, size) * np.conj(np.fft.rfft(mine, size)), size)
    at = int(np.argmax(product))
    lag = at - size if at >= len(sound) else at
    first, last = max(0, -lag), min(len(mine), len(other) - lag)
    if last - first < 500:
        return 0.0, 0.0
    a, b = mine[first:last], other[first + lag : last + lag]
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-9)), lag / 44_100


def power_cuts(folder: Path, cuts: int, seed: int, tell: Callable[[Findings], object] = lambda _: None) -> Findings:
    """Cut the power so many times; `tell` is called after each."""
    run = PowerCuts(folder, seed)
    try:
        for _ in range(cuts):
            run.cut()
            tell(run.found)
        return run.finish()
    finally:
        run.close()

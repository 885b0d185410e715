"""Relays while broadcasters fail: how soon it is noticed at a loudspeaker, how soon the broadcast is back.

Real `loa web`, real broadcasters (HTTP, Debian's icecast2 with a source, an HLS folder), the station's own streams:
one pull by the server for all, and directly where stations can. Faults of each kind come one after the other.
`python -m benchmarks.relays [SECONDS]` runs it by itself; an hour is 3600.
"""

import audioop
import json
import math
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audio.relays.looking import Looked
from benchmarks import _broadcasters, _province
from benchmarks.waiting import process, resident_mb
from core.clock import utc_now
from core.outside import Outside
from core.settings import relay_secret
from core.steadiness import SILENCE_DB
from playlists import relays
from station.relaying import RATE, RelaySource, RelayStream

SECONDS = 420.0
FAULT_SECONDS = 22.0
WELL_SECONDS = 26.0
_STEP = 0.1
_STEADY_SECONDS = 1.0
_PATIENCE_SECONDS = 120.0


@dataclass
class Listener:
    """A station's relay at the pace of the clock: what it gave out, each tenth of a second."""

    name: str
    source: RelaySource
    heard: list[tuple[float, str]] = field(default_factory=list)

    def listen(self, over: threading.Event) -> None:
        """Take what is due until `over`, and note `sound`, `silence` of the broadcaster, or `instead`."""
        due = time.monotonic()
        while not over.is_set():
            before = self.source.live_frames
            pcm = self.source.read(round(RATE * _STEP))
            live = self.source.live_frames > before
            self.heard.append((time.monotonic(), ("sound" if _sounds(pcm) else "silence") if live else "instead"))
            due = max(due + _STEP, time.monotonic() - 1.0)
            over.wait(max(0.0, due - time.monotonic()))
        self.source.close()

    def first(self, what: str, since: float, until: float) -> float | None:
        """The first instant from `since` on from which `what` is heard for a second."""
        run: list[float] = []
        for at, state in self.heard:
            if since <= at < until:
                run = [*run, at] if state == what else []
                if run and at - run[0] >= _STEADY_SECONDS:
                    return run[0]
        return None

    def seconds_of(self, what: Sequence[str], since: float, until: float) -> float:
        return _STEP * sum(1 for at, state in self.heard if since <= at < until and state in what)


def _sounds(pcm: bytes) -> bool:
    return 20 * math.log10(max(audioop.rms(pcm, 2), 0.03) / 32_768) > SILENCE_DB


@dataclass(frozen=True)
class Pace:
    """How long a fault lasts, how long all is well between two, and which kinds there are (none: all)."""

    fault_seconds: float = FAULT_SECONDS
    well_seconds: float = WELL_SECONDS
    kinds: tuple[str, ...] = ()


@dataclass
class Fault:
    source: str
    kind: str
    began: float
    ended: float


def _faults(source: Any, over: threading.Event, until: float, done: list[Fault], pace: Pace) -> None:
    """Give a source one fault after the other; none begins too late to be seen whole."""
    over.wait(pace.well_seconds)
    turn = 0
    kinds = [each for each in source.faults if each in pace.kinds] if pace.kinds else list(source.faults)
    while kinds and not over.is_set() and time.monotonic() + pace.fault_seconds + pace.well_seconds < until:
        kind = kinds[turn % len(kinds)]
        began = time.monotonic()
        source.fault = kind
        over.wait(pace.fault_seconds)
        source.fault = ""
        done.append(Fault(source.name, kind, began, time.monotonic()))
        over.wait(pace.well_seconds)
        turn += 1


def trial(seconds: float, pace: Pace = Pace()) -> dict[str, Any]:
    """What was measured in so many seconds of wall clock."""
    with tempfile.TemporaryDirectory() as folder, _broadcasters.on_air() as sources:
        settings, database, _ = _province.installation(Path(folder) / "home")
        with database.write() as session:
            relays.note(session, [Looked(each.url, "mp3", each.name, each.url) for each in sources], utc_now())
        database.dispose()
        (settings.home / "settings.toml").write_text('outside_hosts = ["127.0.0.1"]\n', "utf-8")
        with process("loa", "web", "--home", str(settings.home), "--port", "0") as server:
            assert server.stdout is not None
            address = server.stdout.readline().strip().rstrip("/")
            assert address.startswith("http"), "the server does not start"
            outside, over = Outside(["127.0.0.1"]), threading.Event()
            listeners = {}
            for each in sources:
                url = relays.address(address, relay_secret(settings), each.url)
                listeners[f"{each.name} by the server"] = Listener(each.name, _station(outside, url))
                if each.name != "hls":
                    listeners[f"{each.name} by the station"] = Listener(each.name, _station(outside, each.url))
            until, memory = time.monotonic() + seconds, [0.0, 0.0]
            done: list[Fault] = []
            work = [threading.Thread(target=each.listen, args=(over,)) for each in listeners.values()]
            work += [threading.Thread(target=_faults, args=(each, over, until, done, pace)) for each in sources]
            for each in work:
                each.start()
            over.wait(min(60.0, seconds / 2))
            memory[0] = resident_mb(server.pid)
            over.wait(max(0.0, until - time.monotonic()))
            memory[1] = resident_mb(server.pid)
            over.set()
            for each in work:
                each.join(20)
            told = _figures(seconds, listeners, done, pace)
            told["server memory mb"] = {"after a minute": memory[0], "at the end": memory[1]}
            asked = time.monotonic()
            server.terminate()
            try:
                server.wait(_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
            told["server stops after s"] = round(time.monotonic() - asked, 1)
    return told


def _station(outside: Outside, url: str) -> RelaySource:
    return RelaySource(RelayStream(outside, url), None)


def _figures(seconds: float, listeners: dict[str, Listener], done: list[Fault], pace: Pace) -> dict[str, Any]:
    told: dict[str, Any] = {"seconds": round(seconds), "faults": len(done)}
    for name, listener in listeners.items():
        mine = [each for each in done if each.source == listener.name]
        kinds: dict[str, Any] = {}
        for kind in dict.fromkeys(each.kind for each in mine):
            kinds[kind] = _of_kind(listener, kind, [each for each in mine if each.kind == kind], pace)
        told[name] = kinds
    return told


def _of_kind(listener: Listener, kind: str, faults: list[Fault], pace: Pace) -> dict[str, Any]:
    survived = kind in _broadcasters.SURVIVED
    rows = []
    for each in faults:
        end = each.ended + pace.well_seconds
        noticed = listener.first("instead", each.began, end)
        back = listener.first("sound", max(each.ended, noticed or 0.0), end)
        dumb = listener.seconds_of(("silence",), each.began, noticed or end)
        lost = listener.seconds_of(("silence", "instead"), each.began, end)
        rows.append(
            (None if noticed is None else noticed - each.began, None if back is None else back - each.ended, dumb, lost)
        )
    if survived:
        return {"times": len(rows), "seconds lost": _spread([row[3] for row in rows])}
    return {
        "times": len(rows), "not noticed": sum(row[0] is None for row in rows),
        "not back": sum(row[1] is None for row in rows),
        "until the recording s": _spread([row[0] for row in rows if row[0] is not None]),
        "of these silent s": _spread([row[2] for row in rows]),
        "back after s": _spread([row[1] for row in rows if row[1] is not None]),
    }  # fmt: skip


def _spread(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    return {"median": round(statistics.median(values), 1), "most": round(max(values), 1)}


def run(seconds: float = SECONDS) -> dict[str, Any]:
    """Seconds at the loudspeaker, by broadcaster, way and fault."""
    return trial(seconds)


if __name__ == "__main__":
    print(json.dumps(run(*(float(each) for each in sys.argv[1:])), indent=1))

"""A valley on loopback: a real `loa serve`, real stations, and what each of them tells of an emergency.

Nothing is put into the programs to measure them. When a station had the ticket, when its audio and when its first
sample left stand in its own folder; all clocks are those of one machine.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import urllib3

from benchmarks import _province
from core.clock import parse_instant, utc_now
from core.database import Database
from core.settings import Settings
from loa.fleet.trial import free_port
from scheduler import keys
from station.identity import Home, Identity

PATIENCE_SECONDS = 400.0
_LOOK_SECONDS = 0.25


@dataclass(frozen=True)
class Heard:
    """Of one station, seconds after the press: the ticket came, its audio was whole (None: it was), first sample."""

    told: float
    fetched: float | None
    sounded: float


@dataclass
class Valley:
    """Stations in service under a server that runs. Made by `valley`."""

    settings: Settings
    database: Database
    address: str
    token: str
    homes: list[Path]
    server: "subprocess.Popen[bytes]"

    def __post_init__(self) -> None:
        self._pool = urllib3.PoolManager(timeout=60, retries=False, maxsize=30)
        self._headers = {"Authorization": f"Bearer {self.token}"}

    def call(self, method: str, path: str, body: object = None) -> Any:
        """The script API. Raises RuntimeError for anything but success."""
        return self._said(self._pool.request(method, self.address + path, json=body, headers=self._headers))

    def upload(self, content: bytes) -> str:
        """Hand a recording in; the id of its clip."""
        fields = {"file": ("a.wav", content, "audio/wav"), "unit": "79"}
        made = self._said(self._pool.request("POST", f"{self.address}/clips", fields=fields, headers=self._headers))
        return str(made["id"])

    def _said(self, answer: urllib3.BaseHTTPResponse) -> Any:
        if answer.status >= 400:
            raise RuntimeError(f"{answer.status}: {answer.data[:500]!r}")
        return answer.json() if answer.data else None

    def ready(self, clip: str) -> dict[str, Any]:
        """Wait until a clip is ready."""
        return until(lambda: (found := self.call("GET", f"/clips/{clip}"))["state"] == "ready" and found, clip)

    def close(self) -> None:
        self._pool.clear()

    def wait_until_quiet(self) -> None:
        """Wait until no station has anything under way and every report has been given in."""
        until(lambda: all(not rows(home, "SELECT 1 FROM progress") for home in self.homes), "all stations are silent")
        until(lambda: all(not rows(home, "SELECT 1 FROM outbox") for home in self.homes), "all reports are in")

    def heard(self, airing: str, pressed_at: float) -> list[Heard]:
        """What every station tells of an airing that has begun to sound there; waits for the last."""
        found: list[Heard] = []
        for home in self.homes:
            when = until(lambda home=home: _first_sample(home, airing), f"{home.name} sounds")  # type: ignore[misc]
            ((received,),) = rows(home, "SELECT received_at FROM tickets WHERE airing = ?", airing)
            files = [path.stat().st_mtime for path in (home / "audio").iterdir() if path.is_file()]
            fetched = max((at for at in files if at > pressed_at), default=None)
            found.append(
                Heard(
                    _epoch(received) - pressed_at,
                    fetched - pressed_at if fetched else None,
                    when - pressed_at,
                )
            )
        return found

    def signed_at(self, airing: str) -> float:
        """When the ticket was signed, in seconds of the epoch."""
        with closing(sqlite3.connect(self.settings.home / "loa.db")) as table:
            ((at,),) = table.execute("SELECT issued_at FROM airing WHERE id = ?", (airing,)).fetchall()
        return datetime.fromisoformat(at + "+00:00").timestamp()


def until(question: Any, what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """Ask until the answer is true. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(_LOOK_SECONDS)
    raise TimeoutError(f"not within {seconds} s: {what}")


def rows(home: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Rows of a station's own tables; none while there are none."""
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(home / "station.db", timeout=5)) as table:
        return table.execute(query, values).fetchall()
    return []


def _epoch(instant: str) -> float:
    return parse_instant(instant).timestamp()


def _first_sample(home: Path, airing: str) -> float | None:
    """When the first item began to sound, once it has; as the report has it, or what was kept when it began."""
    found = rows(home, "SELECT report FROM done WHERE airing = ? AND item = 0", airing)
    if found:
        return _epoch(json.loads(found[0][0])["started_at"])
    begun = rows(home, "SELECT started_at FROM progress WHERE airing = ? AND item = 0", airing)
    at = _epoch(begun[0][0]) if begun and begun[0][0] else None
    return at if at is not None and at < time.time() else None


@contextmanager
def valley(folder: Path, stations: int, *, communes: int = 10, output: str = "null", **extra: str) -> Iterator[Valley]:
    """An installation with so many stations in service and waiting. `extra`: more of the server's environment."""
    settings, database, token = _province.installation(folder / "server")
    each = max(1, -(-stations // communes))
    tokens = _province.units(database, -(-stations // each), each, utc_now())[:stations]
    port = free_port()
    homes = [
        _enrolled(folder / f"station{number:03}", f"http://127.0.0.1:{port}", number, each, one, settings)
        for number, one in enumerate(tokens)
    ]
    environment = {**os.environ, "LOA_GTTS_ENABLED": "false", "LOA_REPORT_GRACE_SECONDS": "0", **extra}
    with (folder / "server.log").open("ab") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "loa", "serve", "--home", str(settings.home), "--port", str(port)],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment, start_new_session=True,
        )  # fmt: skip
    made = Valley(settings, database, f"http://127.0.0.1:{port}/api/v1", token, homes, server)
    speakers: subprocess.Popen[str] | None = None
    try:
        until(lambda: _answers(made), "the server answers")
        speakers = subprocess.Popen(
            [sys.executable, "-m", "benchmarks._speakers", output, *map(str, homes)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert speakers.stdout is not None
        speakers.stdout.readline()
        until(
            lambda: all(rows(home, "SELECT 1 FROM facts WHERE name = 'plan_etag'") for home in homes), "all have a plan"
        )
        yield made
    finally:
        if speakers is not None:
            _end(speakers)
        server.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            server.wait(timeout=30)
        server.kill()
        server.wait(timeout=10)
        made.close()
        database.dispose()


def _end(speakers: "subprocess.Popen[str]") -> None:
    assert speakers.stdin is not None
    assert speakers.stdout is not None
    speakers.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        speakers.wait(timeout=60)
    speakers.kill()
    speakers.wait(timeout=10)
    speakers.stdout.close()


def _answers(made: Valley) -> bool:
    with suppress(urllib3.exceptions.HTTPError, RuntimeError):
        made.call("GET", "/openapi.json")
        return True
    return False


def _enrolled(path: Path, server: str, number: int, each: int, token: str, settings: Settings) -> Path:
    """A station's home as enrolment leaves it."""
    path.mkdir(parents=True)
    Home(path).save(
        Identity(
            server=server, station=f"st_{number // each:05}_{number % each:03}", token=token, name=f"Loa {number}",
            unit_path=["79", f"79.{number // each}"], server_keys=[keys.signer(settings).public_jwk],
            token_since=utc_now(),
        )
    )  # fmt: skip
    return path


@contextmanager
def beside(work: Sequence[threading.Thread], over: threading.Event) -> Iterator[None]:
    """Let threads work meanwhile; they end when `over` is set."""
    for thread in work:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in work:
            thread.join(60)

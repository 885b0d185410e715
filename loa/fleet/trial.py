"""The trial: one real `loa web`, some processes full of stations, and a person who opens pages meanwhile.

Client and server share this machine's processors, as all figures here do.
"""

import http.client
import json
import os
import re
import resource
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import insert

from audio.models import Clip
from core.clock import utc_now
from core.errors import N_, LoaError
from core.settings import load
from loa.fleet.seeding import units
from loa.installation import prepare
from registry import people

CROWDS = 2  # processes of stations
ROUNDS = 3
_COMMUNES = 200
_PATIENCE_SECONDS = 180.0
_PAGES = ("/", "/stations", "/emergencies", "/bulletins", "/on-air")
_PAGE_EVERY = 0.1
_PLAN_SECONDS = 5.0
_CSRF = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
Said = Callable[[str], None]


@contextmanager
def process(*arguments: str, stdin: int = subprocess.DEVNULL) -> "Iterator[subprocess.Popen[str]]":
    """One of our modules as a process, ended at the end."""
    command = [sys.executable, "-m", *arguments]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=stdin, text=True, bufsize=1)
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(timeout=30)
        finally:
            running.kill()
            running.wait(timeout=10)
        for stream in (running.stdout, running.stdin):
            if stream is not None:
                stream.close()


class Crowds:
    """Processes of stations, told and listened to together."""

    def __init__(self, port: int, tokens: Sequence[str], beats_a_minute: float, stack: ExitStack) -> None:
        self.processes: list[subprocess.Popen[str]] = []
        for number in range(CROWDS):
            running = stack.enter_context(
                process("loa.fleet.crowd", str(port), str(beats_a_minute), stdin=subprocess.PIPE)
            )
            assert running.stdin is not None  # noqa: S101
            running.stdin.write("\n".join(tokens[number::CROWDS]) + "\n\n")
            running.stdin.flush()
            self.processes.append(running)

    def wait(self, event: str) -> list[dict[str, Any]]:
        """What each of them says of this event, when it says so. Raises LoaError when one doesn't in time."""
        found: list[dict[str, Any]] = []
        for running in self.processes:
            timer = threading.Timer(_PATIENCE_SECONDS, running.kill)
            timer.start()
            said: dict[str, Any] = {}
            while said.get("event") != event:
                assert running.stdout is not None  # noqa: S101
                line = running.stdout.readline()
                if not line:
                    raise LoaError(N_("The stations of this trial did not all get there."))
                said = json.loads(line)
            timer.cancel()
            found.append(said)
        return found

    def tell(self, word: str) -> None:
        for running in self.processes:
            assert running.stdin is not None  # noqa: S101
            running.stdin.write(f"{word}\n")
            running.stdin.flush()

    def end(self) -> Counter[str]:
        """What they counted in all."""
        for running in self.processes:
            assert running.stdin is not None  # noqa: S101
            running.stdin.close()
        counted: Counter[str] = Counter()
        for each in self.wait("end"):
            counted.update({name: number for name, number in each.items() if isinstance(number, int)})
        return counted


@dataclass
class Reader:
    """A person who is signed in and opens one page after the other; `took` are paths and seconds."""

    port: int
    name: str
    password: str
    took: list[tuple[str, float]] = field(default_factory=list)
    wrong: list[int] = field(default_factory=list)
    _cookies: SimpleCookie = field(default_factory=SimpleCookie)
    _over: threading.Event = field(default_factory=threading.Event)

    def sign_in(self) -> None:
        _, page = self._open("GET", "/sign-in")
        found = _CSRF.search(page)
        form = {"csrf_token": found[1] if found else "", "username": self.name, "password": self.password}
        status, _ = self._open("POST", "/sign-in", urlencode(form))
        if status not in {302, 303}:
            raise LoaError(N_("Signing in to the panel of this trial failed."))
        for path in _PAGES * 2:  # the first pages of a process are compiled
            self._open("GET", path)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Open pages meanwhile."""
        self._over.clear()
        thread = threading.Thread(target=self._read, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(60)

    def _read(self) -> None:
        number = 0
        while not self._over.wait(_PAGE_EVERY):
            begun = time.perf_counter()
            path = _PAGES[number % len(_PAGES)]
            status, _ = self._open("GET", path)
            self.took.append((path, time.perf_counter() - begun))
            if status != 200:  # noqa: PLR2004
                self.wrong.append(status)
            number += 1

    def _open(self, method: str, path: str, form: str = "") -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        cookies = "; ".join(f"{each.key}={each.value}" for each in self._cookies.values())
        headers = {"Cookie": cookies, "Referer": f"http://127.0.0.1:{self.port}/"}
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, form or None, headers)
            answer = connection.getresponse()
            for value in answer.headers.get_all("Set-Cookie") or ():
                self._cookies.load(value)
            return answer.status, answer.read().decode("utf-8", "replace")
        except OSError:
            return 0, ""
        finally:
            connection.close()


def resident_mb(pid: int) -> float:
    """Memory of a process that is in use, in millions of bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def processor_seconds(pid: int) -> float:
    """What the process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def files_for(stations: int) -> int:
    """How many stations the system's limit of open files lets us try: it is raised as far as permitted."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(stations, hard - 2_000)


def share(values: Sequence[float], part: float) -> float:
    """The value below which this part of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _alarm_clip(now: Any) -> dict[str, object]:
    name = "a1" * 32
    return {
        "id": "cl_alarm", "unit_id": "un_p", "kind": "speech", "state": "ready", "text": "x", "language": "vi",
        "content_key": name, "urgent": False, "progress": 100, "attempts": 1, "error": "", "error_message": "",
        "error_params": {}, "seconds": 20.0, "lufs": -16.0, "true_peak_db": -3.0, "mp3_sha256": name,
        "mp3_bytes": 8_000, "opus_sha256": name, "opus_bytes": 3_000, "created_by": "x", "created_at": now,
        "spoken_by": "", "degraded": False, "title": "",
    }  # fmt: skip


@contextmanager
def web(home: Path, port: int) -> "Iterator[subprocess.Popen[str]]":
    """The web process, listening."""
    with process("loa", "web", "--home", str(home), "--port", str(port)) as running:
        assert running.stdout is not None  # noqa: S101
        if not running.stdout.readline():
            raise LoaError(N_("The web process of this trial did not start."))
        yield running


def trial(home: Path, stations: int, say: Said = lambda _text: None, rounds: int = ROUNDS) -> dict[str, Any]:
    """All figures of one trial in an installation made in `home`, which must be empty. Seconds, MB, calls a second."""
    possible = files_for(stations)
    settings = load(home, gtts_enabled=False)
    if (settings.home / "loa.db").exists():
        raise LoaError(N_("There is an installation in %(home)s already. Name an empty folder."), home=settings.home)
    database = prepare(settings)
    now = utc_now()
    with database.write() as session:
        password = people.first_administrator(session, "admin", now)
    with database.write() as session:
        script = people.new_token(session, "admin", "fleet", now)
    communes = min(_COMMUNES, possible)
    tokens = units(database, communes, possible // communes, now)
    with database.write() as session:
        session.execute(insert(Clip), [_alarm_clip(now)])
    database.dispose()
    port = free_port()
    figures: dict[str, Any] = {"stations": len(tokens), "open_files": resource.getrlimit(resource.RLIMIT_NOFILE)[0]}
    with ExitStack() as stack:
        running = stack.enter_context(ExitStack())
        server = running.enter_context(web(settings.home, port))
        say(f"{len(tokens)} stations arrive")
        arrived = time.time()
        crowds = Crowds(port, tokens, 1.0, stack)
        figures["arrived_seconds"] = max(each["at"] for each in crowds.wait("held")) - arrived
        say("they wait and send heartbeats")
        used, begun = processor_seconds(server.pid), time.monotonic()
        time.sleep(20)
        waiting = (processor_seconds(server.pid) - used) / (time.monotonic() - begun)
        figures["waiting_core_percent"] = 100 * waiting
        reader = Reader(port, "admin", password)
        reader.sign_in()
        with reader.reading():
            figures["emergencies"] = []
            for number in range(rounds):
                say(f"emergency {number + 1}")
                figures["emergencies"].append(_emergency(port, script, crowds))
                time.sleep(25)  # until all have reported
                crowds.tell("again")
                crowds.wait("again")
        figures["memory_mb"] = resident_mb(server.pid)
        figures["pages"] = _pages(reader)
        say("they ask for their plans")
        figures["plan_revalidations_per_second"] = _plans(port, tokens)
        say("the server starts again")
        figures["restart"] = _restart(running, settings.home, port, crowds)
        counted = crowds.end()
    figures["counted"] = dict(counted)
    return figures


def _emergency(port: int, script: str, crowds: Crowds) -> dict[str, float]:
    body = json.dumps({"unit": "79", "clip": "cl_alarm", "for": ["unit:79"]})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    begun = time.time()
    connection.request(
        "POST", "/api/v1/emergencies", body,
        {"Authorization": f"Bearer {script}", "Content-Type": "application/json"},
    )  # fmt: skip
    answer = connection.getresponse()
    if answer.status != 201:  # noqa: PLR2004
        raise LoaError(N_("The emergency of this trial was refused."))
    answer.read()
    connection.close()
    return told(crowds, begun)


def told(crowds: Crowds, begun: float) -> dict[str, float]:
    """When all have it, in seconds since `begun` (epoch seconds), and how many bytes it was."""
    said = crowds.wait("emergency")
    times = [at - begun for each in said for at in each["times"]]
    return {
        "first": min(times), "p50": share(times, 0.5), "p99": share(times, 0.99), "last": max(times),
        "bytes": max(each["bytes"] for each in said),
    }  # fmt: skip


def _pages(reader: Reader) -> dict[str, Any]:
    milliseconds = [1000 * each for _, each in reader.took]
    return {
        "p50_ms_each": {path: share([1000 * took for one, took in reader.took if one == path], 0.5) for path in _PAGES},
        "count": len(milliseconds), "p50_ms": share(milliseconds, 0.5), "p95_ms": share(milliseconds, 0.95),
        "worst_ms": max(milliseconds), "wrong": len(reader.wrong),
    }  # fmt: skip


def _plans(port: int, tokens: Sequence[str]) -> float:
    """Revalidations a second over 32 connections: each station asks with the tag of the plan it has."""
    requests = []
    for token in tokens[:: max(1, len(tokens) // 200)]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/api/v1/plan", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        requests.append(
            f"GET /api/v1/plan HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
            f"If-None-Match: {answer.headers['ETag']}\r\n\r\n"
        )
    said = hammered(port, 32, _PLAN_SECONDS, requests)
    return float(said["answers"].get("304", 0) / said["seconds"])


def hammered(port: int, connections: int, seconds: float, requests: Sequence[str]) -> dict[str, Any]:
    """What `loa.fleet.hammer` counted in a process of its own."""
    what = {"port": port, "connections": connections, "seconds": seconds, "requests": list(requests)}
    done = subprocess.run(
        [sys.executable, "-m", "loa.fleet.hammer"], input=json.dumps(what) + "\n", capture_output=True, text=True,
        check=True, timeout=seconds + 60,
    )  # fmt: skip
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def _restart(running: ExitStack, home: Path, port: int, crowds: Crowds) -> dict[str, float]:
    """End the server and start it again on the same port: how long until all wait again, from its end and its start."""
    crowds.tell("again")
    crowds.wait("again")
    before = time.time()
    running.close()
    ended = time.time()
    server = running.enter_context(web(home, port))
    ready = time.time()
    crowds.tell("ready")
    held = max(each["at"] for each in crowds.wait("held"))
    return {
        "stopping_seconds": ended - before, "starting_seconds": ready - ended, "since_ready_seconds": held - ready,
        "since_end_seconds": held - before, "memory_mb": resident_mb(server.pid),
    }  # fmt: skip

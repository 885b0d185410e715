"""The air of a province at five o'clock: 300 communes begin together, 5,000 stations say so, and 50 people look.

A real `loa web` does it. First the same stations begin and report while nobody looks: that is the bare cost. Then again
with the viewers, and the difference is theirs. A third of them sees the whole province, the others one commune each.
"""

import gzip
import http.client
import json
import shutil
import sys
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from benchmarks import _province
from core.clock import format_instant, utc_now
from core.database import Database
from core.settings import Settings
from loa.fleet.trial import files_for, free_port, processor_seconds, web
from registry import people, sessions
from registry.models import Person, Unit
from registry.rights import Role, system_actor
from scheduler.models import Airing, AiringTarget

COMMUNES, STATIONS = 300, 5_000
VIEWERS = 50
PROVINCIAL = 3  # every third viewer sees the whole province
SECONDS = 30.0  # in which all stations begin and report
_CALLERS = 16
_ITEMS = 2
_MINUTES = 10


def run(communes: int = COMMUNES, stations: int = STATIONS, viewers: int = VIEWERS) -> dict[str, Any]:
    """Processor seconds of the web process a second, bare and with viewers; bytes a viewer and a minute; delays."""
    files_for(viewers * 2 + 200)
    with tempfile.TemporaryDirectory() as folder:
        settings, database, _ = _province.installation(Path(folder) / "home")
        now = utc_now()
        tokens = _province.units(database, communes, stations // communes, now)
        cookies = _viewers(database, settings, communes, viewers, now)
        port = free_port()
        with ExitStack() as stack:
            server = stack.enter_context(web(settings.home, port))
            crowd = _Crowd(port, tokens)
            crowd.beat(None)
            rounds = {}
            for name, who in (("bare", []), ("viewed", cookies)):
                airings = _begin(database, communes, utc_now(), name)
                time.sleep(3)
                rounds[name] = _round(server.pid, port, crowd, airings, who)
        database.dispose()
    bare, viewed = rounds["bare"], rounds["viewed"]
    more = viewed["core_seconds"] - bare["core_seconds"]
    return {
        "stations": len(tokens), "communes": communes, "viewers": viewers,
        "bare_core_percent": 100 * bare["core_seconds"] / bare["seconds"],
        "viewed_core_percent": 100 * viewed["core_seconds"] / viewed["seconds"],
        "ratio_viewed_to_bare": viewed["core_seconds"] / bare["core_seconds"],
        "core_ms_a_viewer_and_second": 1000 * more / viewed["seconds"] / max(viewers, 1),
        "stream": viewed["stream"], "page": viewed["page"],
        "main_thread_ms_a_second": viewed.get("main_thread_ms_a_second", -1.0),
    }  # fmt: skip


def _viewers(database: Database, settings: Settings, communes: int, viewers: int, now: datetime) -> list[str]:
    """Signed-in browsers: their cookies."""
    from web.app import create_app

    app = create_app(settings, database, testing=True)
    found = []
    for number in range(viewers):
        with database.write() as session:
            home = "un_p" if number % PROVINCIAL == 0 else f"un_{number % communes:05}"
            person, _ = people.create(
                session, system_actor(), username=f"viewer{number}", name=f"Viewer {number}",
                unit=session.get_one(Unit, home), role=Role.VIEWER, now=now,
            )  # fmt: skip
            name = sessions.begin(session, session.get_one(Person, person.id), agent="", address="::1", now=now)
        client = app.test_client()
        with client.session_transaction() as cookie:
            cookie["session"] = name
        held = client.get_cookie("loa")
        assert held is not None
        found.append(f"loa={held.value}")
    app.extensions["loa"].live.close()
    return found


def _begin(database: Database, communes: int, now: datetime, name: str) -> dict[str, str]:
    """An airing a commune that begins in a moment; their ids by commune."""
    starts = now + timedelta(seconds=2)
    airings, targets, found = [], [], {}
    for number in range(communes):
        unit, identity = f"un_{number:05}", f"air_{name}{number:05}"
        found[f"{number:05}"] = identity
        items = [{"at": 300.0 * each, "seconds": 300.0, "title": f"Tin {each}", "clip": {}} for each in range(_ITEMS)]
        airings.append(
            {
                "id": identity, "unit_id": unit, "kind": "programme", "priority": "ordinary", "title": f"Tin {name}",
                "state": "issued", "reason": "", "starts_at": starts, "ends_at": starts + timedelta(minutes=_MINUTES),
                "not_after": starts + timedelta(hours=1), "late": "join", "audience": [f"unit:{unit}"], "items": items,
                "ticket": "x", "issued_at": now, "created_at": now, "content_key": identity, "lifted": [],
                "left_out": [], "approved_by": "", "variant": "",
            }
        )  # fmt: skip
        targets.append({"airing_id": identity, "name": f"unit:{unit}"})
    with database.write() as session:
        session.execute(insert(Airing), airings)
        session.execute(insert(AiringTarget), targets)
    return found


class _Crowd:
    """Stations that call as they would, from a handful of threads with a connection each."""

    def __init__(self, port: int, tokens: list[str]) -> None:
        self._port, self._tokens = port, tokens
        self._local = threading.local()
        self._pool = ThreadPoolExecutor(_CALLERS)

    def beat(self, airings: dict[str, str] | None, over_seconds: float = 0.0) -> None:
        """Every station sends a heartbeat, evenly over this time."""
        self._spread(lambda token: self._post(token, "/heartbeat", _heartbeat(token, airings)), over_seconds)

    def report(self, airings: dict[str, str], over_seconds: float) -> None:
        """Every station reports both items in one call."""
        self._spread(lambda token: self._post(token, "/reports", _reports(token, airings)), over_seconds)

    def _spread(self, call: Any, over_seconds: float) -> None:
        begun = time.monotonic()
        waiting = []
        for number, token in enumerate(self._tokens):
            ahead = begun + over_seconds * number / len(self._tokens) - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
            waiting.append(self._pool.submit(call, token))
        for each in waiting:
            each.result(timeout=300)

    def _post(self, token: str, path: str, body: dict[str, Any]) -> None:
        for attempt in range(3):
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._local.connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
            try:
                headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
                connection.request("POST", f"/api/v1{path}", json.dumps(body), headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status >= 400:
                    raise RuntimeError(f"{path}: {answer.status}")
            except (OSError, http.client.HTTPException):
                self._local.connection = None
                if attempt == 2:
                    raise
            else:
                return


def _heartbeat(token: str, airings: dict[str, str] | None) -> dict[str, Any]:
    commune = int(token.split("_")[1])
    until = format_instant(utc_now() + timedelta(days=2))
    said = {"volume": 70, "clock_offset_ms": 1.0, "ready_until": until}
    return said | ({"playing": airings[f"{commune:05}"], "item": 0} if airings else {})


def _reports(token: str, airings: dict[str, str]) -> dict[str, Any]:
    airing, now = airings[f"{int(token.split('_')[1]):05}"], utc_now()
    return {
        "reports": [
            {
                "id": str(uuid.uuid4()), "airing": airing, "item": item, "outcome": "played", "volume": 70,
                "started_at": format_instant(now - timedelta(seconds=300)), "ended_at": format_instant(now),
                "seconds": 300.0,
            }
            for item in range(_ITEMS)
        ]
    }  # fmt: skip


class _Viewer(threading.Thread):
    """A page that is open: it reads the stream, and fetches its part when it is told to."""

    def __init__(self, port: int, cookie: str) -> None:
        super().__init__(daemon=True)
        self._port, self._cookie = port, cookie
        self.bytes = self.fetched = self.fetches = self.events = self.page = 0
        self.last_at = 0.0
        self.connection: http.client.HTTPConnection | None = None

    def fetch(self) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        connection.request("GET", "/on-air/fragment", headers={"Cookie": self._cookie, "Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, answer.status
        connection.close()
        self.page = len(body)
        return gzip.decompress(body) if answer.getheader("Content-Encoding") == "gzip" else body

    def run(self) -> None:
        mark = self.fetch().split(b'data-mark="', 1)[1].split(b'"', 1)[0].decode()
        self.connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        self.connection.request("GET", f"/on-air/events?since={mark}", headers={"Cookie": self._cookie})
        answer = self.connection.getresponse()
        assert answer.status == 200, answer.status
        try:
            while line := answer.readline():
                self.bytes += len(line)
                if line.startswith(b"event: counts"):
                    self.events += 1
                    self.last_at = time.monotonic()
                elif line.startswith(b"event: again"):
                    self.fetch()
                    self.fetches += 1
                    self.fetched += self.page
        except (OSError, ValueError, AttributeError):
            return  # the page was closed


class _Browser:
    """One of those who look, in a real browser: what its main thread has to do for the page."""

    def __init__(self, port: int, cookie: str) -> None:
        from playwright.sync_api import sync_playwright

        name, _, value = cookie.partition("=")
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser"), args=["--no-sandbox"]
        )
        context = self._browser.new_context(viewport={"width": 360, "height": 740})
        context.add_cookies([{"name": name, "value": value, "url": f"http://127.0.0.1:{port}"}])
        self._page = context.new_page()
        self._page.goto(f"http://127.0.0.1:{port}/on-air")
        self._page.wait_for_selector("[data-live]", timeout=60_000)
        self._tools = context.new_cdp_session(self._page)
        self._tools.send("Performance.enable")

    def worked_ms(self) -> float:
        """What the main thread has worked so far: scripts, styles and layout."""
        told = {each["name"]: each["value"] for each in self._tools.send("Performance.getMetrics")["metrics"]}
        return 1000.0 * float(told["ScriptDuration"] + told["LayoutDuration"] + told["RecalcStyleDuration"])

    def close(self) -> None:
        self._browser.close()
        self._playwright.stop()


def _browser(port: int, cookies: list[str]) -> _Browser | None:
    if not cookies or not (shutil.which("chromium") or shutil.which("chromium-browser")):
        return None
    return _Browser(port, cookies[0])


def _round(pid: int, port: int, crowd: _Crowd, airings: dict[str, str], cookies: list[str]) -> dict[str, Any]:
    """All begin in one half of the time and report in the other."""
    browser = _browser(port, cookies)
    pages = [_Viewer(port, cookie) for cookie in cookies]
    for page in pages:
        page.start()
    time.sleep(5)
    counted = [(page.bytes, page.fetched, page.events, page.fetches) for page in pages]
    worked = browser.worked_ms() if browser else 0.0
    used, begun = processor_seconds(pid), time.monotonic()
    crowd.beat(airings, SECONDS / 2)
    crowd.report(airings, SECONDS / 2)
    ended = time.monotonic()
    time.sleep(3)
    figures = {"core_seconds": processor_seconds(pid) - used, "seconds": time.monotonic() - begun}
    if browser is not None:
        figures["main_thread_ms_a_second"] = (browser.worked_ms() - worked) / figures["seconds"]
        browser.close()
    for page in pages:
        if page.connection is not None and page.connection.sock is not None:
            page.connection.sock.close()
    if not pages:
        return figures
    minutes = (ended - begun) / 60
    streams = [page.bytes - before[0] for page, before in zip(pages, counted, strict=True)]
    fetched = [page.fetched - before[1] for page, before in zip(pages, counted, strict=True)]
    events = [page.events - before[2] for page, before in zip(pages, counted, strict=True)]
    lag = [max(0.0, page.last_at - ended) for page in pages if page.last_at]
    return figures | {
        "stream": {
            "bytes_a_viewer_and_minute": sum(streams) / len(pages) / minutes,
            "most_bytes_a_minute": max(streams) / minutes,
            "fetched_anew_bytes_a_viewer_and_minute": sum(fetched) / len(pages) / minutes,
            "events_a_viewer_and_second": sum(events) / len(pages) / (ended - begun),
            "last_word_seconds_after_the_last_report": max(lag, default=0.0),
            "viewers_that_heard": sum(1 for each in events if each),
        },
        "page": {"packed_bytes_province": pages[0].page, "packed_bytes_commune": pages[-1].page},
    }  # fmt: skip


if __name__ == "__main__":
    json.dump(run(*map(int, sys.argv[1:])), sys.stdout, indent=2)
    print()

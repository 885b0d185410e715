"""Every page of the panel, with three years of a province behind it: server time, queries, bytes.

Whoever looks is the administrator of everything, the province's editor, and one commune's writer and approver. Pages
are found as a person finds them: by the links of those that were opened, one address for each route.
"""

import gc
import gzip
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlmodel import select
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from benchmarks import _archive, _province
from core.clock import utc_now
from core.database import Database, connect
from core.settings import load
from registry import sessions
from registry.models import Person
from web.app import create_app

BULLETINS = 100_000
REPORTS = 1_000_000
ROUNDS = 20
VIEWERS = ("admin", "editor", "writer7", "approver7")
_BARE = "/password"  # a form that looks nothing up: the frame of every page
_LINK = re.compile(r'(?:href|data-fragment|data-src)="(/[^"#]*)')
_LEFT_OUT = ("/static/", "/bootstrap/", "/language", "/api/", "/sign-out", "/map-files/", "/x/", "/radio/")
_MOST_PAGES = 120


@dataclass
class Page:
    """One address, as one person sees it; seconds of each of the rounds."""

    who: str
    endpoint: str
    path: str
    status: int = 200
    elapsed: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)
    queries: int = 0
    size: int = 0
    packed: int = 0

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.elapsed, n=20, method="inclusive")[-1]


def run(bulletins: int = BULLETINS, reports: int = REPORTS, rounds: int = ROUNDS) -> dict[str, Any]:
    """95th percentiles in milliseconds, by page; the slowest first. Set LOA_ARCHIVE to a folder to keep the data."""
    with _home() as home:
        settings, now = load(home, gtts_enabled=False), utc_now()
        if not (home / "filled").exists():
            settings, database, _ = _province.installation(home)
            counted = _archive.fill(settings, database, now, bulletins=bulletins, reports=reports)
            (home / "filled").write_text(json.dumps(counted))
            database.dispose()
        database = connect(settings)
        app = create_app(settings, database, testing=True)
        gc.collect()
        gc.freeze()  # as the server does, lest every full collection walk the whole program
        pages = [page for who in VIEWERS for page in _seen_by(app, database, who, rounds)]
        database.dispose()
        counted = json.loads((home / "filled").read_text())
    refused = [f"{page.who} {page.path}: {page.status}" for page in pages if not page.elapsed]
    pages = [page for page in pages if page.elapsed]
    bare = {page.who: statistics.median(page.worked) for page in pages if page.path == _BARE}
    slowest = sorted((page for page in pages if page.path != _BARE), key=lambda page: -page.p95)
    return {
        "rows": counted,
        "pages": len(pages),
        "not_answered": refused,
        "bare_page_ms": round(1_000 * statistics.median(bare.values()), 1),
        "slowest_p95_ms": round(1_000 * slowest[0].p95, 1),
        "over_150_ms": sum(page.p95 > 0.150 for page in slowest),
        "median_ratio_to_bare_page": round(
            statistics.median(statistics.median(page.worked) / bare[page.who] for page in slowest), 2
        ),
        "largest_kb": round(max(page.size for page in pages) / 1_000, 1),
        "by_page": {
            f"{page.who} {page.path}": {
                "p95_ms": round(1_000 * page.p95, 1),
                "ratio_to_bare": round(statistics.median(page.worked) / bare[page.who], 2),
                "queries": page.queries,
                "kb": round(page.size / 1_000, 1),
                "packed_kb": round(page.packed / 1_000, 1),
            }
            for page in slowest
        },
    }  # fmt: skip


@contextmanager
def _home() -> Iterator[Path]:
    kept = os.environ.get("LOA_ARCHIVE")
    home = Path(kept) if kept else Path(tempfile.mkdtemp())
    home.mkdir(parents=True, exist_ok=True)
    try:
        yield home
    finally:
        if not kept:
            shutil.rmtree(home)


def _seen_by(app: Flask, database: Database, who: str, rounds: int) -> list[Page]:
    client, found, pages = _signed_in(app, database, who), {_BARE: "", "/": ""}, dict[str, Page]()
    waiting = list(found)
    while waiting and len(pages) < _MOST_PAGES:
        path = waiting.pop(0)
        endpoint = _endpoint(app, path)
        if endpoint is None or endpoint in pages:
            continue
        page = Page(who, endpoint, path)
        answer = client.get(path)  # the first time fills caches, as the first visit of the day does
        if answer.status_code != 200:
            page.status = answer.status_code
            pages[endpoint] = page
            continue
        for link in _LINK.findall(answer.text if answer.mimetype == "text/html" else ""):
            target = unescape(link)
            if not target.startswith(_LEFT_OUT) and target not in found:
                found[target] = ""
                waiting.append(target)
        page.size, page.packed = len(answer.data), len(gzip.compress(answer.data))
        with _counted(database) as queries:
            client.get(path)
        page.queries = len(queries)
        for _ in range(rounds):
            began, worked = perf_counter(), process_time()
            client.get(path).close()
            page.elapsed.append(perf_counter() - began)
            page.worked.append(process_time() - worked)
        pages[endpoint] = page
        print(f"{who:10} {1_000 * page.p95:7.1f} ms {page.queries:4} {page.size:8} {path}", file=sys.stderr)
    return list(pages.values())


def _endpoint(app: Flask, path: str) -> str | None:
    if "/events" in path:
        return None  # these stay open
    try:
        endpoint, _ = app.url_map.bind("localhost").match(path.partition("?")[0], method="GET")
    except (HTTPException, RequestRedirect):
        return None
    return str(endpoint) if str(endpoint).startswith("panel.") else None


def _signed_in(app: Flask, database: Database, who: str) -> FlaskClient:
    client = app.test_client()
    with database.write() as session:
        person = session.exec(select(Person).where(Person.username == who)).one()
        name = sessions.begin(session, person, agent="", address="127.0.0.1", now=utc_now())
    with client.session_transaction() as cookie:
        cookie["session"] = name
    return client


@contextmanager
def _counted(database: Database) -> Iterator[list[str]]:
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


if __name__ == "__main__":
    json.dump(run(*map(int, sys.argv[1:])), sys.stdout, indent=2, ensure_ascii=False)
    print()

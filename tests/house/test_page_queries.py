"""A page asks the database as often for forty rows as for four: no query in a loop over what is shown."""

import re
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import event
from sqlmodel import select
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from core.wire import Device, Heartbeat
from playlists import feedback
from registry import people, sessions, stations, units
from registry.models import Person, Unit
from registry.rights import Role
from scheduler.models import Airing

FEW, MANY = 3, 12
ONCE = 2  # such as the count of what a list leaves out, which is asked only when it leaves something out
LINK = re.compile(r'(?:href|data-fragment)="(/[^"#]*)')
NO_PAGES = ("/static/", "/bootstrap/", "/language", "/api/", "/sign-out", "/x/", "/radio/", "/theme")


@contextmanager
def counted(database):
    asked = []

    def note(_connection, _cursor, statement, *_):
        asked.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def grown(village, number):
    """One more of everything that lists show."""
    root, now = village.actor("root"), village.clock()
    approved = village.bulletin(title=f"Tin {number}")
    village.bulletin(title=f"Chờ {number}", until_state="submitted")
    village.bulletin(title=f"Nháp {number}", until_state="draft")
    programme = village.programme(approved, title=f"Bản tin {number}")
    village.slot(programme, now + timedelta(minutes=5, hours=number), "FREQ=DAILY")
    with village.database.write() as session:
        unit = units.create(
            session, root, name=f"Thôn {number}", code=f"79.1.9{number}", parent="79.1", zone=None, now=now
        )
        station, code = stations.create(session, root, name=f"Loa {number}", unit=unit, hours=24, now=now)
        stations.enrol(session, code, Device(serial=f"s{number}"), now)
        stations.create(session, root, name=f"Mới {number}", unit=unit, hours=24, now=now)
        people.create(session, root, username=f"p{number}", name=f"P {number}", unit=unit, role=Role.WRITER, now=now)
    with village.database.write() as session:
        stations.heard(session, station.id, Heartbeat(volume=60), now)
    village.group("commune_a", "a1", "a2")
    village.alarm("79")
    here = village.slot(programme, now + timedelta(minutes=35, hours=number), to=(f"unit:79.1.9{number}",))
    with village.database.write() as session:
        home = session.get_one(Unit, village.cast.units["commune_a"])
        feedback.receive(session, home, feedback.Note(kind="noise", text="To quá"), address=f"10.{number}.0.1", now=now)
    village.roll()
    with village.database.write() as session:  # for the log: each of these was for other stations
        aired = session.exec(select(Airing).where(Airing.slot_id == here)).first()
        aired.starts_at, aired.ends_at, aired.state = now - timedelta(minutes=9), now - timedelta(minutes=8), "over"


@pytest.fixture
def root(app, village):
    client = app.test_client()
    with village.database.write() as session:
        person = session.get_one(Person, village.cast.people["root"])
        name = sessions.begin(session, person, agent="", address="127.0.0.1", now=village.clock())
    with client.session_transaction() as cookie:
        cookie["session"] = name
    return client


def pages(app, client):
    """One address of every route of the panel that links lead to."""
    found, waiting = {}, ["/"]
    while waiting:
        path = waiting.pop(0)
        try:
            endpoint, _ = app.url_map.bind("localhost").match(path.partition("?")[0], method="GET")
        except (HTTPException, RequestRedirect):
            continue
        if endpoint in found or not str(endpoint).startswith("panel.") or "/events" in path:
            continue
        answer = client.get(path)
        if answer.mimetype == "text/html" and answer.status_code == 200:
            found[endpoint] = path
            links = [unescape(link) for link in LINK.findall(answer.text)]
            waiting += [link for link in links if not link.startswith(NO_PAGES)]
        answer.close()
    return found


def asked_on(database, client, path):
    for _ in range(2):  # the first time fills what is kept
        with counted(database) as asked:
            client.get(path).close()
    return asked


def test_no_page_asks_more_often_the_more_rows_it_shows(app, village, root):
    for number in range(FEW):
        grown(village, number)
    few = {path: asked_on(village.database, root, path) for path in pages(app, root).values()}
    for number in range(FEW, MANY):
        grown(village, number)
    growing = {}
    for path, before in few.items():
        after = asked_on(village.database, root, path)
        if len(after) > len(before) + ONCE:
            more = (Counter(after) - Counter(before)).most_common(2)
            growing[path] = f"{len(before)} → {len(after)}: {[' '.join(each.split())[:400] for each, _ in more]}"
    assert not growing, "\n".join(f"{path}: {times}" for path, times in growing.items())
    assert len(few) > 30

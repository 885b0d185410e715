"""Whatever is sent, the answer is JSON that says what is wrong: never a bare 500, and nothing half-done."""

import errno
import io
import json
import random
import re
import sqlite3
import threading
import time
from contextlib import closing
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import func, select
from village import NOW, Callers, Village, files_below
from werkzeug.datastructures import FileStorage

from audio.models import Clip
from core import audit
from core.audit import AuditEntry
from core.database import Database
from playlists.models import Bulletin
from registry.models import Station, Unit
from scheduler import emergencies
from scheduler.models import Airing
from web.access import Caller, callers_of

PREFIX = "/api/v1"
BULLETIN = {"unit": "79.1", "title": "x", "text": "Xin chào bà con.", "field": "general"}


def check(answer: Any) -> Any:
    """The answer itself, once its shape is right."""
    assert answer.status_code < 500, answer.get_data(as_text=True)
    if answer.status_code >= 400:
        error = answer.get_json()["error"]
        assert set(error) <= {"code", "message", "fields", "clashes"}
        assert error["code"]
        assert len(error["message"]) > 10
    return answer


@pytest.fixture
def things(village: Village) -> dict[str, str]:
    """One of everything that a path can name."""
    bulletin, slot = village.on_timetable()
    village.roll()
    with village.database.write() as session:
        alarm = emergencies.Alarm(signal="none", audience=["unit:79.1"], text="Lũ lên!")
        made, _ = emergencies.raise_alarm(
            session, village.actor("root"), village.unit("commune_a"), alarm, signer=village.signer,
            default_zone="Asia/Ho_Chi_Minh", max_chars=1000, now=NOW,
        )  # fmt: skip
        clip = session.exec(select(Clip.id)).first()
        airing = session.exec(select(Airing.id)).first()
    return {
        "bulletins": bulletin, "clips": str(clip), "programmes": village.slots()[0].programme_id, "slots": slot,
        "emergencies": made.id, "stations": village.cast.stations["a1"], "airings": str(airing),
    }  # fmt: skip


def routes(app: Flask) -> list[tuple[str, str, frozenset[Caller]]]:
    return sorted(
        (method, rule.rule.removeprefix(PREFIX), callers_of(app.view_functions[rule.endpoint]))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in (rule.methods or set()) - {"OPTIONS"}
    )


def caller_for(callers: Callers, allowed: frozenset[Caller]) -> Any:
    return (
        callers.station("a1")
        if Caller.STATION in allowed
        else callers["root"]
        if Caller.SCRIPT in allowed
        else callers.nobody
    )


# What a body may be: odd values under the names the interface knows.
FIELDS = ["unit", "title", "text", "clip", "language", "field", "priority", "voice", "valid_from", "valid_until", "programme", "starts", "zone", "rrule", "exdates", "until", "for", "volume", "late", "items", "name", "code", "parent", "latitude", "longitude", "languages", "stations", "username", "role", "reason", "do", "value", "repeat", "every_s", "times", "bulletin", "newest", "count", "relay", "seconds", "device", "serial", "reports", "id", "airing", "item", "outcome", "started_at", "ended_at", "peak_db", "playing", "seq", "acknowledged", "free_bytes", "ready_until"]  # fmt: skip
GOOD = (
    "79.1", "unit:79.1", "general", "vi", "2026-11-24T06:00", "FREQ=DAILY", "Xin chào", "emergency", "volume", "viewer", "Asia/Ho_Chi_Minh",
    "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "played",
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(10**18, 10**40), st.floats(allow_nan=True, allow_infinity=True),
    st.text(st.characters(exclude_categories=()), max_size=20), st.sampled_from(GOOD), st.just("\x00"), st.just("\ud800"), st.just("%s%(x)s"),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=10) | VALUES
GOOD_BODIES = (
    BULLETIN,
    {"unit": "79.1", "title": "x", "items": [{"newest": {"field": "general", "priority": "ordinary", "count": 1}}]},
    {"programme": "PROGRAMME", "starts": "2026-11-24T06:00", "for": ["unit:79.1"], "rrule": "FREQ=DAILY", "volume": 3, "zone": "Asia/Ho_Chi_Minh"},
    {"unit": "79.1", "text": "Lũ lên!", "for": ["unit:79.1"], "repeat": {"every_s": 30, "times": 2}, "volume": 3},
    {"name": "x", "unit": "79.1", "latitude": 1.5, "longitude": 100.5, "languages": ["vi"]},
    {"name": "x", "code": "q", "parent": "79.1", "zone": "Asia/Ho_Chi_Minh"},
    {"username": "abc", "name": "x", "unit": "79.1", "role": "viewer"},
    {"do": "volume", "value": 3}, {"reason": "x"}, {"code": "AAAA-BBBB", "device": {"serial": "x"}},
    {"playing": "x", "item": 0, "volume": 3, "seq": 1, "acknowledged": ["x"], "free_bytes": 1, "temperature_c": 1.5},
    {"name": "x", "unit": "79.1", "stations": []},
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=BODIES, seed=st.integers(0, 2**32))
def test_no_body_of_any_kind_breaks_a_route(app: Flask, callers: Callers, things: dict[str, str], body: Any, seed: int):
    chance = random.Random(seed)  # noqa: S311
    for method, path, allowed in chance.sample(routes(app), 6):
        address = re.sub(
            r"<\w+>", chance.choice([things.get(path.split("/")[1], "x"), "x", "%00", "%f0%9f%98%80", "a" * 300]), path
        )
        check_any(caller_for(callers, allowed).call(method, address, data=json.dumps(body)))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=VALUES, seed=st.integers(0, 2**32))
def test_one_odd_value_in_a_good_body_breaks_no_route(
    app: Flask, callers: Callers, things: dict[str, str], value: Any, seed: int
):
    """Nearer to the mark than random bodies: everything is right but one field."""
    chance = random.Random(seed)  # noqa: S311
    for method, path, allowed in chance.sample([r for r in routes(app) if r[0] in {"POST", "PUT"}], 6):
        body = json.loads(json.dumps(chance.choice(GOOD_BODIES)).replace("PROGRAMME", things["programmes"]))
        body[chance.choice(sorted(body))] = value
        check_any(
            caller_for(callers, allowed).call(
                method, re.sub(r"<\w+>", things.get(path.split("/")[1], "x"), path), data=json.dumps(body)
            )
        )


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    query=st.dictionaries(
        st.sampled_from(["unit", "from", "to", "cursor", "limit", "state"]),
        st.text(max_size=30) | st.sampled_from([*GOOD, "2026-11-23", "9" * 40, "٣", "2026-11-23T00:00:00Z|air_x", "zz", "-1", "0"]), max_size=4,
    )
)  # fmt: skip
def test_no_query_breaks_a_list(app: Flask, callers: Callers, query: dict[str, str]):
    for method, path, allowed in routes(app):
        if method == "GET" and "<" not in path and Caller.SCRIPT in allowed:
            check(callers["root"].get(path, query_string=query))


def check_any(answer: Any) -> None:
    if answer.request.method == "HEAD":
        assert answer.status_code < 500
    else:
        check(answer)
    answer.close()


@pytest.mark.parametrize(
    "raw",
    [b"{", b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe\x00", b'{"unit": NaN}', b'{"volume": Infinity}', b"9" * 5_000, b'"\\ud800"', b"\x00",
     b'{"unit": "79.1", "title": "\xc3\x28"}', b"<xml/>", b"true", b"7", b'"x"', b"[1]", b"{}", b"", b'{"a":1}' * 2],
    ids=lambda raw: repr(raw[:12]),
)  # fmt: skip
def test_a_body_that_is_no_good_json_is_told_so(callers: Callers, raw: bytes):
    for kind in (
        "application/json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "",
    ):
        for path in ("/bulletins", "/slots", "/emergencies", "/stations"):
            answer = check(callers["root"].call("POST", path, data=raw, content_type=kind))
            assert 400 <= answer.status_code < 500, path
        for path in ("/reports", "/heartbeat"):
            answer = check(callers.station("a1").call("POST", path, data=raw, content_type=kind))
            assert answer.status_code in {204, 422}, path
    answer = check(callers.nobody.call("POST", "/enrol", data=raw))
    assert answer.status_code == 422


def test_a_body_over_the_limit_is_refused(callers: Callers):
    answer = check(callers["root"].call("POST", "/bulletins", data=b'{"text":"' + b"x" * (3 << 20) + b'"}'))
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (413, "too_large")


def test_every_wrong_method_is_told_so_in_json(app: Flask, callers: Callers):
    known: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("api."):
            known.setdefault(rule.rule.removeprefix(PREFIX), set()).update(rule.methods or set())
    addresses = app.url_map.bind("localhost")
    for path, declared in known.items():
        # `/slots/preview` is also an identity in `/slots/<identity>`: what may be done there may be done here.
        methods = set(addresses.allowed_methods(PREFIX + re.sub(r"<\w+>", "x", path)))
        assert declared <= methods
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - methods:
            answer = check(callers["root"].call(method, re.sub(r"<\w+>", "x", path)))
            assert answer.status_code == 405
            assert set(answer.headers["Allow"].split(", ")) == methods
        assert callers["root"].call("OPTIONS", re.sub(r"<\w+>", "x", path)).status_code < 500


@pytest.mark.parametrize("path", ["/nothing", "/bulletins/", "/bulletins/x/y/z", "/../x", "/%00"])
def test_an_unknown_address_answers_like_everything_else(callers: Callers, path: str):
    answer = check(callers["root"].get(path))
    assert answer.status_code in {404, 405}


def test_messages_come_in_the_caller_s_language(callers: Callers):
    english = callers["root"].get("/bulletins/x", headers={"Accept-Language": "en"}).get_json()
    assert english["error"]["message"] == "There is nothing under this name, or not for you."


# The bad input the project was asked to bear


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"text": ""}, 422, "text"), ({"text": "   \n"}, 422, "text"), ({"text": "x " * 25_000}, 422, "text"), ({"text": "…!?"}, 422, "text"),
        ({"title": ""}, 422, "title"), ({"title": "\x07"}, 422, "title"), ({"title": "x" * 201}, 422, "title"), ({"field": "nothing"}, 422, "field"),
        ({"priority": "loud"}, 422, "priority"), ({"language": ""}, 422, "language"), ({"clip": "cl_x"}, 422, "text"),
        ({"text": None, "clip": "cl_x"}, 404, None), ({"unit": "nowhere"}, 404, None), ({"valid_until": "2026-11-22"}, 422, "valid_until"),
        ({"valid_until": "soon"}, 422, None), ({"valid_from": "2026-11-25", "valid_until": "2026-11-24"}, 422, "valid_until"),
        ({"title": None}, 422, "title"), ({"text": 7}, 422, "text"),
    ],
)  # fmt: skip
def test_a_bulletin_that_makes_no_sense_is_refused_and_not_kept(
    callers: Callers, village: Village, change, status, field
):
    answer = check(callers["root"].post("/bulletins", {**BULLETIN, **change}))
    assert answer.status_code == status
    if field:
        assert field in answer.get_json()["error"]["fields"]
    with village.database.read() as session:
        assert session.exec(select(Bulletin)).all() == []
        assert session.exec(select(Clip)).all() == []


def test_a_station_in_no_commune_is_refused(callers: Callers):
    assert check(callers["root"].post("/stations", {"name": "x"})).status_code == 422
    assert check(callers["root"].post("/stations", {"name": "x", "unit": "nowhere"})).status_code == 404


@pytest.mark.parametrize("size", [0, 150_000])
def test_an_empty_or_too_large_upload_leaves_nothing_behind(callers: Callers, app: Flask, village: Village, size: int):
    object.__setattr__(app.extensions["loa"].settings, "max_upload_bytes", 100_000)
    before = files_below(village.settings.uploads)
    file = FileStorage(io.BytesIO(b"x" * size), "tiếng.mp3")
    answer = check(callers["writer"].call("POST", "/clips", data={"file": file}, content_type="multipart/form-data"))
    assert answer.status_code == (413 if size else 422)
    assert files_below(village.settings.uploads) == before
    with village.database.read() as session:
        assert session.exec(select(Clip)).all() == []


def test_an_upload_without_its_file_is_told_so(callers: Callers):
    for call in ({"json": {}}, {"data": b"x", "content_type": "multipart/form-data"}, {"data": b"--x\r\nbroken", "content_type": "multipart/form-data; boundary=x"},
                 {"data": {"file": "text"}}):  # fmt: skip
        assert check(callers["writer"].call("POST", "/clips", **call)).status_code == 422


def test_an_upload_is_taken_in_and_queued(callers: Callers, village: Village):
    file = FileStorage(io.BytesIO(b"ID3 not really"), "../../etc/Họp thôn.mp3")
    answer = callers["writer"].call("POST", "/clips", data={"file": file}, content_type="multipart/form-data")
    assert (answer.status_code, answer.get_json()["state"]) == (202, "queued")
    with village.database.read() as session:
        clip = session.exec(select(Clip)).one()
    assert clip.title == "Họp thôn"
    assert files_below(village.settings.uploads) == {clip.upload}


# A locked database, a full disk


def test_a_locked_database_answers_503_and_loses_nothing(callers: Callers, village: Village, database: Database):
    database.lock_timeout_seconds = 0.3
    with closing(sqlite3.connect(village.settings.home / "loa.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        answer = callers["writer"].post("/bulletins", BULLETIN)
        assert time.monotonic() - begun < 15
        assert (answer.status_code, answer.headers["Retry-After"], answer.get_json()["error"]["code"]) == (
            503,
            "1",
            "busy",
        )
        assert callers["writer"].get("/bulletins").get_json()["items"] == []  # reading goes on
        other.execute("ROLLBACK")
    assert callers["writer"].post("/bulletins", BULLETIN).status_code == 201
    assert len(callers["writer"].get("/bulletins").get_json()["items"]) == 1


def test_a_lock_given_back_in_time_is_waited_for(callers: Callers, village: Village):
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(village.settings.home / "loa.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            locked.set()
            done.wait(0.4)
            other.execute("ROLLBACK")

    thread = threading.Thread(target=hold)
    thread.start()
    assert locked.wait(5)
    answer = callers["writer"].post("/bulletins", BULLETIN)
    thread.join()
    assert answer.status_code == 201


def test_a_full_disk_answers_507_and_loses_nothing(callers: Callers, village: Village, database: Database):
    from sqlalchemy import event

    @event.listens_for(database.engine, "connect")
    def no_more_pages(connection: sqlite3.Connection, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")

    callers["root"].post("/units", {"name": "x", "code": "before", "parent": "79"})
    database.engine.dispose()
    statuses = {
        callers["writer"].post("/bulletins", {**BULLETIN, "text": f"{n} " + "dài " * 4_000}).status_code
        for n in range(40)
    }
    assert statuses <= {201, 507}
    assert 507 in statuses
    answer = callers["writer"].post("/bulletins", {**BULLETIN, "text": "hết " * 4_900})
    assert answer.get_json()["error"]["code"] == "no_space"
    event.remove(database.engine, "connect", no_more_pages)
    database.engine.dispose()
    with database.read() as session:
        assert audit.verify(session) is None
        kept = session.exec(select(func.count()).select_from(Bulletin)).one()
        written = session.exec(select(func.count()).where(AuditEntry.action == "bulletin.create")).one()
    assert kept == written
    assert callers["writer"].post("/bulletins", BULLETIN).status_code == 201


def test_a_full_disk_while_an_upload_comes_in_answers_507(callers: Callers, village: Village, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("audio.uploads.Incoming._opened", full)
    file = FileStorage(io.BytesIO(b"x" * 100), "a.mp3")
    answer = callers["writer"].call("POST", "/clips", data={"file": file}, content_type="multipart/form-data")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (507, "no_space")
    assert list(village.settings.uploads.iterdir()) == []


def test_no_connection_left_is_busy_and_not_a_fault(callers: Callers, database: Database, monkeypatch):
    monkeypatch.setattr(database.engine.pool, "_timeout", 0.1)
    held = [database.engine.connect() for _ in range(20)]
    answer = callers["writer"].get("/units")
    for connection in held:
        connection.close()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert callers["writer"].get("/units").status_code == 200


# Lists and large calls


@pytest.mark.parametrize("limit", ["0", "-1", "501", "x", "1e2", "00001000", "9" * 50])
def test_a_page_size_out_of_range_is_refused(callers: Callers, limit: str):
    assert check(callers["root"].get(f"/units?limit={limit}")).status_code == 422


@pytest.mark.parametrize("path", ["/airings", "/reports", "/audit"])
@pytest.mark.parametrize("cursor", ["x", "9" * 60, "2026|", "|x", "-1"])
def test_a_cursor_that_is_none_of_ours_is_refused_instead_of_starting_again(callers: Callers, path: str, cursor: str):
    assert check(callers["root"].get(f"{path}?cursor={cursor}")).status_code == 422


def pages(caller: Any, path: str, limit: int, key: str = "id") -> list[str]:
    """Every item of a list, page by page, with the cursor put into the address as it came."""
    seen, cursor = [], ""
    for _ in range(200):
        answer = caller.get(f"{path}?limit={limit}{cursor}").get_json()
        assert len(answer["items"]) <= limit
        seen += [item[key] for item in answer["items"]]
        if answer["cursor"] is None:
            return seen
        cursor = f"&cursor={answer['cursor']}"
    raise AssertionError("the pages never end")


def test_pages_visit_everything_exactly_once(callers: Callers, village: Village):
    for number in range(5):
        village.on_timetable(minutes=60 + 5 * number, rrule="FREQ=DAILY", text=f"Tin {number}.")
    parent = "79.1.1"
    for depth in range(8):
        made = callers["root"].post("/units", {"name": "sâu", "code": f"deep{depth}", "parent": parent})
        parent = made.get_json()["code"]
    village.roll()
    for path, key in (("/bulletins", "id"), ("/programmes", "id"), ("/slots", "id"), ("/airings", "id"), ("/stations", "id"),
                      ("/units", "id"), ("/audit", "number"), ("/groups", "id"), ("/people", "id")):  # fmt: skip
        whole = pages(callers["root"], path, 500, key)
        for limit in (1, 3):
            if path in {"/groups", "/people"} or (limit == 1 and path == "/audit"):
                continue
            seen = pages(callers["root"], path, limit, key)
            assert seen == whole, path
            assert len(set(seen)) == len(seen), path
    assert len(pages(callers["root"], "/airings", 500)) == 40


def test_what_comes_while_paging_hides_nothing_that_was_there(callers: Callers, village: Village):
    for number in range(6):
        village.bulletin(text=f"Tin {number}.")
    whole = pages(callers["root"], "/bulletins", 500)
    first = callers["root"].get("/bulletins?limit=3").get_json()
    village.bulletin(text="Tin mới.")
    second = callers["root"].get(f"/bulletins?limit=3&cursor={first['cursor']}").get_json()
    assert [item["id"] for item in first["items"] + second["items"]] == whole


def test_a_thousand_stations_are_made_in_one_call(callers: Callers, village: Village):
    wanted = [{"name": f"Loa {n}", "unit": "79.1.1"} for n in range(1_000)]
    begun = time.monotonic()
    answer = callers["root"].post("/stations", wanted)
    took = time.monotonic() - begun
    assert answer.status_code == 201
    items = answer.get_json()["items"]
    assert len({item["enrolment_code"] for item in items}) == len({item["id"] for item in items}) == 1_000
    assert took < 15, took
    with village.database.read() as session:
        assert audit.verify(session) is None


def test_a_list_with_one_bad_station_makes_none(callers: Callers, village: Village):
    good = [{"name": f"Loa {n}", "unit": "79.1.1"} for n in range(20)]
    for bad in ({"name": "x", "unit": "nowhere"}, {"name": "x", "unit": "79.1.1", "latitude": 91}, {"name": ""}, 7):
        assert check(callers["root"].post("/stations", [*good, bad])).status_code in {404, 422}
    for odd in ([], good * 51):
        assert check(callers["root"].post("/stations", odd)).status_code == 422
    with village.database.read() as session:
        assert session.exec(select(func.count()).select_from(Station)).one() == 6
        assert session.exec(select(func.count()).select_from(Unit)).one() == 6

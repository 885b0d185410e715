"""What the front answers from memory is what the whole application answers; and nobody falls between the two."""

import json
import sqlite3
import threading
import time
import uuid
from datetime import timedelta

import pytest
from fleet_lab import Line, Said, Web, asking
from sqlmodel import select
from village import Village

from core.clock import format_instant, utc_now
from registry import stations
from registry.models import StationState
from scheduler.models import Acknowledgement, PlayReport

pytestmark = pytest.mark.processes
# The front leaves a request with this field to the whole application.
ELSEWHERE = "TE: trailers"
COMPARED = ("content-type", "content-length", "etag", "cache-control", "content-range", "accept-ranges")


def both(web: Web, method: str, path: str, token: str, body: bytes = b"", *fields: str) -> tuple[Said, Said]:
    with web.line() as line:
        return line.ask(method, path, token, body, *fields), line.ask(method, path, token, body, ELSEWHERE, *fields)


def same(quick: Said, whole: Said) -> None:
    assert quick.status == whole.status
    assert quick.body == whole.body
    for name in COMPARED:
        assert quick.fields.get(name) == whole.fields.get(name), name


@pytest.fixture
def token(village: Village) -> str:
    return village.cast.station_tokens["a1"]


@pytest.fixture
def airing(awake: Village) -> str:
    awake.on_timetable()
    awake.roll()
    return awake.airings()[0].id


def test_now_and_plan_are_the_same_by_both_ways(village: Village, airing: str, web: Web, token: str):
    same(*both(web, "GET", "/now", token))
    with web.line() as line:
        for path in ("/now", "/plan"):
            tag = line.ask("GET", path, token).fields["etag"]
            for held in (tag, f"W/{tag}"):
                unchanged, elsewhere = both(web, "GET", path, token, b"", f"If-None-Match: {held}")
                assert unchanged.status == 304
                same(unchanged, elsewhere)
            another, elsewhere = both(web, "GET", path, token, b"", 'If-None-Match: "another"')
            assert another.status == elsewhere.status == 200
            assert another.fields["etag"] == elsewhere.fields["etag"] == tag


def test_a_connection_that_is_not_kept_is_said_to_end_and_ends(web: Web, token: str):
    for fields in ((), (ELSEWHERE,)):
        with web.line() as line:
            assert "connection" not in line.ask("GET", "/time", token, b"", *fields).fields
            assert line.ask("GET", "/time", token, b"", "Connection: close", *fields).fields["connection"] == "close"
            assert line.ends()


def test_audio_is_the_same_by_both_ways_whole_and_in_pieces(village: Village, airing: str, web: Web, token: str):
    (row,) = village.airings()
    file = row.items[0]["clip"]["opus"]
    path = f"/media/{file['sha256']}.opus"
    for fields in ((), ("Range: bytes=2-5",), ("Range: bytes=7-",), ("Range: bytes=0-99999999",), ("Range: bytes=-3",)):
        quick, whole = both(web, "GET", path, token, b"", *fields)
        same(quick, whole)
        assert quick.status == (206 if fields else 200)
    beyond, _ = both(web, "GET", path, token, b"", f"Range: bytes={file['bytes']}-")
    assert beyond.status == 416
    assert both(web, "GET", "/media/" + "0" * 64 + ".opus", token)[0].status == 404


def test_a_token_that_is_wrong_is_refused_by_both_ways(web: Web):
    for method, path, body in (("GET", "/now", b""), ("GET", "/plan", b""), ("POST", "/heartbeat", b"{}")):
        quick, whole = both(web, method, path, "sta_wrong", body)
        assert quick.status == 401
        same(quick, whole)


def test_a_heartbeat_is_kept_before_it_is_answered(village: Village, web: Web, token: str, airing: str):
    said = {"volume": 42, "playing": airing, "acknowledged": ["air_x"], "withdrawn": []}
    with web.line() as line:
        assert line.ask("POST", "/heartbeat", token, json.dumps(said).encode()).status == 204
    with village.database.read() as session:
        state = session.get_one(StationState, village.cast.stations["a1"])
        told = session.exec(select(Acknowledgement)).all()
    assert (state.volume, state.playing) == (42, airing)
    assert [(each.subject, each.station_id) for each in told] == [("air_x", village.cast.stations["a1"])]


def test_a_heartbeat_of_nonsense_is_refused_with_a_reason(web: Web, token: str):
    quick, whole = both(web, "POST", "/heartbeat", token, b'{"volume": 900}')
    assert quick.status == 422
    same(quick, whole)


def test_reports_are_kept_before_they_are_answered_and_count_once(village: Village, web: Web, token: str, airing: str):
    now = utc_now()
    rows = [
        {
            "id": str(uuid.uuid4()), "airing": name, "item": 0, "outcome": "played", "started_at": format_instant(now),
            "ended_at": format_instant(now + timedelta(seconds=20)), "seconds": 20.0,
        }
        for name in (airing, "air_nowhere")
    ]  # fmt: skip
    body = json.dumps({"reports": rows}).encode()
    quick, again = both(web, "POST", "/reports", token, body)
    wanted = {"accepted": [rows[0]["id"]], "refused": [{"id": rows[1]["id"], "code": "unknown_airing"}]}
    assert quick.document == again.document == wanted
    with village.database.read() as session:
        assert [report.id for report in session.exec(select(PlayReport)).all()] == [rows[0]["id"]]


def test_many_heartbeats_at_once_are_all_kept(village: Village, web: Web):
    tokens = village.cast.station_tokens
    lines = [(short, web.line()) for short in tokens for _ in range(20)]
    for number, (short, line) in enumerate(lines):
        line.say(asking("POST", "/heartbeat", tokens[short], json.dumps({"seq": number}).encode()))
    assert {line.hear().status for _, line in lines} == {204}
    for _, line in lines:
        line.close()
    with village.database.read() as session:
        assert len(session.exec(select(StationState)).all()) == len(tokens)


def test_while_the_database_is_locked_callers_are_told_to_come_again(village: Village, token: str, web: Web):
    other = sqlite3.connect(village.settings.home / "loa.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with web.line() as line:
            refused = line.ask("POST", "/heartbeat", token, b'{"volume": 7}')
            assert (refused.status, refused.fields["retry-after"]) == (503, "1")
            other.execute("ROLLBACK")
            assert line.ask("POST", "/heartbeat", token, b'{"volume": 7}').status == 204
    finally:
        other.close()


def test_one_connection_serves_for_every_kind_of_call_one_after_the_other(web: Web, token: str):
    with web.line() as line:
        for _ in range(3):
            assert line.ask("GET", "/now", token).status == 200
            assert line.ask("GET", "/openapi.json").status == 200
            assert line.ask("POST", "/heartbeat", token, b"{}").status == 204


def test_calls_sent_at_once_are_answered_in_their_order(web: Web, token: str):
    with web.line() as line:
        line.say(
            asking("POST", "/heartbeat", token, b"{}") + asking("GET", "/openapi.json") + asking("GET", "/now", token)
        )
        assert line.hear().status == 204
        assert "openapi" in line.hear().document
        assert "seq" in line.hear().document


def test_a_call_may_come_in_pieces(web: Web, token: str):
    with web.line() as line:
        for piece in asking("POST", "/heartbeat", token, b'{"volume": 3}'):
            line.say(bytes((piece,)))
        assert line.hear().status == 204


def test_who_asks_to_be_hung_up_on_is(web: Web, token: str):
    with web.line() as line:
        assert line.ask("GET", "/now", token, b"", "Connection: close").status == 200
        assert line.ends()


def test_a_wait_ends_with_nothing_new_and_an_emergency_ends_it_at_once(village: Village, web: Web, token: str):
    with web.line() as line:
        tag = line.ask("GET", "/now", token).fields["etag"]
        begun = time.monotonic()
        unchanged = line.ask("GET", "/now", token, b"", f"If-None-Match: {tag}", "Prefer: wait=1")
        assert (unchanged.status, unchanged.fields["etag"]) == (304, tag)
        assert time.monotonic() - begun >= 0.9
        line.say(asking("GET", "/now", token, b"", f"If-None-Match: {tag}", "Prefer: wait=40"))
        time.sleep(0.3)
        village.alarm()
        assert len(line.hear().document["interrupts"]) == 1


def test_a_call_sent_while_waiting_is_answered_afterwards(village: Village, web: Web, token: str):
    with web.line() as line:
        tag = line.ask("GET", "/now", token).fields["etag"]
        line.say(
            asking("GET", "/now", token, b"", f"If-None-Match: {tag}", "Prefer: wait=1") + asking("GET", "/time", token)
        )
        assert line.hear().status == 304
        assert "sent_at" in line.hear().document


def test_a_revoked_station_that_waits_is_told_within_a_second(village: Village, web: Web, token: str):
    with web.line() as line:
        tag = line.ask("GET", "/now", token).fields["etag"]
        line.say(asking("GET", "/now", token, b"", f"If-None-Match: {tag}", "Prefer: wait=40"))
        with village.database.write() as session:
            stations.revoke(session, village.actor("root"), village.cast.stations["a1"], utc_now())
        begun = time.monotonic()
        assert line.hear().status == 401
        assert time.monotonic() - begun < 5
        assert line.ask("POST", "/heartbeat", token, b"{}").status == 401


def test_everybody_who_waits_is_let_go_when_the_server_ends(web: Web, token: str):
    with web.line() as line:
        tag = line.ask("GET", "/now", token).fields["etag"]
        line.say(asking("GET", "/now", token, b"", f"If-None-Match: {tag}", "Prefer: wait=40"))
        ending = threading.Thread(target=web.stop)
        ending.start()
        assert line.hear().status == 304
        assert line.ends()
        ending.join(30)


def test_a_crowd_of_hundreds_has_the_emergency_and_those_that_left_harm_nobody(village: Village, web: Web):
    tokens = list(village.cast.station_tokens.values())
    lines: list[Line] = []
    for number in range(300):
        line = web.line()
        tag = line.ask("GET", "/now", tokens[number % len(tokens)]).fields["etag"]
        line.say(asking("GET", "/now", tokens[number % len(tokens)], b"", f"If-None-Match: {tag}", "Prefer: wait=50"))
        lines.append(line)
    for line in lines[::3]:
        line.close()
    village.alarm()
    for number, line in enumerate(lines):
        if number % 3:
            assert len(line.hear().document["interrupts"]) == 1
            line.close()

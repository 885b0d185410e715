"""Which requests the front takes for plain ones of stations: exactly those that can mean one thing only."""

import pytest
from fleet_lab import asking
from hypothesis import given
from hypothesis import strategies as st

from web.front.parsing import BODY_LIMIT, HEAD_LIMIT, Asked, Route, Verdict, parse

ANY = frozenset[bytes]()
NOW = asking("GET", "/now", "sta_x")
BEAT = asking("POST", "/heartbeat", "sta_x", b"{}")


@pytest.mark.parametrize(
    ("data", "route"),
    [
        (NOW, Route.NOW),
        (asking("GET", "/plan", "sta_x"), Route.PLAN),
        (asking("GET", "/time"), Route.TIME),
        (BEAT, Route.HEARTBEAT),
        (asking("POST", "/reports", "sta_x", b'{"reports": []}'), Route.REPORTS),
        (asking("GET", "/media/" + "a" * 64 + ".opus"), Route.MEDIA),
    ],
)
def test_the_calls_of_stations_are_recognised(data: bytes, route: Route):
    asked = parse(data, ANY)
    assert isinstance(asked, Asked)
    assert (asked.route, asked.size, asked.keep) == (route, len(data), True)


def test_what_comes_behind_a_request_is_left_for_the_next():
    asked = parse(BEAT + NOW, ANY)
    assert isinstance(asked, Asked)
    assert (asked.body, asked.size) == (b"{}", len(BEAT))
    again = parse((BEAT + NOW)[asked.size :], ANY)
    assert isinstance(again, Asked)
    assert again.route is Route.NOW


@pytest.mark.parametrize("cut", [1, 10, len(BEAT) - 3, len(BEAT) - 1])
def test_the_rest_of_a_request_is_waited_for(cut: int):
    assert parse(BEAT[:cut], ANY) is Verdict.MORE


def test_a_name_comes_with_the_name_of_its_file():
    asked = parse(asking("GET", "/media/../../etc/passwd"), ANY)
    assert isinstance(asked, Asked)
    assert asked.name == b"../../etc/passwd"


def test_whether_the_connection_stays_is_the_callers_wish():
    asked = parse(asking("GET", "/now", "sta_x", b"", "Connection: Close"), ANY)
    assert isinstance(asked, Asked)
    assert not asked.keep


@pytest.mark.parametrize(
    "data",
    [
        asking("GET", "/stations", "sta_x"),
        asking("GET", "/now?x=1", "sta_x"),
        asking("HEAD", "/now", "sta_x"),
        NOW.replace(b"HTTP/1.1", b"HTTP/1.0"),
        NOW.replace(b"GET /api", b"GET http://127.0.0.1/api"),
        NOW.replace(b"Host: 127.0.0.1\r\n", b""),
        asking("GET", "/now", "sta_x", b"", "Host: elsewhere"),
        asking("GET", "/now", "sta_x", b"{}"),
        asking("POST", "/heartbeat", "sta_x"),
        asking("POST", "/heartbeat", "sta_x", b"{}", "Content-Length: 9"),
        asking("POST", "/heartbeat", "sta_x", b"", "Transfer-Encoding: chunked"),
        asking("POST", "/heartbeat", "sta_x", b"{}", "Expect: 100-continue"),
        asking("POST", "/heartbeat", "sta_x", b"{}", "Content-Encoding: gzip"),
        asking("POST", "/heartbeat", "sta_x", b"", "Content-Length: -1"),
        asking("POST", "/heartbeat", "sta_x", b"", "Content-Length: +2") + b"{}",
        asking("POST", "/heartbeat", "sta_x", b"", f"Content-Length: {BODY_LIMIT + 1}"),
        asking("POST", "/heartbeat", "sta_x", b"", "Content-Length : 2") + b"{}",
        asking("GET", "/now", "sta_x", b"", "Connection: Upgrade"),
        asking("GET", "/now", "sta_x", b"", "X: 1", " folded: 2"),
        asking("GET", "/now", "sta_x", b"", "no colon"),
        b"GET /api/v1/now HTTP/1.1\nHost: x\n\n\r\n\r\n",
        b"x" * HEAD_LIMIT,
        b"\r\n\r\n",
    ],
)
def test_whatever_is_unusual_is_left_to_the_whole_application(data: bytes):
    assert parse(data, ANY) is Verdict.OTHER


def test_only_hosts_of_this_server_are_answered():
    assert parse(NOW, frozenset({b"loa.example.vn"})) is Verdict.OTHER
    assert isinstance(parse(NOW, frozenset({b"127.0.0.1"})), Asked)


@given(st.binary(max_size=300), st.integers(0, len(BEAT)))
def test_no_bytes_at_all_make_it_fail(noise: bytes, at: int):
    for data in (noise, BEAT[:at] + noise + BEAT[at:], BEAT[:at] + noise):
        asked = parse(data, ANY)
        if isinstance(asked, Asked):
            assert asked.size <= len(data)

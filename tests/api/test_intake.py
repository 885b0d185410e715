"""Bodies of requests: slow ones end, large ones take turns, unwanted ones are not read for ever."""

import io
import time
from types import SimpleNamespace

import gevent
import pytest
from gevent.pywsgi import Input
from werkzeug.exceptions import RequestTimeout

from web import intake
from web.intake import Intake, Share

LARGE = 64 * 1024


class Line(io.RawIOBase):
    """What a caller sends: each read takes `seconds`."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds, self.given = seconds, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        gevent.sleep(self.seconds)
        self.given += size
        return b"x" * size


def body(line: Line, length: int, share: Share | None = None, *, waits: bool = False) -> Intake:
    source = Input(line, length, socket=SimpleNamespace() if waits else None)
    return Intake(source, SimpleNamespace(close_connection=False), share or Share())


def test_a_caller_who_sends_nothing_is_cut_off(monkeypatch):
    monkeypatch.setattr(intake, "_PIECE_SECONDS", 0.05)
    arriving = body(Line(seconds=30), LARGE)
    with pytest.raises(RequestTimeout):
        arriving.read(100)
    begun = time.monotonic()
    arriving._discard()
    assert time.monotonic() - begun < 15
    assert arriving._handler.close_connection


def test_a_refused_body_is_read_away_for_a_moment_only(monkeypatch):
    monkeypatch.setattr(intake, "_DRAIN_SECONDS", 0.1)
    line = Line(seconds=0.01)
    arriving = body(line, 1 << 40)
    begun = time.monotonic()
    arriving._discard()
    assert time.monotonic() - begun < 15
    assert line.given > 0
    assert arriving._handler.close_connection


def test_a_body_read_to_its_end_leaves_the_connection_open():
    arriving = body(Line(), LARGE)
    assert len(arriving.read(LARGE)) == LARGE
    assert arriving.read(LARGE) == b""
    arriving._discard()
    assert not arriving._handler.close_connection


def test_a_caller_who_waits_for_leave_to_send_is_not_given_it_after_the_answer():
    line = Line()
    arriving = body(line, LARGE, waits=True)
    arriving._discard()
    assert (line.given, arriving._handler.close_connection) == (0, True)


def test_others_get_their_turn_while_large_bodies_come_in():
    share, turns, over = Share(), [], []

    def upload() -> None:
        arriving = body(Line(), 40 * LARGE, share)
        while arriving.read(LARGE):
            until = time.perf_counter() + 0.001  # work on the piece, without waiting for anything
            while time.perf_counter() < until:
                pass
        arriving._discard()
        over.append(1)

    def page() -> None:
        while len(over) < 4:
            begun = time.perf_counter()
            gevent.sleep(0.001)
            turns.append(time.perf_counter() - begun)

    uploads = [gevent.spawn(upload) for _ in range(4)]
    gevent.joinall([gevent.spawn(page), *uploads], timeout=30, raise_error=True)
    assert share.readers == 0
    assert len(turns) > 40
    assert sorted(turns)[len(turns) // 2] < 0.02

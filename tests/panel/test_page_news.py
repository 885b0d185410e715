"""Pages that are told of news: only when something changed, so many at once, and not for ever."""

import time

import pytest

from core.errors import Busy
from web import events
from web.events import EventRoom


@pytest.fixture
def room(database):
    made = EventRoom(database, most=3, each=2, poll_seconds=0.02)
    yield made
    made.close()


def eventually(what, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_page_is_told_when_what_it_shows_changed_and_not_when_something_else_did(room, database, home):
    from registry.models import Station

    def name(session):
        return session.get_one(Station, home.station).name

    ours, other = room.join("p1", "ours", name), room.join("p2", "other", lambda _: "the same")
    for listener in (ours, other):
        assert listener.news.is_set()
        listener.news.clear()
    eventually(lambda: {"ours", "other"} <= room._known.keys())
    with database.write() as session:
        session.get_one(Station, home.station).name = "Loa mới"
    assert ours.news.wait(60)
    assert not other.news.is_set()


def test_one_person_and_all_together_have_a_bound(room):
    first, second = (room.join("p1", "x", lambda _: 0) for _ in range(2))
    with pytest.raises(Busy):
        room.join("p1", "x", lambda _: 0)
    room.join("p2", "x", lambda _: 0)
    with pytest.raises(Busy):
        room.join("p3", "x", lambda _: 0)
    room.leave(first)
    room.leave(first)
    room.join("p3", "x", lambda _: 0)
    assert (room.listening, second.news.is_set()) == (3, True)


def test_a_look_that_fails_is_not_the_end(room):
    calls = []

    def mark(_):
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("once")
        return len(calls)

    room.join("p1", "x", mark)
    eventually(lambda: len(calls) > 1)


def test_a_stream_ends_after_its_time_and_when_the_process_stops(room):
    now = [0.0]
    listener = room.join("p1", "x", lambda _: 0)
    told = events.told(room, listener, lambda: True, heartbeat_seconds=0.01, lasts_seconds=10, monotonic=lambda: now[0])
    assert next(told).startswith("retry")
    assert next(told) == "event: news\ndata: .\n\n"
    assert next(told).startswith(":")
    now[0] = 10.0
    assert list(told) == []
    assert room.listening == 0
    another = events.told(room, room.join("p1", "x", lambda _: 0), lambda: True, heartbeat_seconds=30)
    next(another)
    room.close()
    assert list(another) == []


def test_nobody_asks_the_database_when_nobody_looks(room):
    listener = room.join("p1", "x", lambda _: 0)
    room.leave(listener)
    eventually(lambda: room._thread is None)


def test_a_stream_ends_at_once_when_the_persons_session_has_ended(room):
    signed_in = {"a", "b"}
    mine, theirs = (room.join(who, "k", lambda _: 1) for who in ("a", "b"))
    streams = [events.told(room, each, lambda each=each: each.person in signed_in) for each in (mine, theirs)]
    for stream in streams:
        assert next(stream).startswith("retry")
        assert next(stream) == events.NEWS  # a page is a moment old when it begins to listen
    signed_in.discard("a")
    room.doubt("a")
    assert next(streams[0]) == "event: over\ndata: .\n\n"
    assert list(streams[0]) == []
    assert not theirs.news.is_set()
    assert room.listening == 1
    streams[1].close()


def test_who_is_doubted_but_still_signed_in_goes_on(room):
    listener = room.join("a", "k", lambda _: 1)
    stream = events.told(room, listener, lambda: True)
    assert next(stream).startswith("retry")
    room.doubt("a")
    assert next(stream) == events.NEWS
    assert not listener.doubted
    stream.close()

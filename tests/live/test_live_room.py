"""Live talks in a web process: who hears what, when a talk ends, and what is kept of it."""

import socket
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from village import Village

from core.errors import Conflict
from scheduler import live, live_ends
from scheduler.live import Wish
from scheduler.live_models import LiveTalk
from web.live import room as rooms
from web.live.room import LiveRoom
from web.radio import frames

RATE = 24_000
PATIENCE = 60.0


@pytest.fixture
def room(village: Village) -> Iterator[LiveRoom]:
    made = LiveRoom(village.database, village.settings, village.clock)
    yield made
    made.close()


def begun(village: Village, **more: object) -> LiveTalk:
    with village.database.write() as session:
        return live.begin(
            session, village.actor("approver"), village.unit("commune_a"),
            Wish(["unit:79.1"], chime=False, **more),  # type: ignore[arg-type]
            signer=village.signer, settings=village.settings, now=village.clock(),
        )[0]  # fmt: skip


def row(village: Village, talk: LiveTalk) -> LiveTalk:
    with village.database.read() as session:
        return session.get_one(LiveTalk, talk.id)


def until(question: object, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if question():  # type: ignore[operator]
            return
        time.sleep(0.05)
    pytest.fail(what)


def spoken(seconds: float) -> bytes:
    return (8_000 * np.sin(np.arange(round(seconds * RATE)) / 5)).astype("<i2").tobytes()


@pytest.mark.timeout(180)
def test_who_listens_gets_whole_frames_until_the_talk_is_over(village: Village, room: LiveRoom) -> None:
    talk = begun(village)
    air = room.open(talk)
    room.put(air, 0, spoken(1.0))
    listener = room.join(air)
    ours, theirs = socket.socketpair()
    got = bytearray(listener.begin())

    def read() -> None:
        while piece := theirs.recv(4_096):
            got.extend(piece)

    reader = threading.Thread(target=read)
    reader.start()
    room.hand_over(listener, ours)
    room.put(air, RATE, spoken(1.0))
    room.finish(talk.id, "stopped")
    assert listener.over.wait(PATIENCE), "everything was sent, and the connection may be closed"
    ours.close()
    reader.join(PATIENCE)
    theirs.close()
    found = frames.split(bytes(got))
    assert sum(map(len, found)) == len(got)
    assert len(found) * frames.SECONDS > 1.0
    assert live_ends.sound_of(village.settings, talk.id).read_bytes() == spoken(1.0) + spoken(1.0)
    with pytest.raises(Conflict):
        room.put(air, 2 * RATE, spoken(0.1))
    until(lambda: room.on_air(talk.id) is None, "it is put away")


@pytest.mark.timeout(180)
def test_a_speaker_whose_network_is_gone_ends_the_talk(
    village: Village, room: LiveRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "LOST_SECONDS", 0.5)
    talk = begun(village)
    room.put(room.open(talk), 0, spoken(0.5))
    until(lambda: row(village, talk).ended_at is not None, "it ends")
    assert (row(village, talk).reason, row(village, talk).seconds) == ("lost", 0.5)


@pytest.mark.timeout(180)
def test_a_talk_ends_at_its_limit(village: Village, room: LiveRoom) -> None:
    talk = begun(village, minutes=1 / 60)
    air = room.open(talk)
    for tenth in range(100):
        if air.reason:
            break
        room.put(air, tenth * 2_400, spoken(0.1))
        air.speech.over.wait(0.1)
    until(lambda: row(village, talk).reason == "limit", "it ends")


@pytest.mark.timeout(180)
def test_a_process_that_the_speaker_does_not_talk_to_does_not_end_it(
    village: Village, room: LiveRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "LOST_SECONDS", 0.2)
    talk = begun(village)
    air = room.open(talk)
    assert not rooms._why_ended(air, time.monotonic() + 1_000)


@pytest.mark.timeout(180)
def test_what_another_process_has_ended_ends_here(village: Village, room: LiveRoom) -> None:
    talk = begun(village)
    air = room.open(talk)
    with village.database.write() as session:
        live.stop(session, village.actor("administrator"), talk.id, village.clock())
    until(lambda: air.reason == "stopped", "it ends here too")
    until(lambda: room.on_air(talk.id) is None, "it is put away")
    with pytest.raises(Conflict):
        room.open(row(village, talk))


@pytest.mark.timeout(180)
def test_after_a_new_start_a_talk_goes_on_behind_what_was_recorded(village: Village, room: LiveRoom) -> None:
    talk = begun(village)
    room.put(room.open(talk), 0, spoken(0.5))
    with village.database.write() as session:
        live.heard(session, talk.id, 0.5, village.clock())
    room.close()
    again = LiveRoom(village.database, village.settings, village.clock)
    try:
        air = again.open(row(village, talk))
        again.put(air, RATE, spoken(0.5))
        assert air.seconds == 1.0
        assert air.next == RATE + RATE // 2
        assert len(live_ends.sound_of(village.settings, talk.id).read_bytes()) == RATE * 2
    finally:
        again.close()

"""What comes out of a real server, measured by its bytes and by what ffmpeg hears in them."""

import time

import pytest
from radio_lab import Lab, Server, answer, chirp, connect, decoded, listen, place_of, seconds_of, without_titles

from core.clock import utc_now
from web.radio.channel import BURST_SECONDS

pytestmark = pytest.mark.realtime


def test_a_clip_is_heard_at_the_planned_instant_and_comes_in_time(lab: Lab, server: Server):
    lab.let_everybody_listen()
    sound = chirp(2.5)
    starts = lab.on_air(3, ("Mời họp", sound))
    heard = listen(server.port, "79.1", (starts - utc_now()).total_seconds() + 4)
    begun = heard.pieces[0][0]  # who is first gets a stream that began just before
    at, likeness = place_of(sound, decoded(heard.data))
    assert likeness > 0.95
    assert begun - BURST_SECONDS + at == pytest.approx(starts.timestamp(), abs=0.25)
    came = heard.came_at(int(at * 8_000))
    assert 0 <= came - starts.timestamp() < 1.5


def test_a_player_gets_a_few_seconds_at_once_and_then_real_time(lab: Lab, server: Server):
    lab.let_everybody_listen()
    first = listen(server.port, "79.1", 5)
    assert first.status == "HTTP/1.1 200 OK"
    assert "transfer-encoding" not in first.head
    assert "content-length" not in first.head
    assert first.head["connection"] == "close"
    assert first.head["icy-description"] == "province › commune_a".encode().decode("utf-8")
    assert seconds_of(first.data) == pytest.approx(BURST_SECONDS + 4.5, abs=0.8)
    second = listen(server.port, "79.1", 0.3)
    assert BURST_SECONDS - 0.1 <= seconds_of(second.data) < BURST_SECONDS + 2.2


def test_somebody_who_comes_in_the_middle_hears_the_middle_and_the_title(lab: Lab, server: Server):
    lab.let_everybody_listen()
    sound = chirp(9.0)
    starts = lab.on_air(1, ("Lịch tiêm chủng; 'trẻ em'", sound))
    time.sleep(max(0.0, (starts - utc_now()).total_seconds()) + 3)
    heard = listen(server.port, "79.1", 4, "Icy-MetaData: 1")
    data, titles = without_titles(heard.data, int(heard.head["icy-metaint"]))
    at, likeness = place_of(sound[int(4.5 * 44_100) : (6 * 44_100)], decoded(data))
    assert likeness > 0.95
    assert at < BURST_SECONDS + 3
    assert titles[0][1].decode() == "StreamTitle='Lịch tiêm chủng; 'trẻ em'';"
    assert [words for _, words in titles[1:]] == [b""] * (len(titles) - 1)


def test_an_emergency_is_heard_within_two_seconds_from_its_first_word_and_ends_when_it_is_stopped(
    lab: Lab, server: Server
):
    lab.let_everybody_listen()
    ordinary, alarm = chirp(40.0, 1), chirp(20.0, 2)
    starts = lab.on_air(1, ("Bản tin", ordinary))
    with connect(server.port, lab.village.cast.stations["a1"]) as connection:
        _, _, body = answer(connection)
        time.sleep(max(0.0, (starts - utc_now()).total_seconds()) + 1)
        identity, raised = lab.alarm(alarm)
        pieces = [(time.time(), body)]
        connection.settimeout(30)
        while time.time() < raised.timestamp() + 3.5:
            pieces.append((connection.recv(65_536), time.time())[::-1])
        lab.stop_alarm(identity)
        stopped = time.time()
        while time.time() < stopped + 3:
            pieces.append((connection.recv(65_536), time.time())[::-1])
    heard = decoded(b"".join(piece for _, piece in pieces))
    at, likeness = place_of(alarm[: 44_100 // 2], heard)
    assert likeness > 0.95
    total, came = 0, None
    for instant, piece in pieces:
        total += len(piece)
        if total > at * 8_000 + 800:
            came = instant
            break
    assert came is not None
    assert came - raised.timestamp() < 2.0
    # What it cut goes on behind it, where it would be by then.
    assert place_of(heard[-44_100:-4_410], ordinary)[1] > 0.9


def test_the_head_alone_promises_no_length_and_listens_to_nothing(lab: Lab, server: Server):
    lab.let_everybody_listen()
    with connect(server.port, "79.1", method="HEAD", headers=("Icy-MetaData: 1",)) as connection:
        status, head, body = answer(connection)
        assert connection.recv(1) == b""
    assert status == "HTTP/1.1 200 OK"
    assert head["content-type"] == "audio/mpeg"
    assert head["icy-metaint"] == "16000"
    assert "content-length" not in head
    assert "transfer-encoding" not in head
    assert body == b""


def test_to_a_stranger_it_is_not_there_and_a_token_opens_it(lab: Lab, server: Server):
    with connect(server.port, "79.1") as connection:
        assert "404" in answer(connection)[0]
    token = lab.village.cast.tokens["viewer"]
    heard = listen(server.port, "79.1", 1, f"Authorization: Bearer {token}")
    assert heard.status.endswith("200 OK")
    assert seconds_of(heard.data) >= BURST_SECONDS - 0.1


def test_one_who_does_not_read_harms_nobody(lab: Lab, server: Server):
    lab.let_everybody_listen()
    idle = [connect(server.port, "79.1") for _ in range(40)]
    try:
        heard = listen(server.port, "79.1", 6)
    finally:
        for each in idle:
            each.close()
    assert seconds_of(heard.data) > BURST_SECONDS + 4.5
    gaps = [later - earlier for (earlier, _), (later, _) in zip(heard.pieces, heard.pieces[1:], strict=False)]
    assert max(gaps) < 2.5

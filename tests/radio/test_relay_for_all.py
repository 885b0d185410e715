"""Another broadcaster's programme, fetched once by a real server for whoever listens."""

import socket
import time
from collections.abc import Iterator

import numpy as np
import pytest
from radio_lab import Lab, Server, answer, decoded, needed, seconds_of, served
from relay_lab import FORMS, RATE, Broadcaster, encoded, eventually, likeness, live, noise

from audio.relays.looking import Looked
from benchmarks import _icecast
from core.clock import utc_now
from core.settings import relay_secret
from playlists import relays

pytestmark = pytest.mark.realtime
SOUND = noise(60.0, 3)


@pytest.fixture
def broadcaster() -> Iterator[Broadcaster]:
    running = Broadcaster()
    yield running
    running.close()


@pytest.fixture
def relaying(lab: Lab) -> Iterator[Server]:
    with served(lab.village.settings.home, LOA_OUTSIDE_HOSTS='["127.0.0.1"]', LOA_RELAYS_AT_ONCE="2") as running:
        yield running


def known(lab: Lab, url: str) -> str:
    """The path under which the server relays an address that was tried."""
    with lab.village.database.write() as session:
        relays.note(session, [Looked(url, "mp3", "Đài tỉnh", url)], utc_now())
    return relays.address("", relay_secret(lab.village.settings), url)


def ask(port: int, path: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=240)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    return connection


def status(port: int, path: str) -> str:
    with ask(port, path) as connection:
        return answer(connection)[0].split()[1]


def heard(port: int, path: str, sound: float = 4) -> tuple[float, bytes]:
    """How much came with the first breath, and all that came until there were `sound` seconds that sound."""
    with ask(port, path) as connection:
        said, head, body = answer(connection)
        assert said == "HTTP/1.1 200 OK"
        assert head["content-type"] == "audio/mpeg"
        assert "transfer-encoding" not in head
        begun, first = time.monotonic(), seconds_of(body)
        while not min(levels(body)[-round(sound) :], default=0) > 0.01:
            body += connection.recv(65_536)
            if time.monotonic() < begun + 0.5:
                first = seconds_of(body)
            assert seconds_of(body) < 60
        return first, body


def levels(body: bytes) -> list[float]:
    """How loud each whole second of MP3 is, counted back from the end; none while there are only a few."""
    sound = decoded(body)[: -RATE // 5] if seconds_of(body) >= 4.2 else np.zeros(0)
    whole = sound[len(sound) % RATE :].reshape(-1, RATE)
    return [float(each) for each in np.abs(whole).mean(axis=1)]


def test_an_icecast_is_heard_by_everybody_as_it_is_now(lab: Lab, relaying: Server, broadcaster: Broadcaster):
    needed(_icecast.program(), "icecast2")
    broadcaster.pages["/vov1"] = live(encoded(SOUND, *FORMS["mp3"]))
    broadcaster.headers["/vov1"] = {"Content-Type": "audio/mpeg"}
    with _icecast.relaying(broadcaster.url("/vov1"), clients=10) as icecast:
        path = known(lab, icecast.url)
        first, data = heard(relaying.port, path)
        assert first < 7  # what had come by then, and then at the pace of the sound
        assert likeness(tail(data), SOUND)[1] > 0.9
        again, other = heard(relaying.port, path)
        assert again >= 3
        assert likeness(tail(other), SOUND)[1] > 0.9


def tail(body: bytes) -> np.ndarray:
    """The last three seconds, without the very last that may not be whole."""
    return decoded(body)[-round(3.2 * RATE) : -RATE // 5]


def test_silence_stands_in_while_the_broadcaster_is_away_and_nobody_else_is_fetched(
    lab: Lab, relaying: Server, broadcaster: Broadcaster
):
    broadcaster.pages["/live"] = live(encoded(SOUND[: 9 * RATE], *FORMS["aac"]))
    path = known(lab, broadcaster.url("/live"))
    other = relays.id_of(broadcaster.url("/inner"))
    for wrong in (path[:-8] + ("1" if path[-8] == "0" else "0") + path[-7:], f"/api/v1/relay/{other}{path[-36:]}"):
        assert status(relaying.port, wrong) == "404"
    assert broadcaster.asked == []
    with ask(relaying.port, path) as connection:
        said, _, body = answer(connection)
        assert said == "HTTP/1.1 200 OK"
        eventually(lambda: broadcaster.asked, "the broadcaster was asked")
        broadcaster.pages["/live"] = b"<html>an error page</html>"  # it breaks off, and what comes then is no sound
        while max(levels(body)[-2:], default=1) > 0.001:
            body += connection.recv(65_536)
        broadcaster.pages["/live"] = live(encoded(SOUND, *FORMS["mp3"]))
        while levels(body)[-1] < 0.01:
            body += connection.recv(65_536)
        assert max(levels(body)[:6]) > 0.01
        broadcaster.pages["/second"] = live(encoded(SOUND, *FORMS["mp3"]))
        with ask(relaying.port, known(lab, broadcaster.url("/second"))) as second:
            assert answer(second)[0].split()[1] == "200"
            assert status(relaying.port, known(lab, broadcaster.url("/second"))) == "200"
            assert status(relaying.port, known(lab, broadcaster.url("/third"))) == "503"
    assert "/third" not in broadcaster.asked
    assert broadcaster.asked.count("/second") == 1

"""Every byte of audio is paid for once, also over connections that break; and what is paid for is counted."""

import random
import socket
import threading
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta

import pytest
from station_lab import STATION, TOKEN, FakeServer, ticket

from core.errors import NoSpace
from core.wire import AudioFile, ClipFiles, Item, PlanDocument, StationSettings
from station import shelf as shelf_of_a_station
from station.book import Book
from station.fetching import Fetcher
from station.identity import Identity
from station.link import Link, Unreachable
from station.reporting import Reporter
from station.shelf import Shelf
from station.store import Store
from station.traffic import Traffic, month_of

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


class Relay:
    """A line to a server that counts what goes over it, both ways."""

    def __init__(self, port):
        self.up = self.down = 0
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                self._open += [near, far]
                for source, target, up in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self._carry, args=(source, target, up), daemon=True).start()

    def _carry(self, source, target, up):
        with suppress(OSError):
            while piece := source.recv(65_536):
                if up:
                    self.up += len(piece)
                else:
                    self.down += len(piece)
                target.sendall(piece)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def close(self):
        self._listener.close()
        for each in self._open:
            each.close()


@pytest.fixture
def relay(server: FakeServer):
    made = Relay(server.port)
    yield made
    made.close()


def station(server, port, folder, *tickets, traffic=None):
    """Book, shelf and link of a station that holds these tickets."""
    identity = Identity(
        server=f"http://127.0.0.1:{port}", station=STATION, token=TOKEN, name="Loa", unit_path=["79.123"],
        server_keys=[server.signer.public_jwk],
    )  # fmt: skip
    store = Store(folder / "station.db")
    book = Book(store, identity, NOW)
    plan = PlanDocument(
        station=STATION, issued_at=NOW - timedelta(hours=1), until=NOW + timedelta(days=7),
        settings=StationSettings(codec="mp3", spread_s=0), airings=[server.signer.sign(one) for one in tickets],
    )  # fmt: skip
    book.take_plan(plan, '"tag"', NOW)
    (folder / "audio").mkdir(exist_ok=True)
    return store, book, Shelf(folder / "audio"), Link(identity.server, TOKEN, traffic=traffic)


def some_audio(server, chance, size):
    content = chance.randbytes(size)
    file = server.add_media(content, "mp3")
    return ClipFiles(mp3=file, opus=AudioFile(sha256=file.sha256, bytes=1)), content


def test_over_a_connection_that_breaks_again_and_again_each_byte_comes_once(server, tmp_path):
    chance = random.Random(3)  # noqa: S311 - a test's dice
    clip, content = some_audio(server, chance, 400_000)
    store, book, shelf, link = station(
        server, server.port, tmp_path, ticket("air_1", NOW + timedelta(hours=1), Item(at=0, seconds=50, clip=clip))
    )
    name, breaks = f"{clip.mp3.sha256}.mp3", 0
    with closing(store), closing(link):
        while not shelf.has(clip.mp3, "mp3"):
            server.cut_media_after = chance.randrange(1, 60_000)
            # A new process each time: what came before is known from the part file alone.
            fetcher = Fetcher(book, Shelf(tmp_path / "audio"), link, lambda: NOW, threading.Event(), urgent=False)
            with suppress(Unreachable):
                fetcher.step()
            shelf = Shelf(tmp_path / "audio")
            breaks += 1
            assert breaks < 100
    assert (tmp_path / "audio" / name).read_bytes() == content
    assert breaks > 8
    assert server.bytes_sent[name] == len(content)
    assert server.ranges == sorted(server.ranges, key=lambda each: int(each[6:-1]))


def test_the_nearest_is_fetched_first_and_a_corrupted_file_again(server, tmp_path):
    chance = random.Random(4)  # noqa: S311 - a test's dice
    clips = [some_audio(server, chance, 5_000)[0] for _ in range(3)]
    tickets = [
        ticket(f"air_{n}", NOW + timedelta(hours=hours), Item(at=0, seconds=50, clip=clips[n]))
        for n, hours in enumerate((30, 2, 9))
    ]
    store, book, shelf, link = station(server, server.port, tmp_path, *tickets)
    with closing(store), closing(link):
        Fetcher(book, shelf, link, lambda: NOW, threading.Event(), urgent=False).step()
        assert list(server.bytes_sent) == [f"{clips[n].mp3.sha256}.mp3" for n in (1, 2, 0)]
        path = shelf.path(clips[2].mp3, "mp3")
        path.write_bytes(b"\0" * 5_000)  # the card rots
        again = Shelf(tmp_path / "audio")
        Fetcher(book, again, link, lambda: NOW, threading.Event(), urgent=False).step()
    assert server.bytes_sent[path.name] == 10_000
    assert again.found_damage_within(60)
    assert again.has(clips[2].mp3, "mp3")


def test_what_goes_over_the_line_is_counted_by_month_and_kept(server, relay, tmp_path):
    chance = random.Random(5)  # noqa: S311 - a test's dice
    clip, _ = some_audio(server, chance, 80_000)
    traffic = Traffic()
    store, book, shelf, link = station(
        server, relay.port, tmp_path, ticket("air_1", NOW + timedelta(hours=1), Item(at=0, seconds=50, clip=clip)),
        traffic=traffic,
    )  # fmt: skip
    with closing(store), closing(link):
        Fetcher(book, shelf, link, lambda: NOW, threading.Event(), urgent=False).step()
        for _ in range(20):
            link.get("/time")
            link.get("/plan")
        Reporter(store, link).step()
        link.post("/heartbeat", b'{"volume": 40}')
        received, sent = traffic.keep(store, "2026-11")
    assert received == pytest.approx(relay.down, rel=0.02)
    assert sent == pytest.approx(relay.up, rel=0.05)
    with closing(Store(tmp_path / "station.db")) as again:
        other = Traffic()
        other.add(received=5, sent=7)
        assert other.keep(again, "2026-11") == (received + 5, sent + 7)
        assert other.keep(again, "2026-12") == (0, 0)
        assert again.traffic("2026-11") == (received + 5, sent + 7)


def test_a_month_begins_at_midnight_where_the_station_stands():
    last_evening = datetime(2026, 11, 30, 16, 59, tzinfo=UTC)
    assert month_of(last_evening, "Asia/Ho_Chi_Minh") == "2026-11"
    assert month_of(last_evening + timedelta(minutes=1), "Asia/Ho_Chi_Minh") == "2026-12"
    assert month_of(last_evening + timedelta(minutes=1), "no zone at all") == "2026-12"


def test_where_the_disk_has_no_room_the_audio_of_an_emergency_comes_into_memory(server, tmp_path, monkeypatch):
    monkeypatch.setattr(shelf_of_a_station, "SPARE_BYTES", 2**60)  # so much is never free
    chance = random.Random(6)  # noqa: S311 - a test's dice
    (alarm, content), (bulk, _) = some_audio(server, chance, 30_000), some_audio(server, chance, 5_000)
    emergency = ticket("air_e", NOW, Item(at=0, seconds=9, clip=alarm), kind="emergency", priority="emergency")
    programme = ticket("air_1", NOW + timedelta(hours=1), Item(at=0, seconds=9, clip=bulk))
    store, book, _, link = station(server, server.port, tmp_path, emergency, programme)
    with closing(store), closing(link), shelf_of_a_station.in_memory(f"test-{tmp_path.name}") as memory:
        if memory is None:
            pytest.skip("this machine keeps no files in memory")
        shelf = Shelf(tmp_path / "audio", memory)
        Fetcher(book, shelf, link, lambda: NOW, threading.Event(), urgent=True).step()
        assert shelf.find(emergency.items[0]) == memory / f"{alarm.mp3.sha256}.mp3"
        assert shelf.find(emergency.items[0]).read_bytes() == content
        with pytest.raises(NoSpace):
            Fetcher(book, shelf, link, lambda: NOW, threading.Event(), urgent=False).step()
        assert not shelf.holds(programme.items[0])
    assert not memory.exists()

"""The parts that touch the outside: store, link, clock, loop, outputs, shelf."""

import json
import logging
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from station_lab import CODE, STATION, TOKEN, eventually, noise, ticket, write_wav

from core.errors import InvalidInput, NoSpace
from core.wire import AudioFile, Item, NowDocument, PlanDocument, StationSettings
from station.accounting import new_report
from station.book import Book
from station.cards import CardOutput
from station.clock import Anchor, StationClock, boot_id
from station.decoding import BadAudio, Decoder, check
from station.discipline import four_stamp
from station.due import Progress
from station.enrolment import enrol
from station.hours import is_quiet
from station.identity import Home
from station.link import Link, Rejected, TokenRefused, Unreachable, backoff_seconds
from station.looping import Loop
from station.mixing import Mixer
from station.outputs import parse_output
from station.reporting import Reporter
from station.shelf import Shelf
from station.store import Store
from station.voice import ToneSource, Voice, gain_of

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


# the store
def test_what_was_kept_is_there_after_a_restart(tmp_path):
    path = tmp_path / "station.db"
    report = new_report(("air_1", 0), "played", None, NOW, NOW, seconds=1.5)
    with closing(Store(path)) as store:
        store.keep_progress(("air_2", 1), Progress(NOW, 3.5, 3.0, "preempted", -6.5))
        store.keep_withdrawn("air_3", NOW)
        store.finish(report, NOW)
        store.finish(report, NOW)
    with closing(Store(path)) as store:
        assert store.progress() == {("air_2", 1): Progress(NOW, 3.5, 3.0, "preempted", -6.5)}
        assert store.withdrawn() == {"air_3"}
        assert store.done() == {("air_1", 0)}
        assert len(store.outbox(10)) == 1
        store.prune(NOW + timedelta(days=1))
        assert store.withdrawn() == set()
        assert len(store.outbox(10)) == 1  # a report is never too old to be sent


def test_a_damaged_store_is_put_aside(tmp_path):
    path = tmp_path / "station.db"
    path.write_bytes(b"not a database, for sure" * 100)
    with closing(Store(path)) as store:
        store.keep_withdrawn("air_1", NOW)
    assert (tmp_path / "station.db.damaged").exists()


def test_a_command_is_obeyed_once_even_after_a_restart(tmp_path):
    with closing(Store(tmp_path / "station.db")) as store:
        assert store.obey_once("cmd_1", NOW)
    with closing(Store(tmp_path / "station.db")) as store:
        assert not store.obey_once("cmd_1", NOW)


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path / "station.db")) as store:
        yield store


@pytest.fixture
def identity(server, tmp_path):
    return enrol(server.url, CODE, Home(tmp_path / "home"))


def test_on_a_full_disk_the_book_goes_on_in_memory_and_writes_later(server, store, identity, clips, monkeypatch):
    book = Book(store, identity, NOW)
    kept = store.finish
    full = True

    def finish(report, now):
        if full:
            raise NoSpace("The disk is full.")
        kept(report, now)

    monkeypatch.setattr(store, "finish", finish)
    book.finish(("air_1", 0), new_report(("air_1", 0), "played", None, NOW, NOW), NOW)
    assert not book.is_writable()
    assert store.outbox(10) == []
    full = False
    book.finish(("air_2", 0), new_report(("air_2", 0), "played", None, NOW, NOW), NOW)
    assert book.is_writable()
    assert [json.loads(text)["airing"] for text in store.outbox(10)] == ["air_1", "air_2"]


def plan_of(server, *tickets, **settings):
    return PlanDocument(
        station=STATION, issued_at=NOW - timedelta(hours=1), until=NOW + timedelta(days=7),
        settings=StationSettings(**settings), airings=[server.signer.sign(one) for one in tickets],
    )  # fmt: skip


def airings_of(book):
    situation = book.situation(lambda _: None, NOW, timedelta(days=30))
    return {one.id for one in situation.tickets}


def test_a_new_plan_drops_what_has_not_begun_and_keeps_what_has(server, store, identity, clips):
    item = Item(at=0, seconds=60, clip=clips.make(server, 0.5))
    began, later = ticket("air_1", NOW - timedelta(seconds=5), item), ticket("air_2", NOW + timedelta(hours=1), item)
    book = Book(store, identity, NOW)
    book.take_plan(plan_of(server, began, later), '"1"', NOW)
    assert airings_of(book) == {"air_1", "air_2"}
    book.take_plan(plan_of(server), '"2"', NOW)
    assert airings_of(book) == {"air_1"}
    assert airings_of(Book(store, identity, NOW)) == {"air_1"}  # after a restart, too


def test_an_interrupt_outlives_the_plan_and_a_restart(server, store, identity, clips):
    item = Item(at=0, seconds=60, clip=clips.make(server, 0.5))
    urgent = server.signer.sign(
        ticket("air_e", NOW + timedelta(seconds=9), item, kind="emergency", priority="emergency")
    )
    book = Book(store, identity, NOW)
    assert book.take_now(NowDocument(seq=1, plan="", interrupts=[urgent], withdrawn=["air_9"]), NOW)
    assert not book.take_now(NowDocument(seq=2, plan="", interrupts=[urgent], withdrawn=["air_9"]), NOW)
    assert store.acknowledgements(10) == ["air_e", "withdrawn:air_9"]
    book.take_plan(plan_of(server), '"1"', NOW)
    again = Book(store, identity, NOW)
    assert airings_of(again) == {"air_e"}
    assert "air_9" in again.situation(lambda _: None, NOW, timedelta()).withdrawn


def test_an_occurrence_issued_anew_is_reported_as_it_was_heard(server, store, identity, clips):
    item = Item(at=0, seconds=60, clip=clips.make(server, 0.5))
    book = Book(store, identity, NOW)
    first, anew = (ticket(name, NOW, item, occurrence="slot_1@1") for name in ("air_1", "air_2"))
    book.take_plan(plan_of(server, first, anew), '"1"', NOW)
    book.begin(first, 0, Progress(NOW), NOW)
    book.finish(("air_1", 0), new_report(("air_1", 0), "played", None, NOW, NOW, seconds=60), NOW)
    from station.due import due

    situation = book.situation(lambda _: None, NOW, timedelta())
    for fate in due(situation, NOW).fates:
        book.settle(fate, NOW)
    reports = [json.loads(text) for text in store.outbox(10)]
    assert [(one["airing"], one["outcome"], one["seconds"]) for one in reports] == [
        ("air_1", "played", 60), ("air_2", "played", 60)
    ]  # fmt: skip
    assert reports[0]["id"] != reports[1]["id"]


def test_a_commanded_volume_holds_until_the_plans_changes(server, store, identity):
    book = Book(store, identity, NOW)
    book.take_plan(plan_of(server, volume=60), '"1"', NOW)
    book.set_volume(20)
    book.take_plan(plan_of(server, volume=60, languages=["vi", "km"]), '"2"', NOW)
    assert Book(store, identity, NOW).station_volume() == 20
    book.take_plan(plan_of(server, volume=50), '"3"', NOW)
    assert book.station_volume() == 50


def test_a_station_that_moved_does_not_answer_to_its_old_commune(server, store, identity):
    book = Book(store, identity, NOW)
    assert "unit:79.123" in book.names()
    book.take_plan(plan_of(server, audience=["unit:80.1", f"station:{STATION}"]), '"1"', NOW)
    assert book.names() == {"unit:80.1", f"station:{STATION}"}


# the link
class _Odd(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_): ...

    def do_GET(self):
        kind = self.path.rsplit("/", 1)[1]
        if kind == "away":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.2:9/api/v1/here")
        elif kind == "home":
            self.send_response(302)
            self.send_header("Location", "/api/v1/here")
        elif kind in {"500", "404", "401", "403"}:
            self.send_response(int(kind))
        else:
            self.send_response(200)
        body = b'{"error": {"code": "x", "message": "No."}}' if kind in {"403", "404"} else b"<html>"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def odd():
    with ThreadingHTTPServer(("127.0.0.1", 0), _Odd) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        with closing(Link(f"http://127.0.0.1:{server.server_address[1]}", TOKEN)) as link:
            yield link
        server.shutdown()
        thread.join()


def test_the_token_is_not_carried_to_another_host(odd):
    with pytest.raises(Unreachable):
        odd.get("/away")
    assert odd.get("/home").status == 200


def test_each_failure_has_its_kind(odd):
    with pytest.raises(Unreachable):
        odd.get("/500")
    assert not odd.online
    with pytest.raises(Rejected):
        odd.get("/404")
    with pytest.raises(TokenRefused):
        odd.get("/403")
    with pytest.raises(Rejected):
        odd.get("/401")  # not in the contract's words: a proxy's, perhaps, and no reason to fall silent
    with pytest.raises(Unreachable):
        odd.get("/captive-portal").document()


def test_an_answer_that_is_too_large_is_not_read(odd, monkeypatch):
    monkeypatch.setattr("station.link.MAX_DOCUMENT_BYTES", 3)
    with pytest.raises(Unreachable, match="too large"):
        odd.get("/here")


def test_backoff_grows_within_its_bound():
    assert backoff_seconds(0) == 0
    assert all(0.5 <= backoff_seconds(1) <= 1 for _ in range(20))
    assert all(30 <= backoff_seconds(99) <= 60 for _ in range(20))


# the clock
def test_the_offset_of_four_stamps():
    measured = four_stamp(sent=100.0, received_there=205.1, sent_there=205.2, received=100.5)
    assert measured.offset == pytest.approx(104.9)
    assert measured.round_trip == pytest.approx(0.4)


def test_steps_of_the_wall_clock_do_not_matter():
    wall, monotonic = [1_800_000_000.0], [50.0]
    clock = StationClock(wall=lambda: wall[0], monotonic=lambda: monotonic[0])
    before = clock.now()
    wall[0] -= 1_000_000
    monotonic[0] += 5
    assert clock.now() - before == timedelta(seconds=5)
    assert clock.offset_ms() == pytest.approx(1_000_005_000)
    clock.shift(-2.5)
    assert clock.now() - before == timedelta(seconds=2.5)


def test_the_corrected_time_survives_a_restart_and_a_reboot():
    clock = StationClock()
    clock.shift(3 * 3600)
    same_boot = StationClock(anchor=clock.anchor(), wall=lambda: 12345.0)
    assert abs(same_boot.now() - clock.now()) < timedelta(milliseconds=50)
    other_boot = StationClock(anchor=clock.anchor().model_copy(update={"boot_id": "another"}))
    assert abs(other_boot.now() - clock.now()) < timedelta(milliseconds=50)
    assert boot_id()
    assert StationClock(anchor=Anchor(boot_id="", from_boot=0, from_wall=-1e12)).now().year == 1970


def test_quiet_hours_cross_midnight_in_the_stations_zone():
    night = StationSettings(quiet_hours=[("22:00", "05:00")])
    assert is_quiet(night, datetime(2026, 11, 23, 15, 0, tzinfo=UTC))
    assert is_quiet(night, datetime(2026, 11, 23, 21, 59, 59, tzinfo=UTC))
    assert not is_quiet(night, datetime(2026, 11, 23, 22, 0, tzinfo=UTC))
    assert not is_quiet(night, datetime(2026, 11, 23, 14, 59, 59, tzinfo=UTC))
    assert is_quiet(StationSettings(quiet_hours=[("ten", "five")]), NOW)
    assert not is_quiet(StationSettings(quiet_hours=[("10:00", "10:00")], zone="UTC"), NOW)


# the loop
def test_a_step_raises_and_the_loop_goes_on(caplog):
    calls, stopping, refused = [], threading.Event(), []
    errors = [ValueError("a bug"), Unreachable("away"), TokenRefused("no"), NoSpace("full")]

    def step():
        calls.append(1)
        if errors:
            raise errors.pop(0)
        return 0.01

    loop = Loop("test", step, stopping, on_refused=lambda: refused.append(1), most_backoff=0.01)
    with caplog.at_level(logging.INFO):
        loop.start()
        eventually(lambda: len(calls) > 6)
    stopping.set()
    loop.wake.set()
    loop.join(5)
    assert loop.last_success is not None
    assert loop.failures == 0
    assert refused == [1]
    assert "the loop goes on" in caplog.text


# reports
def test_one_report_that_is_rejected_holds_up_no_other(server, store, identity, monkeypatch):
    for number in range(5):
        store.finish(new_report((f"air_{number}", 0), "played", None, NOW, NOW), NOW)
    with closing(Link(server.url, TOKEN)) as link:
        send = link.post

        def post(path, body, **options):
            if b"air_0" in body:
                raise Rejected("no", status=422, why="air_0")
            return send(path, body, **options)

        monkeypatch.setattr(link, "post", post)
        reporter = Reporter(store, link)
        for _ in range(20):
            reporter.step()
    assert {one["airing"] for one in server.reports.values()} == {"air_1", "air_2", "air_3", "air_4"}
    assert store.outbox_size() == 1


# sound
def test_what_is_no_audio_is_told(tmp_path, clips, server):
    for content in (b"", b"\x7fELF" + bytes(2000), b"OggS" + bytes(500)):
        path = tmp_path / "odd.opus"
        path.write_bytes(content)
        with pytest.raises(BadAudio):
            check(path)


def test_a_clip_is_entered_exact_to_the_sample(tmp_path, clips, server):
    clip = clips.make(server, 2.0)
    path = tmp_path / "clip.opus"
    path.write_bytes(server.media[f"{clip.opus.sha256}.opus"])
    with closing(Decoder(path)) as decoder:
        whole = decoder.read(decoder.frames)
        decoder.seek(48_123)
        assert abs(len(whole) - 2 * 96_000) < 2000
        there = np.frombuffer(decoder.read(100), np.int16).astype(int)
    expected = np.frombuffer(whole, np.int16)[48_123:48_223].astype(int)
    assert np.abs(there - expected).max() < 50 < np.abs(expected).max() / 10  # the codec's own memory differs a little


def test_a_rotten_file_is_found_and_thrown_away(tmp_path, clips, server):
    clip = clips.make(server, 0.5)
    path = tmp_path / f"{clip.opus.sha256}.opus"
    path.write_bytes(bytes(clip.opus.bytes))
    shelf = Shelf(tmp_path)
    item = Item(at=0, seconds=0.5, clip=clip)
    assert shelf.obstacle_of(item) is None
    shelf.verify_once(clip.opus, "opus")
    assert shelf.obstacle_of(item) == "bad_audio"
    assert not path.exists()


def test_what_no_plan_needs_is_deleted_after_its_grace(tmp_path):
    file = AudioFile(sha256="a" * 64, bytes=3)
    (tmp_path / f"{'a' * 64}.opus").write_bytes(b"abc")
    shelf = Shelf(tmp_path)
    assert shelf.tidy(set()) == 0
    assert shelf.has(file, "opus")
    assert shelf.tidy(set(), at_once=True) == 1
    assert not shelf.has(file, "opus")


def test_volume_is_gain():
    assert (gain_of(100), gain_of(0), gain_of(50)) == (1, 0, 0.25)


def tone(mixer, begins, seconds=0.2, rate=48_000):
    voice = Voice(
        ToneSource(seconds, rate), name="t", begins=begins, seconds=seconds, volume=100, catch_up=False, rate=rate
    )
    voice.wait_ready(1)
    mixer.schedule(voice)
    return voice


def test_two_voices_never_sound_together_and_swap_at_the_sample():
    mixer = Mixer()
    first = tone(mixer, 10.0, 1.0)
    mixer.segments(10.0, 0.02)
    second = tone(mixer, 10.03, 1.0)
    pieces = mixer.segments(10.02, 0.02)
    assert [piece.voice for piece in pieces] == [first, second]
    assert [len(piece.pcm) for piece in pieces] == [960, 960]
    assert first.ended
    assert second.started == 10.03
    assert [piece.voice for piece in mixer.segments(10.04, 0.02)] == [second]
    first.close()
    second.close()


def test_the_null_device_plays_in_real_time():
    mixer = Mixer()
    output = CardOutput(mixer, null=True)
    assert output.rate_for(48_000) == 48_000
    begins = max(output.soonest(), time.monotonic() + 0.3)
    voice = tone(mixer, begins, 0.5)
    eventually(lambda: voice.ended, 5)
    assert voice.started == pytest.approx(begins, abs=0.0001)
    assert 0.35 < time.monotonic() - begins < 1.0
    assert voice.peak_db() == pytest.approx(-12, abs=0.1)
    voice.close()
    output.close()
    assert output.fault is None


def test_without_a_sound_card_the_timetable_runs_on_and_says_so():
    if Path("/dev/snd").exists():
        pytest.skip("there is a sound card here")
    mixer = Mixer()
    output = CardOutput(mixer, null=False)
    output.rate_for(48_000)
    voice = tone(mixer, output.soonest())
    eventually(lambda: voice.ended, 5)
    assert output.fault == "no sound card"
    voice.close()
    output.close()


def test_outputs_are_named():
    assert parse_output("null") == ("null", None)
    assert parse_output("wav:out/x") == ("wav", Path("out/x"))
    for odd_name in ("wav:", "speaker", "null:x", ""):
        with pytest.raises(InvalidInput):
            parse_output(odd_name)


def test_a_running_station_needs_no_numpy_and_no_server_package(tmp_path):
    write_wav(tmp_path / "a.wav", noise(0.1, 1))
    code = (
        "import sys, loa.__main__, station.runner, station.enrolment\n"
        "from station.cards import load_miniaudio\n"
        "from station.decoding import check\n"
        "from pathlib import Path\n"
        f"load_miniaudio(); check(Path({str(tmp_path / 'a.wav')!r}))\n"
        "bad = {'numpy', 'flask', 'sqlalchemy', 'sqlmodel', 'apscheduler', 'soundfile'} & set(sys.modules)\n"
        "assert not bad, bad\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=360)

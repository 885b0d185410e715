"""What people are told, once, with an all-clear: from silent stations to the message in somebody's letter box."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from post_office import MailServer, WebServer, closed_port
from sqlmodel import select
from village import NOW, DyingDatabase, Interrupted, Village

from core.errors import EngineFailed, Forbidden, InvalidInput, LoaError, NotFound
from core.wire import Heartbeat
from registry import stations
from registry.models import Station, StationState
from scheduler import concerns, contacts, mail, notices, troubles, webhook
from scheduler.concern_models import Contact, Notice
from scheduler.models import AiringOutcome, PlayReport
from scheduler.worker import Worker

MINUTE = timedelta(minutes=1)


@pytest.fixture
def letters() -> Iterator[MailServer]:
    office = MailServer()
    yield office
    office.close()


@pytest.fixture
def web() -> Iterator[WebServer]:
    office = WebServer()
    yield office
    office.close()


@pytest.fixture
def desk(village: Village, worker: Worker, letters: MailServer) -> Worker:
    """A worker whose settings lead to the letter box of this test, and may reach loopback."""
    worker.settings = worker.settings.model_copy(
        update={
            "smtp_host": "127.0.0.1", "smtp_port": letters.port, "smtp_security": "none",
            "smtp_from": "loa@example.vn", "smtp_timeout_seconds": 5.0, "webhook_private": True,
            "webhook_timeout_seconds": 2.0,
        }
    )  # fmt: skip
    village.settings = worker.settings
    return worker


def tell(village: Village, unit: str, address: str, way: str = "email", kinds: Any = concerns.KINDS) -> Contact:
    with village.database.write() as session:
        made = contacts.add(
            session, village.actor("root"), village.unit(unit), way=way, address=address, kinds=kinds,
            settings=village.settings, now=village.clock(),
        )  # fmt: skip
        session.expunge(made)
        return made


def beat(village: Village, *shorts: str, **said: Any) -> None:
    heartbeat = Heartbeat(**{"volume": 70, **said})
    beats = [(village.cast.stations[short], heartbeat) for short in shorts or village.cast.stations]
    with village.database.write() as session:
        stations.heard_all(session, beats, village.clock())


def live(village: Village, worker: Worker, minutes: float, *talking: str, silent: bool = False, **said: Any) -> None:
    """Let minutes pass in which these stations (all unless `silent`) go on talking and the worker looks every 30 s."""
    end = village.clock() + minutes * MINUTE
    while village.clock() < end:
        village.clock.advance(seconds=30)
        if not silent:
            beat(village, *talking, **said)
        worker.watch(village.clock())
        worker.notify(village.clock())


OTHERS = ("a1_dyke", "a2", "a_hall", "b1", "b_hall")


def test_a_silent_station_is_told_once_and_so_is_that_it_is_back(village: Village, desk: Worker, letters: MailServer):
    tell(village, "commune_a", "truc@example.vn")
    live(village, desk, 2)
    live(village, desk, 10, *OTHERS)
    assert letters.messages == []  # it may only be a short power cut
    live(village, desk, 20, *OTHERS)
    assert len(letters.messages) == 1
    told = letters.messages[0]
    assert letters.envelopes == [("loa@example.vn", ["truc@example.vn"])]
    assert told["Subject"] == "[Loa Làng] Mất tín hiệu – commune_a"
    assert "a1 (từ 10:02 23/11/2026)" in told.get_content()
    live(village, desk, 5)
    assert len(letters.messages) == 1  # nor is it well at the first word
    live(village, desk, 15)
    assert len(letters.messages) == 2
    assert "Đã có tín hiệu trở lại: 1" in letters.messages[1].get_content()
    assert len({message["Message-ID"] for message in letters.messages}) == 2


def test_a_station_that_comes_and_goes_wakes_nobody(village: Village, desk: Worker, letters: MailServer):
    tell(village, "commune_a", "truc@example.vn")
    live(village, desk, 2)
    for _ in range(6):
        live(village, desk, 7, *OTHERS)
        live(village, desk, 2)
    assert letters.messages == []
    live(village, desk, 20, *OTHERS)
    assert len(letters.messages) == 1
    for _ in range(4):  # now it flaps after it was told: neither an all-clear nor a second alarm
        live(village, desk, 3)
        live(village, desk, 8, *OTHERS)
    assert len(letters.messages) == 1


def test_an_outage_of_a_province_is_one_message(village: Village, desk: Worker, letters: MailServer):
    tell(village, "province", "tinh@example.vn")
    tell(village, "commune_b", "xa@example.vn")
    unit = village.cast.units["hamlet_a1"]
    with village.database.write() as session:
        for number in range(5_000):
            station = f"st_many{number}"
            session.add(
                Station(id=station, unit_id=unit, name=f"Cụm {number:04}", token_hash=f"{number}", created_at=NOW)
            )
            # The wave of heartbeats that were still answered is a minute long.
            session.add(StationState(station_id=station, heard_at=NOW + timedelta(seconds=number % 60)))
    live(village, desk, 20, "a2", "b1", "b_hall", "a1", "a1_dyke", "a_hall")
    assert [envelope[1] for envelope in letters.envelopes] == [["tinh@example.vn"]]
    content = letters.messages[0].get_content()
    assert "Mất tín hiệu: 5000" in content
    assert "… và 4980 trường hợp khác" in content
    assert len(content) < 3_000


def test_when_nobody_at_all_is_heard_it_is_the_server_and_one_message(
    village: Village, desk: Worker, letters: MailServer
):
    tell(village, "province", "tinh@example.vn")
    tell(village, "commune_a", "xa@example.vn")
    live(village, desk, 2)
    live(village, desk, 25, silent=True)
    assert [envelope[1] for envelope in letters.envelopes] == [["tinh@example.vn"]]
    assert "kiểm tra mạng của máy chủ" in letters.messages[0].get_content()
    live(village, desk, 20)
    assert len(letters.messages) == 2


def test_faults_volume_and_a_mute_loudspeaker_are_told(village: Village, desk: Worker, letters: MailServer):
    tell(village, "commune_a", "truc@example.vn")
    village.on_timetable(minutes=1)
    village.roll()
    airing = village.airings()[0].id

    def microphone(heard: str, number: int) -> None:
        with village.database.write() as session:
            session.add(
                PlayReport(
                    id=f"{number:032}", station_id=village.cast.stations["a2"], airing_id=airing, item=0,
                    outcome="played", started_at=village.clock(), ended_at=village.clock(), seconds=20.0, volume=70,
                    heard=heard, heard_db=-70.0, received_at=village.clock(),
                )
            )  # fmt: skip

    live(village, desk, 2)
    microphone("no", 1)
    end = village.clock() + 15 * MINUTE
    while village.clock() < end:
        village.clock.advance(seconds=30)
        beat(village, *OTHERS)
        beat(village, "a1", faults=["no_sound_card"])
        beat(village, "a1_dyke", volume=0)
        desk.watch(village.clock())
        desk.notify(village.clock())
    assert len(letters.messages) == 1
    told = letters.messages[0].get_content()
    for line in ("Thiết bị báo lỗi: 1", "micrô không nghe thấy", "Âm lượng đang đặt bằng 0: 1"):
        assert line in told
    microphone("yes", 2)
    live(village, desk, 20)
    assert len(letters.messages) == 2
    assert "Micrô đã nghe thấy tiếng loa trở lại" in letters.messages[1].get_content()


def test_an_airing_that_nobody_played_is_told_once(village: Village, desk: Worker, letters: MailServer):
    tell(village, "commune_a", "truc@example.vn")
    village.on_timetable(minutes=5)
    village.roll()
    live(village, desk, 6)
    for job in (desk.dispatch, desk.reconcile):
        job(village.clock())
    village.clock.advance(minutes=3)
    desk.dispatch(village.clock())
    assert desk.reconcile(village.clock()) == 1
    with village.database.read() as session:
        assert {row.outcome for row in session.exec(select(AiringOutcome)).all()} == {"missed"}
    live(village, desk, 12)
    assert len(letters.messages) == 1
    assert "không cụm loa nào phát được" in letters.messages[0].get_content()


def test_what_is_taken_out_of_service_gets_no_all_clear(village: Village, desk: Worker, letters: MailServer):
    tell(village, "commune_a", "truc@example.vn")
    live(village, desk, 2)
    live(village, desk, 20, *OTHERS)
    with village.database.write() as session:
        stations.revoke(session, village.actor("root"), village.cast.stations["a1"], village.clock())
    live(village, desk, 20, *OTHERS)
    assert len(letters.messages) == 1


def test_only_those_who_want_it_and_whose_unit_it_is_are_told(village: Village, desk: Worker, letters: MailServer):
    tell(village, "commune_b", "b@example.vn")
    tell(village, "commune_a", "loud@example.vn", kinds=["fault", "mute"])
    tell(village, "hamlet_a1", "thon@example.vn")
    tell(village, "province", "tinh@example.vn", kinds=["silent"])
    live(village, desk, 2)
    live(village, desk, 20, *OTHERS)
    assert sorted(envelope[1][0] for envelope in letters.envelopes) == ["thon@example.vn", "tinh@example.vn"]


# the outbox


def waiting_notice(village: Village, way: str, address: str) -> Contact:
    contact = tell(village, "commune_a", address, way)
    with village.database.write() as session:
        contacts.test(session, village.actor("operator"), contact.id, village.clock())
    return contact


def outbox(village: Village) -> list[Notice]:
    with village.database.read() as session:
        return list(session.exec(select(Notice)).all())


def test_what_a_mail_server_does_not_take_is_tried_again_later_each_time_and_given_up(
    village: Village, desk: Worker, letters: MailServer
):
    letters.refuses = True
    waiting_notice(village, "email", "truc@example.vn")
    tries, rests = 0, []
    while outbox(village)[0].failed_at is None:
        assert desk.notify(village.clock()) == 0
        tries += 1
        row = outbox(village)[0]
        assert "550" in row.error
        rests.append(row.due_at - village.clock())
        assert desk.notify(village.clock()) == 0  # not before its time
        assert outbox(village)[0].tries == tries
        village.clock.at = max(row.due_at, village.clock())
    assert tries == notices.MOST_TRIES
    assert rests[:3] == [MINUTE, 2 * MINUTE, 4 * MINUTE]
    with village.database.read() as session:
        assert len(troubles.subjects(session, "notice")) == 1  # the panel says so, for no message can
    letters.refuses = False
    assert desk.notify(village.clock.advance(days=1)) == 0


def test_a_mail_server_that_is_back_gets_what_waited(village: Village, desk: Worker, letters: MailServer):
    desk.settings = desk.settings.model_copy(update={"smtp_port": closed_port()})
    waiting_notice(village, "email", "truc@example.vn")
    assert desk.notify(NOW) == 0
    desk.settings = village.settings
    assert desk.notify(village.clock.advance(minutes=2)) == 1
    assert "tin thử" in letters.messages[0].get_content()
    with village.database.read() as session:
        assert troubles.subjects(session, "notice") == set()


@pytest.mark.parametrize("dies_in", [1, 2])
def test_a_worker_killed_while_it_sends_loses_nothing_and_doubles_only_what_it_could_not_note(
    village: Village, desk: Worker, letters: MailServer, dies_in: int
):
    waiting_notice(village, "email", "truc@example.vn")
    dying = DyingDatabase(village.database, dies_in=dies_in)
    with pytest.raises(Interrupted):
        notices.send_due(dying, desk.settings, "dead", NOW)  # type: ignore[arg-type]
    sent = len(letters.messages)
    assert sent == dies_in - 1
    if sent:
        assert desk.notify(NOW) == 0  # the dead one's claim still runs
    assert desk.notify(village.clock.advance(minutes=6)) == 1
    assert len(letters.messages) == sent + 1
    assert len({message["Message-ID"] for message in letters.messages}) == 1
    assert desk.notify(village.clock.advance(days=1)) == 0


def test_a_worker_killed_while_it_writes_neither_loses_nor_doubles(village: Village, desk: Worker, letters: MailServer):
    tell(village, "commune_a", "truc@example.vn")
    live(village, desk, 2)
    live(village, desk, 10, *OTHERS)
    live_database = desk.database
    for _ in range(6):
        village.clock.advance(seconds=60)
        beat(village, *OTHERS)
        desk.database = DyingDatabase(live_database, dies_in=2)  # type: ignore[assignment]
        with pytest.raises(Interrupted):
            desk.watch(village.clock())
        desk.database = live_database
    assert outbox(village) == []
    live(village, desk, 5, *OTHERS)
    assert len(letters.messages) == len(outbox(village)) == 1


def test_a_mail_server_that_says_nothing_is_waited_for_a_bounded_time(
    village: Village, desk: Worker, letters: MailServer
):
    letters.silent_for = 3.0
    hasty = desk.settings.model_copy(update={"smtp_timeout_seconds": 0.3})
    began = time.monotonic()
    with pytest.raises(EngineFailed):
        mail.send(hasty, "truc@example.vn", "x", "y", "no_1", NOW)
    assert time.monotonic() - began < 2.5


def test_a_name_with_a_line_end_writes_no_header(village: Village, desk: Worker, letters: MailServer):
    with village.database.write() as session:
        row = session.get_one(Station, village.cast.stations["a1"])
        row.name = "Loa\r\nBcc: all@example.vn\r\n\r\nx"
        session.add(row)
    tell(village, "commune_a", "truc@example.vn")
    live(village, desk, 2)
    live(village, desk, 20, *OTHERS)
    assert letters.messages[0]["Bcc"] is None
    assert letters.envelopes == [("loa@example.vn", ["truc@example.vn"])]


# addresses on the web


def test_a_webhook_is_posted_json_that_it_can_check(village: Village, desk: Worker, web: WebServer):
    contact = tell(village, "commune_a", web.url, "webhook")
    live(village, desk, 2)
    live(village, desk, 20, *OTHERS)
    path, headers, body = web.posts[0]
    assert path == "/loa?commune=79.1"
    expected = "sha256=" + hmac.new(contact.secret.encode(), body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(headers[webhook.SIGNATURE], expected)
    told = json.loads(body)
    assert (told["unit"], told["counts"]) == ("79.1", {"raised": 1, "cleared": 0})
    assert told["raised"][0]["name"] == "a1"
    assert headers["X-Loa-Notice"] == told["id"] == outbox(village)[0].id


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_webhook_that_sends_us_elsewhere_is_not_followed(village: Village, desk: Worker, web: WebServer, status: int):
    other = WebServer()
    web.status, web.location = status, other.url
    try:
        with pytest.raises(EngineFailed, match=str(status)):
            webhook.post(desk.settings, web.url, "s", {"id": "no_1"})
        assert (len(web.posts), len(other.posts)) == (1, 0)
    finally:
        other.close()


def test_a_webhook_that_dribbles_is_cut_off(desk: Worker, web: WebServer):
    web.drips = True
    hasty = desk.settings.model_copy(update={"webhook_timeout_seconds": 0.5})
    began = time.monotonic()
    with pytest.raises(EngineFailed):
        webhook.post(hasty, web.url, "s", {"id": "no_1"})
    assert time.monotonic() - began < 5


# who may choose


def test_who_runs_stations_chooses_who_is_told_and_strangers_see_nothing(village: Village, desk: Worker):
    made = tell(village, "commune_a", "truc@example.vn")
    with village.database.write() as session:
        unit = village.unit("commune_a")
        assert [row.id for row, _ in contacts.of_unit(session, village.actor("operator"), unit)] == [made.id]
        for username, error in (("writer", Forbidden), ("stranger", NotFound)):
            with pytest.raises(error):
                contacts.of_unit(session, village.actor(username), unit)
            with pytest.raises(LoaError):
                contacts.remove(session, village.actor(username), made.id, NOW)
        contacts.remove(session, village.actor("operator"), made.id, NOW)
        assert contacts.of_unit(session, village.actor("operator"), unit) == []


def test_without_a_mail_server_nobody_is_promised_mail(village: Village):
    with pytest.raises(InvalidInput):
        tell(village, "commune_a", "truc@example.vn")


def test_a_unit_has_a_bounded_number_of_contacts(village: Village, desk: Worker):
    for number in range(contacts.MOST):
        tell(village, "commune_a", f"truc{number}@example.vn")
    with pytest.raises(InvalidInput):
        tell(village, "commune_a", "more@example.vn")

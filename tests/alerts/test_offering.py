"""Our own emergencies for others: valid messages, told once, and taken by a second installation."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from cap_builder import codes, one
from cap_lab import Lab, place, speak
from cryptography.hazmat.primitives import serialization
from feed_server import FeedServer
from test_cap_signatures import identity
from village import Village

from alerts.cap.judging import received
from alerts.offering import publishing
from alerts.offering.publishing import Publisher
from alerts.sources.pulling import Puller
from alerts.sources.taking import Taker
from core.database import connect
from core.outside import Outside
from core.settings import load
from scheduler import emergencies
from scheduler.alarms import Alarm, Said
from web.app import create_app


@pytest.fixture
def home(village):
    """The village, with its feed open from the commune down."""
    place(village)
    with village.database.write() as session:
        unit = session.get_one(type(village.unit("commune_a")), village.cast.units["commune_a"])
        publishing.open_feed(session, village.actor("root"), unit, public=True, now=village.clock())
    return village


def publisher(village) -> Publisher:
    return Publisher(village.database, village.settings)


def raised(village, **changed):
    wanted = {
        "audience": ["unit:79.1.1"], "title": "Lũ về bản", "about": "flood", "severity": "severe", "times": 2,
        "said": (Said("vi", "Nước suối đang lên nhanh."), Said("en", "The stream rises fast.")), **changed,
    }  # fmt: skip
    with village.database.write() as session:
        emergency, _ = emergencies.raise_alarm(
            session, village.actor("approver"), village.unit("commune_a"), Alarm(**wanted), signer=village.signer,
            default_zone=village.settings.zone, max_chars=1_000, now=village.clock(),
        )  # fmt: skip
    return emergency


def published(village):
    with village.database.read() as session:
        rows = publishing.offered(session, village.clock())
    return {row.identifier: one(row.content.encode()) for row in rows}


def test_an_emergency_is_offered_as_a_valid_message_in_all_its_languages(home):
    emergency = raised(home)
    assert publisher(home).publish(home.clock()) == 1
    assert publisher(home).publish(home.clock()) == 0
    message = published(home)[emergency.id]
    assert codes(message) == set()
    assert (message.status, message.msg_type, message.scope) == ("Actual", "Alert", "Public")
    assert [info.language for info in message.infos] == ["vi-VN", "en"]
    assert message.infos[0].severity == "Severe"
    (area,) = message.infos[0].areas
    assert [(pair.name, pair.value) for pair in area.geocodes] == [("unit", "79.1.1")]
    assert len(area.circles) == 2


def test_a_stop_is_offered_as_a_cancel_and_what_takes_its_place_as_an_update(home):
    first = raised(home)
    publisher(home).publish(home.clock())
    home.clock.advance(minutes=5)
    second = raised(home, title="Lũ lớn hơn", replaces=first.id)
    publisher(home).publish(home.clock())
    home.clock.advance(minutes=5)
    with home.database.write() as session:
        emergencies.stop(session, home.actor("approver"), second.id, home.clock())
    publisher(home).publish(home.clock())
    messages = published(home)
    update, cancel = messages[second.id], messages[f"{second.id}.stop"]
    assert (update.msg_type, update.references[0].identifier) == ("Update", first.id)
    assert (cancel.msg_type, cancel.references[0].identifier) == ("Cancel", second.id)
    assert codes(update) == codes(cancel) == set()


def test_what_came_from_others_is_not_offered_again_and_drills_are_exercises(home):
    raised(home, source="cap:ca_1")
    drill = raised(home, drill=True, signal="chime")
    publisher(home).publish(home.clock())
    assert {key: each.status for key, each in published(home).items()} == {drill.id: "Exercise"}


def test_only_units_that_want_it_are_offered(village):
    raised(village)
    assert publisher(village).publish(village.clock()) == 0


def test_with_a_key_of_the_administrator_it_is_signed(home, tmp_path):
    key, certificate = identity("loa")
    (tmp_path / "k.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (tmp_path / "c.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    home.settings = load(
        home.settings.home,
        gtts_enabled=False,
        cap_signing_key=tmp_path / "k.pem",
        cap_signing_certificate=tmp_path / "c.pem",
    )
    raised(home)
    publisher(home).publish(home.clock())
    with home.database.read() as session:
        (row,) = publishing.offered(session, home.clock())
    ((message, state),) = received(row.content.encode(), home.clock(), [certificate])
    assert (state, message.status) == ("verified", "Actual")


def test_the_feed_is_public_conditional_and_closed_again_at_once(home, app):
    emergency = raised(home)
    publisher(home).publish(home.clock())
    client = app.test_client()
    index = client.get("/cap/feed.atom")
    assert index.mimetype == "application/atom+xml"
    assert f"/cap/{emergency.id}.xml" in index.text
    assert client.get("/cap/feed.atom", headers={"If-None-Match": index.headers["ETag"]}).status_code == 304
    single = client.get(f"/cap/{emergency.id}.xml")
    assert single.mimetype == "application/cap+xml"
    assert one(single.data).identifier == emergency.id
    with home.database.write() as session:
        unit = session.get_one(type(home.unit("commune_a")), home.cast.units["commune_a"])
        publishing.open_feed(session, home.actor("root"), unit, public=False, now=home.clock())
    assert emergency.id not in client.get("/cap/feed.atom").text
    assert client.get(f"/cap/{emergency.id}.xml").status_code == 404
    assert client.get("/cap/em_nothing.xml").status_code == 404


@pytest.mark.timeout(600)
def test_a_second_installation_takes_our_alarms_our_updates_and_our_stops(home, template, tmp_path):
    speak(home, a1=["vi"])
    shutil.copytree(template[0], tmp_path / "other")
    settings = load(tmp_path / "other", gtts_enabled=False, outside_hosts=["127.0.0.1"])
    database = connect(settings)
    other = Lab(Village(database, settings, home.cast, home.clock))
    server = FeedServer()
    app = create_app(
        load(home.settings.home, gtts_enabled=False, public_url=server.url("")),
        home.database,
        clock=home.clock,
        testing=True,
    )

    def through(handler):
        answer = app.test_client().get(
            handler.path, headers={"If-None-Match": handler.headers.get("If-None-Match", "")}
        )
        handler.answer(
            answer.status_code, answer.data, Content_Type=answer.content_type, ETag=answer.headers.get("ETag", "")
        )

    class Pages(dict):
        def get(self, path, default=None):
            return through

    server.pages = Pages()
    puller = Puller(
        Taker(database, settings, other.village.signer), Outside(["127.0.0.1"]), "w/1/x", chance=lambda: 0.5
    )
    source = other.source("province", by="root", kind="pull", url=server.url("/cap/feed.atom"))

    def round_of_both():
        publisher(home).publish(home.clock())
        home.clock.advance(minutes=2)
        done = puller.pull(source, home.clock())
        assert done.answered
        assert done.error == ""

    try:
        round_of_both()
        assert other.states() == {}
        first = raised(home)
        round_of_both()
        assert other.states() == {first.id: "on_air"}
        assert other.heard_by(other.emergencies()[0]) == {"a1", "a1_dyke"}
        second = raised(home, title="Lũ lớn hơn", audience=["unit:79.1"], replaces=first.id)
        round_of_both()
        assert other.states() == {first.id: "superseded", second.id: "on_air"}
        with home.database.write() as session:
            emergencies.stop(session, home.actor("approver"), second.id, home.clock())
        round_of_both()
        assert other.states() == {first.id: "superseded", second.id: "cancelled", f"{second.id}.stop": "done"}
        assert other.sounding() == set()
    finally:
        server.shutdown()
        server.server_close()
        database.dispose()


def test_times_are_written_as_the_standard_asks():
    from zoneinfo import ZoneInfo

    from alerts.offering.writing import moment

    at = datetime(2026, 11, 23, 3, 0, 5, 250_000, tzinfo=UTC)
    assert moment(at, ZoneInfo("Asia/Ho_Chi_Minh")) == "2026-11-23T10:00:05+07:00"
    assert moment(at, ZoneInfo("UTC")) == "2026-11-23T03:00:05-00:00"
    assert moment(at, ZoneInfo("America/St_Johns")) == "2026-11-22T23:30:05-03:30"
    assert timedelta(0) == at.utcoffset()

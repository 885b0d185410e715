"""Live talks in the tables: who may speak, to whom, what stations are told, and what becomes of it afterwards."""

import wave
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from village import NOW, Village

from alerts import live_duty, live_rule
from audio.models import Clip
from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.settings import relay_secret
from registry.models import Unit
from scheduler import live, live_ends, reports
from scheduler.explaining import explain
from scheduler.live import Wish
from scheduler.live_models import LiveTalk
from scheduler.models import Airing
from scheduler.now import NowBoard

LATE = NOW + timedelta(hours=13)  # 23:00 in Vietnam: quiet


def spoken(
    village: Village, by: str = "approver", unit: str = "commune_a", to: tuple[str, ...] = ("unit:79.1",), **more: Any
) -> tuple[LiveTalk, Airing]:
    with village.database.write() as session:
        return live.begin(
            session, village.actor(by), village.unit(unit), Wish(to, **more), signer=village.signer,
            settings=village.settings, now=village.clock(),
        )  # fmt: skip


def ended(village: Village, talk: LiveTalk, reason: str = "stopped", *, seconds: float = 0.0) -> None:
    with village.database.write() as session:
        live.heard(session, talk.id, seconds, village.clock())
        assert live.end(session, talk.id, reason, village.clock())


def followed(village: Village) -> None:
    """What the worker does once a second."""
    for beat in live_duty.beats(village.database, village.settings, "tests"):
        beat.step(village.clock())


def talk_of(village: Village, talk: LiveTalk) -> LiveTalk:
    with village.database.read() as session:
        return session.get_one(LiveTalk, talk.id)


def board(village: Village) -> NowBoard:
    made = NowBoard(village.settings.zone)
    with village.database.read() as session:
        made.catch_up(session, village.clock())
    return made


def test_a_talk_is_signed_by_its_speaker_and_held_out_at_once(village: Village) -> None:
    talk, airing = spoken(village, title="Họp dân", minutes=5)
    ticket = village.ticket(airing)
    assert (ticket.kind, ticket.priority, ticket.late) == ("live", "priority", "join")
    assert ticket.approved_by == "Approver"
    assert ticket.items[0].relay == live.address(village.settings, talk.id)
    assert (ticket.ends_at - ticket.starts_at).total_seconds() == 300 + live.LEAD_SECONDS
    told = board(village)
    for station in ("a1", "a_hall"):
        assert airing.ticket.encode() in told.document(village.cast.stations[station])[1]
        assert told.plans[village.cast.stations[station]] != airing.id
    assert airing.ticket.encode() not in told.document(village.cast.stations["b1"])[1]
    with village.database.read() as session:
        assert session.exec(select(AuditEntry.action).where(AuditEntry.subject == talk.id)).all() == ["live.begin"]


def test_a_talk_is_no_part_of_the_plan_so_no_station_fetches_it_anew(village: Village) -> None:
    before = board(village).plans
    spoken(village)
    assert board(village).plans == before


@pytest.mark.parametrize("username", ["viewer", "writer", "operator"])
def test_without_the_right_to_approve_and_to_plan_nobody_speaks(village: Village, username: str) -> None:
    with pytest.raises(Forbidden):
        spoken(village, username)


def test_nobody_speaks_beyond_their_own_area(village: Village) -> None:
    with pytest.raises(NotFound):
        spoken(village, to=("unit:79.2",))
    with pytest.raises(NotFound):
        spoken(village, "stranger")
    assert not board(village).interrupts


def test_an_emergency_takes_the_right_to_raise_alarms_and_passes_the_quiet_hours(village: Village) -> None:
    village.clock.at = LATE
    with pytest.raises(Conflict) as refused:
        spoken(village)
    assert refused.value.code == "quiet_hours"
    _, airing = spoken(village, emergency=True)
    ticket = village.ticket(airing)
    assert (ticket.kind, ticket.priority, ticket.volume) == ("live", "emergency", 100)


@pytest.mark.parametrize(
    "wrong", [{"minutes": 61}, {"minutes": 0}, {"minutes": float("nan")}, {"rate": 8_000}, {"volume": 101}]
)
def test_nonsense_is_refused_before_anything_is_stored(village: Village, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        spoken(village, **wrong)
    with village.database.read() as session:
        assert session.exec(select(LiveTalk)).all() == []


def test_two_speak_at_once_only_where_no_station_hears_both(village: Village) -> None:
    spoken(village, "approver", to=(f"station:{village.cast.stations['a1']}",))
    with pytest.raises(Conflict) as refused:
        spoken(village, "administrator", to=("unit:79.1.1",))
    assert refused.value.code == "somebody_speaks"
    assert refused.value.params["person"] == "Approver"
    spoken(village, "administrator", to=("unit:79.1.2",))
    spoken(village, "stranger", "commune_b", to=("unit:79.2",))


def test_an_emergency_goes_over_somebody_who_speaks_and_the_same_person_speaks_once(village: Village) -> None:
    first, _ = spoken(village)
    village.clock.advance(seconds=5)
    over, _ = spoken(village, "administrator", emergency=True)
    assert talk_of(village, first).ended_at is None, "elsewhere, or afterwards, it is heard again"
    village.clock.advance(seconds=5)
    spoken(village, "administrator", emergency=True)
    assert talk_of(village, over).reason == "again"


def test_an_emergency_is_confirmed_as_the_unit_has_it(village: Village) -> None:
    with village.database.write() as session:
        unit = session.get_one(Unit, village.cast.units["commune_a"])
        unit.alarm_rule = "second_person"
        session.add(unit)

    def begun(**more: Any) -> None:
        with village.database.write() as session:
            live_rule.begin(
                session, village.actor("approver"), village.unit("commune_a"), Wish(["unit:79.1"], **more), code="",
                signer=village.signer, settings=village.settings, now=village.clock(),
            )  # fmt: skip

    with pytest.raises(Conflict) as refused:
        begun(emergency=True)
    assert refused.value.code == "second_person"
    begun()
    with village.database.write() as session:
        unit = session.get_one(Unit, village.cast.units["commune_a"])
        unit.alarm_rule = "second_factor"
        session.add(unit)
    with pytest.raises(InvalidInput):
        begun(emergency=True)


def test_at_its_end_stations_are_told_and_the_airing_lasted_as_long_as_the_talk(village: Village) -> None:
    talk, airing = spoken(village)
    village.clock.advance(seconds=42)
    ended(village, talk, seconds=40.0)
    followed(village)
    assert airing.ticket.encode() in board(village).document(village.cast.stations["a1"])[1], "its last words sound"
    village.clock.advance(seconds=5)
    followed(village)
    document = board(village).document(village.cast.stations["a1"])[1]
    assert airing.ticket.encode() not in document
    assert f'"withdrawn": ["{airing.id}"]'.encode() in document
    with village.database.read() as session:
        row = session.get_one(Airing, airing.id)
        assert (row.state, row.items[0]["seconds"]) == ("over", 42.0)
        assert row.ends_at == NOW + timedelta(seconds=42)
        assert reports.judge([], 1, 42.0)[0] == "missed"
    village.clock.advance(minutes=20)
    assert f'"{airing.id}"'.encode() not in board(village).document(village.cast.stations["a1"])[1]


def test_a_talk_of_which_nobody_hears_any_more_is_ended_by_the_worker(village: Village) -> None:
    silent, _ = spoken(village)
    speaking, _ = spoken(village, "stranger", "commune_b", to=("unit:79.2",))
    for _ in range(6):
        village.clock.advance(seconds=10)
        with village.database.write() as session:
            live.heard(session, speaking.id, 1.0, village.clock())
        followed(village)
    assert talk_of(village, silent).reason == "unbegun"
    assert talk_of(village, speaking).ended_at is None
    village.clock.advance(seconds=30)
    followed(village)
    assert talk_of(village, speaking).reason == "lost"


def test_a_talk_ends_once_and_by_whom_it_was_is_told(village: Village) -> None:
    talk, _ = spoken(village)
    with village.database.write() as session:
        live.stop(session, village.actor("administrator"), talk.id, village.clock())
        assert not live.end(session, talk.id, "lost", village.clock())
    row = talk_of(village, talk)
    assert (row.reason, row.ended_by) == ("stopped", village.cast.people["administrator"])
    with village.database.write() as session, pytest.raises(Forbidden):
        live.stop(session, village.actor("viewer"), talk.id, village.clock())
    with village.database.write() as session, pytest.raises(NotFound):
        live.stop(session, village.actor("stranger"), talk.id, village.clock())


def test_the_recording_becomes_an_ordinary_clip_and_is_filed_once(village: Village) -> None:
    talk, _ = spoken(village, title="Họp dân")
    sound = live_ends.sound_of(village.settings, talk.id)
    sound.parent.mkdir(parents=True)
    sound.write_bytes(b"\x01\x02" * 24_000 * 2 + b"\x03")
    ended(village, talk)
    for _ in range(3):
        village.clock.advance(seconds=5)
        followed(village)
    row = talk_of(village, talk)
    assert not sound.exists()
    with village.database.read() as session:
        clip = session.exec(select(Clip)).one()
    assert row.clip_id == clip.id
    assert (clip.unit_id, clip.created_by, clip.state) == (talk.unit_id, talk.person_id, "queued")
    assert clip.title == "Họp dân (23/11/2026 10:00)"
    assert clip.upload is not None
    with wave.open(str(village.settings.uploads / clip.upload)) as kept:
        assert (kept.getframerate(), kept.getnchannels(), kept.getnframes()) == (24_000, 1, 48_000)
        assert kept.readframes(1) == b"\x01\x02"


def test_a_talk_in_which_nothing_was_said_leaves_no_recording(village: Village) -> None:
    talk, _ = spoken(village)
    ended(village, talk)
    village.clock.advance(seconds=5)
    followed(village)
    assert (talk_of(village, talk).clip_id, talk_of(village, talk).filed_at) == (None, village.clock())


def test_the_name_of_a_stream_can_t_be_made_up(village: Village) -> None:
    talk, _ = spoken(village)
    secret = relay_secret(village.settings)
    key = live.key_of(secret, talk.id)
    assert live.talk_in(f"/api/v1/live/{key}.mp3") == talk.id
    assert live.talk_in(f"https://loa.example.vn/api/v1/live/{key}.mp3") == talk.id
    assert live.talk_in("https://vov.vn/live.mp3") == ""
    with village.database.read() as session:
        assert live.of_key(session, secret, key).id == talk.id
        for wrong in (talk.id, key[:-1], key[:-1] + ("0" if key[-1] != "0" else "1"), "", "é" * 60):
            with pytest.raises(NotFound):
                live.of_key(session, secret, wrong)


def test_what_sounds_and_why_says_that_somebody_speaks_over_the_programme(village: Village) -> None:
    _, _ = village.on_timetable(minutes=1, seconds=120.0)
    village.roll()
    village.clock.advance(seconds=90)
    spoken(village, title="Họp dân")
    village.clock.advance(seconds=10)
    with village.database.read() as session:
        told = explain(
            session, village.actor("administrator"), village.cast.stations["a1"], village.clock(),
            default_zone=village.settings.zone, now=village.clock(),
        )  # fmt: skip
    assert told.winner is not None
    assert (told.winner.kind, told.winner.title) == ("live", "Họp dân")
    assert [each.code for each in told.winner.why] == ["live"]

"""Drills at a station: a test goes all the way, keeps the hours unless it was let, and is no session."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from station_lab import Clips, FakeServer, Player, heard, ticket

from core.allowed import LIMITS
from core.clock import utc_now
from core.wire import AudioFile, ClipFiles, Item, StationSettings, Ticket, UnitLimits
from station.due import Situation, due
from station.sessions import refused

NOON = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)  # in Vietnam
A_FILE = AudioFile(sha256="0" * 64, bytes=1)
ITEM = Item(at=0, seconds=2.0, clip=ClipFiles(mp3=A_FILE, opus=A_FILE))
NAMES = ("unit:79.123",)


def situation_of(*tickets: Ticket, settings: StationSettings | None = None) -> Situation:
    """A station that holds these and all of their audio."""
    return Situation(
        tickets=tickets, settings=settings or StationSettings(audience=list(NAMES)), names=frozenset(NAMES),
        obstacle_of=lambda _: None, awake_since=NOON - timedelta(hours=5),
    )  # fmt: skip


def test_a_test_takes_no_room_among_the_sessions_of_a_day():
    settings = StationSettings(audience=list(NAMES), limits=UnitLimits(sessions_a_day=1))
    kinds = {"test": "air_drill", "programme": "air_noon"}
    tickets = [
        ticket(name, NOON + timedelta(hours=index), ITEM, kind=kind, issued_at=NOON - timedelta(days=1))
        for index, (kind, name) in enumerate(kinds.items())
    ]
    assert refused(settings, tickets, NAMES, {"air_drill"}, (), NOON) == {}
    both = [each.model_copy(update={"kind": "programme"}) for each in tickets]
    assert refused(settings, both, NAMES, {"air_drill"}, (), NOON) == {"air_noon": "sessions_a_day"}


@pytest.mark.parametrize(("lifted", "sounds"), [((), False), (LIMITS, True)])
def test_a_test_keeps_the_quiet_hours_unless_it_makes_no_sound(lifted: tuple[str, ...], sounds: bool):
    drill = ticket("air_drill", NOON, ITEM, kind="test", late="play", volume=0 if sounds else None, lifted=list(lifted))
    hours = StationSettings(quiet_hours=[("11:00", "13:00")], zone="Asia/Ho_Chi_Minh", audience=list(NAMES))
    situation = situation_of(drill, settings=hours)
    decision = due(situation, NOON + timedelta(seconds=1))
    assert (decision.sound is not None) == sounds
    assert decision.obstacles == ({} if sounds else {("air_drill", 0): "quiet_hours"})


def test_a_test_never_goes_before_an_emergency_nor_cuts_a_programme_of_its_rank():
    programme = ticket("air_noon", NOON - timedelta(seconds=5), Item(at=0, seconds=60.0, clip=ITEM.clip))
    drill = ticket("air_drill", NOON, ITEM, kind="test", late="play", volume=0)
    alarm = ticket("air_alarm", NOON, ITEM, kind="emergency", priority="emergency", late="play")
    chosen = [
        due(situation_of(*tickets), NOON + timedelta(seconds=1)).sound
        for tickets in ([programme, drill], [programme, drill, alarm], [drill])
    ]
    assert [each.ticket.id for each in chosen if each] == ["air_noon", "air_alarm", "air_drill"]


@pytest.mark.realtime
@pytest.mark.timeout(240)
def test_a_silent_drill_is_fetched_played_and_reported_and_nothing_is_heard(
    server: FakeServer, player: Player, clips: Clips
):
    """The clip of this test is loud: it is the ticket's volume that keeps it silent, also in the quiet hours."""
    server.settings = server.settings.model_copy(update={"quiet_hours": [("00:00", "24:00")]})
    loud, now = clips.make(server, 2.0), utc_now()
    drill = ticket(
        "air_drill", now, Item(at=0, seconds=2.0, clip=loud), kind="test", late="play", volume=0, lifted=list(LIMITS),
        issued_at=now, not_after=now + timedelta(minutes=15),
    )  # fmt: skip
    server.change(interrupts=[server.signer.sign(drill)])
    player.start()
    report = server.report("air_drill", seconds=180)
    player.stop()
    assert (report["outcome"], report["volume"]) == ("played", 0)
    assert report["seconds"] == pytest.approx(2.0, abs=0.1)
    assert report["peak_db"] < -80
    (one,) = heard(player, "air_drill")
    assert one.seconds == pytest.approx(2.0, abs=0.2)
    assert not np.any(one.samples)

"""The real `loa station run`, as a process, against a server on loopback; what it plays is found in its WAV files."""

import statistics
from datetime import timedelta
from itertools import pairwise

import pytest
from station_lab import eventually, heard, milliseconds, start_up_seconds, ticket

from core.clock import parse_instant, utc_now
from core.wire import Item, StationSettings

pytestmark = pytest.mark.realtime


def soon(seconds=2.0):
    """An instant for which a station that is started now is ready, also on a busy machine."""
    return utc_now() + timedelta(seconds=seconds + 3 * max(0.0, start_up_seconds() - 0.5))


def is_near(one, other, within_ms=25.0):
    return abs(milliseconds(one - other)) <= within_ms


def sleep_until(instant):
    eventually(lambda: utc_now() >= instant, (instant - utc_now()).total_seconds() + 5)


def test_a_clip_sounds_at_its_instant_and_is_reported_once(server, player, clips):
    clip, start = clips.make(server, 2.0), soon()
    server.plan(ticket("air_1", start, Item(at=0, seconds=2.0, clip=clip)))
    player.start()
    report = server.report("air_1")
    assert (report["outcome"], report["item"], report["volume"]) == ("played", 0, 100)
    assert is_near(parse_instant(report["started_at"]), start)
    assert report["seconds"] == pytest.approx(2.0, abs=0.05)
    assert -8 < report["peak_db"] < 0
    assert player.stop() == 0
    (file,) = heard(player)
    began, alike = file.began(clips.sound(clip))
    assert alike > 0.8
    assert is_near(began, start)
    assert is_near(file.at, start)
    assert len(server.report_calls) == 1


def test_twenty_items_begin_on_time_and_follow_one_another(server, player, clips):
    # Of a second each: what is written down after one item has the next handed over before, also on a slow disk.
    made = [clips.make(server, 1.0, seed) for seed in range(20)]
    start = soon(4)
    items = [Item(at=1.0 * n, seconds=1.0, clip=clip) for n, clip in enumerate(made)]
    server.plan(ticket("air_1", start, *items))
    player.start()
    eventually(lambda: len(server.reports) == 20, 60)
    assert player.stop() == 0
    files = heard(player)
    assert [file.item for file in files] == list(range(20))
    errors = []
    for number, file in enumerate(files):
        began, alike = file.began(clips.sound(made[number]))
        assert alike > 0.6
        errors.append(abs(milliseconds(began - start) - 1000 * number))
    assert max(errors) < 25, f"median {statistics.median(errors)} ms, worst {max(errors)} ms"
    for one, other in pairwise(files):
        assert one.end <= other.at + timedelta(milliseconds=1)


@pytest.mark.parametrize("late", ["join", "play", "skip"])
def test_an_emergency_takes_over_at_once_and_the_programme_goes_by_its_policy(server, player, clips, late):
    long, alarm, start = clips.make(server, 12.0), clips.make(server, 1.5, 9), soon()
    server.plan(ticket("air_1", start, Item(at=0, seconds=12.0, clip=long), late=late))
    player.start()
    sleep_until(start + timedelta(seconds=1.5))
    issued = ticket(
        "air_e", utc_now(), Item(at=0, seconds=1.5, clip=alarm), kind="emergency", priority="emergency", late="play"
    )
    server.change(interrupts=[server.signer.sign(issued)])
    emergency, programme = server.report("air_e"), server.report("air_1", seconds=60)
    assert emergency["outcome"] == "played"
    assert (
        parse_instant(emergency["started_at"]).timestamp() - server.now_answered_at[-1] < 4.0
    )  # told from waiting for the programme's end
    assert "air_e" in eventually(lambda: [one for beat in server.heartbeats for one in beat["acknowledged"]])
    player.stop()
    (sounded,) = heard(player, "air_e")
    assert sounded.began(clips.sound(alarm))[1] > 0.8
    pieces = heard(player, "air_1")
    for piece in pieces:
        assert piece.end <= sounded.at + timedelta(milliseconds=1) or piece.at >= sounded.end - timedelta(
            milliseconds=1
        )
    began, alike = pieces[0].began(clips.sound(long))
    assert alike > 0.6
    assert is_near(began, start)
    if late == "skip":
        assert (programme["outcome"], programme["reason"], len(pieces)) == ("partial", "preempted", 1)
        return
    assert len(pieces) == 2, f"{emergency} {programme} {player.log.read_text()[-3000:]}"
    began_again, alike = pieces[1].began(clips.sound(long))
    assert alike > 0.5
    if late == "join":
        assert (programme["outcome"], programme["reason"]) == ("partial", "preempted")
        assert is_near(began_again, start)  # it is where it would be, had nothing happened
        assert is_near(pieces[1].end, start + timedelta(seconds=12), 60)
    else:
        assert (programme["outcome"], programme["reason"]) == ("played", None)
        pause = pieces[1].at - pieces[0].end
        assert is_near(began_again, start + pause, 60)  # it goes on where it was cut
        assert sum(piece.seconds for piece in pieces) == pytest.approx(12.0, abs=0.1)


def test_a_station_plays_its_last_plan_when_the_server_is_gone_and_reports_once_it_is_back(server, player, clips):
    one, two, start = clips.make(server, 1.0), clips.make(server, 1.0, 2), soon(4)
    server.plan(
        ticket("air_1", start, Item(at=0, seconds=1.0, clip=one)),
        ticket("air_2", start + timedelta(seconds=6), Item(at=0, seconds=1.0, clip=two)),
    )
    player.start()
    eventually(lambda: len(server.bytes_sent) == 2)
    server.stop()
    sleep_until(start + timedelta(seconds=1.5))
    player.kill()
    player.start()  # at boot there is no server either
    sleep_until(start + timedelta(seconds=9))
    server.ignore_reports_once = True  # the answer to the first call is lost on the way
    server.start()
    assert server.report("air_1", seconds=60)["outcome"] == "played"
    assert server.report("air_2", seconds=60)["outcome"] == "played"
    eventually(lambda: len(server.report_calls) >= 2)  # it rests longer after each call in vain, a minute at most
    player.stop()
    assert {len(server.reports_of(name)) for name in ("air_1", "air_2")} == {1}
    assert len(heard(player)) == 2
    assert server.report_calls[0] == server.report_calls[1]  # the same names again: they count once


@pytest.mark.parametrize("late", ["join", "play"])
def test_a_station_killed_in_the_middle_goes_on_and_says_nothing_twice(server, player, clips, late):
    first, clip, start = clips.make(server, 1.0, 2), clips.make(server, 12.0), soon()
    server.plan(
        ticket("air_0", start, Item(at=0, seconds=1.0, clip=first), late="play"),
        ticket("air_1", start + timedelta(seconds=1), Item(at=0, seconds=12.0, clip=clip), late=late),
    )
    player.start()
    server.report("air_0")
    sleep_until(start + timedelta(seconds=3.5))
    player.kill()
    player.start()
    report = server.report("air_1", seconds=60)
    player.stop()
    assert report["reason"] == ("power" if late == "join" else None)
    assert len(heard(player, "air_0")) == 1
    assert len(heard(player, "air_1")) == 1  # what was being written when it was killed is no file
    assert not list(player.home.parent.glob("wav/.*.part"))
    assert len(server.reports) == 2


def test_killed_again_and_again_it_loses_nothing_and_says_nothing_twice(server, player, clips):
    made = [clips.make(server, 0.5, seed) for seed in range(12)]
    start = soon()
    items = [Item(at=0.5 * n, seconds=0.5, clip=clip) for n, clip in enumerate(made)]
    server.plan(ticket("air_1", start, *items, late="play"))
    for number in range(5):
        player.start()
        sleep_until(utc_now() + timedelta(seconds=0.9 + 0.37 * number))
        player.kill()
    player.start()
    eventually(lambda: len(server.reports) == 12)
    player.stop()
    assert sorted(one["item"] for one in server.reports.values()) == list(range(12))
    assert {one["outcome"] for one in server.reports.values()} == {"played"}
    written = [one.item for one in heard(player)]
    assert len(written) == len(set(written))


def test_a_download_that_breaks_off_is_resumed_and_a_corrupt_one_is_fetched_again(server, player, clips):
    clip, start = clips.make(server, 8.0), soon(6)
    server.cut_media_after = 10_000
    server.plan(ticket("air_1", start, Item(at=0, seconds=8.0, clip=clip)))
    player.start()
    name = f"{clip.opus.sha256}.opus"
    eventually((player.home / "audio" / name).exists)
    assert server.ranges == ["bytes=10000-"]
    assert server.bytes_sent[name] == clip.opus.bytes
    other = clips.make(server, 1.0, 3)
    server.corrupt_media = 1
    server.plan(ticket("air_2", start, Item(at=0, seconds=1.0, clip=other)))
    eventually((player.home / "audio" / f"{other.opus.sha256}.opus").exists)
    assert server.bytes_sent[f"{other.opus.sha256}.opus"] == 2 * other.opus.bytes
    assert server.report("air_2")["outcome"] == "played"
    assert player.stop() == 0


def test_the_audio_of_an_emergency_does_not_wait_behind_a_bulk_download(server, player, clips):
    bulk, alarm = clips.make(server, 8.0), clips.make(server, 0.5, 4)
    server.media_bytes_per_second = 4_000  # the bulk alone takes six seconds
    server.plan(ticket("air_1", soon(3600), Item(at=0, seconds=8.0, clip=bulk)))
    player.start()
    eventually(lambda: server.bytes_sent[f"{bulk.opus.sha256}.opus"])
    issued = ticket("air_e", utc_now(), Item(at=0, seconds=0.5, clip=alarm), kind="emergency", priority="emergency")
    server.change(interrupts=[server.signer.sign(issued)])
    report = server.report("air_e")
    assert report["outcome"] == "played"
    assert server.bytes_sent[f"{bulk.opus.sha256}.opus"] < bulk.opus.bytes
    player.stop()


def test_a_withdrawn_airing_stops_at_once(server, player, clips):
    clip, start = clips.make(server, 8.0), soon()
    server.plan(ticket("air_1", start, Item(at=0, seconds=8.0, clip=clip), Item(at=8, seconds=8.0, clip=clip)))
    player.start()
    sleep_until(start + timedelta(seconds=1))
    server.change(withdrawn=["air_1"])
    report = server.report("air_1")
    assert (report["outcome"], report["reason"]) == ("partial", "withdrawn")
    assert 0.8 < report["seconds"] < 2.5
    assert server.report("air_1", 1)["outcome"] == "missed"
    assert "air_1" in eventually(lambda: [one for beat in server.heartbeats for one in beat["acknowledged"]])
    player.stop()
    (file,) = heard(player)
    assert file.seconds == pytest.approx(report["seconds"], abs=0.02)


def test_commands_are_obeyed_once_and_acknowledged_at_once(server, player, clips):
    clip, start = clips.make(server, 8.0), soon(4)
    server.plan(ticket("air_1", start, Item(at=0, seconds=8.0, clip=clip)))
    player.start()
    eventually(lambda: server.heartbeats)
    server.change(commands=[{"id": "cmd_1", "do": "volume", "value": 30}, {"id": "cmd_2", "do": "sync"}])
    beat = eventually(lambda: [one for one in server.heartbeats if "cmd_1" in one["acknowledged"]])[0]
    assert beat["volume"] == 30
    eventually(lambda: [one for one in server.heartbeats if "cmd_2" in one["acknowledged"]])
    sleep_until(start + timedelta(seconds=1))
    server.change(commands=[{"id": "cmd_3", "do": "stop"}])
    report = server.report("air_1")
    assert (report["outcome"], report["reason"], report["volume"]) == ("partial", "withdrawn", 30)
    assert report["peak_db"] < -20  # 30 % is −21 dB
    server.change(commands=[{"id": "cmd_4", "do": "test_tone", "value": 100}])
    eventually(lambda: [one for one in heard(player) if one.airing == "test_tone"])
    process = player.process.pid
    server.change(commands=[{"id": "cmd_5", "do": "restart"}])
    eventually(lambda: [one for one in server.heartbeats if "cmd_5" in one["acknowledged"]])
    seen = len(server.heartbeats)
    eventually(lambda: len(server.heartbeats) > seen, 15)
    assert player.process.pid == process
    assert player.process.poll() is None
    player.stop()
    tones = [one for one in heard(player) if one.airing == "test_tone"]
    assert len(tones) == 1
    assert tones[0].seconds == pytest.approx(3, abs=0.05)


def test_a_refused_token_silences_the_station_until_it_is_accepted_again(server, player, clips):
    clip, start = clips.make(server, 8.0), soon()
    server.plan(ticket("air_1", start, Item(at=0, seconds=8.0, clip=clip)))
    player.start()
    sleep_until(start + timedelta(seconds=1))
    server.change(revoked=True)
    sleep_until(start + timedelta(seconds=3))
    server.change(revoked=False)
    report = server.report("air_1", seconds=60)
    player.stop()
    assert (report["outcome"], report["reason"]) == ("partial", "withdrawn")
    pieces = heard(player)
    assert pieces[0].end < start + timedelta(seconds=2.5)
    assert sum(piece.seconds for piece in pieces) < 7


def test_what_is_forged_or_for_others_is_refused_and_told_once(server, player, clips):
    clip, start = clips.make(server, 1.0), soon()
    genuine = ticket("air_1", start, Item(at=0, seconds=1.0, clip=clip))
    head, payload, signature = server.signer.sign(genuine.model_copy(update={"id": "air_forged"})).split(".")
    forged = f"{head}.{payload}.{signature[:-8]}AAAAAAAA"
    foreign = server.signer.sign(genuine.model_copy(update={"id": "air_foreign", "audience": ["unit:80"]}))
    server.airings = {"1": server.signer.sign(genuine), "2": forged, "3": foreign, "4": "rubbish"}
    server.change(interrupts=[forged])
    player.start()
    assert server.report("air_1")["outcome"] == "played"
    assert {server.report(name)["reason"] for name in ("air_forged", "air_foreign")} == {"bad_signature", "not_for_me"}
    player.stop()
    player.start()
    eventually(lambda: server.requests["/api/v1/plan"] >= 2)
    server.change(settings=server.settings.model_copy(update={"volume": 50}))
    eventually(lambda: server.requests["/api/v1/plan"] >= 3)
    player.stop()
    assert len(server.reports) == 3
    assert {one.airing for one in heard(player)} == {"air_1"}


def test_quiet_hours_and_maximum_volume_hold_on_the_station_itself(server, player, clips):
    clip, start = clips.make(server, 1.0), soon()
    server.settings = StationSettings(quiet_hours=[("00:00", "24:00")], max_volume=40, audience=["unit:79.123"])
    server.plan(
        ticket("air_1", start, Item(at=0, seconds=1.0, clip=clip)),
        ticket("air_e", start, Item(at=0, seconds=1.0, clip=clip), kind="emergency", priority="emergency", volume=100),
    )
    player.start()
    report = server.report("air_1")
    assert (report["outcome"], report["reason"]) == ("missed", "quiet_hours")
    report = server.report("air_e")
    assert (report["outcome"], report["volume"]) == ("played", 40)
    player.stop()


def test_the_servers_time_rules_over_the_hosts(server, player, clips):
    server.clock_ahead = timedelta(hours=3)
    clip, start = clips.make(server, 1.0), soon(3) + timedelta(hours=3)
    server.plan(ticket("air_1", start, Item(at=0, seconds=1.0, clip=clip)))
    player.start()
    report = server.report("air_1")
    assert is_near(parse_instant(report["started_at"]), start)
    server.change(commands=[{"id": "cmd_1", "do": "sync"}])
    beat = eventually(lambda: [one for one in server.heartbeats if "cmd_1" in one["acknowledged"]])[0]
    assert beat["clock_offset_ms"] == pytest.approx(3 * 3_600_000, abs=50)
    player.stop()


def test_mp3_sounds_as_opus_does(server, player, clips):
    server.settings = server.settings.model_copy(update={"codec": "mp3"})
    clip, start = clips.make(server, 2.0), soon()
    server.plan(ticket("air_1", start, Item(at=0, seconds=2.0, clip=clip)))
    player.start()
    assert server.report("air_1")["outcome"] == "played"
    player.stop()
    (file,) = heard(player)
    assert file.rate == 44_100
    assert is_near(file.at, start)
    assert file.seconds == pytest.approx(2.0, abs=0.05)


def test_audio_that_is_not_to_be_had_is_reported_as_such(server, player, clips):
    clip, start = clips.make(server, 1.0), soon()
    relay = Item(at=0, seconds=1.0, relay="http://127.0.0.1:9/vov1")
    looped = Item(at=1.0, seconds=2.5, relay="http://127.0.0.1:9/vov1", fallback=clip)
    server.plan(ticket("air_1", start, relay, looped))
    lost = clips.make(server, 0.5, 8)
    for name in (f"{lost.opus.sha256}.opus", f"{lost.mp3.sha256}.mp3"):
        del server.media[name]
    server.plan(ticket("air_2", start, Item(at=0, seconds=0.5, clip=lost), late="skip"), keep=True)
    player.start()
    assert server.report("air_1")["reason"] == "relay_down"
    report = server.report("air_1", 1)
    assert (report["outcome"], report["reason"]) == ("partial", "relay_down")  # its fallback is not what was planned
    assert report["seconds"] == pytest.approx(2.5, abs=0.05)
    assert server.report("air_2")["reason"] == "no_audio"
    player.stop()


def test_heartbeats_tell_the_state(server, player, clips):
    clip, start = clips.make(server, 1.0), soon(4)
    server.plan(ticket("air_1", start, Item(at=0, seconds=1.0, clip=clip)))
    player.start()
    eventually(lambda: server.bytes_sent)
    server.change(commands=[{"id": "cmd_1", "do": "sync"}])
    beat = eventually(lambda: [one for one in server.heartbeats if "cmd_1" in one["acknowledged"]])[0]
    player.stop()
    assert beat["plan"] == server.plan_etag()
    assert beat["seq"] == server.seq
    assert beat["free_bytes"] > 0
    assert beat["uptime_s"] > 0
    assert beat["software"].startswith("loalang ")
    assert beat["playing"] is None
    assert eventually(lambda: [one for one in server.heartbeats if one["ready_until"]])
    assert abs(beat["clock_offset_ms"]) < 100


def test_a_second_player_in_one_home_is_refused(server, player, tmp_path):
    player.start()
    eventually(lambda: server.heartbeats)
    other = type(player)(player.home, f"wav:{tmp_path / 'other'}")
    other.start()
    assert other.process.wait(20) == 1
    assert "already runs" in other.log.read_text()
    player.stop()


def test_the_home_keeps_its_secret(server, player):
    assert (player.home / "station.json").stat().st_mode & 0o777 == 0o600

"""The real `loa station run` when its parts fail: it says so in the heartbeat and goes on with what it can."""

import os
import resource
import shutil
import subprocess
import sys
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from station_lab import eventually, start_up_seconds, ticket

from core.clock import utc_now
from core.wire import Item

pytestmark = pytest.mark.processes

CARDS = Path("/proc/asound/cards")


def soon(seconds=2.0):
    return utc_now() + timedelta(seconds=seconds + 3 * max(0.0, start_up_seconds() - 0.5))


commands = count()


def faults_now(server):
    """What the next heartbeat says is wrong; a command has it sent at once."""
    name = f"cmd_{next(commands)}"
    server.change(commands=[{"id": name, "do": "sync"}])
    return eventually(lambda: [one for one in server.heartbeats if name in one["acknowledged"]])[0]["faults"]


@pytest.mark.skipif(CARDS.exists() and "no soundcards" not in CARDS.read_text(), reason="this machine has a sound card")
def test_without_a_sound_card_it_says_so_and_accounts_for_what_nobody_heard(server, player, clips):
    player.output = "device"
    clip, start = clips.make(server, 1.0), soon()
    server.plan(ticket("air_1", start, Item(at=0, seconds=1.0, clip=clip)))
    player.start()
    report = server.report("air_1")
    assert (report["outcome"], report["reason"]) == ("missed", "player_error")
    assert faults_now(server) == ["no_sound_card"]
    assert player.stop() == 0


def test_on_a_disk_that_takes_nothing_more_it_plays_obeys_reports_and_hears_emergencies(server, player, clips):
    held = clips.make(server, 1.0)
    player.output = "null"
    (player.home.parent / "station.log").symlink_to("/dev/null")  # a log is a file, too
    start = soon(6)
    server.plan(ticket("air_1", start, Item(at=0, seconds=1.0, clip=held)))
    player.start()
    eventually(lambda: server.bytes_sent[f"{held.opus.sha256}.opus"] == held.opus.bytes)
    assert faults_now(server) == []
    # From now on no file of this process may grow, as if the disk were full.
    resource.prlimit(player.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    faults = eventually(lambda: faults_now(server))
    assert set(faults) <= {"disk_full", "disk_failing"}
    assert server.report("air_1")["outcome"] == "played"
    issued = ticket("air_e", utc_now(), Item(at=0, seconds=1.0, clip=held), kind="emergency", priority="emergency")
    server.change(interrupts=[server.signer.sign(issued)])
    assert server.report("air_e")["outcome"] == "played"
    assert "air_e" in {one for beat in server.heartbeats for one in beat["acknowledged"]}
    resource.prlimit(player.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert player.stop() == 0  # what was in memory goes back to the disk
    player.log.unlink()
    player.start()
    assert faults_now(server) == []
    player.stop()
    assert len(server.reports_of("air_1")) == len(server.reports_of("air_e")) == 1


def test_with_a_damaged_store_and_damaged_audio_it_saves_what_it_can_and_fetches_the_rest(server, player, clips):
    one, two = clips.make(server, 1.0), clips.make(server, 1.0, 2)
    first = soon(4)
    server.plan(ticket("air_1", first, Item(at=0, seconds=1.0, clip=one)))
    player.start()
    assert server.report("air_1")["outcome"] == "played"
    player.stop()
    later = ticket("air_2", soon(8), Item(at=0, seconds=1.0, clip=two))
    server.plan(ticket("air_1", first, Item(at=0, seconds=1.0, clip=one), late="play"), later)
    (player.home / "audio" / f"{two.opus.sha256}.opus").write_bytes(b"\xa5" * two.opus.bytes)
    store = player.home / "station.db"
    with store.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * 300)
    player.start()
    assert server.report("air_2")["outcome"] == "played"
    assert "audio_damaged" in faults_now(server)
    player.stop()
    assert len(server.reports_of("air_1")) == 1


def test_a_player_that_crashes_is_started_again_and_accounts_for_what_was_lost(server, player, clips):
    clip, start = clips.make(server, 1.0), soon(6)
    server.plan(ticket("air_1", start, Item(at=0, seconds=1.0, clip=clip), late="play"))
    player.start()
    eventually((player.home / "audio" / f"{clip.opus.sha256}.opus").exists)
    # Killed by what can't be caught, as by a crash in a library: whoever watches it starts it again.
    player.process.send_signal(11)
    assert player.process.wait(20) == -11
    player.start()
    assert server.report("air_1")["outcome"] == "played"
    assert faults_now(server) == []
    player.stop()
    assert len(server.reports) == 1


# Everything is imported before the process becomes somebody who may not even read where Python lies.
AS_NOBODY = """
import os, signal, sys, encodings.idna, zoneinfo
from pathlib import Path
import miniaudio
from station import cards, decoding, outputs
from station.identity import Home
from station.runner import Station
decoding.decoder_version()
os.setgroups([]); os.setgid(65534); os.setuid(65534)
station = Station(Home(Path(sys.argv[1])), outputs.parse_output("null"))
signal.signal(signal.SIGTERM, lambda *_: station.stop())
station.run()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_from_a_disk_that_can_only_be_read_it_plays_its_timetable_and_is_reached_at_the_device(server, player, clips):
    clip = clips.make(server, 1.0)
    player.output = "null"
    server.plan(ticket("air_1", soon(15), Item(at=0, seconds=1.0, clip=clip), late="play"))
    player.start()
    eventually((player.home / "audio" / f"{clip.opus.sha256}.opus").exists)
    player.stop()
    home = Path(f"/tmp/loa-read-only-home-{os.getpid()}")  # noqa: S108 - pytest's own folders are closed to others
    shutil.copytree(player.home, home, ignore=shutil.ignore_patterns("*.sock"))
    try:
        for path in (home, *home.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        process = subprocess.Popen([sys.executable, "-c", AS_NOBODY, str(home)])
        try:
            assert server.report("air_1", seconds=90)["outcome"] == "played"
            assert "disk_read_only" in faults_now(server)
            command = [sys.executable, "-m", "loa", "station", "alarm", "flood", "--home", str(home)]
            os.chown(home, 65534, 65534)  # whose station it is: root and that user may speak to it
            home.chmod(0o555)
            asked = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
            assert "is no prepared message of this station" in asked.stderr
        finally:
            process.terminate()
            assert process.wait(20) == 0
    finally:
        shutil.rmtree(home)

"""A real station with a microphone: the loudspeaker that is heard, and the one whose amplifier is off."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from station_lab import RATE, Player, encode, enrol, ticket, write_wav
from test_proof_of_sound import HEAR_RATE, speech, through_air
from test_station_end_to_end import soon

from core.wire import ClipFiles, Item

pytestmark = pytest.mark.processes


class Listening(Player):
    """A station that hears `file` while something sounds."""

    def start(self, file: Path) -> None:  # type: ignore[override]
        self.log = self.home.parent / "station.log"
        command = [sys.executable, "-m", "loa", "station", "run", "--home", str(self.home), "--output", self.output]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*command, "--microphone", f"wav:{file}"], stdout=log, stderr=log)


def test_a_report_says_whether_the_microphone_heard_it(server, tmp_path):
    assert enrol(server, tmp_path / "home").returncode == 0
    sound = speech(7.0, seed=11)
    source = tmp_path / "sound.wav"
    write_wav(source, sound)
    clip = ClipFiles(
        mp3=server.add_media(encode(source, tmp_path / "sound.mp3"), "mp3"),
        opus=server.add_media(encode(source, tmp_path / "sound.opus"), "opus"),
    )
    picked = through_air(sound, delay=0.35, gain=0.3, noise_rms=80)
    hall, dead = tmp_path / "hall.wav", tmp_path / "dead.wav"
    write_wav(hall, np.repeat(picked, RATE // HEAR_RATE))
    write_wav(dead, np.zeros(RATE, np.int16))
    station = Listening(tmp_path / "home", f"wav:{tmp_path / 'wav'}")
    try:
        for name, file, heard in (("air_heard", hall, "yes"), ("air_dead", dead, "no")):
            server.plan(ticket(name, soon(), Item(at=0, seconds=7.0, clip=clip), late="play"))
            station.start(file)
            report = server.report(name)
            assert (report["outcome"], report["heard"]) == ("played", heard), station.log.read_text()
            assert (report["heard_db"] < -66) == (heard == "no")
            station.stop()
    finally:
        if station.process is not None and station.process.poll() is None:
            station.kill()

"""The station as a service of systemd: what its unit says, and what it tells systemd while it runs."""

import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from station_lab import FakeServer, enrol

from core.errors import InvalidInput, LoaError, NotFound
from station.identity import Home
from station.installing import UNIT, install, service_text
from station.looping import Loop
from station.oversight import Oversight
from station.runner import Station

PROGRAM = [sys.executable, "-m", "loa"]
ME = getpass.getuser()


@pytest.fixture
def home(server: FakeServer, tmp_path: Path) -> Home:
    assert enrol(server, tmp_path / "home").returncode == 0
    return Home(tmp_path / "home")


@pytest.fixture
def analyse() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("needs Debian's package “systemd”")
        pytest.skip("needs Debian's package “systemd”")
    return found


class Listener:
    """What stands in systemd's place at the other end of the socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.line.bind(str(path))
        self.line.settimeout(20)

    def next(self) -> str:
        return self.line.recv(100).decode()


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    made = Listener(tmp_path / "notify")
    yield made
    made.line.close()


def checked(analyse: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([analyse, *map(str, arguments)], capture_output=True, text=True, timeout=240, check=False)


def test_systemd_understands_the_unit_and_finds_it_hardened(home: Home, analyse: str, tmp_path: Path):
    unit = install(home, ME, "device", PROGRAM, tmp_path / "units")
    assert unit == tmp_path / "units" / UNIT
    said = checked(analyse, "verify", "--man=no", unit)
    assert UNIT not in said.stdout + said.stderr, said.stderr
    rated = checked(analyse, "security", "--offline=true", "--no-pager", unit)
    (exposure,) = re.findall(r"Overall exposure level for .*: ([\d.]+)", rated.stdout)
    assert float(exposure) <= 2.5  # of 10


def test_a_word_that_systemd_does_not_know_would_be_noticed(home: Home, analyse: str, tmp_path: Path):
    unit = install(home, ME, "device", PROGRAM, tmp_path / "units")
    unit.write_text(unit.read_text().replace("Restart=always", "Restart=sometimes"))
    assert UNIT in checked(analyse, "verify", "--man=no", unit).stderr


def test_strange_folders_are_named_as_they_are(server: FakeServer, tmp_path: Path, analyse: str):
    strange = tmp_path / 'loa 100% "làng" $HOME'
    assert enrol(server, strange).returncode == 0
    unit = install(Home(strange), ME, f"wav:{tmp_path / 'the sound'}", PROGRAM, tmp_path / "units")
    said = checked(analyse, "verify", "--man=no", unit)
    assert UNIT not in said.stderr, said.stderr
    text = unit.read_text()
    assert '100%% \\"làng\\" $$HOME"' in text
    assert (tmp_path / "the sound").is_dir()


def test_what_can_not_be_installed_is_told(server: FakeServer, home: Home, tmp_path: Path):
    with pytest.raises(NotFound, match="not enrolled"):
        install(Home(tmp_path / "none"), ME, "device", PROGRAM, tmp_path)
    with pytest.raises(InvalidInput, match="no user"):
        install(home, "nobody-by-this-name", "device", PROGRAM, tmp_path)
    with pytest.raises(LoaError):
        install(home, ME, "trumpet", PROGRAM, tmp_path)
    with pytest.raises(InvalidInput, match="can't stand"):
        service_text(Home(Path("a\nExecStartPre=/bin/false")), ME, "device", PROGRAM)
    assert not (tmp_path / UNIT).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a folder away")
def test_a_folder_of_somebody_else_is_told(home: Home, tmp_path: Path):
    os.chown(home.identity_file, 65534, 65534)
    with pytest.raises(InvalidInput, match="does not belong"):
        install(home, ME, "device", PROGRAM, tmp_path)


def test_the_command_writes_the_unit_and_starts_nothing_when_a_folder_is_named(home: Home, tmp_path: Path):
    done = subprocess.run(
        [*PROGRAM, "station", "install", "--home", home.path, "--user", ME, "--units", tmp_path / "units"],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path / "units" / UNIT))
    assert (
        f"ExecStart={sys.executable} -m loa station run --home {home.path} --output device"
        in (tmp_path / "units" / UNIT).read_text()
    )


def test_a_running_station_says_that_it_is_ready_alive_and_stopping(home: Home, listener: Listener):
    environment = {**os.environ, "NOTIFY_SOCKET": str(listener.path), "WATCHDOG_USEC": "1500000"}
    process = subprocess.Popen(
        [*PROGRAM, "station", "run", "--home", str(home.path), "--output", "null"], env=environment
    )
    try:
        assert listener.next() == "READY=1"
        begun = time.monotonic()
        assert [listener.next() for _ in range(3)] == ["WATCHDOG=1"] * 3
        assert time.monotonic() - begun < 15
        process.send_signal(signal.SIGTERM)
        told = listener.next()
        while told == "WATCHDOG=1":
            told = listener.next()
        assert told == "STOPPING=1"
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait(10)


class Witness(Oversight):
    """Notes what would be said, and ends the watch after some rounds."""

    beat = 0.01

    def __init__(self, station: Station) -> None:
        super().__init__({})
        self.station, self.said, self.rounds = station, [], 0

    def _say(self, state: str) -> None:
        self.said.append(state)


@pytest.mark.parametrize(("seconds_ago", "alive"), [(0.5, True), (31.0, False), (None, False)])
def test_a_player_that_hangs_is_not_called_alive(tmp_path: Path, seconds_ago: float | None, alive: bool):
    station = Station(Home(tmp_path), ("null", None))
    asleep = threading.Event()
    loop = Loop("player", lambda: float(asleep.wait(60)), station._stopping)
    loop.start()
    loop.last_success = None if seconds_ago is None else time.monotonic() - seconds_ago
    station.loops.append(loop)
    witness = Witness(station)
    threading.Timer(0.3, station.stop).start()
    station._watch(witness)
    asleep.set()
    assert (witness.said[0], witness.said[-1]) == ("READY=1", "STOPPING=1")
    assert ("WATCHDOG=1" in witness.said) is alive


def test_outside_systemd_nothing_is_said_and_another_s_watchdog_is_not_fed(listener: Listener):
    Oversight({}).ready()
    assert Oversight({}).beat is None
    stranger = {"NOTIFY_SOCKET": str(listener.path), "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}
    assert Oversight(stranger).beat is None
    own = Oversight({**stranger, "WATCHDOG_PID": str(os.getpid())})
    assert own.beat == 1
    own.alive()
    assert listener.next() == "WATCHDOG=1"


def test_a_name_in_no_file_system_is_reached_and_a_lost_one_does_no_harm(caplog: pytest.LogCaptureFixture):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.settimeout(5)
        line.bind(f"\0loa-test-{os.getpid()}")
        Oversight({"NOTIFY_SOCKET": f"@loa-test-{os.getpid()}"}).ready()
        assert line.recv(100) == b"READY=1"
    Oversight({"NOTIFY_SOCKET": f"@loa-test-{os.getpid()}"}).ready()
    assert "could not be told" in caplog.text


def test_the_unit_keeps_device_and_latency(tmp_path: Path):
    text = service_text(Home(tmp_path), ME, "aplay:plughw:CARD=Device,DEV=0", PROGRAM, latency_ms=120)
    (command,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    assert command.endswith(' --output "aplay:plughw:CARD=Device,DEV=0" --latency-ms 120')
    (writable,) = re.findall(r"^ReadWritePaths=(.*)$", text, re.MULTILINE)
    assert writable == str(tmp_path)  # a device is no folder

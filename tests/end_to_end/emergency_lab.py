"""A commune with stations that wait, real processes all, and what can be seen of an emergency from outside."""

import json
import os
import signal
import sqlite3
import subprocess
import wave
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loopback import Network, eventually

from core.clock import utc_now
from core.settings import load
from scheduler import keys
from station.identity import Home, Identity

SIXTY_WORDS = (
    "Nước sông đang lên rất nhanh và sẽ vượt mức báo động ba trong hai giờ tới. Bà con các thôn Hạ, Trung và Bến Đò "
    "khẩn trương đưa người già, trẻ em lên trường trung học ngay bây giờ, mang theo nước uống, thuốc men, đèn pin và "
    "giấy tờ cần thiết. Không ai ở lại trông nhà, không ai qua ngầm tràn."
)


@dataclass
class Device:
    """One station: its home, where its sound goes, and its process while it runs."""

    name: str
    home: Path
    wav: Path
    process: "subprocess.Popen[bytes] | None" = None

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(self.home / "station.db", timeout=5)) as table:
            return table.execute(query, values).fetchall()
        return []

    def has_begun(self, airing: str) -> bool:
        """Whether the first sample of it has been handed to the output, now or before."""
        begun = "SELECT 1 FROM progress WHERE airing = ? AND started_at IS NOT NULL"
        return bool(self.rows(begun, airing) or self.rows("SELECT 1 FROM done WHERE airing = ?", airing))

    def position(self, airing: str) -> float:
        """How far (s) the item on air has come, by the pulse; 0 when nothing of this airing sounds."""
        with suppress(OSError, ValueError):
            told = json.loads((self.home / "pulse").read_bytes().partition(b" ")[2])
            return float(told[2]) if told[0] == airing else 0.0
        return 0.0

    def files(self, airing: str, item: int = 0) -> list[Path]:
        return sorted(self.wav.glob(f"{airing}-{item}-*.wav"))

    def outcomes(self, airing: str) -> list[dict[str, Any]]:
        found = self.rows("SELECT report FROM done WHERE airing = ? ORDER BY item", airing)
        return [json.loads(report) for (report,) in found]


@dataclass
class Commune:
    network: Network
    devices: list[Device] = field(default_factory=list)

    def start(self, device: Device) -> None:
        """Let it run, and wait until it waits for news."""
        processes = self.network.processes
        arguments = ("station", "run", "--home", device.home, "--output", f"wav:{device.wav}")
        device.process = processes.start(device.name, *arguments)
        eventually(lambda: device.rows("SELECT 1 FROM facts WHERE name = 'plan_etag'"), f"{device.name} has its plan")

    def kill(self, device: Device) -> None:
        assert device.process is not None
        self.network.processes.end(device.process, signal.SIGKILL)

    def raise_alarm(self, **what: Any) -> tuple[str, str]:
        """An emergency for the whole commune; its id and that of its airing."""
        made = self.network.api.call("POST", "/emergencies", {"unit": "51", "for": ["unit:51"], **what}, 201)
        return made["id"], made["airing"]

    def sounds_everywhere(self, airing: str) -> None:
        for device in self.devices:
            eventually(lambda one=device: one.has_begun(airing), f"{device.name} sounds")  # type: ignore[misc]

    def stop(self, emergency: str) -> None:
        self.network.api.call("POST", f"/emergencies/{emergency}/stop", {}, 200)

    def clip_of(self, emergency: str) -> str:
        """What it says, as the server's table has it."""
        return str(self.table("SELECT clip_id FROM emergency WHERE id = ?", emergency)[0][0])

    def table(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.network.home / "loa.db", timeout=10)) as table:
            return table.execute(query, values).fetchall()


def commune(network: Network, folder: Path, stations: int) -> Commune:
    """Stations in service in one commune, as enrolment leaves them, all running."""
    api = network.api
    api.call("POST", "/units", {"name": "Xã Trà Giang", "code": "51"}, 201)
    made = Commune(network)
    public = keys.signer(load(network.home)).public_jwk
    for number in range(stations):
        station = api.call("POST", "/stations", {"name": f"Loa {number}", "unit": "51"}, 201)
        taken = api.call("POST", "/enrol", {"code": station["enrolment_code"], "device": {"serial": str(number)}}, 201)
        home = folder / f"device{number}"
        home.mkdir()
        Home(home).save(
            Identity(
                server=network.address, station=taken["station"], token=taken["token"], name=taken["name"],
                unit_path=taken["unit_path"], server_keys=[public], token_since=utc_now(),
            )
        )  # fmt: skip
        made.devices.append(Device(f"station{number}", home, folder / f"wav{number}"))
    for device in made.devices:
        made.start(device)
    return made


def part(network: Network, *words: str) -> int:
    """The process id of the server's child whose command line has these words."""
    assert network.server is not None
    parent = network.server.pid

    def found() -> int:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split()
        for child in children:
            with suppress(OSError):
                said = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
                if set(words) <= set(said):
                    return int(child)
        return 0

    return int(eventually(found, f"{' '.join(words)} runs"))


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def seconds_of(path: Path) -> float:
    with wave.open(str(path)) as file:
        return float(file.getnframes() / file.getframerate())

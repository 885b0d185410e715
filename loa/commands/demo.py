"""`loa demo`: a whole small network on one machine, to look at and listen to."""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.settings import Settings
    from loa.supervision import Supervisor

_READY_SECONDS = 60
_NOTHING = "Discard all samples"  # what ALSA calls its null device


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `demo`."""
    demo = subparsers.add_parser("demo", help="a province to try: panel, worker and two stations playing")
    demo.add_argument("--home", type=Path, help="folder of the demo (default: LOA_HOME or ./var)")
    demo.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    demo.add_argument("--port", type=int, help="port to listen on (default 8080)")
    demo.add_argument(
        "--output", help="where the first station plays: device, null or wav:FOLDER (default: device if any)"
    )
    demo.set_defaults(run=run_demo)


def run_demo(options: argparse.Namespace) -> int:
    """Make the demo the first time, then serve it until told to stop."""
    from core.clock import utc_now
    from core.settings import load
    from loa.commands.server import add_workers, check_free, part
    from loa.demonstration import make
    from loa.installation import prepare
    from loa.supervision import Supervisor
    from registry.rights import system_actor
    from registry.units import visible

    settings = load(options.home, host=options.host, port=options.port)
    check_free(settings.host, settings.port)
    database = prepare(settings)
    address = f"http://{settings.host}:{settings.port}/"
    with database.read() as session:
        fresh = not visible(session, system_actor())
    if fresh:
        with database.write() as session:
            made = make(session, settings, utc_now())
        print(f"\nLoa Làng: {address}\n\nShown only now / chỉ hiện một lần:")
        for username, password, role, name, unit in made.people:
            print(f"  {username:6}  {password}  {role.value:14} {name} ({unit})")
    else:
        print(f"\nLoa Làng: {address} (made before; a lost password: `loa password USER`)")
    sys.stdout.flush()
    os.environ["LOA_SUPERVISED"] = "1"
    supervisor = Supervisor()
    supervisor.stop_on_signals()
    add_workers(supervisor, settings.home)
    supervisor.add("web", part("web", "--home", settings.home, "--host", settings.host, "--port", settings.port))
    supervisor.when_running(lambda: _stations(supervisor, settings, address, options.output))
    database.dispose()
    supervisor.run()
    return 0


def _stations(supervisor: "Supervisor", settings: "Settings", address: str, output: str | None) -> None:
    """Once the server answers: enrol the demo's stations where that is still to be done, and let them play."""
    from core.clock import utc_now
    from core.database import connect
    from loa.commands.server import part
    from loa.demonstration import PLAYING
    from registry import stations
    from registry.rights import system_actor
    from station.enrolment import enrol
    from station.identity import Home

    if not _answers(address):
        print("The server does not answer; the stations are not started.", file=sys.stderr)
        return
    database = connect(settings)
    with database.read() as session:
        chosen = [station.id for station, _, _ in stations.visible(session, system_actor(), limit=PLAYING)]
    for number, station_id in enumerate(chosen, 1):
        home = Home(settings.home / "stations" / str(number))
        if not home.is_enrolled():
            with database.write() as session:
                code = stations.renew_code(session, system_actor(), station_id, settings.enrolment_hours, utc_now())
            enrol(address, code, home)
        sound = (output or _sound()) if number == 1 else "null"
        supervisor.add(f"station {number}", part("station", "run", "--home", home.path, "--output", sound))
    database.dispose()
    print(f"\n{len(chosen)} stations are playing. Open {address}\n", flush=True)


def _answers(address: str) -> bool:
    import urllib3

    pool = urllib3.PoolManager(timeout=2, retries=False)
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        try:
            if pool.request("GET", f"{address}api/v1/openapi.json").status == 200:  # noqa: PLR2004
                return True
        except urllib3.exceptions.HTTPError:
            pass
        time.sleep(0.2)
    return False


def _sound() -> str:
    """`device` on a machine that can be heard, else `null`: the stations then play into nothing, but play."""
    import miniaudio

    try:
        found = [str(device["name"]) for device in miniaudio.Devices().get_playbacks()]
    except miniaudio.MiniaudioError:
        found = []
    return "device" if any(not name.startswith(_NOTHING) for name in found) else "null"

import argparse
from pathlib import Path


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `loa station enrol` and `loa station run`."""
    station = subparsers.add_parser("station", help="the player on the loudspeaker")
    actions = station.add_subparsers(dest="action", required=True, metavar="ACTION")
    enrol = actions.add_parser("enrol", help="take a station into service with the code from the panel")
    enrol.add_argument("--server", required=True, metavar="URL")
    enrol.add_argument("--code", required=True)
    enrol.add_argument("--home", required=True, type=Path, metavar="DIR")
    enrol.add_argument("--force", action="store_true", help="take over a folder that is enrolled already")
    enrol.set_defaults(run=_enrol)
    run = actions.add_parser("run", help="play what the plan says")
    run.add_argument("--home", required=True, type=Path, metavar="DIR")
    run.add_argument("--output", default="device", metavar="device|null|wav:FOLDER")
    run.set_defaults(run=_run)


def _enrol(options: argparse.Namespace) -> int:
    from station.enrolment import enrol
    from station.identity import Home

    identity = enrol(options.server, options.code, Home(options.home), force=options.force)
    print(f"{identity.station} {identity.name}")
    return 0


def _run(options: argparse.Namespace) -> int:
    import os
    import signal
    import sys

    from loa.supervision import end_with_parent
    from station.identity import Home
    from station.outputs import parse_output
    from station.runner import Station

    station = Station(Home(options.home), parse_output(options.output))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: station.stop())
    end_with_parent()
    if station.run():
        sys.stderr.flush()
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - the same command again, with this process's own arguments
    return 0

import argparse
import sys
from pathlib import Path


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `loa station enrol`, `run`, `install` and `alarm`."""
    station = subparsers.add_parser("station", help="the player on the loudspeaker")
    actions = station.add_subparsers(dest="action", required=True, metavar="ACTION")
    enrol = actions.add_parser("enrol", help="take a station into service with the code from the panel")
    enrol.add_argument("link", nargs="?", default="", metavar="LINK", help="what the picture on the label says")
    enrol.add_argument("--server", default="", metavar="URL", help="instead of the link, together with --code")
    enrol.add_argument("--code", default="")
    enrol.add_argument("--home", required=True, type=Path, metavar="DIR")
    enrol.add_argument("--force", action="store_true", help="take over a folder that is enrolled already")
    enrol.set_defaults(run=_enrol)
    run = actions.add_parser("run", help="play what the plan says")
    run.add_argument("--home", required=True, type=Path, metavar="DIR")
    _add_output(run)
    _add_microphone(run)
    run.set_defaults(run=_run)
    install = actions.add_parser("install", help="make the player a service that starts with the machine")
    install.add_argument("--home", required=True, type=Path, metavar="DIR")
    _add_output(install)
    _add_microphone(install)
    install.add_argument("--user", default="loa-station", metavar="NAME", help="who it runs as (default: %(default)s)")
    install.add_argument("--units", type=Path, metavar="FOLDER", help="write the unit there and start nothing")
    install.set_defaults(run=_install)
    alarm = actions.add_parser("alarm", help="start a prepared message at this station, with or without a server")
    alarm.add_argument("name", nargs="?", default="", metavar="NAME", help="its kind, title or id")
    alarm.add_argument("--home", required=True, type=Path, metavar="DIR")
    alarm.add_argument("--times", type=int, default=3, metavar="N", help="how often it is said (default: %(default)s)")
    alarm.add_argument("--volume", type=int, default=100, metavar="0-100", help="(default: %(default)s)")
    alarm.add_argument("--stop", action="store_true", help="stop what was started here")
    alarm.add_argument("--list", action="store_true", help="show what can be started here")
    alarm.set_defaults(run=_alarm)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", default="device", metavar="device|aplay[:DEVICE]|null|wav:FOLDER")
    parser.add_argument(
        "--latency-ms", type=_latency, default=0, metavar="N", help="how long sound takes behind the sound card"
    )


def _add_microphone(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--microphone", metavar="default|NAME|wav:FILE", help="listen while something sounds, and tell if it is heard"
    )


def _latency(text: str) -> int:
    from station.outputs import MOST_LATENCY_SECONDS

    milliseconds = int(text)
    if not 0 <= milliseconds <= MOST_LATENCY_SECONDS * 1000:
        raise ValueError(text)
    return milliseconds


def _enrol(options: argparse.Namespace) -> int:
    from station.enrolment import enrol, read_link
    from station.identity import Home

    if bool(options.link) == bool(options.server or options.code) or bool(options.server) != bool(options.code):
        sys.stderr.write("loa station enrol: name either a link, or --server and --code\n")
        return 2
    server, code = read_link(options.link) if options.link else (options.server, options.code)
    identity = enrol(server, code, Home(options.home), force=options.force)
    print(f"{identity.station} {identity.name}")
    if not identity.confirmed:
        print("a person must confirm this device in the panel; until then it gets no programmes")
    return 0


def _run(options: argparse.Namespace) -> int:
    import os
    import signal

    from loa.supervision import end_with_parent
    from station.identity import Home
    from station.microphone import parse_microphone
    from station.outputs import parse_output
    from station.runner import Station

    station = Station(
        Home(options.home), parse_output(options.output), options.latency_ms / 1000,
        parse_microphone(options.microphone) if options.microphone else None,
    )  # fmt: skip
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: station.stop())
    end_with_parent()
    if station.run():
        sys.stderr.flush()
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - the same command again, with this process's own arguments
    return 0


def _alarm(options: argparse.Namespace) -> int:
    from station.alarming import ask

    if options.list:
        for one in ask(options.home, {"do": "list"})["messages"]:
            print(one["kind"], one["id"], "ready" if one["ready"] else "no audio yet", one["title"], sep="\t")
        return 0
    if options.stop:
        print(ask(options.home, {"do": "stop"})["stopped"])
        return 0
    wanted = {"do": "start", "name": options.name, "times": options.times, "volume": options.volume}
    started = ask(options.home, wanted)
    print(started["airing"], started["title"])
    return 0


def _install(options: argparse.Namespace) -> int:
    from station.identity import Home
    from station.installing import UNIT, UNIT_FOLDER, install, start

    program = [sys.executable, "-m", "loa"]
    written = install(
        Home(options.home), options.user, options.output, program, options.units or UNIT_FOLDER,
        latency_ms=options.latency_ms, microphone=options.microphone or "",
    )  # fmt: skip
    print(written)
    if options.units is None:
        print(f"{UNIT} runs" if start() else f"not started; to start it: systemctl enable --now {UNIT}")
    return 0

"""`loa mqtt run`, `loa mqtt acl`, `loa mqtt passwords`: what belongs to an MQTT broker."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from core.settings import Settings
    from registry.stations import Place


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `mqtt` with its actions."""
    command = subparsers.add_parser("mqtt", help="an MQTT broker beside this installation")
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    run = actions.add_parser("run", help="publish there what must happen now (`loa serve` does it by itself)")
    acl = actions.add_parser("acl", help="print who may read what, as Mosquitto's acl_file")
    passwords = actions.add_parser("passwords", help="print everybody's hashed password, as Mosquitto's password_file")
    for each, what in ((run, run_publisher), (acl, run_acl), (passwords, run_passwords)):
        each.add_argument("--home", type=Path, help="folder of the installation (default: LOA_HOME or ./var)")
        each.set_defaults(run=what)


def run_publisher(options: argparse.Namespace) -> int:
    """Keep the broker's documents up to date until told to stop."""
    import signal
    import threading

    from core.clock import utc_now
    from core.errors import N_, InvalidInput
    from core.settings import load
    from core.topics import EVERYBODY_ONLINE
    from loa.installation import opened
    from loa.supervision import end_with_parent
    from scheduler.absence import LOOK_SECONDS, Absence
    from scheduler.broker import Broker
    from scheduler.publishing import STEP_SECONDS, Publisher

    settings = load(options.home)
    if not settings.mqtt_url:
        raise InvalidInput(N_("No broker is set: write its address into the settings (mqtt_url)."))
    database = opened(settings)
    absence = Absence()
    broker = Broker(settings, absence.told, EVERYBODY_ONLINE)
    publisher = Publisher(database, settings.zone, broker, utc_now)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    end_with_parent()

    def look() -> int:
        with database.write() as session:
            return absence.mark(session, utc_now())

    broker.open()
    beats = [
        threading.Thread(target=_beat, args=(over, publisher.step, STEP_SECONDS), name="publish"),
        threading.Thread(target=_beat, args=(over, lambda: absence.away and look(), LOOK_SECONDS), name="absence"),
    ]
    for beat in beats:
        beat.start()
    over.wait()
    for beat in beats:
        beat.join(5)
    broker.close()
    publisher.close()
    database.dispose()
    return 0


def _beat(over: object, step: object, seconds: float) -> None:
    """Do the step again and again; what it raises is logged, and the next try comes later and later, up to 30 s."""
    import logging
    import threading

    assert isinstance(over, threading.Event)  # noqa: S101
    assert callable(step)  # noqa: S101
    rest = seconds
    while not over.wait(rest):
        try:
            step()
            rest = seconds
        except Exception:
            rest = min(rest * 2, 30.0)
            logging.getLogger(__name__).exception("a step failed; the next try is in %.1f s", rest)


def run_acl(options: argparse.Namespace) -> int:
    """Print the access list of all stations in service."""
    from scheduler.broker_access import acl

    settings, places = _stations(options)
    return _print(acl(places, settings.mqtt_username))


def run_passwords(options: argparse.Namespace) -> int:
    """Print the hashed passwords of the server and of all stations in service."""
    from scheduler.broker_access import passwords

    settings, places = _stations(options)
    return _print(passwords(settings, places))


def _print(lines: "Iterable[str]") -> int:
    for line in lines:
        print(line)
    return 0


def _stations(options: argparse.Namespace) -> "tuple[Settings, Sequence[Place]]":
    from core.errors import N_, InvalidInput
    from core.settings import load
    from loa.installation import opened
    from registry import stations

    settings = load(options.home)
    if not settings.mqtt_username or not settings.mqtt_password:
        raise InvalidInput(N_("Name the server's own user at the broker first (mqtt_username and mqtt_password)."))
    database = opened(settings)
    try:
        with database.read() as session:
            places = [each for each in stations.places(session) if each.station.token_hash is not None]
    finally:
        database.dispose()
    return settings, places

"""`loa serve`, `loa web`, `loa worker`: the server, whole or in its parts."""

import argparse
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loa.supervision import Supervisor

_NICENESS = 5


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `serve`, `web` and `worker`."""
    serve = subparsers.add_parser("serve", help="web and worker, supervised, in one command")
    web = subparsers.add_parser("web", help="the web process alone")
    for each, run in ((serve, run_serve), (web, run_web)):
        each.add_argument("--home", type=Path, help="folder of the installation (default: LOA_HOME or ./var)")
        each.add_argument("--host", help="address to listen on (default 127.0.0.1)")
        each.add_argument("--port", type=int, help="port to listen on (default 8080)")
        each.set_defaults(run=run)
    worker = subparsers.add_parser("worker", help="the worker process alone")
    worker.add_argument("--home", type=Path, help="folder of the installation (default: LOA_HOME or ./var)")
    which = worker.add_mutually_exclusive_group()
    which.add_argument("--emergencies", action="store_true", help="only what emergencies need, held up by nothing else")
    which.add_argument("--stand-back", action="store_true", help="beside one with --emergencies: leave them to it")
    worker.set_defaults(run=run_worker)


def part(*arguments: object) -> Sequence[str]:
    """The command line of another process of this program."""
    return [sys.executable, "-m", "loa", *(str(argument) for argument in arguments)]


def check_free(host: str, port: int) -> None:
    """Raise LoaError when nobody could listen there: better told at once than tried again and again."""
    from core.errors import N_, LoaError

    try:
        with socket.create_server((host, port)):
            pass
    except (OSError, OverflowError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise LoaError(N_("Can't listen on %(host)s:%(port)s: %(why)s."), host=host, port=port, why=why) from error


def run_serve(options: argparse.Namespace) -> int:
    """Prepare the installation, then keep web and worker alive until told to stop."""
    from core.settings import load
    from loa.installation import opened
    from loa.supervision import Supervisor

    settings = load(options.home, host=options.host, port=options.port)
    check_free(settings.host, settings.port)
    opened(settings).dispose()
    os.environ["LOA_SUPERVISED"] = "1"
    supervisor = Supervisor()
    supervisor.stop_on_signals()
    add_workers(supervisor, settings.home)
    supervisor.add("web", part("web", "--home", settings.home, "--host", settings.host, "--port", settings.port))
    if settings.mqtt_url:
        supervisor.add("mqtt", part("mqtt", "run", "--home", settings.home))
    supervisor.run()
    return 0


def add_workers(supervisor: "Supervisor", home: Path) -> None:
    """The worker, and the one beside it that emergencies have for themselves."""
    supervisor.add("emergencies", part("worker", "--home", home, "--emergencies"))
    supervisor.add("worker", part("worker", "--home", home, "--stand-back"))


def run_web(options: argparse.Namespace) -> int:
    """Answer requests until told to stop."""
    from gevent import monkey

    monkey.patch_all()
    from core.settings import load
    from loa.installation import opened
    from loa.supervision import end_with_parent
    from web.app import create_app
    from web.server import serve

    settings = load(options.home, host=options.host, port=options.port)
    database = opened(settings)
    app = create_app(settings, database)
    end_with_parent()
    try:
        serve(app, settings.host, settings.port, lambda port: print(f"http://{settings.host}:{port}/", flush=True))
    except OSError as error:
        from core.errors import N_, LoaError

        message = N_("Can't listen on %(host)s:%(port)s: %(why)s.")
        raise LoaError(message, host=settings.host, port=settings.port, why=error.strerror) from error
    return 0


def run_worker(options: argparse.Namespace) -> int:
    """Do the worker's jobs until told to stop."""
    from audio.rendering import warm
    from core.settings import load
    from loa.installation import opened
    from loa.supervision import end_with_parent
    from scheduler import keys
    from scheduler.urgency import STANDS_BACK
    from scheduler.worker import Worker

    settings = load(options.home)
    if options.stand_back:
        os.nice(_NICENESS)  # before any thread: all of them, and every ffmpeg, give way to emergencies and to the web
    worker = Worker(
        opened(settings), settings, keys.signer(settings), only_urgent=options.emergencies,
        stand_back=STANDS_BACK if options.stand_back else timedelta(0),
    )  # fmt: skip
    if options.emergencies:
        threading.Thread(target=warm, args=(settings,), name="warm", daemon=True).start()
    else:
        from alerts import duty

        worker.also(duty.beats(worker.database, settings, worker.signer, worker.holder))
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    worker.start()
    end_with_parent()
    over.wait()
    worker.stop()
    # What is being rendered is claimed again by the next worker; waiting for it would only delay the stop.
    sys.stdout.flush()
    os._exit(0)

"""The command `loa`.

Each subcommand lives in a module of `loa.commands` and imports what it needs when it runs, so that a station needs
none of the server's packages.
"""

import argparse
import importlib
import logging
import sys

from core.errors import LoaError

COMMAND_MODULES = (
    "speech",
    "station",
    "server",
    "keys",
    "people",
    "audit",
    "timetable",
    "explain",
    "cap",
    "relay",
    "drill",
    "doctor",
    "demo",
    "rehearse",
    "bench",
    "mqtt",
    "units",
)


def parser() -> argparse.ArgumentParser:
    """The whole command line. Every module's `register(subparsers)` adds its commands with `set_defaults(run=…)`."""
    top = argparse.ArgumentParser(prog="loa", description="Loa Làng: software for grassroots radio.")
    top.add_argument("--verbose", action="store_true", help="tell more on standard error")
    subparsers = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMAND_MODULES:
        importlib.import_module(f"loa.commands.{name}").register(subparsers)
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns 0, or 1 with one clear line on standard error; argparse exits with 2 for wrong usage."""
    options = parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        return int(options.run(options) or 0)
    except LoaError as error:
        print(f"loa: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(
            f'loa: {error.name} is not installed here. All but a station needs: pip install "loalang[server]"',
            file=sys.stderr,
        )
        logging.getLogger(__name__).debug("", exc_info=True)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1


if __name__ == "__main__":
    sys.exit(main())

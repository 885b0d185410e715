"""Taking a station into service: a one-day code becomes an identity and a token."""

import platform
import socket
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import ValidationError

from core.errors import N_, Conflict, Forbidden, LoaError, TooMany
from core.signing import Verifier
from core.wire import Device, Enrolled, Enrolment
from station.identity import Home, Identity
from station.link import Link, Rejected, TokenRefused, Unreachable, server_address

_SERIAL_FILES = ("/sys/firmware/devicetree/base/serial-number", "/sys/class/dmi/id/product_serial", "/etc/machine-id")
_MODEL_FILES = ("/sys/firmware/devicetree/base/model", "/sys/class/dmi/id/product_name")
_TOO_MANY = 429


def software() -> str:
    """Name and version of this software, as heartbeats carry it."""
    try:
        return f"loalang {version('loalang')}"
    except PackageNotFoundError:
        return "loalang"


def _first_line(files: tuple[str, ...], otherwise: str) -> str:
    for name in files:
        try:
            text = Path(name).read_bytes()[:200].strip(b"\0\n ").decode("utf-8", "replace")
        except OSError:
            continue
        if text:
            return text[:100]
    return otherwise[:100]


def this_device() -> Device:
    """What the hardware says about itself; falls back on host name and machine type."""
    return Device(
        serial=_first_line(_SERIAL_FILES, socket.gethostname()),
        model=_first_line(_MODEL_FILES, platform.machine()),
        software=software(),
    )


def enrol(server: str, code: str, home: Home, *, force: bool = False) -> Identity:
    """Exchange `code` for an identity and keep it in `home`.

    Raises Conflict if the home is enrolled already (unless `force`), Forbidden for a wrong or used code,
    TooMany after too many tries, Unreachable without a server. Nothing is written when it fails.
    """
    server = server_address(server)
    if home.is_enrolled() and not force:
        raise Conflict(
            N_("“%(home)s” is enrolled already. Use another folder, or --force to take it over."), home=str(home.path)
        )
    home.prepare()
    with home.lock():
        link = Link(server)
        try:
            answer = link.post("/enrol", Enrolment(code=code.strip(), device=this_device()).model_dump_json().encode())
            given = Enrolled.model_validate_json(answer.body)
            Verifier(given.server_keys)
        except TokenRefused as error:
            raise Forbidden(N_("The server does not accept this code. It works once, for a day.")) from error
        except Rejected as error:
            raise _explained(error) from error
        except (ValidationError, ValueError, KeyError) as error:
            raise Unreachable(N_("What answered there is not a Loa Làng server.")) from error
        finally:
            link.close()
        identity = Identity(server=server, **given.model_dump())
        # A home that changes its station must not keep the former one's plan and reports.
        for leftover in home.path.glob("station.db*"):
            leftover.unlink()
        home.save(identity)
    return identity


def _explained(error: Rejected) -> LoaError:
    if error.status == 403:  # noqa: PLR2004
        return Forbidden(N_("The server does not accept this code. It works once, for a day."))
    if error.status == _TOO_MANY:
        return TooMany(N_("Too many tries. Wait some minutes and try again."), retry_after=60)
    return Unreachable(N_("What answered there is not a Loa Làng server."))

"""Taking a station into service: a one-day code becomes an identity and a token."""

import platform
import socket
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from pydantic import ValidationError

from core.clock import utc_now
from core.errors import N_, Conflict, Forbidden, InvalidInput, LoaError, TooMany
from core.signing import Verifier
from core.wire import Device, Enrolled, Enrolment
from station.identity import Home, Identity
from station.link import Link, Rejected, TokenRefused, Unreachable, server_address

_SERIAL_FILES = ("/sys/firmware/devicetree/base/serial-number", "/sys/class/dmi/id/product_serial", "/etc/machine-id")
_MODEL_FILES = ("/sys/firmware/devicetree/base/model", "/sys/class/dmi/id/product_name")
_TOO_MANY = 429
_LONGEST_CODE = 40
_NO_LINK = N_("This is not the link of a label. It looks like https://loa.example.vn/enrol#K7QM-3XPD.")


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


def read_link(text: str) -> tuple[str, str]:
    """Server and code of what the picture on a label says.

    `https://loa.example.vn/enrol#K7QM-3XPD`, the same with `?code=`, or `loalang:enrol?server=https://…&code=…`. Raises
    InvalidInput for anything else.
    """
    try:
        parts = urlsplit(text.strip())
        asked = parse_qs(parts.query, max_num_fields=10)
    except ValueError:
        raise InvalidInput(_NO_LINK) from None
    code = asked.get("code", [parts.fragment.removeprefix("code=")])[0].strip()
    if parts.scheme == "loalang" and parts.path == "enrol":
        server = asked.get("server", [""])[0].strip()
    elif parts.scheme in {"http", "https"} and parts.path.endswith("/enrol"):
        server = f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix('/enrol')}"
    else:
        raise InvalidInput(_NO_LINK)
    if not server or not 0 < len(code) <= _LONGEST_CODE:
        raise InvalidInput(_NO_LINK)
    return server, code


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
        identity = Identity(server=server, token_since=utc_now(), **given.model_dump())
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

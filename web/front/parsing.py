"""The requests that thousands of stations send, recognised from their bytes.

Only what is plainly one of them is: a request in any way unusual (another version or order of HTTP, a field twice, an
encoding, a name with spaces) is left to the server of the whole application, which knows all of HTTP.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

HEAD_LIMIT = 16 * 1024
BODY_LIMIT = 512 * 1024  # 500 reports, and more
_BASE = b" /api/v1/"
_MEDIA = b"GET" + _BASE + b"media/"
_VERSION = b" HTTP/1.1"


class Route(Enum):
    NOW = auto()
    PLAN = auto()
    TIME = auto()
    HEARTBEAT = auto()
    REPORTS = auto()
    MEDIA = auto()


_ROUTES = {
    b"GET" + _BASE + b"now" + _VERSION: Route.NOW,
    b"GET" + _BASE + b"plan" + _VERSION: Route.PLAN,
    b"GET" + _BASE + b"time" + _VERSION: Route.TIME,
    b"POST" + _BASE + b"heartbeat" + _VERSION: Route.HEARTBEAT,
    b"POST" + _BASE + b"reports" + _VERSION: Route.REPORTS,
}
_WITH_BODY = frozenset({Route.HEARTBEAT, Route.REPORTS})
# What makes a request one for the server that knows everything.
_UNUSUAL = frozenset({b"transfer-encoding", b"expect", b"upgrade", b"content-encoding", b"te", b"trailer", b"if-range"})


class Verdict(Enum):
    MORE = auto()  # the rest has not come yet
    OTHER = auto()  # not for here


@dataclass(slots=True)
class Asked:
    """One request. `fields` by their names in small letters; `size` is how many bytes it is in all."""

    route: Route
    name: bytes  # of the file, for MEDIA
    fields: dict[bytes, bytes]
    body: bytes
    size: int
    keep: bool  # the connection stays open afterwards


def parse(data: bytes, hosts: frozenset[bytes]) -> Asked | Literal[Verdict.MORE, Verdict.OTHER]:
    """The request that `data` begins with. `hosts` are the names this server answers to; empty: to all. Pure."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return Verdict.MORE if len(data) < HEAD_LIMIT else Verdict.OTHER
    line, *rest = data[:end].split(b"\r\n")
    route, name = _ROUTES.get(line), b""
    if route is None and line.startswith(_MEDIA) and line.endswith(_VERSION):
        route, name = Route.MEDIA, line[len(_MEDIA) : -len(_VERSION)]
    fields = _fields(rest) if route is not None and end <= HEAD_LIMIT else None
    if route is None or fields is None or not _for_us(fields, hosts):
        return Verdict.OTHER
    length = fields.get(b"content-length", b"0")
    if not length.isdigit() or len(length) > len(str(BODY_LIMIT)):
        return Verdict.OTHER
    size = int(length)
    if size > BODY_LIMIT or (size > 0) != (route in _WITH_BODY):
        return Verdict.OTHER
    begin = end + 4
    if len(data) < begin + size:
        return Verdict.MORE
    keep = fields.get(b"connection", b"keep-alive").lower() != b"close"
    return Asked(route, name, fields, data[begin : begin + size], begin + size, keep)


def _fields(lines: list[bytes]) -> dict[bytes, bytes] | None:
    """None where a line is not plainly `name: value`, or a name comes twice."""
    fields: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        name = name.lower()
        if not colon or not name or b" " in name or b"\t" in name or name in fields:
            return None
        fields[name] = value.strip()
    return fields


def _for_us(fields: dict[bytes, bytes], hosts: frozenset[bytes]) -> bool:
    host = fields.get(b"host")
    if host is None or not _UNUSUAL.isdisjoint(fields):
        return False
    if fields.get(b"connection", b"close").lower() not in {b"close", b"keep-alive"}:
        return False
    return not hosts or host.lower() in hosts

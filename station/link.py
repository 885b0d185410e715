"""The one door to the server: HTTP with time limits, bounded answers, and no wandering to other hosts."""

import json
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import urllib3
from pydantic import ValidationError
from urllib3.exceptions import HTTPError

from core.errors import N_, InvalidInput, LoaError
from core.wire import ErrorAnswer
from station.credentials import Credentials
from station.traffic import Traffic, head_bytes

CONNECT_SECONDS = 10.0
READ_SECONDS = 20.0
MAX_DOCUMENT_BYTES = 32 * 1024 * 1024
_MAX_ERROR_BYTES = 64 * 1024
_CHUNK = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 3
_REFUSED = 401
_FAILED = 400
_BASE = "/api/v1"


class Unreachable(LoaError):
    """No usable answer: no network, a time limit, a broken or oversized answer, a server error."""

    code = "unreachable"


class TokenRefused(LoaError):
    """The server says, in the contract's own words, that it no longer trusts this station's token."""

    code = "token_refused"


class Rejected(LoaError):
    """A 4xx other than a refused token: the same request again will not help soon."""

    code = "rejected"

    def __init__(self, message: str, *, status: int, **params: Any) -> None:
        super().__init__(message, status=status, **params)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def document(self) -> Any:
        """The body as JSON. Raises Unreachable if it is none, so that a captive portal counts as no network."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Unreachable(N_("The server's answer is not JSON.")) from error


def backoff_seconds(failures: int, *, first: float = 1.0, most: float = 60.0) -> float:
    """How long to wait after `failures` in a row: doubling, bounded, with jitter against marching in step."""
    if failures <= 0:
        return 0.0
    ceiling: float = min(most, first * 2.0 ** min(failures - 1, 16))
    return ceiling * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret


def server_address(text: str) -> str:
    """`text` as the base address of a server, without a trailing slash. Raises InvalidInput."""
    parts = urlsplit(text.strip())
    try:
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or parts.username or parts.query or parts.fragment:
        raise InvalidInput(
            N_("“%(url)s” is not a server's address. Write it like https://loa.example.vn."), url=text[:80]
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


class Link:
    """Requests to one server. Safe to share between threads; give what must not queue a link of its own."""

    def __init__(
        self,
        server: str,
        token: str | Credentials | None = None,
        *,
        connections: int = 2,
        traffic: Traffic | None = None,
    ) -> None:
        """`traffic` counts what goes over it."""
        self.traffic = traffic or Traffic()
        self._base = server_address(server) + _BASE
        self._headers = {"User-Agent": "loalang-station", "Accept-Encoding": "gzip"}
        self._credentials = Credentials(token) if isinstance(token, str) else token
        self._pool = urllib3.PoolManager(num_pools=2, maxsize=connections, block=False, retries=False)
        self.online = False
        self.last_answer_at: float | None = None  # time.monotonic()

    def close(self) -> None:
        self._pool.clear()

    def get(self, path: str, headers: Mapping[str, str] | None = None, *, read_seconds: float = READ_SECONDS) -> Answer:
        return self._ask("GET", path, None, headers, read_seconds)

    def post(self, path: str, document: bytes, *, read_seconds: float = READ_SECONDS) -> Answer:
        """Send a JSON document. Never repeated by itself: the caller knows whether that is safe."""
        return self._ask("POST", path, document, {"Content-Type": "application/json"}, read_seconds)

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None, read_seconds: float
    ) -> Answer:
        with self._open(method, path, body, headers, read_seconds) as response:
            content = self._read(response, MAX_DOCUMENT_BYTES, time.monotonic() + read_seconds)
            return Answer(response.status, response.headers, content)

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str]) -> Iterator["Download"]:
        """Open a GET whose body is read piece by piece (no compression). Raises as `get`."""
        with self._open("GET", path, None, {**headers, "Accept-Encoding": "identity"}, READ_SECONDS) as response:
            yield Download(response, self.traffic)

    @contextmanager
    def _open(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None, read_seconds: float
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """Yield the answer if its status is 2xx or 304; turn everything else into one of this module's errors."""
        try:
            response = self._shown(method, self._base + path, body, {**self._headers, **(headers or {})}, read_seconds)
        except (HTTPError, OSError, ValueError) as error:
            self.online = False
            raise Unreachable(N_("The server can't be reached (%(why)s)."), why=type(error).__name__) from error
        whole = False
        try:
            self._judge(response)
            yield response
            whole = True
        except (HTTPError, OSError) as error:
            self.online = False
            raise Unreachable(N_("The connection broke off (%(why)s)."), why=type(error).__name__) from error
        finally:
            if whole:
                with suppress(HTTPError, OSError):
                    response.drain_conn() if response.status == 304 else None  # noqa: PLR2004
                response.release_conn()
            response.close() if not whole else None

    def _shown(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], read_seconds: float
    ) -> urllib3.BaseHTTPResponse:
        """The answer to a request that shows the token; where it is being renewed, to the one that the server knows."""
        credentials = self._credentials
        if credentials is None:
            return self._follow(method, url, body, headers, read_seconds)
        used = credentials.token
        response = self._follow(method, url, body, {**headers, "Authorization": f"Bearer {used}"}, read_seconds)
        other = credentials.other(used) if response.status == _REFUSED else None
        if other is None:
            if response.status < _FAILED:
                credentials.accepted(used)
            return response
        response.close()
        response = self._follow(method, url, body, {**headers, "Authorization": f"Bearer {other}"}, read_seconds)
        if response.status < _FAILED:
            credentials.fall_back(other)
            credentials.accepted(other)
        return response

    def _follow(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], read_seconds: float
    ) -> urllib3.BaseHTTPResponse:
        origin, elsewhere = urlsplit(url), False
        for _ in range(_MAX_REDIRECTS + 1):
            sent = head_bytes(len(method) + len(urlsplit(url).path) + len("  HTTP/1.1"), headers) + len(body or b"")
            self.traffic.add(sent=sent + len("Host: \r\n") + len(urlsplit(url).netloc))
            response = self._pool.urlopen(
                method, url, body=body, headers=headers, redirect=False, preload_content=False,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
            )  # fmt: skip
            self.traffic.add(received=head_bytes(len("HTTP/1.1 200 OK"), response.headers))
            if response.status not in _REDIRECTS:
                if elsewhere and response.status >= _FAILED:
                    response.close()
                    raise ValueError("refused elsewhere")  # says nothing about this station's token
                return response
            response.close()
            url = urljoin(url, response.headers.get("Location", ""))
            target = urlsplit(url)
            if (target.scheme, target.netloc) != (origin.scheme, origin.netloc):
                # Audio may lie with somebody else: its size and hash are checked. The token must not travel there.
                may = method == "GET" and f"{_BASE}/media/" in origin.path and target.scheme in {origin.scheme, "https"}
                if not may:
                    raise ValueError("redirect to another place")
                elsewhere = True
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
        raise ValueError("too many redirects")

    def _judge(self, response: urllib3.BaseHTTPResponse) -> None:
        status = response.status
        if status < 300 or status == 304:  # noqa: PLR2004
            self.online = True
            self.last_answer_at = time.monotonic()
            return
        body = self._read(response, _MAX_ERROR_BYTES, time.monotonic() + READ_SECONDS)
        message = ""
        with suppress(ValidationError, ValueError):
            message = ErrorAnswer.model_validate_json(body).error.message
        if status in {401, 403} and message:
            raise TokenRefused(N_("The server refuses this station (%(why)s)."), why=message)
        if 400 <= status < 500:  # noqa: PLR2004
            raise Rejected(
                N_("The server refused the request (%(status)s): %(why)s"), status=status, why=message or "?"
            )
        self.online = False
        raise Unreachable(N_("The server answered with an error (%(status)s)."), status=status)

    def _read(self, response: urllib3.BaseHTTPResponse, limit: int, deadline: float) -> bytes:
        content = bytearray()
        came = 0
        while piece := response.read(_CHUNK, decode_content=True):
            content += piece
            # `tell` counts what came over the line, before it was unpacked.
            self.traffic.add(received=response.tell() - came)
            came = response.tell()
            if len(content) > limit:
                raise Unreachable(N_("The server's answer is too large."))
            if time.monotonic() > deadline:
                raise Unreachable(N_("The server's answer took too long."))
        self.traffic.add(received=response.tell() - came)
        return bytes(content)


class Download:
    """A body on its way. `whole_size` is the size of the entire file, if the server tells it."""

    def __init__(self, response: urllib3.BaseHTTPResponse, traffic: Traffic) -> None:
        self._response = response
        self._traffic = traffic
        self.partial = response.status == 206  # noqa: PLR2004

    def starts_at(self) -> int:
        """The offset of the first byte that comes: from Content-Range for a 206, else 0; -1 if unreadable."""
        if not self.partial:
            return 0
        try:
            return int(self._response.headers.get("Content-Range", "").removeprefix("bytes ").split("-")[0])
        except ValueError:
            return -1

    def pieces(self) -> Iterator[bytes]:
        """The bytes as they come. Raises urllib3's errors when the connection breaks (seen by `Link.stream`)."""
        while piece := self._response.read1(_CHUNK, decode_content=False):
            self._traffic.add(received=len(piece))
            yield piece

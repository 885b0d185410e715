"""The door to servers that aren't ours: http(s) to public addresses only, within limits of time and size.

An address comes from a person, a feed or a message, so it is hostile: it must not become a way into the network that
the server stands in. A host's name is looked up once, every address of it must be public, and the connection goes to
an address that was checked, not to whatever the name means a moment later. Each redirect is checked like a new
address. What the administrator allows by name or network may be anywhere.
"""

import hmac
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from core.errors import N_, InvalidInput, LoaError
from core.pinning import Pinned, key_of, pool_to

_PIECE = 64 * 1024
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_URL = 2_000
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LOOK_UPS_AT_ONCE = 20
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Lookup = Callable[[str, int], Sequence[str]]


class OutsideFailed(LoaError):
    """No usable answer from outside: not reached, not in time, too large, or refused."""

    code = "outside_failed"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may take: `connect_seconds` to each server, `idle_seconds` between two bytes, `seconds` in all.

    `seconds` None is for streams without an end. `size` bounds what `Outside.fetch` takes, in bytes.
    """

    connect_seconds: float = 10.0
    idle_seconds: float = 15.0
    seconds: float | None = 60.0
    size: int = 4 << 20
    redirects: int = 4


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole answer; `url` is where it came from in the end. Header names are in lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


class _Watch:
    """Holds the socket, to break a request off: the head of an answer that comes byte by byte is never idle."""

    def __init__(self, key_sha256: str = "") -> None:
        self._socket: socket.socket | None = None
        self._key_sha256 = key_sha256.lower()

    def watched(self, kind: Any) -> Any:
        """The class of connections `kind`, whose connection this watch knows."""
        watch = self

        class Watched(kind):  # type: ignore[misc]
            def connect(self) -> None:
                super().connect()
                watch._socket = self.sock
                if watch.check_key():
                    self.is_verified = True  # by its key; urllib3 knows of certificates only

        return Watched

    def check_key(self) -> bool:
        """Before anything is sent: True if the server has the key that it must have, False where it may have any.

        Raises SSLError.
        """
        if not self._key_sha256:
            return False
        shown = self._socket.getpeercert(binary_form=True) if isinstance(self._socket, ssl.SSLSocket) else None
        if shown is None or not hmac.compare_digest(key_of(shown), self._key_sha256):
            raise ssl.SSLError("the server has another key")
        return True

    @contextmanager
    def for_seconds(self, seconds: float) -> Iterator[None]:
        timer = threading.Timer(seconds, self.break_off)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def break_off(self) -> None:
        """End whatever waits for the socket, from any thread."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


@dataclass(slots=True)
class Opened:
    """An answer whose body is still to come."""

    url: str
    status: int
    headers: Mapping[str, str]
    _response: urllib3.BaseHTTPResponse
    _until: float | None
    _watch: _Watch
    _halted: threading.Event = field(default_factory=threading.Event)

    def pieces(self, size: int = _PIECE) -> Iterator[bytes]:
        """The body as it comes, in pieces of at most `size` bytes. Raises OutsideFailed when it breaks off."""
        try:
            while not self._halted.is_set() and (piece := self._response.read1(size, decode_content=True)):
                yield piece
                if self._until is not None and time.monotonic() > self._until:
                    raise OutsideFailed(N_("%(url)s took too long."), url=self.url)
        except (HTTPError, OSError, ValueError) as error:
            if self._halted.is_set():
                return
            raise OutsideFailed(
                N_("The connection to %(url)s broke off (%(why)s)."), url=self.url, why=type(error).__name__
            ) from error

    def halt(self) -> None:
        """Let go, from any thread; `pieces` ends."""
        self._halted.set()
        self._watch.break_off()


def parse(url: str) -> SplitResult:
    """An address of the web in its parts. Raises InvalidInput for anything but http(s) with a host."""
    wrong = InvalidInput(N_("“%(url)s” is not an address that begins with http:// or https://."), url=url[:80])
    if len(url) > _MAX_URL or any(character <= " " or character == "\x7f" for character in url):
        raise wrong
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _DEFAULT_PORTS and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise wrong from error
    if not usable or "\\" in parts.netloc or "%" in parts.netloc:
        raise wrong
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(N_("An address with a user name or password in it is not taken."))
    return parts


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open Internet, also inside the forms that carry an IPv4 address in IPv6."""
    try:
        found: _Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        carried = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if carried is None and found in _NAT64:
            carried = ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
        if carried is not None:
            return is_public(str(carried))
        if found.is_site_local:
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved and not found.is_unspecified


def look_up(host: str, port: int) -> Sequence[str]:
    """All addresses of a host's name. Raises OSError."""
    return list(dict.fromkeys(str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


class Outside:
    """Opens addresses. `allowed` holds what may be reached although it isn't public: host names and networks (CIDR).

    Safe to share between threads. Raises InvalidInput where `allowed` has an entry that is neither.
    """

    def __init__(self, allowed: Sequence[str] = (), *, lookup: Lookup = look_up, agent: str = "loalang") -> None:
        self._names: set[str] = set()
        self._networks: list[_Network] = []
        for entry in allowed:
            self._allow(entry.strip().lower())
        self._lookup = lookup
        self._agent = agent
        self._looking = threading.BoundedSemaphore(_LOOK_UPS_AT_ONCE)

    def _allow(self, entry: str) -> None:
        try:
            self._networks.append(ipaddress.ip_network(entry))
        except ValueError:
            if not entry or "/" in entry or ":" in entry:
                raise InvalidInput(
                    N_("“%(entry)s” is neither a host's name nor a network like 10.0.0.0/8."), entry=entry[:80]
                ) from None
            self._names.add(entry.rstrip("."))

    def check(self, url: str, seconds: float = 10.0) -> None:
        """Whether `url` may be opened at all. Raises InvalidInput or OutsideFailed, and takes at most `seconds`."""
        self._place(parse(url), seconds)

    def fetch(
        self, url: str, *, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] | None = None,
        limits: Limits | None = None, pinned: Pinned | None = None,
    ) -> Fetched:  # fmt: skip
        """The whole answer, whatever its status. Raises InvalidInput or OutsideFailed."""
        limits = limits or Limits()
        with self.open(url, method=method, body=body, headers=headers, limits=limits, pinned=pinned) as opened:
            content = bytearray()
            for piece in opened.pieces():
                content += piece
                if len(content) > limits.size:
                    raise OutsideFailed(
                        N_("%(url)s sends more than %(limit)s kB."), url=opened.url, limit=limits.size >> 10
                    )
            return Fetched(opened.url, opened.status, opened.headers, bytes(content))

    @contextmanager
    def open(
        self, url: str, *, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] | None = None,
        limits: Limits | None = None, pinned: Pinned | None = None,
    ) -> Iterator[Opened]:  # fmt: skip
        """An answer to be read piece by piece. A bounded number of redirects is followed, for GET and HEAD only.

        With `pinned` every server on the way must be that one, over https.
        """
        limits = limits or Limits()
        until = None if limits.seconds is None else time.monotonic() + limits.seconds
        url = parse(url).geturl()
        for _ in range(limits.redirects + 1):
            pool, response, watch = self._ask(url, method, body, headers or {}, limits, pinned)
            try:
                if response.status not in _REDIRECTS or method not in {"GET", "HEAD"}:
                    named = {name.lower(): value for name, value in response.headers.items()}
                    yield Opened(url, response.status, named, response, until, watch)
                    return
                url = parse(urljoin(url, response.headers.get("Location", ""))).geturl()
            finally:
                response.close()
                pool.close()
        raise OutsideFailed(N_("%(url)s leads from one address to the next without an end."), url=url)

    def _ask(
        self, url: str, method: str, body: bytes | None, headers: Mapping[str, str], limits: Limits,
        pinned: Pinned | None,
    ) -> tuple[urllib3.HTTPConnectionPool, urllib3.BaseHTTPResponse, _Watch]:  # fmt: skip
        parts = parse(url)
        address = self._place(parts, limits.connect_seconds)
        host = str(parts.hostname)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
        timeout = urllib3.Timeout(connect=limits.connect_seconds, read=limits.idle_seconds)
        pool: urllib3.HTTPConnectionPool
        watch = _Watch(pinned.key_sha256 if pinned else "")
        if pinned and parts.scheme != "https":
            raise OutsideFailed(N_("%(url)s can't be reached (%(why)s)."), url=url, why="http")
        if parts.scheme == "https" and pinned:
            pool = pool_to(pinned, address, port, host, timeout)
        elif parts.scheme == "https":
            pool = urllib3.HTTPSConnectionPool(
                address, port, timeout=timeout, retries=False, cert_reqs="CERT_REQUIRED", server_hostname=host,
                assert_hostname=host,
            )  # fmt: skip
        else:
            pool = urllib3.HTTPConnectionPool(address, port, timeout=timeout, retries=False)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        named = f"[{host}]" if ":" in host else host
        own = {
            "Host": named if parts.port is None else f"{named}:{parts.port}", "User-Agent": self._agent,
            "Accept-Encoding": "gzip", **headers,
        }  # fmt: skip
        pool.ConnectionCls = watch.watched(pool.ConnectionCls)
        try:
            with watch.for_seconds(limits.connect_seconds + limits.idle_seconds):
                response = pool.urlopen(
                    method, target, body=body, headers=own, redirect=False, preload_content=False,
                    assert_same_host=False,
                )  # fmt: skip
        except (HTTPError, OSError, ValueError) as error:
            pool.close()
            raise OutsideFailed(N_("%(url)s can't be reached (%(why)s)."), url=url, why=type(error).__name__) from error
        return pool, response, watch

    def _place(self, parts: SplitResult, seconds: float) -> str:
        """The IP address to connect to: one of the host's, when all of them may be reached."""
        host = str(parts.hostname).rstrip(".").lower()
        addresses = self._addresses(host, parts.port or _DEFAULT_PORTS[parts.scheme], seconds)
        if host not in self._names:
            for address in addresses:
                if not is_public(address) and not self._is_allowed(address):
                    raise InvalidInput(
                        N_("%(host)s is not in the public Internet. An administrator can allow it in the settings."),
                        host=host,
                    )  # fmt: skip
        return addresses[0]

    def _is_allowed(self, address: str) -> bool:
        found = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
            found = found.ipv4_mapped
        return any(found in network for network in self._networks)

    def _addresses(self, host: str, port: int, seconds: float) -> Sequence[str]:
        """What the name means, within `seconds`: the resolver knows no time limit, so it is asked by a thread."""
        with suppress(ValueError):
            return [str(ipaddress.ip_address(host))]
        unknown = OutsideFailed(N_("There is no host named %(host)s, or its name can't be looked up now."), host=host)
        if not self._looking.acquire(timeout=seconds):
            raise unknown
        answer: Future[Sequence[str]] = Future()

        def ask() -> None:
            try:
                answer.set_result(self._lookup(host, port))
            except Exception as error:  # noqa: BLE001 - told to whoever waits
                answer.set_exception(error)
            finally:
                self._looking.release()

        threading.Thread(target=ask, name=f"look-up {host}"[:40], daemon=True).start()
        try:
            found = answer.result(timeout=seconds)
        except (OSError, UnicodeError, NotInTime) as error:
            raise unknown from error
        if not found:
            raise unknown
        return found

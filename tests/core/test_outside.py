"""The door to other people's servers: what it opens, what it refuses, and when it lets go."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from core.errors import InvalidInput
from core.outside import Limits, Outside, OutsideFailed, is_public, parse

QUICK = Limits(connect_seconds=1.0, idle_seconds=1.0, seconds=2.0, size=100_000)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server: Any = self.server
        server.asked.append((self.path, dict(self.headers)))
        with suppress(OSError):
            getattr(self, "on_" + self.path.partition("?")[0].strip("/"))()

    do_POST = do_GET  # noqa: N815 - the library's way

    def _send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def on_well(self) -> None:
        self._send(200, b"ch\xc3\xa0o", X_Own="yes")

    def on_packed(self) -> None:
        self._send(200, gzip.compress(b"x" * 50_000), Content_Encoding="gzip")

    def on_bomb(self) -> None:
        self._send(200, gzip.compress(b"\0" * 50_000_000), Content_Encoding="gzip")

    def on_large(self) -> None:
        self._send(200, b"x" * 200_000)

    def on_echo(self) -> None:
        self._send(202, self.rfile.read(int(self.headers["Content-Length"])))

    def on_away(self) -> None:
        server: Any = self.server
        self._send(302, Location=server.leads_to)

    def on_circle(self) -> None:
        self._send(307, Location="/circle")

    def on_drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(b".")
            time.sleep(0.05)

    def on_slowhead(self) -> None:
        for _ in range(400):
            self.wfile.write(b"H")
            time.sleep(0.05)

    def on_silent(self) -> None:
        self.rfile.read(1)

    def log_message(self, *_: object) -> None:
        pass


class Elsewhere(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    asked: list[tuple[str, dict[str, str]]]
    leads_to = ""

    @property
    def port(self) -> int:
        return int(self.server_address[1])


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    server = Elsewhere(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def named(addresses: dict[str, list[str]]) -> Any:
    def lookup(host: str, _port: int) -> list[str]:
        if host not in addresses:
            raise socket.gaierror(-2, "no such host")
        return addresses[host]

    return lookup


@pytest.fixture
def outside() -> Outside:
    """Knows one host that is allowed though it is not public."""
    return Outside(["radio.example"], lookup=named({"radio.example": ["127.0.0.1"], "inner.example": ["127.0.0.1"]}))


def test_an_answer_comes_whole_with_its_head(outside: Outside, elsewhere: Elsewhere) -> None:
    found = outside.fetch(f"http://radio.example:{elsewhere.port}/well?a=1", headers={"X-Mine": "1"}, limits=QUICK)
    assert (found.status, found.body.decode(), found.headers["x-own"]) == (200, "chào", "yes")
    path, headers = elsewhere.asked[0]
    assert path == "/well?a=1"
    assert headers["Host"] == f"radio.example:{elsewhere.port}"
    assert headers["X-Mine"] == "1"


def test_a_body_is_sent_and_packed_answers_are_unpacked(outside: Outside, elsewhere: Elsewhere) -> None:
    base = f"http://radio.example:{elsewhere.port}"
    assert outside.fetch(f"{base}/echo", method="POST", body=b"{}", limits=QUICK).body == b"{}"
    assert outside.fetch(f"{base}/packed", limits=QUICK).body == b"x" * 50_000


@pytest.mark.parametrize("path", ["large", "bomb"])
def test_what_is_too_large_is_cut_off(outside: Outside, elsewhere: Elsewhere, path: str) -> None:
    with pytest.raises(OutsideFailed, match="more than 97 kB"):
        outside.fetch(f"http://radio.example:{elsewhere.port}/{path}", limits=QUICK)


@pytest.mark.parametrize("path", ["drip", "slowhead", "silent"])
def test_what_takes_too_long_is_cut_off(outside: Outside, elsewhere: Elsewhere, path: str) -> None:
    with pytest.raises(OutsideFailed):
        outside.fetch(f"http://radio.example:{elsewhere.port}/{path}", limits=QUICK)


def test_a_stream_without_an_end_is_let_go_from_another_thread(outside: Outside, elsewhere: Elsewhere) -> None:
    endless = Limits(connect_seconds=1.0, idle_seconds=5.0, seconds=None)
    with outside.open(f"http://radio.example:{elsewhere.port}/drip", limits=endless) as opened:
        pieces = opened.pieces()
        assert next(pieces)
        threading.Timer(0.2, opened.halt).start()
        assert set(b"".join(pieces)) <= {ord(".")}


@pytest.mark.parametrize(
    "url",
    [
        "ftp://radio.example/", "file:///etc/passwd", "http://", "http:///x", "//radio.example/", "radio.example", "",
        "http://radio.example:99999/", "http://radio.example:x/", "http://a b/", "http://a\r\nX: y/", "http://a\\@b/",
        "http://[::1", "http://radio%2eexample/", "javascript:alert(1)", "http://" + "a" * 3_000,
        "http://me:secret@radio.example/", "http://me@radio.example/",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(outside: Outside, url: str) -> None:
    with pytest.raises(InvalidInput):
        outside.fetch(url, limits=QUICK)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "0.0.0.0", "0", "2130706433", "0x7f.1", "10.1.2.3", "172.16.0.1", "192.168.1.1",  # noqa: S104
        "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "[::1]", "[::]", "[fe80::1]", "[fc00::1]",
        "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "localhost", "inner.example", "INNER.example.",
        "198.18.0.1", "192.0.2.1",
    ],
)  # fmt: skip
def test_nothing_inner_is_reached(elsewhere: Elsewhere, host: str) -> None:
    real = Outside(lookup=lambda name, port: ["127.0.0.1"] if "example" in name else look_up_numbers(name, port))
    with pytest.raises((InvalidInput, OutsideFailed)):
        real.fetch(f"http://{host}:{elsewhere.port}/well", limits=QUICK)
    assert elsewhere.asked == []


def look_up_numbers(host: str, port: int) -> list[str]:
    """The real resolver: old forms of numbers become addresses there."""
    return [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def test_one_inner_address_among_several_is_enough_to_refuse() -> None:
    mixed = Outside(lookup=named({"mixed.example": ["93.184.216.34", "10.0.0.1"]}))
    with pytest.raises(InvalidInput, match="not in the public"):
        mixed.check("http://mixed.example/")


def test_a_name_that_changes_its_meaning_is_asked_once_for_each_connection(elsewhere: Elsewhere) -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    door = Outside(["127.0.0.1/32"], lookup=lambda _host, _port: next(answers))
    assert door.fetch(f"http://rebind.example:{elsewhere.port}/well", limits=QUICK).status == 200
    with pytest.raises(InvalidInput):
        door.fetch(f"http://rebind.example:{elsewhere.port}/well", limits=QUICK)
    assert len(elsewhere.asked) == 1


def test_a_redirect_is_followed_and_checked_like_a_new_address(outside: Outside, elsewhere: Elsewhere) -> None:
    base = f"http://radio.example:{elsewhere.port}"
    elsewhere.leads_to = "/well"
    found = outside.fetch(f"{base}/away", limits=QUICK)
    assert (found.url, found.status) == (f"{base}/well", 200)
    for inner in (
        f"http://inner.example:{elsewhere.port}/well",
        f"http://127.0.0.1:{elsewhere.port}/well",
        "file:///x",
    ):
        elsewhere.asked.clear()
        elsewhere.leads_to = inner
        with pytest.raises(InvalidInput):
            outside.fetch(f"{base}/away", limits=QUICK)
        assert [path for path, _ in elsewhere.asked] == ["/away"]


def test_redirects_come_to_an_end_and_what_is_sent_is_not_redirected(outside: Outside, elsewhere: Elsewhere) -> None:
    with pytest.raises(OutsideFailed, match="without an end"):
        outside.fetch(f"http://radio.example:{elsewhere.port}/circle", limits=QUICK)
    elsewhere.leads_to = "/well"
    sent = outside.fetch(f"http://radio.example:{elsewhere.port}/away", method="POST", body=b"x", limits=QUICK)
    assert sent.status == 302


def test_networks_can_be_allowed_and_nonsense_cannot(elsewhere: Elsewhere) -> None:
    assert Outside(["127.0.0.0/8"]).fetch(f"http://127.0.0.1:{elsewhere.port}/well", limits=QUICK).status == 200
    with pytest.raises(InvalidInput):
        Outside(["127.0.0.0/8"]).fetch(f"http://10.0.0.1:{elsewhere.port}/well", limits=QUICK)
    for wrong in ("", "10.0.0.0/99", "http://x", "10.0.0.1/8"):
        with pytest.raises(InvalidInput):
            Outside([wrong])


def test_an_unknown_host_and_a_resolver_that_hangs_are_told_in_time() -> None:
    with pytest.raises(OutsideFailed, match=r"nowhere\.example"):
        Outside(lookup=named({})).check("http://nowhere.example/")
    held = threading.Event()
    hanging = Outside(lookup=lambda _host, _port: [str(held.wait(20))])
    began = time.monotonic()
    with pytest.raises(OutsideFailed):
        hanging.check("http://slow.example/", seconds=0.1)
    held.set()
    assert time.monotonic() - began < 15


def test_a_certificate_must_be_one_of_the_host_that_was_asked_for(elsewhere: Elsewhere, outside: Outside) -> None:
    with pytest.raises(OutsideFailed):
        outside.fetch(f"https://radio.example:{elsewhere.port}/well", limits=QUICK)
    assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("2606:2800:220:1:248:1893:25c8:1946", True), ("::ffff:8.8.8.8", True),
        ("64:ff9b::808:808", True), ("2002:808:808::1", True), ("fec0::1", False), ("ff02::1", False),
        ("240.0.0.1", False), ("not an address", False), ("fe80::1%eth0", False),
    ],
)  # fmt: skip
def test_what_is_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_addresses_are_taken_apart_as_they_are_written() -> None:
    assert parse("https://Radio.Example:8443/a/b?c=d#e").hostname == "radio.example"

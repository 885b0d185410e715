"""Recordings sent to a real web process: many at once, too large, too many, and broken off."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback import Api, Processes, eventually, free_port, listening
from village import all_at_once

pytestmark = pytest.mark.realtime

MB = 1 << 20
LIMIT_MB = 20
HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
TAIL = b"\r\n--x--\r\n"


class Web:
    """One `loa web` and its installation."""

    def __init__(self, home: Path, port: int, token: str) -> None:
        self.home, self.port, self.token = home, port, token
        self.uploads = home / "uploads"

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def begin(self, length: int | None) -> http.client.HTTPConnection:
        """The head of an upload; `length` of its body, None for a chunked one."""
        connection = self.connection()
        connection.putrequest("POST", "/api/v1/clips")
        connection.putheader("Authorization", f"Bearer {self.token}")
        connection.putheader("Accept-Language", "en")
        connection.putheader("Content-Type", "multipart/form-data; boundary=x")
        if length is None:
            connection.putheader("Transfer-Encoding", "chunked")
        else:
            connection.putheader("Content-Length", str(length))
        connection.endheaders()
        return connection

    def send(self, megabytes: int) -> tuple[int, dict[str, Any]]:
        connection = self.begin(len(HEAD) + megabytes * MB + len(TAIL))
        connection.send(HEAD)
        for _ in range(megabytes):
            connection.send(b"\0" * MB)
        connection.send(TAIL)
        return answer_of(connection)

    def page_seconds(self) -> float:
        """How long the sign-in page takes."""
        begun, connection = time.monotonic(), self.connection()
        connection.request("GET", "/sign-in")
        assert answer_of(connection, read_json=False)[0] == 200
        return time.monotonic() - begun

    def left(self) -> list[str]:
        """Parts of uploads on the disk."""
        return [path.name for path in self.uploads.iterdir() if path.name.startswith(".")]


def answer_of(connection: http.client.HTTPConnection, *, read_json: bool = True) -> tuple[int, dict[str, Any]]:
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, (json.loads(body) | {"retry": answer.headers.get("Retry-After")} if read_json else {})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    folder = tmp_path_factory.mktemp("uploads")
    processes, home, port = Processes(folder), folder / "home", free_port()
    home.mkdir()
    (home / "settings.toml").write_text(f"max_upload_bytes = {LIMIT_MB * MB}\n")
    processes.loa("init", "--home", home, "--admin", "admin")
    token = processes.loa("token", "admin", "--home", home).strip()
    processes.start("web", "web", "--home", home, "--port", port)
    eventually(lambda: listening(port), "the web process listens")
    api = Api(f"http://127.0.0.1:{port}", token)
    api.call("POST", "/units", {"name": "Xã Tân Hòa", "code": "79"}, 201)
    api.close()
    yield Web(home, port, token)
    processes.end_all()
    assert "Traceback" not in (folder / "web.log").read_text()


@pytest.fixture
def web(served: Web) -> Web:
    """The one web process of these tests, with an empty folder of uploads."""
    eventually(lambda: served.left() == [], "what the test before left has gone", 20)
    for path in served.uploads.iterdir():
        path.unlink()
    return served


def test_ten_at_once_arrive_whole_and_pages_come_all_the_while(web: Web):
    over, pages = threading.Event(), []
    web.page_seconds()

    def look() -> None:
        while not over.is_set():
            pages.append(web.page_seconds())

    def send() -> tuple[int, dict[str, Any]]:
        return web.send(12)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        answers = all_at_once(*[send] * 10)
    finally:
        over.set()
        watcher.join(30)
    assert [status for status, _ in answers] == [202] * 10
    assert sorted(path.stat().st_size for path in web.uploads.iterdir()) == [12 * MB] * 10
    assert len(pages) > 5
    assert sorted(pages)[len(pages) * 95 // 100] < 1.0


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(web: Web):
    connection = web.begin((LIMIT_MB + 5) * MB)
    status, said = answer_of(connection)
    assert (status, said["error"]["code"]) == (413, "too_large")
    assert web.left() == []


def test_a_body_that_does_not_say_its_size_is_cut_off_early(web: Web):
    connection, sent = web.begin(None), 0
    connection.send(b"%x\r\n" % len(HEAD) + HEAD + b"\r\n")
    piece, begun = b"\0" * MB, time.monotonic()
    while True:  # without end
        try:
            connection.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
        except OSError:
            break
        sent += 1
        if sent == LIMIT_MB + 4:  # the answer is there by now; whoever reads it gets it
            status, said = answer_of(connection)
            assert (status, said["error"]["code"]) == (413, "too_large")
            break
        assert time.monotonic() - begun < 60
    assert sent >= LIMIT_MB
    assert eventually(lambda: web.left() == [], "the part is gone", 10)
    assert web.page_seconds() < 5


def test_what_breaks_off_leaves_nothing_behind(web: Web):
    for reads in (0, 1):
        connection = web.begin(10 * MB)
        connection.send(HEAD + b"\0" * (3 * MB))
        eventually(web.left, "the part is being written", 10)
        assert connection.sock is not None
        if reads:
            connection.sock.shutdown(1)  # says that nothing more comes, and waits for an answer
        connection.close()
        eventually(lambda: web.left() == [], "the part is gone", 10)
    assert list(web.uploads.iterdir()) == []


def test_one_person_sends_sixteen_at_once_and_is_told_when_it_is_more(web: Web):
    held = []
    for _ in range(16):
        connection = web.begin(10 * MB)
        connection.send(HEAD + b"\0" * MB)
        held.append(connection)
    eventually(lambda: len(web.left()) == 16, "sixteen are arriving", 20)
    status, said = web.send(1)
    assert (status, said["error"]["code"], said["retry"]) == (429, "too_many", "10")
    for connection in held:
        connection.close()
    eventually(lambda: web.left() == [], "all are gone", 20)
    assert web.send(1)[0] == 202


def test_a_caller_who_may_not_write_is_told_before_sending(web: Web):
    connection = web.connection()
    connection.putrequest("POST", "/api/v1/clips?unit=nowhere")
    connection.putheader("Authorization", f"Bearer {web.token}")
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader("Content-Length", str(10 * MB))
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    begun = time.monotonic()
    assert answer_of(connection)[0] == 404
    assert time.monotonic() - begun < 4

"""Real processes on loopback: the server, a station, and a script that talks to the server."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import urllib3

PATIENCE_SECONDS = 180


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(question: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """Ask until the answer is true; the bound is patience, not a measurement."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.1)
    pytest.fail(f"not within {seconds} s: {what}")


@dataclass
class Processes:
    """`loa` commands as processes; all are ended by their process id."""

    folder: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def environment(self, **extra: str) -> dict[str, str]:
        return {**os.environ, "LOA_GTTS_ENABLED": "false", "LOA_REPORT_GRACE_SECONDS": "0", **extra}

    def loa(self, *arguments: object) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "loa", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=240,
            env=self.environment(),
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, name: str, *arguments: object) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "loa", *map(str, arguments)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=self.environment(),
                start_new_session=True,
            )
        self.running.append(process)
        return process

    def end(self, process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> None:
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(timeout=80)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=80)
        self.running.remove(process)

    def end_all(self) -> None:
        for process in list(self.running):
            with contextlib.suppress(ProcessLookupError):
                self.end(process)


class Api:
    """The script API, called as an outside script would."""

    def __init__(self, base: str, token: str) -> None:
        self.base, self._pool = base, urllib3.PoolManager(timeout=360, retries=False)
        # A connection that rested for long may be closed by the server in the instant it is used again: a new one each.
        self._headers = {"Authorization": f"Bearer {token}", "Connection": "close"}

    def call(self, method: str, path: str, body: Any = None, status: int | None = None) -> Any:
        answer = self._pool.request(method, f"{self.base}/api/v1{path}", json=body, headers=self._headers)
        if status is not None:
            assert answer.status == status, answer.data.decode()
        return answer.json() if answer.data else None

    def media(self, sha256: str, codec: str) -> bytes:
        answer = self._pool.request("GET", f"{self.base}/api/v1/media/{sha256}.{codec}", headers=self._headers)
        assert answer.status == 200
        return bytes(answer.data)

    def is_up(self) -> bool:
        try:
            return self._pool.request("GET", f"{self.base}/api/v1/openapi.json").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def close(self) -> None:
        self._pool.clear()


@dataclass
class Network:
    processes: Processes
    home: Path
    port: int
    api: Api
    password: str
    server: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self) -> None:
        self.server = self.processes.start("server", "serve", "--home", self.home, "--port", self.port)
        eventually(self.api.is_up, "the server answers")

    def kill_server(self) -> None:
        """End the server without warning; its children see their parent gone and end as well."""
        assert self.server is not None
        self.processes.end(self.server, signal.SIGKILL)
        eventually(lambda: not self.api.is_up(), "the server is gone")
        eventually(lambda: not listening(self.port), "the port is free again")


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

"""Debian's nginx as a process on a free port, for measuring and for tests."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loa.fleet.trial import free_port

_PATIENCE_SECONDS = 20


def program() -> str | None:
    """Where nginx is installed, if it is."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@dataclass(frozen=True)
class Nginx:
    port: int
    log: Path  # of requests: path, status and what came as `Authorization`

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def running(inside: str, *, before: str = "", port: int | None = None) -> Iterator[Nginx]:
    """nginx with these lines inside its one server, and those of `before` in front of it."""
    executable, port = program(), port or free_port()
    assert executable is not None
    with tempfile.TemporaryDirectory(prefix="nginx-") as made:
        folder = Path(made)
        log = folder / "requests.log"
        temporary = "\n".join(
            f"{each}_temp_path {folder}/{each};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        owner = "user root;" if os.getuid() == 0 else ""
        (folder / "nginx.conf").write_text(
            f"""daemon off; {owner} pid {folder}/pid; error_log stderr error; worker_processes 1;
events {{ worker_connections 512; }}
http {{
{temporary}
log_format short '$uri $status $http_authorization';
sendfile on; tcp_nopush on; keepalive_requests 1000000;
{before}
server {{
listen 127.0.0.1:{port}; access_log {log} short;
{inside}
}} }}
""",
            "utf-8",
        )
        command = [executable, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_for(port, child)
            yield Nginx(port, log)
        finally:
            child.terminate()
            try:
                child.wait(timeout=10)
            finally:
                child.kill()
                child.wait(timeout=5)


def _wait_for(port: int, child: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until and child.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError("nginx does not listen")

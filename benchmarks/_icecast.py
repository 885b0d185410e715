"""Debian's icecast2 as a process on a free port that relays one stream, for measuring and for tests."""

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
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

_PATIENCE_SECONDS = 15
MOUNT = "/radio/xa.mp3"


def program() -> str | None:
    """Where icecast2 is installed, if it is."""
    return shutil.which("icecast2") or shutil.which("icecast")


@dataclass(frozen=True)
class Icecast:
    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{MOUNT}"


@contextlib.contextmanager
def relaying(source: str, *, clients: int, password: str = "") -> Iterator[Icecast]:
    """Icecast that relays the stream at `source`; `password` is an API token where the radio is not public."""
    executable = program()
    assert executable is not None
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="icecast-") as made:
        folder = Path(made)
        folder.chmod(0o777)  # it gives up root's rights before it writes its logs
        file = folder / "icecast.xml"
        file.write_text(_configuration(source, folder, port, clients, password), "utf-8")
        with _running([executable, "-c", str(file)]) as running:
            _wait_for(port, running)
            yield Icecast(port, running.pid)


@contextlib.contextmanager
def accepting() -> Iterator[int]:
    """Icecast that waits for a source with the password `x`; its port. Nobody is relayed."""
    executable = program()
    assert executable is not None
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="icecast-") as made:
        folder = Path(made)
        folder.chmod(0o777)  # it gives up root's rights before it writes its logs
        file = folder / "icecast.xml"
        file.write_text(_configuration("", folder, port, 100, ""), "utf-8")
        with _running([executable, "-c", str(file)]) as running:
            _wait_for(port, running, b"HTTP/1.0 404")
            yield port


@contextlib.contextmanager
def _running(arguments: list[str]) -> "Iterator[subprocess.Popen[bytes]]":
    running = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(timeout=10)
        finally:
            running.kill()
            running.wait(timeout=5)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, running: "subprocess.Popen[bytes]", answer: bytes = b"200 OK") -> None:
    """Until the relayed stream can be listened to, or what else is asked for answers so."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until and running.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
            probe.sendall(f"GET {MOUNT} HTTP/1.0\r\n\r\n".encode())
            if answer in probe.recv(512):
                return
        time.sleep(0.1)
    raise TimeoutError("icecast2 does not relay")


def _configuration(source: str, folder: Path, port: int, clients: int, password: str) -> str:
    at = urlsplit(source)
    log_in = f"<username>listener</username><password>{escape(password)}</password>" if password else ""
    relay = (
        f"""<relay><server>{at.hostname}</server><port>{at.port}</port><mount>{escape(at.path)}</mount>
    <local-mount>{MOUNT}</local-mount><on-demand>0</on-demand><relay-shoutcast-metadata>1</relay-shoutcast-metadata>
    {log_in}</relay>"""
        if source
        else ""
    )
    owner = "<changeowner><user>nobody</user><group>nogroup</group></changeowner>" if os.getuid() == 0 else ""
    return f"""<icecast>
  <limits><clients>{clients}</clients><sources>2</sources><queue-size>524288</queue-size>
    <client-timeout>30</client-timeout><header-timeout>15</header-timeout><source-timeout>10</source-timeout>
    <burst-on-connect>1</burst-on-connect><burst-size>24000</burst-size></limits>
  <authentication><source-password>x</source-password><admin-user>admin</admin-user><admin-password>x</admin-password>
  </authentication>
  <hostname>127.0.0.1</hostname>
  <listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
  {relay}
  <paths><basedir>{folder}</basedir><logdir>{folder}</logdir><webroot>/usr/share/icecast2/web</webroot>
    <adminroot>/usr/share/icecast2/admin</adminroot></paths>
  <logging><accesslog>access.log</accesslog><errorlog>error.log</errorlog><loglevel>3</loglevel></logging>
  <security><chroot>0</chroot>{owner}</security>
</icecast>
"""

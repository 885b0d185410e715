"""Debian's Mosquitto as a process on a free port that lets everybody do everything, for measuring."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from loa.fleet.trial import free_port

_PATIENCE_SECONDS = 15


def program() -> str | None:
    """Where mosquitto is installed, if it is."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


@contextlib.contextmanager
def running() -> Iterator[int]:
    """Its port."""
    executable, port = program(), free_port()
    assert executable is not None
    with tempfile.TemporaryDirectory(prefix="mosquitto-") as folder:
        file = Path(folder) / "mosquitto.conf"
        owner = "user root\n" if os.getuid() == 0 else ""
        file.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n{owner}", "utf-8")
        child = subprocess.Popen([executable, "-c", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until = time.monotonic() + _PATIENCE_SECONDS
            while time.monotonic() < until:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                time.sleep(0.1)
            yield port
        finally:
            child.terminate()
            child.wait(timeout=10)

"""A real `loa web` as a process on a free port of loopback."""

import os
import re
import subprocess
import sys
from pathlib import Path

_STOP_SECONDS = 60


class WebProcess:
    """Started anew it listens on the port it had before."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home, self.port, self.environment = home, 0, environment
        self._child: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "loa", "web", "--home", str(self.home), "--port", str(self.port)],
            stdout=subprocess.PIPE, text=True, env={**os.environ, **self.environment},
        )  # fmt: skip
        assert self._child.stdout is not None
        said = self._child.stdout.readline()
        found = re.search(r":(\d+)/", said)
        assert found is not None, said
        self.port = int(found[1])

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def stop(self) -> None:
        if self._child is None:
            return
        child, self._child = self._child, None
        child.terminate()
        try:
            child.wait(_STOP_SECONDS)
        finally:
            child.kill()
            child.wait(5)
            if child.stdout is not None:
                child.stdout.close()

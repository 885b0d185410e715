"""Real stations, many at once, each `loa station run` in a process of its own.

`python -m benchmarks._speakers OUTPUT HOME…`: they are forked from one that has imported the program, which saves half
a second of processor time for each. They end when standard input does. Prints `started` when all have been forked.
"""

import gc
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

_ATTEMPTS = 600
_TICK_SECONDS = 0.05


def main(output: str, homes: list[str]) -> None:
    import station.runner  # noqa: F401 - so that each has it
    from loa.__main__ import main as loa

    gc.freeze()
    children = []
    for home in homes:
        child = os.fork()
        if not child:
            _become_a_station(loa, output, home)
        children.append(child)
    print("started", flush=True)
    with suppress(KeyboardInterrupt):
        sys.stdin.read()
    _end(children)


def _become_a_station(loa: object, output: str, home: str) -> None:
    log = os.open(Path(home) / "station.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    where = output.replace("HOME", home)
    os._exit(loa(["station", "run", "--home", home, "--output", where]))  # type: ignore[operator]


def _end(children: list[int]) -> None:
    left = set(children)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for child in left:
            with suppress(ProcessLookupError):
                os.kill(child, number)
        for _ in range(_ATTEMPTS):
            left = {child for child in left if not _is_gone(child)}
            if not left:
                return
            threading.Event().wait(_TICK_SECONDS)


def _is_gone(child: int) -> bool:
    with suppress(ChildProcessError):
        return os.waitpid(child, os.WNOHANG)[0] == child
    return True


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

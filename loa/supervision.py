"""Keeping child processes alive: started, watched, started again with a growing rest, stopped together."""

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

log = logging.getLogger(__name__)
_FIRST_REST = 0.5
_LONGEST_REST = 30.0
_GOOD_RUN_SECONDS = 60.0
_STOP_SECONDS = 10.0
_TICK = 0.2
_PARENT_SECONDS = 0.5


@dataclass
class Child:
    """A command that should always run."""

    name: str
    arguments: Sequence[str]
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    rest: float = _FIRST_REST
    not_before: float = field(default=0.0)


class Supervisor:
    """Runs children until told to stop. One that ends is started again; the rest grows while it keeps failing."""

    def __init__(self) -> None:
        self._children: list[Child] = []
        self._stopping = threading.Event()
        self._afterwards: list[Callable[[], None]] = []

    def when_running(self, task: Callable[[], None]) -> None:
        """Do `task` once, beside the watching, after `run` has begun."""
        self._afterwards.append(task)

    def add(self, name: str, arguments: Sequence[str]) -> Child:
        """Start a child and watch it from then on; from any thread, also while `run` watches the others."""
        child = Child(name, arguments)
        self._start(child)  # before it is known, lest the watch start it a second time
        self._children.append(child)
        if self._stopping.is_set() and child.process is not None:
            child.process.terminate()
        return child

    def stop_on_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())

    def run(self) -> None:
        """Watch until a signal arrives, then end every child."""
        for task in self._afterwards:
            threading.Thread(target=task, name="afterwards", daemon=True).start()
        try:
            while not self._stopping.wait(_TICK):
                for child in list(self._children):
                    self._watch(child)
        finally:
            self._end()

    def _start(self, child: Child) -> None:
        child.process = subprocess.Popen(child.arguments, stdin=subprocess.DEVNULL, start_new_session=True)
        child.started_at = time.monotonic()

    def _watch(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is not None and child.process.poll() is not None:
            if now - child.started_at > _GOOD_RUN_SECONDS:
                child.rest = _FIRST_REST
            log.warning("%s ended (status %s); again in %.1f s", child.name, child.process.returncode, child.rest)
            child.process, child.not_before = None, now + child.rest
            child.rest = min(child.rest * 2, _LONGEST_REST)
        if child.process is None and now >= child.not_before:
            self._start(child)

    def _end(self) -> None:
        running = [child.process for child in self._children if child.process is not None]
        for process in running:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for process in running:
            try:
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def end_with_parent() -> None:
    """In a supervised child: end when the parent is gone, also when it was killed."""
    if os.environ.get("LOA_SUPERVISED") != "1":
        return
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()

"""The shards of a rehearsal at work: here, or each in a process of its own."""

import gc
import logging
import multiprocessing
import pickle
import queue
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from time import process_time
from typing import Any, Protocol

from core.errors import N_, EngineFailed
from loa.rehearsal.post import Call, Letter, Said
from loa.rehearsal.shard import Ledger, Shard, part
from loa.rehearsal.wishes import Wishes

# For an epoch, or for the reckoning at the end; far more than the largest takes.
_PATIENCE_SECONDS = 900.0
_FAREWELL_SECONDS = 10.0
_GONE = N_("A process of the rehearsal has ended before its time, or does not answer.")


class Crew(Protocol):
    """Plays one letter after the other. Each `send` is followed, at any later time, by one `calls`."""

    def send(self, letter: Letter) -> None: ...

    def calls(self) -> list[Call]:
        """What stations called in at the end of the oldest letter not asked for yet, in the order of their ids."""
        ...

    def close(self, said: Said) -> list[Ledger]: ...


class Here:
    """All stations in this process."""

    def __init__(self, wishes: Wishes, public_keys: list[dict[str, Any]]) -> None:
        self._shard = Shard(wishes, part(wishes, 0, 1), public_keys)
        self._letters: list[Letter] = []

    def send(self, letter: Letter) -> None:
        self._letters.append(letter)

    def calls(self) -> list[Call]:
        return self._shard.play(self._letters.pop(0))

    def close(self, said: Said) -> list[Ledger]:
        return [self._shard.close(said)]


class Processes:
    """The stations parted over so many processes, which play while this one goes on. EngineFailed if one dies."""

    def __init__(self, wishes: Wishes, public_keys: list[dict[str, Any]], count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self._processes = []
        silent = logging.root.manager.disable
        for number in range(count):
            here, there = context.Pipe()
            process = context.Process(
                target=_work, args=(there, wishes, number, count, public_keys, silent), daemon=True
            )
            process.start()
            there.close()
            self._pipes.append(here)
            self._processes.append(process)

    def send(self, letter: Letter) -> None:
        self._tell(letter)

    def calls(self) -> list[Call]:
        return sorted((call for calls in self._heard() for call in calls), key=lambda call: call.station)

    def close(self, said: Said) -> list[Ledger]:
        self._tell(said)
        return list(self._heard())

    def end(self) -> None:
        """Let the processes go; one that does not end is ended."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(_FAREWELL_SECONDS)
            if process.is_alive():
                process.kill()
                process.join()

    def _tell(self, what: Letter | Said) -> None:
        packed = pickle.dumps(what, pickle.HIGHEST_PROTOCOL)
        for pipe in self._pipes:
            try:
                pipe.send_bytes(packed)
            except OSError as error:
                raise EngineFailed(_GONE) from error

    def _heard(self) -> Iterator[Any]:
        for pipe in self._pipes:
            try:
                if not pipe.poll(_PATIENCE_SECONDS):
                    raise EngineFailed(_GONE)
                answer = pipe.recv()
            except (OSError, EOFError) as error:
                raise EngineFailed(_GONE) from error
            if isinstance(answer, str):
                raise RuntimeError(answer)  # noqa: TRY004 - what happened there, with its traceback
            yield answer


@contextmanager
def crew(wishes: Wishes, public_keys: list[dict[str, Any]], processes: int) -> Iterator[Crew]:
    """The stations of a rehearsal, here (1) or in so many processes beside this one: one a commune at most."""
    if processes == 1:
        yield Here(wishes, public_keys)
        return
    several = Processes(wishes, public_keys, min(processes, wishes.communes))
    try:
        yield several
    finally:
        several.end()


def _work(
    pipe: Connection, wishes: Wishes, number: int, of: int, public_keys: list[dict[str, Any]], silent: int
) -> None:
    """The life of a process: letters in, calls out; the ledger at the end. A failure is told as text."""
    logging.disable(silent)
    gc.set_threshold(200_000, 20, 1_000)
    inbox: queue.SimpleQueue[Letter | Said | None] = queue.SimpleQueue()
    # Read at all times: else this process and the one that writes could wait for each other, each with a full pipe.
    threading.Thread(target=_read, args=(pipe, inbox), daemon=True).start()
    try:
        shard = Shard(wishes, part(wishes, number, of), public_keys)
        while (what := inbox.get()) is not None:
            if isinstance(what, Said):
                pipe.send(replace(shard.close(what), cpu_seconds=process_time()))
            else:
                pipe.send(shard.play(what))
    except (OSError, KeyboardInterrupt):
        return  # nobody listens any more
    except Exception:  # noqa: BLE001 - whoever waits for an answer tells it
        pipe.send(traceback.format_exc())


def _read(pipe: Connection, inbox: "queue.SimpleQueue[Letter | Said | None]") -> None:
    try:
        while True:
            inbox.put(pipe.recv())
    except (OSError, EOFError):
        inbox.put(None)

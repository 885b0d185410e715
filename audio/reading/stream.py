"""Lines of a file descriptor, said in order: at once when they come singly, shared between cores when many wait."""

import os
import select
import signal
from collections.abc import Iterator
from typing import NamedTuple

from audio.reading.front_end import spoken

MOST = 1 << 20
PLENTY = 1 << 16
_PATIENCE_SECONDS = 0.02  # a writer that fills a pipe is given the time to fill it again
_LIMIT_SECONDS = 120.0  # for one part of at most MOST bytes, which takes seconds on the slowest board
_WARMING = "Mở bảng: UBND, 5 kg, 7h30."


def said_lines(source: int, language: str = "vi", *, cores: int | None = None) -> Iterator[bytes]:
    """Yield what is to be written for the lines that `source` gives, in UTF-8, in order, until it ends.

    Every line has its answer before the next read that could block, so a client may write one and wait. Input is taken
    in pieces of at most about 1 MiB (or one line, when that is longer); a piece of 64 KiB or more is shared between
    `cores` processes (by default the cores this process may use). Bytes that are no UTF-8 are replaced; a carriage
    return ends a line too. Raises OSError when `source` can't be read.
    """
    cores = usable_cores() if cores is None else cores
    for lines in _pieces(source):
        text = lines.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
        if cores < 2 or len(lines) < PLENTY:  # noqa: PLR2004 - nobody to share with
            yield _said(text, language)
        else:
            yield from _shared(text, language, cores)


def usable_cores() -> int:
    """How many processes are worth starting here: 1 where a process can't be split in two."""
    if not hasattr(os, "fork"):
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _pieces(source: int) -> Iterator[bytes]:
    """Whole lines, as many as wait (but no more than a piece holds); the last may lack its end."""
    rest, ended = b"", False
    while not ended:
        parts = [rest]
        size = 0
        while not ended and (not size or (size < MOST and _waits(source, _PATIENCE_SECONDS if size >= PLENTY else 0))):
            part = os.read(source, MOST - size)
            ended = not part
            size += len(part)
            parts.append(part)
        held = b"".join(parts)
        cut = len(held) if ended else held.rfind(b"\n") + 1
        rest = held[cut:]
        if cut:
            yield held[:cut]


def _waits(source: int, seconds: float) -> bool:
    return bool(select.select([source], [], [], seconds)[0])


def _said(text: str, language: str) -> bytes:
    # All at once, which takes a tenth less than line by line and gives the same (a property test holds it).
    said = spoken(text.removesuffix("\n"), language)
    return f"{said}\n".encode("utf-8", "replace")


class _Part(NamedTuple):
    text: str
    process: int
    answer: int


def _shared(text: str, language: str, cores: int) -> Iterator[bytes]:
    """The same as `_said`: the first part is read here, each other one by a copy of this process made for it."""
    spoken(_WARMING, language)
    own, *others = _cut(text, cores)
    parts: list[_Part] = []
    try:
        parts.extend(_begun(other, language) for other in others)
        yield _said(own, language)
        while parts:
            answer = _answer(parts[0])
            yield _said(parts[0].text, language) if answer is None else answer
            _end(parts.pop(0))
    finally:
        for part in parts:
            _end(part)


def _cut(text: str, count: int) -> list[str]:
    """About equal parts, each of whole lines and none empty."""
    parts, start = [], 0
    for left in range(count, 0, -1):
        cut = text.find("\n", start + (len(text) - start) // left) + 1 if left > 1 else len(text)
        cut = cut or len(text)
        if cut > start:
            parts.append(text[start:cut])
        start = cut
    return parts


def _begun(text: str, language: str) -> _Part:
    """Start a process that reads `text` and writes its answer into a pipe: a mark of success, then the bytes."""
    answer, into = os.pipe()
    # Ctrl-C reaches every process of the group; it is the first one's to end the others, wherever it strikes them.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    process = os.fork()
    if process:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(into)
        return _Part(text, process, answer)
    status = 1
    try:
        os.close(answer)
        with os.fdopen(into, "wb") as pipe:
            pipe.write(_said(text, language) + _WHOLE)
        status = 0
    finally:
        # Neither an error's report nor what the first process holds unwritten may be written a second time.
        os._exit(status)


_WHOLE = b"\0whole"  # no spoken text holds a NUL


def _answer(part: _Part) -> bytes | None:
    """What the process of a part says; None if it died on the way or takes too long."""
    chunks: list[bytes] = []
    while _waits(part.answer, _LIMIT_SECONDS):
        chunk = os.read(part.answer, MOST)
        if not chunk:
            whole = b"".join(chunks)
            return whole.removesuffix(_WHOLE) if whole.endswith(_WHOLE) else None
        chunks.append(chunk)
    return None


def _end(part: _Part) -> None:
    """Leave no process and no pipe behind, whatever became of them."""
    os.close(part.answer)
    os.kill(part.process, signal.SIGKILL)  # not yet waited for, so the number is still its own
    os.waitpid(part.process, 0)

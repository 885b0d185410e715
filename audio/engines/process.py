"""The one door to an engine's process: frames in, frames out, killed when it takes too long.

Engines run in processes of their own because a crash or a hang in foreign code (C of espeak-ng, name lookup or a
server that drips bytes for gTTS) must cost one clip's try, not the worker. A process of espeak-ng costs 25 ms.
"""

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from audio.deadline import Deadline
from audio.engines.frames import HEAD, MOST_BYTES, length_of, pack
from core.errors import N_, EngineFailed

_PIECE = 65_536
_MOST_SAID = 4_000
_END_SECONDS = 5.0  # to end after the last answer
_MOST_BYTES = 768 * 1024 * 1024  # of all answers together: three hours of the longest bulletin, at twice its rate


def talk(
    engine: str,
    script: Path,
    arguments: Sequence[str],
    requests: Sequence[bytes],
    deadline: Deadline,
    *,
    bare: bool,
    answers: int | None = None,
    answer_seconds: float | None = None,
) -> list[bytes]:
    """Run `script` with our Python, send it every request, return the frames it answered.

    Exactly `answers` frames must come (default: one for each request), each within `answer_seconds` of the one before,
    and all before `deadline`; else EngineFailed. `bare` starts Python without site packages, which is faster.
    """
    expected = len(requests) if answers is None else answers
    flags = ["-I", "-S", "-B"] if bare else ["-P", "-B"]
    try:
        process = subprocess.Popen(
            [sys.executable, *flags, str(script), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:
        raise EngineFailed(N_("%(engine)s can't be started: %(why)s"), engine=engine, why=str(error)) from error
    try:
        frames, said = _exchange(engine, process, b"".join(map(pack, requests)), expected, deadline, answer_seconds)
        status = process.wait(timeout=max(0.1, deadline.remaining(at_most=_END_SECONDS)))
    except subprocess.TimeoutExpired as error:
        raise _too_slow(engine) from error
    finally:
        _end(process)
    if status or len(frames) != expected:
        lines = said.decode("utf-8", "replace").strip().splitlines()
        why = lines[-1][:200] if lines else f"exit status {status}"
        raise EngineFailed(N_("%(engine)s failed: %(why)s"), engine=engine, why=why)
    return frames


def _too_slow(engine: str) -> EngineFailed:
    return EngineFailed(N_("%(engine)s did not answer in time."), code="too_slow", engine=engine)


def _patience(engine: str, deadline: Deadline, waited: float, allowed: float | None) -> float:
    """How long the next answer may still be waited for, in seconds. Raises EngineFailed when the time is over."""
    left = deadline.remaining() if allowed is None else min(deadline.remaining(), allowed - waited)
    if left <= 0:
        raise _too_slow(engine)
    return left


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            try:
                pipe.close()
            except BrokenPipeError:
                continue


def _exchange(
    engine: str,
    process: "subprocess.Popen[bytes]",
    outgoing: bytes,
    expected: int,
    deadline: Deadline,
    answer_seconds: float | None,
) -> tuple[list[bytes], bytes]:
    """Write and read at the same time; neither side can block the other, nor us past the time limits."""
    assert process.stdin  # noqa: S101 - opened as pipes above
    assert process.stdout  # noqa: S101
    assert process.stderr  # noqa: S101
    frames: list[bytes] = []
    incoming, said, to_send = bytearray(), bytearray(), memoryview(outgoing)
    for pipe in (process.stdin, process.stdout, process.stderr):
        os.set_blocking(pipe.fileno(), False)
    last, taken = time.monotonic(), 0
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdin, selectors.EVENT_WRITE)
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stderr, selectors.EVENT_READ)
        while selector.get_map():
            allowed = answer_seconds if len(frames) < expected else _END_SECONDS
            limit = _patience(engine, deadline, time.monotonic() - last, allowed)
            for key, _ in selector.select(limit):
                if key.fileobj is process.stdin:
                    to_send = _send(process, to_send)
                    if not to_send:
                        selector.unregister(process.stdin)
                        process.stdin.close()
                    continue
                piece = os.read(key.fd, _PIECE)
                if not piece:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stdout:
                    incoming += piece
                    taken += len(piece)
                    if taken > _MOST_BYTES or len(frames) > expected:
                        raise EngineFailed(N_("%(engine)s did not stop speaking."), code="endless", engine=engine)
                    before = len(frames)
                    _take_frames(engine, incoming, frames)
                    last = time.monotonic() if len(frames) > before else last
                else:
                    said = (said + piece)[-_MOST_SAID:]
    return frames, bytes(said)


def _send(process: "subprocess.Popen[bytes]", rest: memoryview) -> memoryview:
    assert process.stdin  # noqa: S101
    try:
        return rest[os.write(process.stdin.fileno(), rest[:_PIECE]) :]
    except BrokenPipeError:
        return rest[:0]  # it died; its status tells why


def _take_frames(engine: str, incoming: bytearray, frames: list[bytes]) -> None:
    while len(incoming) >= HEAD:
        length = length_of(bytes(incoming[:HEAD]))
        if length > MOST_BYTES:
            raise EngineFailed(N_("%(engine)s answered garbage."), engine=engine)
        if len(incoming) < HEAD + length:
            return
        frames.append(bytes(incoming[HEAD : HEAD + length]))
        del incoming[: HEAD + length]

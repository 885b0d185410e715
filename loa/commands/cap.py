"""`loa cap`: what the Common Alerting Protocol's messages in files say, and what would be done with them."""

import argparse
import json
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_FIRST_BAR = 20  # files; fewer are done before a bar could be read


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this module's command."""
    command = subparsers.add_parser(
        "cap",
        help="read alerts of the Common Alerting Protocol and say what would be done with them",
        description="Prints one JSON line per message, in order. The files are a stream: what came before is known. "
        "Exit status 0 means that every file was looked at; whether a message is good stands in its line.",
    )
    command.add_argument(
        "--at", type=_instant, metavar="INSTANT", help="as if now were this instant, such as 2026-11-23T22:00:00Z"
    )
    command.add_argument("files", nargs="+", metavar="FILE")
    command.set_defaults(run=_cap)


def _instant(text: str) -> Any:
    from core.clock import parse_instant
    from core.errors import InvalidInput

    try:
        return parse_instant(text)
    except InvalidInput as error:
        raise argparse.ArgumentTypeError(str(error)) from None


@contextmanager
def _bar(total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on standard error when that is a terminal, else nothing."""
    if total < _FIRST_BAR or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"{total} files", total=total)
        yield lambda: progress.advance(task)


def _cap(options: argparse.Namespace) -> int:
    from alerts.cap.chains import Memory
    from alerts.cap.trust import Trust
    from core.clock import utc_now

    now, memory, trust = options.at or utc_now(), Memory(), Trust()
    with _bar(len(options.files)) as advance:
        for name in options.files:
            for line in _lines(name, now, memory, trust):
                sys.stdout.buffer.write(_json({"file": name, **line}))
                sys.stdout.buffer.flush()
            advance()
    return 0


def _lines(name: str, now: Any, memory: Any, trust: Any) -> Iterator[dict[str, Any]]:
    """One line for each message of a file; `index` tells several of one file apart."""
    from alerts.cap.judging import judged
    from alerts.cap.remarks import NotCap
    from alerts.cap.report import told

    content = _content(name)
    if isinstance(content, str):
        yield {"ok": False, "error": content}
        return
    outcomes = judged(content, now, memory, trust)
    for index, outcome in enumerate(outcomes):
        place = {"index": index} if len(outcomes) > 1 else {}
        if isinstance(outcome, NotCap):
            yield {**place, "ok": False, "error": str(outcome), "code": outcome.code}
        else:
            yield {**place, **told(*outcome)}


def _content(name: str) -> bytes | str:
    """The beginning of a file, a byte more than is looked at; or in a sentence why it can't be read."""
    from alerts.cap.limits import LIMITS

    try:
        with open(name, "rb") as file:  # noqa: PTH123 - a name may hold what a Path refuses
            if stat.S_ISDIR(os.fstat(file.fileno()).st_mode):
                return "This is a folder."
            return file.read(LIMITS.document_bytes + 1)
    except IsADirectoryError:
        return "This is a folder."
    except FileNotFoundError:
        return "There is no such file."
    except PermissionError:
        return "The file can't be read: permission denied."
    except (OSError, ValueError) as error:
        return f"The file can't be read: {getattr(error, 'strerror', None) or error}"


def _json(line: dict[str, Any]) -> bytes:
    """A line of UTF-8, whatever this machine's encoding is."""
    try:
        return f"{json.dumps(line, ensure_ascii=False)}\n".encode()
    except UnicodeEncodeError:  # a file's name that is not UTF-8
        return f"{json.dumps(line)}\n".encode()

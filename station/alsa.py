"""What the kernel tells of a sound card in use: how long its buffer is (ALSA's files below /proc/asound)."""

import re
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

_ROOT = Path("/proc/asound")
_TASKS = Path("/proc/self/task")
_MOST_SECONDS = 2.0


def own_tasks() -> frozenset[int]:
    """The threads of this process, one of which has opened the card."""
    with suppress(OSError):
        return frozenset(int(one.name) for one in _TASKS.iterdir())
    return frozenset()


def buffer_seconds(owners: Collection[int], root: Path = _ROOT) -> float | None:
    """The length of the playback buffer of the card that one of these processes or threads holds.

    None where they hold none, as where a sound server stands between, or where the kernel says nothing of it.
    """
    for status in sorted(root.glob("card*/pcm*p/sub*/status")):
        with suppress(OSError, ValueError, KeyError, ZeroDivisionError):
            if int(_fields(status)["owner_pid"]) not in owners:
                continue
            settled = _fields(status.with_name("hw_params"))
            seconds = int(settled["buffer_size"]) / int(settled["rate"].split()[0])
            if 0.0 < seconds <= _MOST_SECONDS:
                return seconds
    return None


def _fields(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)\s*:\s*(\S.*?)\s*$", path.read_text("ascii", "replace"), re.MULTILINE))

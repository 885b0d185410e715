"""The topics of MQTT that server and stations share (`loa/v1/…`).

A unit's topic carries what is held out to everybody of that unit and below; a station's own what is held out to it
alone, its plan and its orders. Together they are what `/now` answers.
"""

from collections.abc import Sequence

BASE = "loa/v1"
# A connection that is silent for one and a half times as long is dead: the broker then sends the last will.
KEEPALIVE_SECONDS = 45
ONLINE, OFFLINE = b"1", b"0"
EVERYBODY_ONLINE = f"{BASE}/+/online"


def now_of(station: str) -> str:
    """Where a station's own document is."""
    return f"{BASE}/{station}/now"


def online_of(station: str) -> str:
    """Where a station says that it is there, and its last will that it is not."""
    return f"{BASE}/{station}/online"


def station_of(topic: str) -> str | None:
    """The station whose `online` this is; None for another topic."""
    parts = topic.split("/")
    return parts[2] if len(parts) == 4 and topic == online_of(parts[2]) else None  # noqa: PLR2004


def now_of_unit(path: Sequence[str]) -> str:
    """Where the document of a unit is. `path` are the codes of the units from the root down to it."""
    return f"{BASE}/unit/{'/'.join(path)}/now"


def now_of_units(path: Sequence[str]) -> list[str]:
    """The topics of a station's unit and all above it, from the root down."""
    return [now_of_unit(path[: number + 1]) for number in range(len(path))]

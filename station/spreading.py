"""From when on a station fetches what it will need: not all stations at once, and each in time. Pure.

What makes an airing known to one station makes it known to all in the same second. Each therefore begins at an instant
of its own, drawn from a window that opens when it learns of the airing. The window is as wide as the server says
(`spread_s`, which grows with the number of its stations), but it takes at most half of the time that is left, and it
leaves what a slow link needs for all that must come before.
"""

import hashlib
from datetime import datetime, timedelta

# Without a word from the server: so wide, but only where there is time.
USUAL_SECONDS = 3_600.0
AT_ONCE_WITHIN_SECONDS = 900.0
SLOW_BYTES_A_SECOND = 20_000
SPARE_SECONDS = 60.0
_SHARE = 0.5
_DRAWN = 2**64


def window_seconds(lead_seconds: float, waiting_bytes: int, spread_s: float | None) -> float:
    """How wide the window is, in seconds, for a lead and so many bytes that must have come by its end."""
    if spread_s is None:
        spread_s = USUAL_SECONDS if lead_seconds > AT_ONCE_WITHIN_SECONDS else 0.0
    needs = SPARE_SECONDS + waiting_bytes / SLOW_BYTES_A_SECOND
    return max(0.0, min(spread_s, lead_seconds * _SHARE, lead_seconds - needs))


def fetch_from(
    who: str, known_at: datetime, needed_at: datetime, waiting_bytes: int, *, spread_s: float | None
) -> datetime:
    """The instant from which on `who` fetches what it learned of at `known_at` and needs at `needed_at`.

    `who` names station and airing: the same words, the same instant, also after a restart.
    """
    lead = (needed_at - known_at).total_seconds()
    window = window_seconds(lead, waiting_bytes, spread_s)
    drawn = int.from_bytes(hashlib.sha256(who.encode()).digest()[:8], "big") / _DRAWN
    return known_at + timedelta(seconds=window * drawn)

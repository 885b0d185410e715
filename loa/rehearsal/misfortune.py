"""What befalls each station, drawn from the seed before anything begins: outages, clocks, links."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from loa.rehearsal.wishes import Wishes, pick

DAY = 86_400.0
WEEK = 7 * DAY
_STEP = 30.0
_FAST, _SLOWEST, _SLOW = 250_000.0, 4_000.0, 20_000.0  # bytes a second: 2 Mbit/s, 32 and 160 kbit/s
Span = tuple[float, float]


@dataclass(frozen=True)
class Lot:
    """The lot of one station. Spans are seconds from the start of the rehearsal; they don't overlap.

    `battery`: `good` keeps the wall clock through a power cut; `none` wakes up in 1970, `dead` in 2000; `saved` has
    none, and wakes up at the last full hour that was written down. `hours_off` is how far the wall clock is wrong.
    """

    offline: tuple[Span, ...] = ()
    dark: tuple[Span, ...] = ()
    drift: float = 0.0
    battery: str = "good"
    hours_off: float = 0.0
    bytes_a_second: float = _FAST
    lossy: float = 0.0


def draw(wishes: Wishes, station: int) -> Lot:
    """The lot of the station with this number. Pure."""
    chance = wishes.chance("lot", station)
    end = wishes.days * DAY
    offline = _spans(chance, wishes.often("network") * end / WEEK, end, 3_600.0, WEEK)
    dark = _spans(chance, wishes.often("power") * end / WEEK, end, 60.0, DAY)
    drift, battery, hours_off = 0.0, "good", 0.0
    if chance.random() < wishes.often("clock"):
        drift = chance.uniform(-200e-6, 200e-6)
        battery = pick(chance, (("good", 2), ("none", 1), ("saved", 1), ("dead", 1)))
        hours_off = chance.choice((0.0, 0.0, 7.0, -7.0, 0.5))
    slow = chance.random() < wishes.often("links")
    speed = chance.uniform(_SLOWEST, _SLOW) if slow else _FAST
    return Lot(offline, dark, drift, battery, hours_off, speed, 0.1 if slow else 0.0)


def _spans(chance: random.Random, expected: float, end: float, shortest: float, longest: float) -> tuple[Span, ...]:
    """About `expected` spans within [0, end), their lengths spread evenly over the orders of magnitude."""
    found = []
    for _ in range(_poisson(chance, expected)):
        begin = chance.uniform(0, end)
        length = shortest * math.exp(chance.uniform(0, math.log(longest / shortest)))
        found.append((begin, min(begin + length, end)))
    return merged(found)


def broadcaster(wishes: Wishes) -> tuple[Span, ...]:
    """When the broadcaster whom every third commune relays is away, in seconds from the start. Pure."""
    end = wishes.days * DAY
    return _spans(wishes.chance("broadcaster"), wishes.often("relays") * end / WEEK, end, 30.0, 6 * 3_600.0)


def share_outside(spans: Sequence[Span], begin: float, over: float) -> float:
    """Which share (0 to 1) of the time from `begin` to `over` lies in none of the spans, which may overlap."""
    if over <= begin:
        return 1.0
    inside = sum(max(0.0, min(over, last) - max(begin, first)) for first, last in merged(list(spans)))
    return 1.0 - inside / (over - begin)


def merged(spans: list[Span]) -> tuple[Span, ...]:
    """The same spans, in order, with those that meet made one."""
    whole: list[Span] = []
    for begin, end in sorted(spans):
        if whole and begin <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(whole[-1][1], end))
        else:
            whole.append((begin, end))
    return tuple(whole)


def _poisson(chance: random.Random, expected: float) -> int:
    """How often something happens that happens `expected` times on average: Knuth's method, in steps it can bear."""
    count = 0
    while expected > 0:
        product, limit = chance.random(), math.exp(-min(expected, _STEP))
        while product > limit:
            count += 1
            product *= chance.random()
        expected -= _STEP
    return count


def times(chance: random.Random, expected: float, end: float) -> list[float]:
    """About `expected` instants within [0, end), in order."""
    return sorted(chance.uniform(0, end) for _ in range(_poisson(chance, expected)))

"""What a rehearsal is asked for: how large, how long, which seed, and what goes wrong in it how often."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from core.errors import N_, InvalidInput

MOST_STATIONS = 300_000
MOST_DAYS = 13  # the stations' memory of what they played reaches back two weeks
START = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)  # a Monday's first instant in Vietnam
STATIONS_A_COMMUNE = 17  # 5,000 stations in 300 communes

# How often, unless said otherwise: for each station and week, or each commune and week (edits, alarms), or altogether.
USUAL: dict[str, float] = {
    "network": 0.5,  # times a station loses its network in a week, for an hour up to a week
    "power": 0.7,  # power cuts of a station in a week, for a minute up to a day
    "clock": 0.3,  # share of stations whose clock drifts, has no battery, or is hours off
    "links": 0.2,  # share of stations on a slow, lossy link
    "files": 0.05,  # share of downloads that come damaged; and files that rot on the card, a week
    "server": 3.0,  # times in a week that the server's web process is away, and that its worker is killed
    "relays": 20.0,  # times in a week that the broadcaster whom communes relay is away, for 30 s up to six hours
    "alarms": 0.1,  # emergencies of a commune in a week, and one of the whole province
    "edits": 1.0,  # changes of the timetable of a commune in a week
}


@dataclass(frozen=True)
class Wishes:
    """`faults` maps each kind that shall happen to how often (see `USUAL`)."""

    stations: int = 60
    days: int = 3
    seed: int = 1
    faults: dict[str, float] = field(default_factory=lambda: dict(USUAL))

    def often(self, fault: str) -> float:
        return self.faults.get(fault, 0.0)

    def chance(self, *purpose: object) -> random.Random:
        """A stream of chance of its own for each purpose, so that no order of events changes another's."""
        return random.Random("/".join(map(str, (self.seed, *purpose))))  # noqa: S311 - a rehearsal, not a secret

    @property
    def communes(self) -> int:
        return max(1, round(self.stations / STATIONS_A_COMMUNE))


def parse_faults(text: str) -> dict[str, float]:
    """`all`, `none`, or kinds with commas between, each perhaps with `=` how often. Raises InvalidInput."""
    if text == "all":
        return dict(USUAL)
    if text == "none":
        return {}
    found = {}
    for part in text.split(","):
        name, _, number = part.strip().partition("=")
        try:
            often = float(number) if number else USUAL[name]
        except (KeyError, ValueError):
            often = -1.0
        if name not in USUAL or not 0 <= often <= 1_000:  # noqa: PLR2004
            raise InvalidInput(
                N_("“%(fault)s” is no fault. There are: %(known)s; each may say how often, such as network=2."),
                fault=part[:40], known=", ".join(USUAL),
            )  # fmt: skip
        found[name] = often
    return found


def checked(stations: int, days: int, seed: int, faults: str) -> Wishes:
    """Wishes within their bounds. Raises InvalidInput."""
    if not (1 <= stations <= MOST_STATIONS and 1 <= days <= MOST_DAYS):
        raise InvalidInput(
            N_("A rehearsal has 1 to %(stations)s stations and lasts 1 to %(days)s days."),
            stations=MOST_STATIONS, days=MOST_DAYS,
        )  # fmt: skip
    return Wishes(stations, days, seed, parse_faults(faults))


def pick(chance: random.Random, shares: Sequence[tuple[str, float]]) -> str:
    """One of the names, by its share."""
    names, weights = zip(*shares, strict=True)
    return str(chance.choices(names, weights)[0])

"""How much mobile data a station uses in a month: each clip once, in the codec as set, and what the protocol takes.

What the protocol takes was counted between a station's own link and this server on loopback, headers and bodies of
both ways, kept-alive, gzip where asked: a heartbeat 1,090 bytes, a `/now` that says nothing new 833, one look at the
clock 837, a plan that has not changed 818, a plan of 15 airings with 6 items each 5,483 (366 an airing), 6 reports in
one call 2,579. TCP, IP and TLS around each exchange are estimated at 260 bytes (four packets of 52, two records of 26).
The beats are those of the station: heartbeat 60 s, `/now` 55 s, plan 900 s, five looks at the clock every 600 s.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlmodel import Session, col, select

from audio.models import Clip
from core.hints import unindexed
from playlists import resolving
from playlists.libraries import Library
from scheduler.models import Airing, AiringTarget
from scheduler.series import Series, occurring

DAYS = 30
MONTH = timedelta(days=DAYS)
# Behind and ahead, a month together: what was played lately, and the plan.
BEHIND, AHEAD = timedelta(days=22), timedelta(days=8)
MAX_AIRINGS = 20_000
# The rates clips are encoded at (core.wire: MP3 64 kbit/s, Opus about 24): for a clip that is not made yet.
BYTES_A_SECOND = {"opus": 24_000 / 8, "mp3": 64_000 / 8}
RELAY_BYTES_A_SECOND = 64_000 / 8  # as this server sends them, and most broadcasters
MEGABYTE = 1_000_000  # as operators count
_WIRE = 260
_BEATS = {"heartbeat": (60.0, 1_090), "now": (55.0, 833), "clock": (120.0, 837), "plan_unchanged": (900.0, 818)}
_PLAN, _PLAN_AIRING, _PLANS_A_DAY = 500, 366, 2  # the window moves at midnight, and something changes most days
_REPORT, _REPORT_CALL = 260, 1_050
_SECONDS = DAYS * 86_400
_CHUNK = 400


@dataclass(frozen=True)
class Use:
    """Bytes a month: of `clips`, and of the protocol (`overhead`). `observed_days` is what the figure rests on."""

    clips: int
    overhead: int
    observed_days: float
    codec: str

    @property
    def total(self) -> int:
        return self.clips + self.overhead

    def over(self, budget_mb: int) -> bool:
        """Whether it is more than the budget; 0 sets none."""
        return bool(budget_mb) and self.total > budget_mb * MEGABYTE


@dataclass
class Fetched:
    """The clips of some airings: size and the days on which each is wanted, by SHA-256."""

    sizes: dict[str, int] = field(default_factory=dict)
    days: dict[str, set[int]] = field(default_factory=dict)
    relayed_seconds: float = 0.0
    airings: int = 0
    items: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def take(self, starts_at: datetime, items: Iterable[Mapping[str, Any]], codec: str) -> None:
        self.airings += 1
        self.first = starts_at if self.first is None else min(self.first, starts_at)
        self.last = starts_at if self.last is None else max(self.last, starts_at)
        for item in items:
            self.items += 1
            if item.get("relay"):
                self.relayed_seconds += float(item["seconds"])
            for files in (item.get("clip"), item.get("fallback")):
                if files:
                    name = str(files[codec]["sha256"])
                    self.sizes[name] = int(files[codec]["bytes"])
                    self.days.setdefault(name, set()).add(starts_at.toordinal())


def use_of(fetched: Fetched, codec: str) -> Use:
    """What a month takes. Pure.

    A clip that comes on several days is fetched once and counts once. Of those that came on one day only there will
    be as many new ones in the rest of the month as in the days that are known: their bytes are projected. What is
    relayed comes anew each time.
    """
    if fetched.first is None or fetched.last is None:
        return Use(0, overhead(0, 0), 0.0, codec)
    days = min(max((fetched.last - fetched.first).total_seconds() / 86_400, 1.0), float(DAYS))
    lasting = sum(size for name, size in fetched.sizes.items() if len(fetched.days[name]) > 1)
    once = sum(size for name, size in fetched.sizes.items() if len(fetched.days[name]) == 1)
    passing = once + fetched.relayed_seconds * RELAY_BYTES_A_SECOND
    scale = DAYS / days
    return Use(
        round(lasting + passing * scale),
        overhead(fetched.airings * scale, fetched.items * scale),
        round(days, 1),
        codec,
    )


def overhead(airings_a_month: float, items_a_month: float) -> int:
    """Bytes a month that plans, heartbeats, waiting, clock and reports take (see the module)."""
    beats = sum(_SECONDS / every * (size + _WIRE) for every, size in _BEATS.values())
    in_a_plan = airings_a_month * AHEAD.days / DAYS
    plans = DAYS * _PLANS_A_DAY * (_PLAN + _PLAN_AIRING * in_a_plan + _WIRE)
    reports = items_a_month * _REPORT + airings_a_month * (_REPORT_CALL + _WIRE)
    return round(beats + plans + reports)


def of_stations(session: Session, stations: Mapping[str, tuple[Sequence[str], str]], now: datetime) -> dict[str, Use]:
    """The use of each station: `stations` gives its internal names and its codec.

    Each airing of the month around `now` is read once, however many stations it is for; stations that hear the same
    in the same codec are reckoned once.
    """
    wanted = sorted({name for names, _ in stations.values() for name in names})
    by_name: dict[str, set[str]] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = (
            select(AiringTarget.name, AiringTarget.airing_id)
            .join(Airing, col(Airing.id) == AiringTarget.airing_id)
            .where(col(AiringTarget.name).in_(wanted[start : start + _CHUNK]), *_window(now))  # few names, many airings
            .limit(MAX_AIRINGS)
        )
        for name, airing in session.exec(query).all():
            by_name.setdefault(name, set()).add(airing)
    airings = _read(session, sorted(set().union(*by_name.values())) if by_name else [])
    known: dict[tuple[frozenset[str], str], Use] = {}
    found = {}
    for station, (names, codec) in stations.items():
        key = frozenset(name for name in names if name in by_name), codec
        if key not in known:
            fetched = Fetched()
            for identity in set().union(*(by_name[name] for name in key[0])) if key[0] else ():
                if identity in airings:
                    fetched.take(*airings[identity], codec)
            known[key] = use_of(fetched, codec)
        found[station] = known[key]
    return found


def _window(now: datetime) -> tuple[Any, ...]:
    return (
        unindexed(col(Airing.starts_at)) >= now - BEHIND,
        unindexed(col(Airing.starts_at)) < now + AHEAD,
        col(Airing.state).in_(("issued", "on_air", "over")),
    )


def _read(session: Session, ids: Sequence[str]) -> dict[str, tuple[datetime, list[dict[str, Any]]]]:
    found: dict[str, tuple[datetime, list[dict[str, Any]]]] = {}
    for start in range(0, len(ids), _CHUNK):
        query = select(Airing.id, Airing.starts_at, Airing.items).where(col(Airing.id).in_(ids[start : start + _CHUNK]))
        found |= {identity: (starts_at, list(items)) for identity, starts_at, items in session.exec(query).all()}
    return found


def of_wish(library: Library, series: Series, now: datetime, codec: str, most: int) -> int:
    """Bytes of clips that a slot would bring a station in a month, each once, as its programme is now. Pure.

    What is relayed counts each time it is heard, what plays in its stead once, as any clip. Of a clip that is not made
    yet the size is reckoned from its expected length.
    """
    coming = list(islice(occurring(series, now, now + MONTH), most))
    clips: set[str] = set()
    relayed = 0.0
    for each in coming:
        found = resolving.resolve(library, each.programme_id, each.starts_at)
        clips |= {part.clip_id for part in found.parts if part.clip_id} | set(found.waiting)
        relayed += sum(part.seconds for part in found.parts if part.relay)
    if coming and not clips and not relayed:
        # What is still to be approved will weigh what its length says.
        first = coming[0]
        return round(resolving.expected_seconds(library, first.programme_id, first.starts_at) * BYTES_A_SECOND[codec])
    return round(sum(size(library.clips[clip], codec) for clip in clips) + relayed * RELAY_BYTES_A_SECOND)


def size(clip: Clip, codec: str) -> float:
    """Bytes of a clip, reckoned from its expected length while it is not made."""
    made = clip.opus_bytes if codec == "opus" else clip.mp3_bytes
    return float(made or resolving.clip_seconds(clip) * BYTES_A_SECOND[codec])

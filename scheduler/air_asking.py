"""What a person asks for a bulletin: where, and when. Plain data, kept as JSON while it waits. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from core.errors import N_, InvalidInput
from scheduler.editing import Rules
from scheduler.wishes import Wish

MAX_TIMES = 8  # of one bulletin in one request: each becomes a slot


@dataclass(frozen=True)
class When:
    """One time with its repetition, as a slot has it: `starts` is local, `days` a condition, `daypart` the time."""

    starts: str
    rrule: str | None = None
    until: str | None = None
    exdates: tuple[str, ...] = ()
    days: Mapping[str, Any] | None = None
    daypart: str | None = None
    after_minutes: int = 0


@dataclass(frozen=True)
class Asked:
    """Where and when a bulletin shall sound: at `times`, or as soon as can be, or within the programme of slot `join`.

    `audience` is written as in `for`; with `join` the slot's own holds. `lift` is the reason for breaking limits.
    """

    audience: Sequence[str] = ()
    times: tuple[When, ...] = ()
    soon: bool = False
    join: str | None = None
    lift: str = ""

    def wishes(self, programme: str) -> list[Wish]:
        """A wish for each time. Raises InvalidInput for none, or for too many."""
        if not self.times:
            raise InvalidInput(N_("Say when it shall sound."), fields={"when": "empty"})
        if len(self.times) > MAX_TIMES:
            raise InvalidInput(
                N_("At most %(limit)s times can be given at once."), fields={"when": "count"}, limit=MAX_TIMES
            )
        return [
            Wish(
                programme, each.starts, self.audience, rrule=each.rrule, until=each.until, exdates=each.exdates,
                days=each.days, daypart=each.daypart, after_minutes=each.after_minutes, lift=self.lift or None,
            )
            for each in self.times
        ]  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """A request as its row keeps it, with what the installation said when it was made."""

    asked: Asked
    rules: Rules = field(default_factory=lambda: Rules("UTC", timedelta(0)))


def written(asked: Asked, rules: Rules) -> dict[str, Any]:
    """As JSON."""
    return {
        "audience": list(asked.audience), "soon": asked.soon, "join": asked.join, "lift": asked.lift,
        "times": [
            {
                "starts": each.starts, "rrule": each.rrule, "until": each.until, "exdates": list(each.exdates),
                "days": dict(each.days) if each.days else None, "daypart": each.daypart,
                "after_minutes": each.after_minutes,
            }
            for each in asked.times
        ],
        "zone": rules.default_zone, "freeze_s": rules.freeze.total_seconds(),
    }  # fmt: skip


def read(kept: Mapping[str, Any]) -> Kept:
    """What `written` wrote."""
    times = tuple(
        When(
            each["starts"], each.get("rrule"), each.get("until"), tuple(each.get("exdates") or ()), each.get("days"),
            each.get("daypart"), int(each.get("after_minutes") or 0),
        )
        for each in kept.get("times") or ()
    )  # fmt: skip
    asked = Asked(
        tuple(kept.get("audience") or ()), times, bool(kept.get("soon")), kept.get("join"), kept.get("lift") or ""
    )
    return Kept(asked, Rules(str(kept.get("zone") or "UTC"), timedelta(seconds=float(kept.get("freeze_s") or 0))))

"""What a person wants on the timetable, understood: rule, day part, audience, length, before anything is checked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlmodel import Session

from core.clock import zone as known_zone
from core.errors import N_, InvalidInput
from playlists import libraries, programmes, resolving
from playlists.models import Programme
from registry import units
from registry.models import Unit
from registry.rights import Actor, Permission
from scheduler import audience, dayparts
from scheduler.clashes import Span, self_overlap
from scheduler.recurrence import recurrence
from scheduler.series import Occurrence, Series, length, occurring

LATE = ("join", "play", "skip")
SHORT = ("end", "fill")
# Clashes are looked for as far ahead as this: a rule that has not met another within a year of days won't.
LOOK_AHEAD = timedelta(days=400)
_FARTHEST = 10 * LOOK_AHEAD
# Enough for one every twenty minutes all that time.
MAX_LOOKED_AT = 30_000
MAX_AFTER_MINUTES = 1_439
MAX_MINUTES = 1_440.0


@dataclass(frozen=True)
class Wish:
    """What a person wants on the timetable. `starts` is local time; `until` an instant or a local time or date.

    With `daypart`, the rule gives the days and the day part the time, `after_minutes` later. `days` is a condition on
    days. `lift` is the reason why the limits of the place may be broken; only who administers it may.
    """

    programme: str
    starts: str
    audience: Sequence[str]
    zone: str | None = None
    rrule: str | None = None
    exdates: Sequence[str] = ()
    until: str | None = None
    volume: int | None = None
    late: str = "join"
    rdates: Sequence[str] = ()
    days: Mapping[str, Any] | None = None
    daypart: str | None = None
    after_minutes: int = 0
    max_minutes: float | None = None
    short: str = "end"
    lift: str | None = None


@dataclass(frozen=True)
class Understood:
    """A wish that makes sense. `seconds` is how long an airing takes, `coming` the next 400 days."""

    programme: Programme
    unit: Unit
    heard: audience.Audience
    series: Series
    zone: str
    seconds: float
    priority: str
    coming: list[Occurrence] = field(default_factory=list)

    @property
    def spans(self) -> list[Span]:
        return [Span(each.starts_at, each.starts_at + length(self.seconds, each), "") for each in self.coming]


@dataclass(frozen=True)
class Imagined:
    """A programme that a wish is about before it is kept, its unit, and what it would hold."""

    programme: Programme
    unit: Unit
    library: libraries.Library


def understand(
    session: Session,
    actor: Actor,
    wish: Wish,
    default_zone: str,
    now: datetime,
    *,
    imagined: Imagined | None = None,
    permission: Permission = Permission.SCHEDULE,
) -> Understood:
    """Raises InvalidInput (says which part is wrong), NotFound, Forbidden.

    With `imagined` the wish is about that programme, whatever it names. To look only, another `permission` will do.
    """
    if imagined is None:
        programme, unit = programmes.find(session, actor, wish.programme)
    else:
        programme, unit = imagined.programme, imagined.unit
    actor.require(permission, unit)
    _check_plain(wish)
    where = wish.zone or units.inherited(units.ancestors(session, unit), default_zone).zone
    rule = recurrence(
        wish.starts, where, wish.rrule or None, exdates=wish.exdates, rdates=wish.rdates, until=wish.until or None,
        days=wish.days,
    )  # fmt: skip
    windows = dayparts.read_windows(dayparts.known(session, unit, wish.daypart).windows) if wish.daypart else None
    most = wish.max_minutes * 60 if wish.max_minutes else None
    series = Series(rule, known_zone(where), programme.id, windows, wish.after_minutes * 60, most)
    heard = audience.read(session, actor, wish.audience, permission)
    coming = list(islice(_coming(series, now), MAX_LOOKED_AT))
    if not coming:
        once = not wish.rrule and not wish.rdates
        if once and datetime.fromisoformat(wish.starts).replace(tzinfo=known_zone(where)) > now + _FARTHEST:
            raise InvalidInput(
                N_("That is too far ahead: a single time lies within %(limit)s days from now."),
                code="too_far", fields={"starts": "far"}, limit=_FARTHEST.days,
            )  # fmt: skip
        raise InvalidInput(
            N_("That instant is in the past.") if once else N_("This rule never occurs from now on."),
            code="in_the_past" if once else "never_occurs", fields={"starts" if once else "rrule": "never"},
        )  # fmt: skip
    if len(coming) >= MAX_LOOKED_AT:
        raise InvalidInput(
            N_("This rule occurs too often: more than %(limit)s times within 400 days."),
            code="too_often", fields={"rrule": "too_often"}, limit=MAX_LOOKED_AT,
        )  # fmt: skip
    library = libraries.load(session, [programme.id]) if imagined is None else imagined.library
    seconds = resolving.expected_seconds(library, programme.id, coming[0].starts_at)
    if most is not None:
        seconds = min(seconds, most)
    priority = resolving.expected_priority(library, programme.id)
    found = Understood(programme, unit, heard, series, where, seconds, priority, coming)
    if self_overlap(found.spans):
        raise InvalidInput(
            N_("The programme takes %(minutes)s minutes and would not be over when it starts again."),
            code="too_long", fields={"rrule": "too_often"}, minutes=round(seconds / 60, 1),
        )  # fmt: skip
    return found


def _check_plain(wish: Wish) -> None:
    if wish.late not in LATE:
        raise InvalidInput(N_("“late” is join, play or skip."), fields={"late": "unknown"})
    if wish.short not in SHORT:
        raise InvalidInput(N_("“short” is end or fill."), fields={"short": "unknown"})
    if wish.volume is not None and not 0 <= wish.volume <= 100:  # noqa: PLR2004
        raise InvalidInput(N_("A volume lies between 0 and 100."), fields={"volume": "range"})
    if not 0 <= wish.after_minutes <= MAX_AFTER_MINUTES or (wish.after_minutes and not wish.daypart):
        raise InvalidInput(N_("Minutes after the beginning belong to a day part."), fields={"after_minutes": "range"})
    if wish.max_minutes is not None and not 0 < wish.max_minutes <= MAX_MINUTES:
        raise InvalidInput(
            N_("A session takes more than 0 and at most 1,440 minutes."), fields={"max_minutes": "range"}
        )
    if wish.short == "fill" and not (wish.max_minutes or wish.daypart):
        raise InvalidInput(N_("Say how many minutes are to be filled."), fields={"max_minutes": "missing"})


def _coming(series: Series, now: datetime) -> Iterator[Occurrence]:
    """From now on, near ones first; a far-off single instant is found as well."""
    yield from occurring(series, now, now + LOOK_AHEAD)
    yield from islice(occurring(series, now + LOOK_AHEAD, now + _FARTHEST), 10)

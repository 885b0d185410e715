"""What would come of a bulletin on air, before anything is kept: clashes, limits, length, who hears it, mobile data."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, cast, func, true
from sqlmodel import Session, col, select

from core.clock import zone as known_zone
from core.errors import N_, Conflict, InvalidInput, NotFound
from playlists import libraries, resolving, there
from playlists.libraries import Library
from playlists.models import BulletinVersion, Programme
from playlists.there import There
from registry import units
from registry.models import Station, Unit
from registry.rights import Actor, Permission
from scheduler import audience, checks, free_time, series, simdata, slots
from scheduler.air_asking import Asked
from scheduler.checks import Neighbours
from scheduler.editing import Rules
from scheduler.models import Airing, AiringTarget
from scheduler.series import occurring
from scheduler.wishes import Imagined, Understood, Wish, understand

# Nobody reads further in a preview; everything ahead is held against the timetable once it is put there.
LOOKED_AT = timedelta(days=62)
_LATELY = timedelta(days=3)
_MOST_AIRINGS = 400
_MOST_NEXT = 6
_CHUNK = 400


@dataclass(frozen=True)
class Heard:
    """What stations with one list of languages play: `tongues` of the bulletin, how long, and bytes for one of them."""

    tongues: tuple[str, ...]
    stations: int
    seconds: float
    bytes: int


@dataclass(frozen=True)
class Lately:
    """The same words sounded there not long ago."""

    title: str
    at: datetime


@dataclass
class Look:
    """What was found. `free` is the first instant at which nothing stands in the way; None where there is no need.

    `sim_bytes` is what a station fetches at most, `sim_total` all stations together; each fetches a clip once.
    `estimated` says that some audio is not made yet. `grows` is how long the joined programme would then be.
    """

    times: list[Understood] = field(default_factory=list)
    next: list[datetime] = field(default_factory=list)
    seconds: float = 0.0
    estimated: bool = False
    clashes: list[dict[str, Any]] = field(default_factory=list)
    limits: list[dict[str, Any]] = field(default_factory=list)
    stations: int = 0
    places: int = 0
    heard: list[Heard] = field(default_factory=list)
    lately: list[Lately] = field(default_factory=list)
    free: datetime | None = None
    soon: bool = False
    grows: float = 0.0
    joined: str = ""

    @property
    def sim_bytes(self) -> int:
        return max((each.bytes for each in self.heard), default=0)

    @property
    def sim_total(self) -> int:
        return sum(each.bytes * each.stations for each in self.heard)

    @property
    def hopeless(self) -> list[dict[str, Any]]:
        """The clashes that can't be resolved."""
        return [each for each in self.clashes if each["resolution"] is None]

    @property
    def good(self) -> bool:
        """Whether it can be sent as it is."""
        return not self.hopeless and not self.limits


def permission_for(actor: Actor, unit: Unit) -> Permission:
    """What somebody needs at the places they name: to schedule there, or to write there for others to carry it out."""
    return Permission.SCHEDULE if actor.may(Permission.SCHEDULE, unit) else Permission.WRITE


def imagined(session: Session, here: There) -> Imagined:
    """The programme “just this bulletin”, which is not kept yet."""
    unit, version = here.unit, here.version
    alone = Programme(id="", unit_id=unit.id, title=version.title, created_by="", created_at=version.written_at)
    library = libraries.imagined(session, alone, [version.bulletin_id])
    if here.sent_to:  # what the unit above is writing now is no business of this one's
        library.latest.update(library.approved)
    return Imagined(alone, unit, library)


def keep_within(session: Session, actor: Actor, here: There, asked: Asked) -> None:
    """Return if all that is asked for lies where the bulletin was sent to. Raises InvalidInput, NotFound."""
    if not here.sent_to:
        return
    if asked.join:
        places = [slots.find(session, actor, asked.join)[1]]
    else:
        places = list(audience.read(session, actor, asked.audience, Permission.SEE).units)
    if not all(each.path.startswith(here.unit.path) for each in places):
        raise InvalidInput(
            N_("It was sent to “%(unit)s”. Choose places there."), fields={"for": "elsewhere"}, unit=here.unit.name
        )


def look(
    session: Session, actor: Actor, bulletin_id: str, asked: Asked, rules: Rules, now: datetime,
    *, at: str | None = None,
) -> Look:  # fmt: skip
    """Hold a request against everything that is known, at a unit as in `playlists.there.find`.

    Raises NotFound, InvalidInput for what makes no sense.
    """
    here = there.find(session, actor, bulletin_id, at)
    version = here.version
    keep_within(session, actor, here, asked)
    meant = imagined(session, here)
    found = Look(soon=asked.soon)
    if asked.join:
        _join(session, actor, asked.join, meant, rules, now, found)
    elif asked.soon:
        _soon(session, actor, asked, meant, rules, now, found)
    else:
        _at_times(session, actor, asked, meant, rules, now, found)
    found.seconds = resolving.expected_seconds(meant.library, "", now)
    found.estimated = any(clip.seconds is None for clip in meant.library.clips.values())
    names = {name for each in found.times for name in each.heard.names}
    found.heard, found.stations, found.places = _heard(session, meant.library, version, names, rules.default_zone)
    found.lately = _lately(session, meant.library, version, names, now)
    return found


def _at_times(
    session: Session, actor: Actor, asked: Asked, meant: Imagined, rules: Rules, now: datetime, found: Look
) -> None:
    permission = permission_for(actor, meant.unit)
    for wish in asked.wishes(""):
        wanted = understand(session, actor, wish, rules.default_zone, now, imagined=meant, permission=permission)
        _hold(session, actor, wanted, rules, now, found)
    found.next = sorted(found.next)[:_MOST_NEXT]


def _hold(session: Session, actor: Actor, wanted: Understood, rules: Rules, now: datetime, found: Look) -> None:
    near = [each for each in wanted.coming if each.starts_at < wanted.coming[0].starts_at + LOOKED_AT]
    held = replace(wanted, coming=near)
    beside = checks.neighbours(session, held)
    clashes = checks.clashes(session, actor, held, beside)
    limits = checks.limits_broken(session, held, beside, rules.default_zone)
    found.times.append(wanted)
    found.next += [each.starts_at for each in wanted.coming[:_MOST_NEXT]]
    found.clashes += clashes
    found.limits += limits
    hopeless = [each["at"] for each in clashes if each["resolution"] is None] + [each["at"] for each in limits]
    if hopeless and found.free is None:
        found.free = _way_out(session, held, beside, min(hopeless), rules, now)


def _way_out(
    session: Session, held: Understood, beside: Neighbours, problem: datetime, rules: Rules, now: datetime
) -> datetime | None:
    """When it could begin instead."""
    places = free_time.places(session, held, rules.default_zone)
    if len(held.coming) > 1:
        return free_time.other_time(session, held, beside, places, problem)
    around = _around(session, held, held.coming[0].starts_at)
    return free_time.first_free(
        session, held, around, places, max(held.coming[0].starts_at, now + rules.freeze)
    )  # fmt: skip


def _around(session: Session, wanted: Understood, start: datetime) -> Neighbours:
    """What sounds at the stations of the wish from `start` on for as long as room is looked for."""
    first = wanted.coming[0]
    ends = [replace(first, at=at, starts_at=at) for at in (start, start + free_time.REACH)]
    return checks.neighbours(session, replace(wanted, coming=ends))


def soonest(
    session: Session, actor: Actor, asked: Asked, meant: Imagined, rules: Rules, now: datetime
) -> tuple[Understood, datetime]:
    """The first instant at which the bulletin has room where it is asked for. Raises Conflict where it has none."""
    where = known_zone(units.inherited(units.ancestors(session, meant.unit), rules.default_zone).zone)
    start = free_time.whole_minute(now + rules.freeze + timedelta(seconds=1))
    wish = Wish("", start.astimezone(where).strftime("%Y-%m-%dT%H:%M"), asked.audience)
    permission = permission_for(actor, meant.unit)
    wanted = understand(session, actor, wish, rules.default_zone, now, imagined=meant, permission=permission)
    places = free_time.places(session, wanted, rules.default_zone)
    at = free_time.first_free(session, wanted, _around(session, wanted, start), places, start)
    if at is None:
        raise Conflict(
            N_("There is no room for it within eight days that keeps the hours. Choose a time."),
            code="no_room", fields={"when": "soon"},
        )  # fmt: skip
    return replace(wanted, coming=[replace(wanted.coming[0], at=at, starts_at=at)]), at


def _soon(
    session: Session, actor: Actor, asked: Asked, meant: Imagined, rules: Rules, now: datetime, found: Look
) -> None:
    wanted, at = soonest(session, actor, asked, meant, rules, now)
    found.times, found.next = [wanted], [at]


def joined(session: Session, actor: Actor, slot_id: str, meant: Imagined, now: datetime) -> tuple[Understood, float]:
    """The slot whose programme would hold the bulletin too, as it would then be, and the seconds it would then take.

    Raises NotFound, InvalidInput for one that is over.
    """
    slot, unit = slots.find(session, actor, slot_id)
    actor.require(permission_for(actor, meant.unit), unit)
    if slot.withdrawn_at is not None:
        raise NotFound
    held = series.one(session, slot)
    coming = list(occurring(held, now, now + LOOKED_AT))
    if not coming:
        raise InvalidInput(N_("Nothing of this slot is still to come."), fields={"when": "join"})
    library = libraries.load(session, [slot.programme_id])
    long = resolving.expected_seconds(library, slot.programme_id, coming[0].starts_at)
    more = resolving.expected_seconds(meant.library, "", coming[0].starts_at)
    most = slot.max_seconds
    seconds = long + more if most is None else min(long + more, most)
    programme = library.programmes[slot.programme_id]
    priority = resolving.expected_priority(library, slot.programme_id)
    found = Understood(
        programme, unit, audience.known(session, slot.audience), held, slot.zone, seconds, priority, coming
    )
    return found, long + more


def _join(
    session: Session, actor: Actor, slot_id: str, meant: Imagined, rules: Rules, now: datetime, found: Look
) -> None:
    wanted, found.grows = joined(session, actor, slot_id, meant, now)
    slot, _ = slots.find(session, actor, slot_id)
    beside = checks.neighbours(session, wanted, frozenset({slot_id}))
    found.times, found.joined = [wanted], wanted.programme.title
    found.next = [each.starts_at for each in wanted.coming[:_MOST_NEXT]]
    found.clashes = checks.clashes(session, actor, wanted, beside)
    limits = checks.limits_broken(session, wanted, beside, rules.default_zone)
    found.limits = [each for each in limits if each["limit"] not in slot.lifted]


def _heard(
    session: Session, library: Library, version: BulletinVersion, names: Iterable[str], default_zone: str
) -> tuple[list[Heard], int, int]:
    """Which stations hear which languages, those that most hear first; all stations, and in how many units."""
    spoken = cast(Station.languages, String)
    rows = session.exec(
        select(spoken, Unit.id, func.count())
        .select_from(Station)
        .join(Unit, col(Unit.id) == Station.unit_id)
        .where(audience.behind(session, names))
        .group_by(spoken, col(Unit.id))
    ).all()
    chains = units.with_those_above(session, {unit for _, unit, _ in rows})
    found: dict[tuple[tuple[str, ...], str], int] = {}
    for languages, unit, count in rows:
        above = [chains[each] for each in chains[unit].path.strip("/").split("/")]
        codec = units.inherited(above, default_zone).codec
        sounds = resolving.spoken_at(library, version, json.loads(languages or "[]"))
        tongues = tuple(dict.fromkeys(language or version.language for language, _ in sounds))
        found[tongues, codec] = found.get((tongues, codec), 0) + count
    heard = [
        Heard(tongues, count, *_weight(library, version, tongues, codec)) for (tongues, codec), count in found.items()
    ]
    heard.sort(key=lambda each: -each.stations)
    return heard, sum(count for _, _, count in rows), len({unit for _, unit, _ in rows})


def _weight(library: Library, version: BulletinVersion, tongues: Sequence[str], codec: str) -> tuple[float, int]:
    """Seconds of what sounds, and bytes of its clips, each once."""
    sounds = resolving.spoken_at(library, version, tongues)
    seconds = sum(resolving.clip_seconds(library.clips[clip]) for _, clip in sounds)
    return seconds, round(sum(simdata.size(library.clips[clip], codec) for clip in {clip for _, clip in sounds}))


def _lately(
    session: Session, library: Library, version: BulletinVersion, names: Iterable[str], now: datetime
) -> list[Lately]:
    """When the same words sounded at one of these places in the last three days, each bulletin's last time."""
    sums = {clip.mp3_sha256 for clip in library.clips.values() if clip.mp3_sha256}
    wanted = sorted(audience.related_names(session, names)) if names else []
    found: dict[str, Lately] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = (
            select(Airing.title, Airing.starts_at, Airing.items)
            .join(AiringTarget, col(AiringTarget.airing_id) == Airing.id)
            .where(col(AiringTarget.name).in_(wanted[start : start + _CHUNK]))
            .where(col(Airing.starts_at) > now - _LATELY, col(Airing.starts_at) <= now)
            .where(col(Airing.state).in_(("on_air", "over")))
            .order_by(col(Airing.starts_at).desc())
            .limit(_MOST_AIRINGS)
        )
        for title, at, items in session.exec(query).all():
            if any(_same(item, version.bulletin_id, sums) for item in items) and title not in found:
                found[title] = Lately(title, at)
    return sorted(found.values(), key=lambda each: each.at, reverse=True)[:_MOST_NEXT]


def _same(item: dict[str, Any], bulletin: str, sums: set[str]) -> bool:
    files = item.get("clip") or {}
    return item.get("bulletin") == bulletin or bool(sums and (files.get("mp3") or {}).get("sha256") in sums)


def count(session: Session, names: Sequence[str]) -> int:
    """How many stations are behind these internal names."""
    return audience.count(session, names, true())


def local_text(instant: datetime, zone: str) -> str:
    """An instant as a slot's start is written."""
    return instant.astimezone(known_zone(zone)).strftime("%Y-%m-%dT%H:%M")

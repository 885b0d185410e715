"""Putting a message on air: its parts become emergencies, in the languages of their stations; taking it off again."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from alerts import alarm_rules, raising
from alerts.cap.deciding import expiry
from alerts.cap.message import Message
from alerts.cap.wording import cleaned
from alerts.sources.about import about, severity
from alerts.sources.aiming import Aim, Part, worded
from alerts.sources.land import Land
from alerts.sources.models import CapAlert, CapSource
from core.errors import N_, InvalidInput
from core.settings import Settings
from core.signing import Signer
from registry.models import Person, Unit
from registry.rights import EVERYWHERE, Actor, Permission, actor_for
from scheduler import emergencies
from scheduler.alarms import MAX_REPLACED, Alarm, Said
from scheduler.audience import MAX_NAMES, station_ids
from scheduler.models import Emergency

_MOST_TITLE = 200


@dataclass(frozen=True)
class Desk:
    """What it takes to act at one instant."""

    settings: Settings
    signer: Signer
    land: Land
    now: datetime


@dataclass(frozen=True)
class Spoken:
    """One emergency to be: at which unit, for which internal names, how many stations, what is said of which blocks."""

    unit_id: str
    names: tuple[str, ...]
    stations: int
    blocks: tuple[int, ...]
    said: tuple[Said, ...]


def answering(session: Session, source: CapSource) -> Actor | None:
    """Whoever made the rule, with the rights of this moment; None when they are gone or inactive."""
    person = session.get(Person, source.made_by)
    return actor_for(session, person) if person is not None and person.active else None


def paths_of(session: Session, source: CapSource, actor: Actor | None) -> list[str]:
    """Where a source may speak at most: its unit, or for what a person hands in where they may raise an alarm."""
    if source.unit_id is not None:
        unit = session.get(Unit, source.unit_id)
        return [unit.path] if unit else []
    return actor.paths(Permission.ALARM) if actor else []


def planned(message: Message, aim: Aim, land: Land, paths: Collection[str], *, all_clear: bool) -> list[Spoken]:
    """The emergencies that a message would be. Nothing is said where its blocks have no words."""
    found = []
    for part in aim.parts:
        for path, stations in _tops(land, part, paths):
            split = Part(part.blocks, frozenset(stations))
            said = tuple(
                Said(each.language, each.text)
                for each in worded(message.infos, split, land, all_clear=all_clear)
            )  # fmt: skip
            names = land.named(stations, path)
            unit = land.lowest(stations, path)
            for start in range(0, len(names) if said else 0, MAX_NAMES):
                some = tuple(names[start : start + MAX_NAMES])
                found.append(Spoken(unit, some, len(stations), part.blocks, said))
    return found


def _tops(land: Land, part: Part, paths: Collection[str]) -> Iterable[tuple[str, set[str]]]:
    """The stations of a part by the topmost units that they are alarmed from."""
    for path in paths:
        under = land.under([path], part.stations)
        if path != EVERYWHERE:
            if under:
                yield path, under
            continue
        for root in sorted({land.home[each].split("/")[1] for each in under}):
            yield f"/{root}/", {each for each in under if land.home[each].startswith(f"/{root}/")}


def alarms_of(
    source: CapSource, row: CapAlert, message: Message, spoken: Sequence[Spoken], ends: Sequence[str] = ()
) -> list[tuple[str, Alarm]]:
    """The emergencies that a message is to be, each with the id of its unit; they end those in `ends`.

    Raises InvalidInput where there is nothing to say.
    """
    if not spoken:
        raise InvalidInput(N_("There is nothing in it that could be said."))
    left = list(ends)
    made = []
    for each in spoken:
        infos = [message.infos[place] for place in each.blocks]
        over, left = left[:MAX_REPLACED], left[MAX_REPLACED:]
        alarm = Alarm(
            audience=each.names, said=each.said, times=source.times, every_s=source.every_s,
            title=cleaned(infos[0].headline or infos[0].event).rstrip(".")[:_MOST_TITLE],
            about=about(infos, all_clear=row.all_clear), signal=_signal(source, row), severity=severity(infos),
            until=max(expiry(info, message.sent) for info in infos), source=f"cap:{row.id}",
            also_replaces=tuple(over),
        )  # fmt: skip
        made.append((each.unit_id, alarm))
    return made


def air(
    session: Session, desk: Desk, actor: Actor, alarms: Sequence[tuple[str, Alarm]], ends: Sequence[str] = ()
) -> list[str]:
    """Raise the emergencies of a message by the right of `actor`; those in `ends` end with it. Their ids.

    Raises Forbidden or NotFound where the actor may not; then nothing was done, if the caller lets its savepoint go.
    """
    made = []
    for unit_id, alarm in alarms:
        emergency, _ = emergencies.raise_alarm(
            session, actor, session.get_one(Unit, unit_id), alarm, signer=desk.signer,
            default_zone=desk.settings.zone, max_chars=desk.settings.max_text_chars, now=desk.now,
        )  # fmt: skip
        made.append(emergency.id)
    replaced = {former for _, alarm in alarms for former in alarm.replaced}
    stop(session, actor, [each for each in ends if each not in replaced], desk.now)
    return made


def rule_of(session: Session, actor: Actor, alarms: Sequence[tuple[str, Alarm]]) -> str:
    """How people must confirm these emergencies, by the strictest rule of all places that hear them."""
    rules = [raising.rule_for(session, actor, session.get_one(Unit, unit), alarm) for unit, alarm in alarms]
    return max(rules, key=alarm_rules.RULES.index, default=alarm_rules.USUAL)


def _signal(source: CapSource, row: CapAlert) -> str:
    """The signal of the rule; all clear has no siren."""
    return "chime" if row.all_clear and source.signal == "siren" else source.signal


def stop(session: Session, actor: Actor, ids: Iterable[str], now: datetime) -> None:
    """End these emergencies; those that are over or gone are passed over. Raises Forbidden."""
    for identity in dict.fromkeys(ids):
        if session.get(Emergency, identity) is not None:
            emergencies.stop(session, actor, identity, now)


def heard_already(session: Session, row: CapAlert, others: Iterable[CapAlert]) -> set[str]:
    """Stations that hear the very same message through another source."""
    names = {name for other in others if other.id != row.id and other.digest == row.digest for name in other.audience}
    return station_ids(session, names) if names else set()

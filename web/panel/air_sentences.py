"""What the page “where and when” says of a request: one sentence for when, and who may let a limit be broken."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from registry.models import Grant, Person, Unit
from registry.rights import Actor, Role
from scheduler.air_asking import Asked
from scheduler.bulletin_check import Look
from web.panel import air_usual, rrule_words

_SHOWN_LIFTERS = 3


@dataclass(frozen=True)
class _Soon:
    approved: bool
    soon: bool = True


def soon(*, approved: bool) -> str:
    """“As soon as can be”, of a bulletin that still waits for its approval or has it."""
    return rrule_words.when_in_words(_Soon(approved))


def sentence(
    reading: Session, actor: Actor, unit: Unit, asked: Asked, where: ZoneInfo, now: datetime, *, approved: bool
) -> str:
    """What was understood, in one sentence."""
    if asked.soon:
        return soon(approved=approved)
    if asked.join:
        return air_usual.joining(reading, actor, asked.join)
    names = dict(air_usual.part_names(reading, unit))
    today = now.astimezone(where).date()
    return "; ".join(
        rrule_words.when_in_words(_Worded(each, where.key, names.get(each.daypart or "", "")), today=today)
        for each in asked.times
    )


class _Worded:
    """A time of a request with what its words need besides: the zone, and the name of its day part."""

    def __init__(self, when: Any, zone: str, part: str) -> None:
        self.starts, self.rrule, self.until, self.exdates = when.starts, when.rrule, when.until, when.exdates
        self.days, self.daypart, self.after_minutes = when.days, when.daypart, when.after_minutes
        self.zone, self.daypart_name, self.rdates = zone, part, ()


def lifters(reading: Session, found: Look) -> tuple[str, ...]:
    """Who may let the limits be broken: the nearest people who administer the places, by name."""
    chain: list[str] = []
    for wanted in found.times:
        for unit in wanted.heard.units[:1]:
            chain += [each for each in unit.path.strip("/").split("/") if each not in chain]
    rows = reading.exec(
        select(Person.name, Grant.unit_id)
        .join(Grant, col(Grant.person_id) == Person.id)
        .where(col(Person.active), Grant.role == Role.ADMINISTRATOR.value, col(Grant.unit_id).in_(chain))
        .limit(50)
    ).all()
    order = {identity: place for place, identity in enumerate(reversed(chain))}
    nearest = sorted(rows, key=lambda row: order.get(row[1] or "", len(order)))
    return tuple(dict.fromkeys(name for name, _ in nearest))[:_SHOWN_LIFTERS]

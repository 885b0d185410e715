"""Who may answer for a unit what was offered to it: those with the right there, by the rules that hold, and deputies.

Not those above: a province that sends something does not remind itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from playlists import approval_rules
from playlists.models import BulletinVersion
from playlists.offer_models import Offer, OfferReminder
from registry.deputy_models import Deputy
from registry.models import Grant, Person, Unit
from registry.rights import PERMISSIONS, Actor, Permission, Role, StandIn

REMINDED_EVERY = timedelta(days=1)
_CHUNK = 400
_DECIDING = tuple(role.value for role in Role if Permission.APPROVE in PERMISSIONS[role])


def of_units(
    session: Session, home: Unit, units: Sequence[Unit], version: BulletinVersion, now: datetime
) -> dict[str, list[str]]:
    """Ids of the people who may answer at each of these units below `home`, by the unit's id. A few queries per 400.

    Those of the unit itself; where it has nobody, those of the nearest unit above it that has somebody.
    """
    chains = {unit.id: _between(home, unit) for unit in units}
    people = _with_deputies(session, {each for chain in chains.values() for each in chain}, now)
    rules = approval_rules.held_at(session, units)
    found: dict[str, list[str]] = {}
    for unit in units:
        may = (
            sorted(
                person for person in people.at.get(each, ())
                if not approval_rules.verdict(rules[unit.id], people.actors[person], unit, version).why_not
            )
            for each in reversed(chains[unit.id])
        )  # fmt: skip
        found[unit.id] = next((those for those in may if those), [])
    return found


def _between(home: Unit, unit: Unit) -> list[str]:
    """The unit and those above it as far as `home`, which is left out."""
    return [each for each in unit.path.removeprefix(home.path).strip("/").split("/") if each]


class _People:
    """Who holds a right to approve where, or stands in for who does: ids by unit, and what each of them may."""

    def __init__(self) -> None:
        self.at: dict[str, set[str]] = {}
        self.actors: dict[str, Actor] = {}

    def add(
        self, unit_id: str, person: Person, grants: Iterable[tuple[str, Role]], stands_in: Iterable[StandIn]
    ) -> None:
        before = self.actors.get(person.id)
        self.at.setdefault(unit_id, set()).add(person.id)
        self.actors[person.id] = Actor(
            person.id, person.username, person.name, person.language,
            (*(before.grants if before else ()), *grants),
            stands_in=(*(before.stands_in if before else ()), *stands_in),
        )  # fmt: skip


def _with_deputies(session: Session, unit_ids: set[str], now: datetime) -> _People:
    found, wanted = _People(), sorted(unit_ids)
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        rows = session.exec(
            select(Grant, Unit, Person)
            .join(Unit, col(Unit.id) == Grant.unit_id)
            .join(Person, col(Person.id) == Grant.person_id)
            .where(col(Grant.unit_id).in_(chunk), col(Grant.role).in_(_DECIDING), col(Person.active))
        ).all()
        for grant, unit, person in rows:
            found.add(unit.id, person, [(unit.path, Role(grant.role))], ())
        held = dict(found.actors)
        deputies = session.exec(
            select(Deputy, Unit, Person)
            .join(Unit, col(Unit.id) == Deputy.unit_id)
            .join(Person, col(Person.id) == Deputy.person_id)
            .where(
                col(Deputy.unit_id).in_(chunk), col(Deputy.begins_at) <= now, col(Deputy.ends_at) > now,
                col(Deputy.ended_at).is_(None), col(Person.active),
            )
        ).all()  # fmt: skip
        for row, unit, person in deputies:
            of = held.get(row.of_person_id)
            roles = frozenset(role for path, role in of.grants if unit.path.startswith(path)) if of else frozenset()
            if of is not None and roles:
                found.add(unit.id, person, (), [StandIn(unit.path, of.id, of.name, roles)])
    return found


def reminded_lately(session: Session, people: Iterable[str], now: datetime) -> dict[str, datetime]:
    """Which of these people were reminded of any offer within the last day, and when. One query per 400."""
    wanted, found = sorted(set(people)), dict[str, datetime]()
    for start in range(0, len(wanted), _CHUNK):
        rows = session.exec(
            select(OfferReminder.person_id, func.max(OfferReminder.at))
            .where(
                col(OfferReminder.person_id).in_(wanted[start : start + _CHUNK]),
                col(OfferReminder.at) > now - REMINDED_EVERY,
            )
            .group_by(col(OfferReminder.person_id))
        ).all()
        found.update(rows)
    return found


def note(session: Session, made: Offer, people: Mapping[str, object], now: datetime) -> None:
    """Note that these people were reminded of the offer."""
    ids = sorted(people)
    there: dict[str, OfferReminder] = {}
    for start in range(0, len(ids), _CHUNK):
        query = select(OfferReminder).where(
            OfferReminder.offer_id == made.id, col(OfferReminder.person_id).in_(ids[start : start + _CHUNK])
        )
        there.update((row.person_id, row) for row in session.exec(query).all())
    for person in ids:
        row = there.get(person) or OfferReminder(offer_id=made.id, person_id=person, at=now)
        row.at = now
        session.add(row)
    session.flush()

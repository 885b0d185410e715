"""Lists of people for who administers them: searched, and a page at a time."""

from typing import NamedTuple

from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from registry import plainly
from registry.models import Grant, Person, Unit
from registry.rights import Actor, Permission, Role

PAGE = 50


class Listed(NamedTuple):
    """Somebody with the roles that the actor administers, the uppermost unit first."""

    person: Person
    roles: list[tuple[Unit, Role]]


def found(
    session: Session, actor: Actor, typed: str = "", after: str = "", limit: int = PAGE
) -> tuple[list[Listed], bool]:
    """At most `limit` people by sign-in name, behind the name `after`; and whether there are more.

    Each word of `typed` stands in their name, their sign-in name, or the name of a unit of theirs; small letters and
    missing accents find the same.
    """
    mine = actor.within(Permission.ADMINISTER, col(Unit.path))
    query = columns(col(Person.id), col(Person.username), col(Person.name), col(Unit.plain)).join_from(
        Person, Grant, col(Grant.person_id) == col(Person.id)
    )
    query = query.join(Unit, col(Unit.id) == col(Grant.unit_id)).where(mine, col(Person.username) > after)
    texts: dict[str, list[str]] = {}
    for identity, username, name, place in session.execute(query.order_by(col(Person.username))):
        texts.setdefault(identity, [username, plainly.plain(name)] if typed else []).append(place)
    words = plainly.words(typed)
    ids = [identity for identity, parts in texts.items() if all(any(word in part for part in parts) for word in words)]
    rows = session.exec(
        select(Person, Unit, Grant.role)
        .join(Grant, col(Grant.person_id) == Person.id)
        .join(Unit, col(Unit.id) == Grant.unit_id)
        .where(col(Person.id).in_(ids[:limit]), mine)
        .order_by(col(Person.username), col(Unit.path))
    ).all()
    people: dict[str, Listed] = {}
    for person, unit, role in rows:
        people.setdefault(person.id, Listed(person, [])).roles.append((unit, Role(role)))
    return list(people.values()), len(ids) > limit

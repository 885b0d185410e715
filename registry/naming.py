"""Names of people for pages and logs."""

from collections.abc import Iterable

from sqlmodel import Session, col, select

from registry.models import Person, Station, Unit

_CHUNK = 400


def by_id(session: Session, ids: Iterable[str | None]) -> dict[str, str]:
    """Names of these people, by id; unknown ids are absent."""
    wanted = sorted({identity for identity in ids if identity})
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = select(Person.id, Person.name).where(col(Person.id).in_(wanted[start : start + _CHUNK]))
        found.update(session.exec(query).all())
    return found


def by_username(session: Session, usernames: Iterable[str]) -> dict[str, str]:
    """Names of these people, by sign-in name; unknown ones are absent."""
    wanted = sorted(set(usernames))
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = select(Person.username, Person.name).where(col(Person.username).in_(wanted[start : start + _CHUNK]))
        found.update(session.exec(query).all())
    return found


def units_by_id(session: Session, ids: Iterable[str | None]) -> dict[str, str]:
    """Names of these units, by id; unknown ids are absent."""
    wanted = sorted({identity for identity in ids if identity})
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = select(Unit.id, Unit.name).where(col(Unit.id).in_(wanted[start : start + _CHUNK]))
        found.update(session.exec(query).all())
    return found


def stations_by_id(session: Session, ids: Iterable[str | None]) -> dict[str, str]:
    """Names of these stations, by id; what is no station is absent."""
    wanted = sorted({identity for identity in ids if identity and identity.startswith("st_")})
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = select(Station.id, Station.name).where(col(Station.id).in_(wanted[start : start + _CHUNK]))
        found.update(session.exec(query).all())
    return found

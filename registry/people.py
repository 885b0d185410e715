"""People, their roles, how they sign in, and the tokens of their scripts."""

import re
from datetime import datetime

from sqlmodel import Session, col, select

from core import audit
from core.errors import N_, Conflict, InvalidInput, NotFound, NotSignedIn
from core.ids import new_id
from registry import secrets, throttle
from registry.models import ApiToken, Grant, Person, Unit
from registry.rights import EVERYWHERE, Actor, Permission, Role, actor_for, system_actor
from registry.units import clean_name

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,59}")
TRIES_A_PERSON = 10
TRIES_AN_ADDRESS = 50
_WRONG = N_("The name or the password is not right.")
_NOBODY = N_("There is no person “%(name)s”.")
_TOKEN = N_("The token is missing, wrong or revoked.")


def create(
    session: Session, actor: Actor, *, username: str, name: str, unit: Unit, role: Role, now: datetime
) -> tuple[Person, str]:
    """Add a person with one role. Returns the person and the generated password, which is shown once."""
    actor.require(Permission.ADMINISTER, unit)
    person, password = _add(session, actor, username, name, unit.id, now)
    grant(session, actor, person, unit, role, now)
    return person, password


def first_administrator(session: Session, username: str, now: datetime) -> str:
    """Make the administrator of the whole installation; returns the generated password.

    Only while there is nobody yet: raises Conflict otherwise.
    """
    if session.exec(select(Person).limit(1)).first():
        raise Conflict(N_("This installation has been set up already."))
    person, password = _add(session, system_actor(), username, username, None, now)
    session.add(Grant(id=new_id("gt"), person_id=person.id, unit_id=None, role=Role.ADMINISTRATOR.value))
    return password


def _add(
    session: Session, actor: Actor, username: str, name: str, unit_id: str | None, now: datetime
) -> tuple[Person, str]:
    if not _USERNAME.fullmatch(username):
        raise InvalidInput(
            N_("A sign-in name has small letters without accents, digits, points and hyphens."),
            fields={"username": "form"},
        )
    if session.exec(select(Person).where(Person.username == username)).first():
        raise Conflict(N_("The sign-in name “%(name)s” is taken."), name=username)
    password = secrets.new_password()
    person = Person(
        id=new_id("pe"), username=username, name=clean_name(name), password_hash=secrets.hash_password(password),
        created_at=now,
    )  # fmt: skip
    session.add(person)
    session.flush()
    audit.record(
        session, actor=actor.username, action="person.create", subject=person.id, unit_id=unit_id, now=now,
        username=username,
    )  # fmt: skip
    return person, password


def grant(session: Session, actor: Actor, person: Person, unit: Unit, role: Role, now: datetime) -> None:
    """Give a role at a unit; giving it twice changes nothing."""
    actor.require(Permission.ADMINISTER, unit)
    held = select(Grant).where(Grant.person_id == person.id, Grant.unit_id == unit.id, Grant.role == role.value)
    if session.exec(held).first():
        return
    session.add(Grant(id=new_id("gt"), person_id=person.id, unit_id=unit.id, role=role.value))
    audit.record(
        session,
        actor=actor.username,
        action="person.grant",
        subject=person.id,
        unit_id=unit.id,
        now=now,
        role=role.value,
    )


def revoke(session: Session, actor: Actor, person: Person, unit: Unit, role: Role, now: datetime) -> None:
    actor.require(Permission.ADMINISTER, unit)
    held = select(Grant).where(Grant.person_id == person.id, Grant.unit_id == unit.id, Grant.role == role.value)
    for each in session.exec(held).all():
        session.delete(each)
        audit.record(
            session,
            actor=actor.username,
            action="person.revoke",
            subject=person.id,
            unit_id=unit.id,
            now=now,
            role=role.value,
        )


def find(session: Session, actor: Actor, person_id: str) -> tuple[Person, list[tuple[Unit, Role]]]:
    """A person with those of their roles that the actor may see. Raises NotFound when there is none."""
    person = session.get(Person, person_id)
    rows = session.exec(
        select(Unit, Grant.role)
        .join(Grant, col(Grant.unit_id) == Unit.id)
        .where(Grant.person_id == person_id, actor.within(Permission.SEE, col(Unit.path)))
    ).all()
    if person is None or (not rows and person.id != actor.id):
        raise NotFound
    return person, [(unit, Role(role)) for unit, role in rows]


def visible(session: Session, actor: Actor) -> list[tuple[Person, Unit, Role]]:
    """Everybody with a role where the actor administers, by sign-in name."""
    rows = session.exec(
        select(Person, Unit, Grant.role)
        .join(Grant, col(Grant.person_id) == Person.id)
        .join(Unit, col(Unit.id) == Grant.unit_id)
        .where(actor.within(Permission.ADMINISTER, col(Unit.path)))
        .order_by(col(Person.username), col(Unit.path))
    ).all()
    return [(person, unit, Role(role)) for person, unit, role in rows]


def reset_password(session: Session, actor: Actor, person: Person, now: datetime) -> str:
    """Give a new generated password and end every session of theirs.

    The actor must administer every unit where the person holds a role: nobody takes over somebody above them.
    """
    held = session.exec(select(Grant).where(Grant.person_id == person.id)).all()
    units = session.exec(select(Unit).where(col(Unit.id).in_([each.unit_id for each in held]))).all()
    above = EVERYWHERE in actor.paths(Permission.ADMINISTER)
    if not held or (not above and any(each.unit_id is None for each in held)):
        raise NotFound
    for unit in units:
        actor.require(Permission.ADMINISTER, unit)
    password = secrets.new_password()
    _set_password(session, person, password)
    audit.record(
        session,
        actor=actor.username,
        action="person.password",
        subject=person.id,
        unit_id=units[0].id if units else None,
        now=now,
        by="reset",
    )
    return password


def change_password(session: Session, person_id: str, old: str, new: str, now: datetime) -> Person:
    """A person changes their own password; other sessions end. Raises InvalidInput."""
    person = session.get(Person, person_id)
    if person is None or not secrets.password_fits(person.password_hash, old):
        raise InvalidInput(N_("The present password is not right."), fields={"old": "wrong"})
    if not secrets.MIN_PASSWORD <= len(new) <= secrets.MAX_PASSWORD or new.lower() == person.username:
        raise InvalidInput(N_("The new password needs at least %(least)s characters."), least=secrets.MIN_PASSWORD)
    _set_password(session, person, new)
    audit.record(session, actor=person.username, action="person.password", subject=person.id, now=now, by="self")
    return person


def _set_password(session: Session, person: Person, password: str) -> None:
    person.password_hash = secrets.hash_password(password)
    person.session_version += 1
    session.add(person)


def sign_in(session: Session, username: str, password: str, address: str, now: datetime) -> Person | None:
    """The person, or None for a wrong name or password; the failure is counted in this transaction.

    Raises TooMany after 10 failures for one name from one address, or 50 from one address, within 15 minutes.
    The caller commits also when None comes back, so that the count holds.
    """
    by_person, by_address = f"in:{username[:60]}:{address}", f"in::{address}"
    throttle.check(session, by_person, TRIES_A_PERSON, now)
    throttle.check(session, by_address, TRIES_AN_ADDRESS, now)
    person = session.exec(select(Person).where(Person.username == username.strip().lower()[:60])).first()
    fits = secrets.password_fits(person.password_hash if person else None, password[: secrets.MAX_PASSWORD])
    if person is None or not fits or not person.active:
        throttle.failed(session, by_person, now)
        throttle.failed(session, by_address, now)
        audit.record(
            session, actor=username[:60] or "?", action="sign_in.failed", subject="person", now=now, address=address
        )
        return None
    throttle.forget(session, by_person)
    audit.record(session, actor=person.username, action="sign_in", subject=person.id, now=now, address=address)
    return person


def wrong_password() -> NotSignedIn:
    return NotSignedIn(_WRONG)


def by_session(session: Session, person_id: str, version: int) -> Actor | None:
    """Whoever a browser session belongs to, with the rights of this moment; None when it has ended."""
    person = session.get(Person, person_id)
    if person is None or not person.active or person.session_version != version:
        return None
    return actor_for(session, person)


def by_username(session: Session, username: str) -> Person:
    """Whoever signs in by this name. Raises NotFound."""
    person = session.exec(select(Person).where(Person.username == username)).first()
    if person is None:
        raise NotFound(_NOBODY, name=username)
    return person


def new_token(session: Session, username: str, label: str, now: datetime) -> str:
    """A token for scripts with this person's rights, shown once. Raises NotFound."""
    person = by_username(session, username)
    if not person.active:
        raise NotFound(_NOBODY, name=username)
    token = secrets.new_token("loa")
    session.add(
        ApiToken(
            id=new_id("tk"), person_id=person.id, token_hash=secrets.digest(token), label=label[:100], created_at=now
        )
    )
    audit.record(session, actor="system", action="token.create", subject=person.id, now=now, label=label)
    return token


def by_token(session: Session, token: str) -> Actor:
    """Whoever this API token belongs to, with the rights of this moment. Raises NotSignedIn."""
    row = session.exec(
        select(ApiToken, Person)
        .join(Person, col(Person.id) == ApiToken.person_id)
        .where(ApiToken.token_hash == secrets.digest(token), col(ApiToken.revoked_at).is_(None))
    ).first()
    if row is None or not row[1].active:
        raise NotSignedIn(_TOKEN)
    return actor_for(session, row[1])

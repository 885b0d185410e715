"""People, their roles, how they sign in."""

import re
from datetime import datetime
from functools import partial

from sqlmodel import Session, col, select

from core import audit
from core.database import even_so
from core.errors import N_, Conflict, InvalidInput, NotFound, NotSignedIn
from core.ids import new_id
from registry import account_notices, passwords, second_factor, secrets, sessions, throttle
from registry.models import Grant, Person, Unit
from registry.people_above import require_above
from registry.rights import Actor, Permission, Role, actor_for, system_actor
from registry.tokens import new_token
from registry.units import clean_name

__all__ = [
    "add_invited", "by_username", "change_password", "create", "find", "first_administrator", "give", "grant", "may",
    "new_token", "reset_password", "revoke", "second_step", "set_password", "sign_in", "visible", "wrong_password",
]  # fmt: skip

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,59}")
TRIES_A_PERSON = 10
TRIES_AN_ADDRESS = 50
_ANEW = N_("That took too long. Sign in with your password again.")
_WRONG = N_("The name or the password is not right.")
_NOBODY = N_("There is no person “%(name)s”.")


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
    password = secrets.new_password()
    return _added(session, actor.username, username, name, password, unit_id, now), password


def add_invited(session: Session, *, username: str, name: str, password: str, unit_id: str, now: datetime) -> Person:
    """Add whoever has opened an invitation, under the name and password of their choice. Raises as `create`."""
    return _added(session, username[:60], username, name, password, unit_id, now)


def _added(
    session: Session, by: str, username: str, name: str, password: str, unit_id: str | None, now: datetime
) -> Person:
    if not _USERNAME.fullmatch(username):
        raise InvalidInput(
            N_("A sign-in name has small letters without accents, digits, points and hyphens."),
            fields={"username": "form"},
        )
    if session.exec(select(Person).where(Person.username == username)).first():
        raise Conflict(N_("The sign-in name “%(name)s” is taken."), name=username)
    person = Person(
        id=new_id("pe"), username=username, name=clean_name(name), password_hash=secrets.hash_password(password),
        created_at=now,
    )  # fmt: skip
    session.add(person)
    session.flush()
    audit.record(
        session, actor=by, action="person.create", subject=person.id, unit_id=unit_id, now=now, username=username
    )
    return person


def grant(session: Session, actor: Actor, person: Person, unit: Unit, role: Role, now: datetime) -> None:
    """Give a role at a unit; giving it twice changes nothing."""
    actor.require(Permission.ADMINISTER, unit)
    give(session, actor.username, person, unit, role, now)


def give(session: Session, by: str, person: Person, unit: Unit, role: Role, now: datetime) -> None:
    """As `grant`, for who has asked already whether `by` (a sign-in name) may."""
    held = select(Grant).where(Grant.person_id == person.id, Grant.unit_id == unit.id, Grant.role == role.value)
    if session.exec(held).first():
        return
    session.add(Grant(id=new_id("gt"), person_id=person.id, unit_id=unit.id, role=role.value))
    audit.record(
        session,
        actor=by,
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
    units = require_above(session, actor, person)
    actor.require_whole()
    password = secrets.new_password()
    _set_password(session, person, password)
    account_notices.leave(session, actor, person.id, "password_reset", now)
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
    passwords.check(new, person.username)
    return set_password(session, person, new, now, by="self")


def set_password(session: Session, person: Person, password: str, now: datetime, *, by: str) -> Person:
    """Store a password that its person has chosen and `passwords.check` has let pass; every session of theirs ends."""
    _set_password(session, person, password)
    audit.record(session, actor=person.username, action="person.password", subject=person.id, now=now, by=by)
    return person


def _set_password(session: Session, person: Person, password: str) -> None:
    person.password_hash = secrets.hash_password(password)
    person.session_version += 1
    session.add(person)
    sessions.end_all(session, person.id)


def sign_in(session: Session, username: str, password: str, address: str, now: datetime) -> Person | None:
    """The person, or None for a wrong name or password; the failure is counted in this transaction.

    Somebody with a second factor is not in yet: see `second_step`.

    Raises TooMany after 10 failures for one name from one address, or 50 from one address, within 15 minutes.
    The caller commits also when None comes back, so that the count holds.
    """
    by_person, by_address = f"in:{username[:60]}:{address}", f"in::{address}"
    throttle.check(session, by_person, TRIES_A_PERSON, now)
    throttle.check(session, by_address, TRIES_AN_ADDRESS, now)
    person = session.exec(select(Person).where(Person.username == username.strip().lower()[:60])).first()
    fits = secrets.password_fits(person.password_hash if person else None, password[: passwords.MAX])
    if person is None or not fits or not person.active:
        throttle.failed(session, by_person, now)
        throttle.failed(session, by_address, now)
        audit.record(
            session, actor=username[:60] or "?", action="sign_in.failed", subject="person", now=now, address=address
        )
        return None
    throttle.forget(session, by_person)
    if not second_factor.is_set_up(session, person.id):
        audit.record(session, actor=person.username, action="sign_in", subject=person.id, now=now, address=address)
    return person


def second_step(session: Session, person_id: str, version: int, code: str, address: str, now: datetime) -> Person:
    """Sign in with the second factor, after `sign_in` has taken the password of the person as of `version`.

    Raises NotSignedIn when the password has changed since, InvalidInput (field `code`) for a wrong code.
    """
    person = session.get(Person, person_id)
    if person is None or not person.active or person.session_version != version:
        raise NotSignedIn(_ANEW)
    try:
        second_factor.check(session, person_id, code, now, place="sign_in")
    except InvalidInput:
        even_so(session, partial(_note_failure, username=person.username, address=address, now=now))
        raise
    audit.record(
        session, actor=person.username, action="sign_in", subject=person.id, now=now, address=address,
        second_factor=True,
    )  # fmt: skip
    return person


def _note_failure(session: Session, *, username: str, address: str, now: datetime) -> None:
    audit.record(
        session, actor=username, action="sign_in.failed", subject="person", now=now, address=address, step="code"
    )


def wrong_password() -> NotSignedIn:
    return NotSignedIn(_WRONG)


def may(session: Session, person_id: str, permission: Permission, unit: Unit) -> bool:
    """Whether a person has a right at a unit at this moment; nobody has any who is gone or inactive."""
    person = session.get(Person, person_id)
    return person is not None and person.active and actor_for(session, person).may(permission, unit)


def by_username(session: Session, username: str) -> Person:
    """Whoever signs in by this name. Raises NotFound."""
    person = session.exec(select(Person).where(Person.username == username)).first()
    if person is None:
        raise NotFound(_NOBODY, name=username)
    return person

"""Links that make an account, or set a new password: handed over by an administrator, good once, for three days.

Whoever opens the link chooses the password themselves, so that nobody else ever knows it. Only the SHA-256 of the
token in a link is kept; with 256 bits nobody guesses one, so nothing counts wrong ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col, select

from core import audit
from core.errors import N_, Conflict, InvalidInput, NotFound
from core.ids import new_id
from registry import account_notices, passwords, people, secrets, units
from registry.account_models import Invitation
from registry.models import Person, Unit
from registry.people_above import require_above
from registry.rights import Actor, Permission, Role

LASTS = timedelta(days=3)
MOST = 200  # open at a time, by one person
_KEPT = timedelta(days=90)
_JOIN, _PASSWORD = "join", "password"
_GONE = N_("This link has been used, has run out or was taken back. Ask your administrator for a new one.")
_EMAIL_SIGN = "@"


@dataclass(frozen=True)
class Opened:
    """What a link is for. `person` is None where it makes an account."""

    invitation: Invitation
    unit: Unit | None
    person: Person | None

    @property
    def joins(self) -> bool:
        return self.invitation.kind == _JOIN


def invite(
    session: Session,
    actor: Actor,
    *,
    unit: Unit,
    role: Role,
    name: str,
    email: str = "",
    phone: str = "",
    now: datetime,
) -> tuple[Invitation, str]:
    """Invite somebody to a role at a unit; returns the invitation and the token of its link, which is shown once.

    Raises InvalidInput, and Conflict when 200 of the actor's invitations are open.
    """
    actor.require(Permission.ADMINISTER, unit)
    actor.require_whole()
    row = _made(session, actor, kind=_JOIN, unit_id=unit.id, role=role.value, name=units.clean_name(name), now=now)
    row.email, row.phone = _contact(email, 200, "email"), _contact(phone, 40, "phone")
    if row.email and _EMAIL_SIGN not in row.email:
        raise InvalidInput(N_("This is not an e-mail address."), fields={"email": "form"})
    token = _handed_out(session, row)
    audit.record(
        session, actor=actor.username, action="invitation.make", subject=row.id, unit_id=unit.id, now=now,
        role=role.value, name=row.name,
    )  # fmt: skip
    return row, token


def _contact(text: str, most: int, field: str) -> str:
    cleaned = " ".join(text.split())
    if len(cleaned) > most or not cleaned.isprintable():
        raise InvalidInput(N_("This is too long, or has characters that do not belong here."), fields={field: "form"})
    return cleaned


def for_password(session: Session, actor: Actor, person: Person, now: datetime) -> tuple[Invitation, str]:
    """A link by which a person chooses a new password; an older one for them ends. As `people.reset_password`."""
    held = require_above(session, actor, person)
    actor.require_whole()
    for old in _open_for(session, person.id, now):
        old.revoked_at = now
        session.add(old)
    row = _made(
        session, actor, kind=_PASSWORD, unit_id=held[0].id if held else None, person_id=person.id, name=person.name,
        now=now,
    )  # fmt: skip
    token = _handed_out(session, row)
    account_notices.leave(session, actor, person.id, "password_link", now)
    audit.record(
        session, actor=actor.username, action="person.password_link", subject=person.id, unit_id=row.unit_id, now=now
    )
    return row, token


def _made(
    session: Session,
    actor: Actor,
    *,
    kind: str,
    unit_id: str | None,
    name: str,
    now: datetime,
    role: str = "",
    person_id: str | None = None,
) -> Invitation:
    open_now = select(Invitation.id).where(
        Invitation.made_by == actor.id, col(Invitation.used_at).is_(None), col(Invitation.revoked_at).is_(None),
        col(Invitation.expires_at) > now,
    )  # fmt: skip
    if len(session.exec(open_now.limit(MOST)).all()) >= MOST:
        raise Conflict(N_("%(most)s links of yours are open. Take back those that nobody will use."), most=MOST)
    return Invitation(
        id=new_id("iv"), token_hash="", kind=kind, unit_id=unit_id, role=role, person_id=person_id, name=name,
        made_by=actor.id, made_at=now, expires_at=now + LASTS,
    )  # fmt: skip


def _handed_out(session: Session, row: Invitation) -> str:
    token = secrets.new_token("hi")
    row.token_hash = secrets.digest(token)
    session.add(row)
    session.flush()
    return token


def _open_for(session: Session, person_id: str, now: datetime) -> Sequence[Invitation]:
    query = select(Invitation).where(
        Invitation.person_id == person_id, col(Invitation.used_at).is_(None), col(Invitation.revoked_at).is_(None),
        col(Invitation.expires_at) > now,
    )  # fmt: skip
    return session.exec(query).all()


def opened(session: Session, token: str, now: datetime) -> Opened:
    """What lies under a link. Raises NotFound for one that is wrong, used, run out or taken back: all look the same."""
    row = session.exec(select(Invitation).where(Invitation.token_hash == secrets.digest(token))).first()
    if row is None or row.used_at is not None or row.revoked_at is not None or row.expires_at <= now:
        raise NotFound(_GONE)
    person = session.get(Person, row.person_id) if row.kind == _PASSWORD and row.person_id else None
    if row.kind == _PASSWORD and (person is None or not person.active):
        raise NotFound(_GONE)
    return Opened(row, session.get(Unit, row.unit_id) if row.unit_id else None, person)


def accept(session: Session, token: str, *, username: str, password: str, now: datetime) -> Person:
    """Use a link: the account with the role, or the new password. Raises NotFound, InvalidInput, Conflict.

    A role is only given if who invited could still give it at this moment.
    """
    found = opened(session, token, now)
    if found.person is not None:
        passwords.check(password, found.person.username)
        person = people.set_password(session, found.person, password, now, by="link")
    else:
        passwords.check(password, username)
        person = _join(session, found, username, password, now)
    row = found.invitation
    row.used_at, row.person_id = now, person.id
    session.add(row)
    return person


def _join(session: Session, found: Opened, username: str, password: str, now: datetime) -> Person:
    row, unit = found.invitation, found.unit
    if unit is None or not people.may(session, row.made_by, Permission.ADMINISTER, unit):
        raise NotFound(_GONE)
    person = people.add_invited(session, username=username, name=row.name, password=password, unit_id=unit.id, now=now)
    people.give(session, session.get_one(Person, row.made_by).username, person, unit, Role(row.role), now)
    return person


def standing(session: Session, actor: Actor, now: datetime) -> list[tuple[Invitation, Unit]]:
    """Open invitations to units that the actor administers, the newest first, at most 200."""
    rows = session.exec(
        select(Invitation, Unit)
        .join(Unit, col(Unit.id) == Invitation.unit_id)
        .where(
            Invitation.kind == _JOIN, col(Invitation.used_at).is_(None), col(Invitation.revoked_at).is_(None),
            col(Invitation.expires_at) > now, actor.within(Permission.ADMINISTER, col(Unit.path)),
        )
        .order_by(col(Invitation.made_at).desc(), col(Invitation.id))
        .limit(MOST)
    ).all()  # fmt: skip
    return [(row, unit) for row, unit in rows]


def revoke(session: Session, actor: Actor, identity: str, now: datetime) -> Invitation:
    """Take an open link back. Raises NotFound, also for one of units out of sight."""
    row = session.get(Invitation, identity)
    unit = session.get(Unit, row.unit_id) if row and row.unit_id else None
    if row is None or unit is None or row.used_at is not None or row.revoked_at is not None:
        raise NotFound
    actor.require(Permission.ADMINISTER, unit)
    actor.require_whole()
    row.revoked_at = now
    session.add(row)
    audit.record(session, actor=actor.username, action="invitation.revoke", subject=row.id, unit_id=unit.id, now=now)
    return row


def prune(session: Session, now: datetime) -> None:
    """Remove links that ran out 90 days ago."""
    session.execute(delete(Invitation).where(col(Invitation.expires_at) < now - _KEPT))

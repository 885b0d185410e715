"""Secret addresses under which a unit's calendar can be read without signing in: made, found, revoked.

An address stands for a person and holds no more than they may see at the moment somebody asks. It is kept beside the
tokens of scripts, but opens nothing but the calendar: `people.by_token` takes no row of this kind, by its id.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from core import audit
from core.errors import N_, NotFound, NotSignedIn
from core.ids import new_id
from registry import secrets
from registry.models import ApiToken, Person, Unit
from registry.rights import Actor, Permission, actor_for

_PREFIX = "ca"
_LABEL = "calendar:"
_GONE = N_("There is no calendar under this address any more.")


def make(session: Session, actor: Actor, unit: Unit, now: datetime) -> str:
    """A new secret for the unit's calendar, with the rights of the actor; their older one for it ends.

    Raises NotFound, and NotSignedIn for who is no person.
    """
    actor.require(Permission.SEE, unit)
    if session.get(Person, actor.id) is None:
        raise NotSignedIn(N_("Only a person can subscribe to a calendar."))
    for row in _rows(session, unit):
        if row.person_id == actor.id:
            row.revoked_at = now
            session.add(row)
    secret = secrets.new_token("cal")
    row = ApiToken(
        id=new_id(_PREFIX),
        person_id=actor.id,
        token_hash=secrets.digest(secret),
        label=f"{_LABEL}{unit.id}",
        created_at=now,
    )
    session.add(row)
    audit.record(session, actor=actor.username, action="calendar.make", subject=row.id, unit_id=unit.id, now=now)
    return secret


def held(session: Session, actor: Actor, unit: Unit) -> Sequence[ApiToken]:
    """The addresses in use for a unit's calendar: the actor's own, and everybody's for who administers the unit."""
    actor.require(Permission.SEE, unit)
    every = actor.may(Permission.ADMINISTER, unit)
    return [row for row in _rows(session, unit) if every or row.person_id == actor.id]


def revoke(session: Session, actor: Actor, unit: Unit, now: datetime) -> int:
    """End the addresses that `held` shows; returns how many. Ending none is no error."""
    rows = held(session, actor, unit)
    for row in rows:
        row.revoked_at = now
        session.add(row)
        audit.record(session, actor=actor.username, action="calendar.revoke", subject=row.id, unit_id=unit.id, now=now)
    return len(rows)


def opened(session: Session, secret: str) -> tuple[Unit, Actor]:
    """The unit whose calendar lies under a secret, and who sees it. Raises NotFound, as for a wrong one."""
    row = session.exec(
        select(ApiToken, Person)
        .join(Person, col(Person.id) == ApiToken.person_id)
        .where(ApiToken.token_hash == secrets.digest(secret), col(ApiToken.revoked_at).is_(None))
    ).first()
    if row is None or not row[1].active or not row[0].id.startswith(f"{_PREFIX}_"):
        raise NotFound(_GONE)
    unit = session.get(Unit, row[0].label.removeprefix(_LABEL))
    actor = actor_for(session, row[1])
    if unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound(_GONE)
    return unit, actor


def _rows(session: Session, unit: Unit) -> Sequence[ApiToken]:
    query = select(ApiToken).where(
        ApiToken.label == f"{_LABEL}{unit.id}", col(ApiToken.id).startswith(f"{_PREFIX}_"),
        col(ApiToken.revoked_at).is_(None),
    )  # fmt: skip
    return session.exec(query.order_by(col(ApiToken.id))).all()

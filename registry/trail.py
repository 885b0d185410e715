"""Reading the audit log: what concerns the units a person administers, and what became of one thing."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from core.audit import AuditEntry
from registry.models import Grant, Person, Unit
from registry.rights import EVERYWHERE, Actor, Permission

MAX_PAGE = 501  # a page of 500, and one more to see whether it goes on


def visible(
    session: Session, actor: Actor, *, before: int | None = None, after: int | None = None, limit: int = 50
) -> Sequence[AuditEntry]:
    """Entries of units the actor administers and of people with a role there.

    The newest first, below the number `before`; or, with `after`, from there on in order. What belongs to no unit
    (signing in, passwords, tokens) shows to those who administer a unit of that person; everything shows to an
    administrator of the whole installation.
    """
    query = select(AuditEntry).limit(min(limit, MAX_PAGE))
    if EVERYWHERE not in actor.paths(Permission.ADMINISTER):
        query = query.where(administered(actor))
    if after is not None:
        return session.exec(query.where(col(AuditEntry.number) > after).order_by(col(AuditEntry.number))).all()
    if before is not None:
        query = query.where(col(AuditEntry.number) < before)
    return session.exec(query.order_by(col(AuditEntry.number).desc())).all()


def administered(actor: Actor) -> ColumnElement[bool]:
    """SQL condition: an entry concerns what the actor administers, as `visible` says."""
    here = actor.within(Permission.ADMINISTER, col(Unit.path))
    granted = select(Grant.person_id).join(Unit, col(Unit.id) == Grant.unit_id).where(here)
    usernames = select(Person.username).where(col(Person.id).in_(granted))
    return col(AuditEntry.unit_id).in_(select(Unit.id).where(here)) | (
        col(AuditEntry.unit_id).is_(None)
        & (col(AuditEntry.subject).in_(granted) | col(AuditEntry.actor).in_(usernames))
    )


def about(session: Session, subject: str, limit: int = MAX_PAGE) -> Sequence[AuditEntry]:
    """What was done to one thing, the newest first. Whoever asks has already been let see the thing itself."""
    query = select(AuditEntry).where(AuditEntry.subject == subject)
    return session.exec(query.order_by(col(AuditEntry.number).desc()).limit(min(limit, MAX_PAGE))).all()

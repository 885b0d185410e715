"""Searching the audit log: who, what, about what, where, when; paged by a cursor, walked through for an export.

Sorted by instant and number, the newest first, which each of the log's indexes gives without sorting. What the reader
may see is what `registry.trail` says.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import tuple_
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from core.audit import AuditEntry
from core.clock import format_instant, parse_instant
from core.database import Database
from core.errors import N_, InvalidInput
from registry import trail
from registry.models import Person, Unit
from registry.rights import EVERYWHERE, Actor, Permission

_PAGE = 1_000
_DIGITS = 16
_FEW_UNITS = 300
_MAX = 80
Cursor = tuple[datetime, int]


@dataclass(frozen=True)
class Wanted:
    """What is searched for. Empty texts and None mean anything; `end` is not part of it.

    `person` is a sign-in name or part of a name; a unit means itself and all below it.
    """

    person: str = ""
    act: str = ""
    subject: str = ""
    unit: Unit | None = None
    start: datetime | None = None
    end: datetime | None = None


def search(
    session: Session, actor: Actor, wanted: Wanted, *, before: Cursor | None = None, limit: int = 51
) -> Sequence[AuditEntry]:
    """Entries that the actor may see and that are wanted, the newest first, older than the cursor."""
    query = _seen(session, select(AuditEntry), actor, wanted)
    if wanted.person:
        query = query.where(col(AuditEntry.actor).in_(_usernames(session, wanted.person)))
    if wanted.act:
        query = query.where(AuditEntry.action == wanted.act[:_MAX])
    if wanted.subject:
        query = query.where(AuditEntry.subject == wanted.subject[:_MAX])
    if wanted.start:
        query = query.where(col(AuditEntry.at) >= wanted.start)
    if wanted.end:
        query = query.where(col(AuditEntry.at) < wanted.end)
    if before:
        at, number = before
        # The first condition says the same once more, in words that an index understands.
        query = query.where(
            col(AuditEntry.at) <= at, tuple_(col(AuditEntry.at), col(AuditEntry.number)) < tuple_(*_bound(at, number))
        )
    return session.exec(query.order_by(col(AuditEntry.at).desc(), col(AuditEntry.number).desc()).limit(limit)).all()


def _bound(at: datetime, number: int) -> tuple[Any, Any]:
    from sqlalchemy import bindparam

    return bindparam("cursor_at", at, AuditEntry.__table__.c.at.type), bindparam("cursor_number", number)  # type: ignore[attr-defined]


def _seen(
    session: Session, query: SelectOfScalar[AuditEntry], actor: Actor, wanted: Wanted
) -> SelectOfScalar[AuditEntry]:
    """The part of the log that the actor may see, of the unit that is wanted."""
    everything = EVERYWHERE in actor.paths(Permission.ADMINISTER)
    if wanted.unit is None:
        return query if everything else query.where(trail.administered(actor))
    actor.require(Permission.ADMINISTER, wanted.unit)
    below = select(Unit.id).where(col(Unit.path).startswith(wanted.unit.path, autoescape=True))
    ids = session.exec(below.limit(_FEW_UNITS + 1)).all()
    return query.where(col(AuditEntry.unit_id).in_(ids if len(ids) <= _FEW_UNITS else below))


def _usernames(session: Session, typed: str) -> list[str]:
    """Sign-in names that fit: the very name, also of somebody who is no more, and people whose name contains it."""
    typed = typed.strip()[:_MAX]
    named = select(Person.username).where(col(Person.name).icontains(typed, autoescape=True)).limit(100)
    return [typed, typed.lower(), *session.exec(named).all()]


def cursor_of(entry: AuditEntry) -> str:
    """Where a page ends, as text for an address."""
    return f"{format_instant(entry.at)}~{entry.number}"


def cursor(text: str) -> Cursor | None:
    """Read what `cursor_of` wrote; None for an empty text. Raises InvalidInput."""
    if not text:
        return None
    at, _, number = text.partition("~")
    if not (number.isdecimal() and number.isascii() and len(number) < _DIGITS):
        raise InvalidInput(N_("This is no place in the log. Begin again with the newest entries."))
    return parse_instant(at), int(number)


def walk(database: Database, actor: Actor, wanted: Wanted) -> Iterator[AuditEntry]:
    """All that is found, the newest first, read in pages of 1,000: memory is bounded and no transaction stays open."""
    before: Cursor | None = None
    while True:
        with database.read() as session:
            page = search(session, actor, wanted, before=before, limit=_PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        before = page[-1].at, page[-1].number or 0

"""Airings and reports page by page, for scripts: bounded, in a fixed order, only what the actor may see."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import tuple_
from sqlmodel import Session, col, select

from core.clock import parse_instant
from core.errors import N_, InvalidInput
from registry.models import Station, Unit
from registry.rights import Actor, Permission, Role
from scheduler.log import visible
from scheduler.models import Airing, PlayReport

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def narrowed(actor: Actor, unit: Unit | None) -> Actor:
    """The actor as if they saw nothing but `unit` (already found to be visible) and below."""
    return replace(actor, grants=((unit.path, Role.VIEWER),)) if unit else actor


def airings(
    session: Session,
    actor: Actor,
    unit: Unit | None,
    start: datetime | None,
    end: datetime | None,
    *,
    after: str = "",
    limit: int = 100,
) -> list[tuple[Airing, Unit]]:
    """Airings that start within [start, end), by start; those replaced before they sounded are left out."""
    query = (
        select(Airing, Unit)
        .join(Unit, col(Unit.id) == Airing.unit_id)
        .where(visible(narrowed(actor, unit)), col(Airing.reason) != "replaced")
    )
    if start:
        query = query.where(col(Airing.starts_at) >= start)
    if end:
        query = query.where(col(Airing.starts_at) < end)
    moment, identity = _split(after)
    if identity:
        query = query.where(tuple_(col(Airing.starts_at), col(Airing.id)) > tuple_(moment, identity))
    rows = session.exec(query.order_by(col(Airing.starts_at), col(Airing.id)).limit(limit)).all()
    return [(airing, home) for airing, home in rows]


def position(moment: datetime, identity: str) -> str:
    """Where a page that ends with this row goes on."""
    return f"{moment.astimezone(UTC).isoformat().replace('+00:00', 'Z')}|{identity}"


def reports(
    session: Session,
    actor: Actor,
    unit: Unit | None,
    start: datetime | None,
    end: datetime | None,
    *,
    after: str = "",
    limit: int = 100,
) -> Sequence[PlayReport]:
    """Reports of stations the actor may see (at or below `unit`), that started within [start, end), by start."""
    query = (
        select(PlayReport)
        .join(Station, col(Station.id) == PlayReport.station_id)
        .join(Unit, col(Unit.id) == Station.unit_id)
        .where(narrowed(actor, unit).within(Permission.SEE, col(Unit.path)))
    )
    if start:
        query = query.where(col(PlayReport.started_at) >= start)
    if end:
        query = query.where(col(PlayReport.started_at) < end)
    moment, identity = _split(after)
    if identity:
        query = query.where(tuple_(col(PlayReport.started_at), col(PlayReport.id)) > tuple_(moment, identity))
    return session.exec(query.order_by(col(PlayReport.started_at), col(PlayReport.id)).limit(limit)).all()


def _split(after: str) -> tuple[datetime, str]:
    """The position that `position` wrote. Raises InvalidInput for anything else but nothing."""
    if not after:
        return _BEGINNING, ""
    moment, _, identity = after.partition("|")
    if not identity:
        raise bad_cursor()
    try:
        return parse_instant(moment), identity
    except InvalidInput:
        raise bad_cursor() from None


def bad_cursor() -> InvalidInput:
    return InvalidInput(
        N_("Give as “cursor” what the page before ended with, and nothing else."), fields={"cursor": "form"}
    )

"""Messages and sources that need a person: told once to those who are told of things at the unit, and the all clear."""

from datetime import datetime

from sqlmodel import Session

from alerts.sources.models import CapAlert, CapSource
from scheduler import concerns


def need(session: Session, row: CapAlert, now: datetime) -> None:
    """A message waits for a person, or one should look at it: whoever is told of things at its unit is told at once."""
    concerns.begin(session, concerns.WAITING, row.id, concerns.Cause(row.unit_id, row.title or row.identifier, now))


def calm(session: Session, row: CapAlert, known_at: datetime) -> None:
    """Nobody needs to look at the message any more."""
    concerns.end(session, concerns.WAITING, row.id, known_at)


def source_fails(session: Session, source: CapSource, since: datetime) -> None:
    """A source has failed for long: people are told, once."""
    concerns.begin(session, concerns.SOURCE, source.id, concerns.Cause(source.unit_id, source.name, since))


def source_is_well(session: Session, source: CapSource, now: datetime) -> None:
    """It answers again, or nobody asks it any more."""
    concerns.end(session, concerns.SOURCE, source.id, now)

"""Asking for speech as a unit speaks: with its own words and its own voice."""

from datetime import datetime

from sqlmodel import Session

from audio import clips, lexicon, voicing
from audio.models import Clip
from core.settings import Settings
from registry.models import Unit


def request(
    session: Session,
    unit: Unit,
    text: str,
    *,
    language: str,
    voice: str | None,
    created_by: str,
    now: datetime,
    due_at: datetime | None = None,
    urgent: bool = False,
    settings: Settings | None = None,
    bare: bool = False,
) -> Clip:
    """The clip of `text` as `unit` has it spoken (see `clips.request_speech`): the present one, or one in the queue."""
    return clips.request_speech(
        session, unit_id=unit.id, text=text, language=language, voice=voice or None, created_by=created_by, now=now,
        due_at=due_at, urgent=urgent, settings=settings, bare=bare,
        dictionary=lexicon.relevant(lexicon.held(session, unit), text), manner=voicing.held(session, unit, language),
    )  # fmt: skip

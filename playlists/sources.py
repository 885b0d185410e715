"""What a message sounds from: a text that is spoken, or a recording that somebody handed in."""

from datetime import datetime

from sqlmodel import Session

from audio import speaking
from audio.models import CANCELLED, EXPIRED, FAILED, Clip
from core.errors import N_, InvalidInput, NotFound
from registry.models import Unit
from registry.rights import Actor, Permission

MAX_LANGUAGE = 12
# Clips in these states will never sound by themselves.
LOST = (FAILED, CANCELLED, EXPIRED)


def text_or_clip(text: str, clip: str | None, max_chars: int) -> str:
    """The text without white space around it; empty where a recording is given instead. Raises InvalidInput."""
    text = text.strip()
    if bool(text) == bool(clip):
        raise InvalidInput(N_("Give either a text to be spoken or a recording: exactly one."), fields={"text": "empty"})
    if len(text) > max_chars:
        raise InvalidInput(
            N_("The text has %(length)s characters; at most %(limit)s can be spoken in one bulletin. Split it in two."),
            fields={"text": "long"}, length=len(text), limit=max_chars,
        )  # fmt: skip
    return text


def known_language(language: str) -> str:
    """`language` in lower case when it has the form of a short code such as `vi` or `en-gb`. Raises InvalidInput."""
    if not 0 < len(language) <= MAX_LANGUAGE or not language.isascii() or not language.replace("-", "").isalnum():
        raise InvalidInput(N_("Give the language by its short code, such as vi."), fields={"language": "form"})
    return language.lower()


def clip_for(session: Session, actor: Actor, clip_id: str, unit: Unit) -> Clip:
    """A clip that the actor may see and that belongs to `unit` or a unit above or below it. Raises NotFound."""
    clip = session.get(Clip, clip_id)
    home = session.get(Unit, clip.unit_id) if clip else None
    if clip is None or home is None or not actor.may(Permission.SEE, home):
        raise NotFound(N_("There is no recording “%(clip)s”."), clip=clip_id[:40])
    if not (home.path.startswith(unit.path) or unit.path.startswith(home.path)):
        raise InvalidInput(N_("This recording belongs to another unit."), fields={"clip": "unit"})
    return clip


def clip_of(
    session: Session,
    actor: Actor,
    unit: Unit,
    *,
    text: str,
    clip: str | None,
    language: str,
    voice: str | None,
    now: datetime,
) -> Clip:
    """The recording `clip`, or the speech of `text` (queued if it is new). Raises as `clip_for` does."""
    if clip:
        return clip_for(session, actor, clip, unit)
    return speaking.request(session, unit, text, language=language, voice=voice, created_by=actor.id, now=now)

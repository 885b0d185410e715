"""A bulletin in further languages: for each a text to be spoken, or the recording of a person who reads it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from audio.models import Clip
from core.errors import N_, InvalidInput
from core.ids import new_id
from playlists import sources
from playlists.models import BulletinVersion, Rendition
from registry.models import Unit
from registry.rights import Actor

MAX_LANGUAGES = 10
_CHUNK = 500


@dataclass(frozen=True)
class Other:
    """What a person hands in for one more language: either `text` or `clip` (id of a recording)."""

    language: str
    text: str = ""
    clip: str | None = None
    voice: str | None = None


def replace(
    session: Session,
    actor: Actor,
    unit: Unit,
    version: BulletinVersion,
    others: Sequence[Other],
    *,
    max_chars: int,
    now: datetime,
) -> None:
    """Let a draft `version` have just these further languages, in this order.

    Raises InvalidInput for a language named twice, more than ten, or neither text nor recording.
    """
    if len(others) >= MAX_LANGUAGES:
        raise InvalidInput(
            N_("A bulletin has at most %(limit)s languages."), fields={"versions": "count"}, limit=MAX_LANGUAGES
        )
    taken, rows = {version.language}, []
    for position, other in enumerate(others):
        language = sources.known_language(other.language)
        if language in taken:
            raise InvalidInput(
                N_("The language “%(language)s” is there twice."), fields={"versions": "twice"}, language=language
            )
        taken.add(language)
        text, voice = sources.text_or_clip(other.text, other.clip, max_chars), other.voice or None
        clip = sources.clip_of(
            session, actor, unit, text=text, clip=other.clip, language=language, voice=voice, now=now
        )  # fmt: skip
        row = Rendition(
            id=new_id("rn"), version_id=version.id, position=position, language=language, text=text,
            clip_id=clip.id, voice=voice,
        )  # fmt: skip
        rows.append(row)
    for old in of(session, [version.id]).get(version.id, ()):
        session.delete(old)
    session.flush()
    session.add_all(rows)
    session.flush()


def of(session: Session, version_ids: Iterable[str]) -> dict[str, list[Rendition]]:
    """The further languages of these versions, in order; versions without any are not in the answer."""
    wanted = sorted(set(version_ids))
    found: dict[str, list[Rendition]] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = select(Rendition).where(col(Rendition.version_id).in_(wanted[start : start + _CHUNK]))
        for row in session.exec(query.order_by(col(Rendition.position))).all():
            found.setdefault(row.version_id, []).append(row)
    return found


def with_clips(session: Session, version: BulletinVersion) -> list[tuple[Rendition, Clip]]:
    """The further languages of one version with their clips, in order."""
    query = (
        select(Rendition, Clip)
        .join(Clip, col(Clip.id) == Rendition.clip_id)
        .where(Rendition.version_id == version.id)
        .order_by(col(Rendition.position))
    )
    return [(row, clip) for row, clip in session.exec(query).all()]

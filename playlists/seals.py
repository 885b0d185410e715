"""What a person has before them when they decide: a short seal over everything of a version that will sound or show.

A form carries it, so that nobody approves another text, sound, priority or time than they have read and heard.
"""

import hashlib
import json

from sqlmodel import Session

from core.errors import N_, Conflict
from playlists import renditions
from playlists.models import BulletinVersion

_LENGTH = 16


def of(session: Session, version: BulletinVersion) -> str:
    """The number of the version and a digest of its content, such as `2-0f3a…`. One query."""
    others = renditions.of(session, [version.id]).get(version.id, ())
    content = [
        version.id, version.title, version.text, version.clip_id, version.language, version.field, version.priority,
        version.voice, version.twice,
        *(each.isoformat() if each else None for each in (version.valid_from, version.valid_until)),
        *([each.language, each.text, each.clip_id] for each in others),
    ]  # fmt: skip
    digest = hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()
    return f"{version.number}-{digest[:_LENGTH]}"


def require(session: Session, version: BulletinVersion, expected: str | None) -> None:
    """Return if `expected` (None: nothing was said) is the seal of this version. Raises Conflict."""
    if expected is not None and expected != of(session, version):
        raise Conflict(
            N_("The bulletin was changed meanwhile. Look at it again before you decide."), code="changed_meanwhile"
        )

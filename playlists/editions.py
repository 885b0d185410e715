"""Which state of a bulletin somebody is looking at, so that nothing is saved over what they have not seen."""

import hashlib
import json

from sqlmodel import Session

from audio.models import RECORDING, Clip
from core.errors import N_, Conflict
from playlists import renditions
from playlists.models import BulletinVersion

CODE = "changed_meanwhile"


def edition(session: Session, version: BulletinVersion) -> str:
    """The number of the version and a digest of all that a person writes in it: the same while nobody changed it.

    The sound of a text is not in it: a word that is read in another way afterwards changes nothing that is written.
    """
    written = [
        version.title, version.text, version.language, version.field, version.priority, version.voice or "",
        version.twice, str(version.valid_from), str(version.valid_until), _recording(session, version.clip_id),
        *(
            [row.language, row.text, row.voice or "", clip.id if clip.kind == RECORDING else ""]
            for row, clip in renditions.with_clips(session, version)
        ),
    ]  # fmt: skip
    digest = hashlib.sha256(json.dumps(written, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()
    return f"{version.number}:{digest[:40]}"


def _recording(session: Session, clip_id: str) -> str:
    clip = session.get(Clip, clip_id)
    return clip.id if clip is not None and clip.kind == RECORDING else ""


def expect(session: Session, version: BulletinVersion, seen: str) -> None:
    """Raise Conflict (code `changed_meanwhile`) when `edition` gives another by now than `seen`; "" expects nothing."""
    if seen and seen != edition(session, version):
        raise Conflict(
            N_("Somebody else has saved this bulletin while you were writing. Nothing of either text is lost."),
            code=CODE,
        )

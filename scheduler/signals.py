"""The clips of siren and chime: one of each for every tree of units, made once and kept, so that no emergency waits."""

from datetime import datetime

from sqlmodel import Session, col, select

from audio import clips
from audio.chime import SIGNALS
from audio.models import READY, SIGNAL, Clip
from core.wire import ClipFiles
from registry.models import Unit


def clip_of(session: Session, unit: Unit, name: str, now: datetime) -> Clip:
    """The clip of a signal for an emergency of `unit`; one that is not made yet is made at once."""
    top = unit.path.strip("/").split("/")[0]
    return clips.request_signal(session, unit_id=top, name=name, now=now, urgent=True)


def ensure(session: Session, now: datetime) -> int:
    """Have the signals made for every top unit, ahead of any emergency; returns how many units there are."""
    tops = session.exec(select(Unit.id).where(col(Unit.parent_id).is_(None)).order_by(col(Unit.id))).all()
    for unit_id in tops:
        for name in SIGNALS:
            clips.request_signal(session, unit_id=unit_id, name=name, now=now)
    return len(tops)


def held(session: Session) -> dict[str, list[ClipFiles]]:
    """By internal name of a top unit, the signals that are made: what every station there keeps."""
    rows = session.exec(
        select(Clip).where(Clip.kind == SIGNAL, Clip.state == READY).order_by(col(Clip.unit_id), col(Clip.text).desc())
    ).all()
    found: dict[str, list[ClipFiles]] = {}
    for clip in rows:
        found.setdefault(f"unit:{clip.unit_id}", []).append(clips.files(clip))
    return found

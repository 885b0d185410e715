"""Clips: asked for, claimed by a worker, finished or failed. Rights are the callers' business.

The way of a clip: a request queues it; a worker claims it by a compare-and-set update for some seconds, extends that
lease with each report of progress, and finishes or fails it only while the claim is still its own. A lease that ran
out is claimed again; after three tries the clip has failed. No transaction is open while it is rendered.
"""

import hashlib
import json
import math
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import CursorResult, Update, or_, update
from sqlmodel import Session, col, select

from audio.mastering import VERSION
from audio.models import FAILED, QUEUED, READY, RECORDING, RENDERING, SPEECH, Clip
from audio.rendered import Rendered
from core.errors import N_, Conflict, InvalidInput, LoaError, NotFound
from core.ids import new_id
from core.settings import Settings
from core.wire import AudioFile, ClipFiles

MOST_ATTEMPTS = 3
DEFAULT_LEASE_SECONDS = 60.0
_RETRY_SECONDS = 20.0
_TRIES_TO_CLAIM = 20
_MOST_TEXT_CHARS = 20_000
_DIED = N_("Rendering stopped without an answer three times; this text or recording can't be rendered.")


def checked_text(text: str, most_chars: int) -> str:
    """The text as it will be spoken, NFC and stripped. Raises InvalidInput for none, or for more than `most_chars`."""
    text = unicodedata.normalize("NFC", text).strip()
    if not any(sign.isalnum() for sign in text):
        message = N_("There is no text to speak. Write at least one word.")
        raise InvalidInput(message, code="empty_text", fields={"text": message})
    if len(text) > most_chars:
        raise InvalidInput(
            N_("The text has %(chars)d characters; at most %(limit)d are allowed. Split it into several bulletins."),
            code="text_too_long", fields={"text": N_("The text is too long.")}, chars=len(text), limit=most_chars,
        )  # fmt: skip
    return text


def _speech_key(text: str, language: str, voice: str | None, dictionary: Mapping[str, str]) -> str:
    parts = [SPEECH, VERSION, language, voice or "", text]
    if dictionary:
        parts.append(json.dumps(sorted(dictionary.items())))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def request_speech(
    session: Session,
    *,
    unit_id: str,
    text: str,
    language: str,
    voice: str | None,
    created_by: str,
    now: datetime,
    due_at: datetime | None = None,
    urgent: bool = False,
    settings: Settings | None = None,
    dictionary: Mapping[str, str] | None = None,
) -> Clip:
    """The clip of this text, language and voice within the unit: the present one, or a new one in the queue.

    `dictionary` says how words of the text are spoken; with other words it is another clip.
    Asking twice is asking once; what failed is queued again. An earlier `due_at` or `urgent` hastens the present
    one. Raises InvalidInput for an empty or too long text (`settings.max_text_chars`; 20,000 without settings).
    """
    text = checked_text(text, settings.max_text_chars if settings else _MOST_TEXT_CHARS)
    words = dict(dictionary or {})
    key = _speech_key(text, language, voice or None, words)
    found = session.exec(
        select(Clip).where(Clip.unit_id == unit_id, Clip.content_key == key).order_by(col(Clip.created_at)).limit(1)
    ).first()
    if found:
        if found.state == FAILED:
            _queue_again(found)
        if found.state != READY:
            found.urgent = found.urgent or urgent
            found.due_at = min((at for at in (found.due_at, due_at) if at), default=None)
        session.add(found)
        session.flush()
        return found
    clip = Clip(
        id=new_id("cl"), unit_id=unit_id, kind=SPEECH, text=text, language=language, voice=voice or None,
        dictionary=words, content_key=key, created_by=created_by, created_at=now, due_at=due_at, urgent=urgent,
    )  # fmt: skip
    session.add(clip)
    session.flush()
    return clip


def request_recording(
    session: Session,
    *,
    unit_id: str,
    upload: str,
    title: str,
    created_by: str,
    now: datetime,
    urgent: bool = False,
    due_at: datetime | None = None,
    language: str = "vi",
) -> Clip:
    """Queue an uploaded recording (`upload` is `Upload.path`). The same upload is one clip."""
    key = hashlib.sha256(f"{RECORDING}\0{VERSION}\0{upload}".encode()).hexdigest()
    found = session.exec(select(Clip).where(Clip.unit_id == unit_id, Clip.content_key == key)).first()
    if found:
        return found
    clip = Clip(
        id=new_id("cl"), unit_id=unit_id, kind=RECORDING, upload=upload, title=title, language=language,
        content_key=key, created_by=created_by, created_at=now, urgent=urgent, due_at=due_at,
    )  # fmt: skip
    session.add(clip)
    session.flush()
    return clip


def _queue_again(clip: Clip) -> None:
    clip.state, clip.progress, clip.attempts = QUEUED, 0, 0
    clip.claimed_by, clip.claimed_until = None, None
    clip.error, clip.error_message, clip.error_params = "", "", {}


def hasten(session: Session, clip_id: str, due_at: datetime | None, urgent: bool = False) -> None:
    """Render an unfinished clip earlier than planned; never later. Nothing happens to one that is ready or gone."""
    clip = session.get(Clip, clip_id)
    if clip and clip.state in (QUEUED, RENDERING):
        clip.due_at = min((at for at in (clip.due_at, due_at) if at), default=None)
        clip.urgent = clip.urgent or urgent
        session.add(clip)
        session.flush()


def _changed(session: Session, statement: Update) -> bool:
    result = session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)  # noqa: S101 - what an UPDATE gives
    return result.rowcount == 1


def claim_next(
    session: Session,
    holder: str,
    now: datetime,
    *,
    urgent_only: bool = False,
    lease_seconds: float = DEFAULT_LEASE_SECONDS,
) -> Clip | None:
    """Take the next clip for rendering: urgent first, then what is due first, then the oldest. None when there is none.

    A lease that has run out counts as queued. If another worker is quicker with one clip, the next is tried.
    """
    waiting = (col(Clip.state) == QUEUED) & or_(col(Clip.claimed_until).is_(None), col(Clip.claimed_until) <= now)
    abandoned = (col(Clip.state) == RENDERING) & (col(Clip.claimed_until) <= now)
    query = select(Clip).where(or_(waiting, abandoned))
    if urgent_only:
        query = query.where(col(Clip.urgent).is_(True))
    query = query.order_by(
        col(Clip.urgent).desc(), col(Clip.due_at).is_(None), col(Clip.due_at), col(Clip.created_at), col(Clip.id)
    ).limit(1)
    for _ in range(_TRIES_TO_CLAIM):
        clip = session.exec(query.execution_options(populate_existing=True)).first()
        if clip is None:
            return None
        if clip.state == RENDERING and clip.attempts >= MOST_ATTEMPTS:
            _changed(
                session,
                _unchanged(clip).values(
                    state=FAILED, claimed_by=None, claimed_until=None, error=_DIED, error_message=_DIED, error_params={}
                ),
            )
            continue
        taken = _unchanged(clip).values(
            state=RENDERING, claimed_by=holder, claimed_until=now + timedelta(seconds=lease_seconds),
            attempts=clip.attempts + 1, progress=0, error="", error_message="", error_params={},
        )  # fmt: skip
        if _changed(session, taken):
            session.refresh(clip)
            return clip
    return None


def _unchanged(clip: Clip) -> Update:
    """An update of `clip` that does nothing if somebody changed its state or claim since it was read."""
    return (
        update(Clip)
        .where(col(Clip.id) == clip.id, col(Clip.state) == clip.state, col(Clip.attempts) == clip.attempts)
        .where(col(Clip.claimed_by).is_not_distinct_from(clip.claimed_by))
        .where(col(Clip.claimed_until).is_not_distinct_from(clip.claimed_until))
    )


def _held(clip_id: str, holder: str) -> Update:
    return update(Clip).where(col(Clip.id) == clip_id, col(Clip.state) == RENDERING, col(Clip.claimed_by) == holder)


def report_progress(
    session: Session,
    clip_id: str,
    holder: str,
    percent: int,
    now: datetime,
    *,
    lease_seconds: float = DEFAULT_LEASE_SECONDS,
) -> bool:
    """Say how far rendering is (0 to 100) and extend the lease; False when the claim is no longer `holder`'s."""
    return _changed(
        session,
        _held(clip_id, holder).values(
            progress=max(0, min(100, percent)), claimed_until=now + timedelta(seconds=lease_seconds)
        ),
    )


def finish(session: Session, clip_id: str, holder: str, rendered: Rendered, now: datetime) -> bool:
    """Store the result; False, and nothing changed, when the claim is no longer `holder`'s."""
    files_ = rendered.files
    return _changed(
        session,
        _held(clip_id, holder).values(
            state=READY, progress=100, claimed_by=None, claimed_until=None, ready_at=now, upload=None,
            error="", error_message="", error_params={},
            seconds=rendered.seconds, lufs=rendered.lufs, true_peak_db=rendered.true_peak_db,
            spoken_by=rendered.spoken_by, degraded=rendered.degraded,
            mp3_sha256=files_.mp3.sha256, mp3_bytes=files_.mp3.bytes,
            opus_sha256=files_.opus.sha256, opus_bytes=files_.opus.bytes,
        ),
    )  # fmt: skip


def fail(session: Session, clip_id: str, holder: str, error: LoaError, now: datetime, *, retry: bool = False) -> bool:
    """Note why rendering failed; with `retry` it is queued again, up to three tries, a little later each time.

    False, and nothing changed, when the claim is no longer `holder`'s.
    """
    clip = session.get(Clip, clip_id, populate_existing=True)
    if clip is None:
        return False
    again = retry and clip.attempts < MOST_ATTEMPTS
    params = {
        name: value if isinstance(value, str | int | float) else str(value) for name, value in error.params.items()
    }
    return _changed(
        session,
        _held(clip_id, holder).values(
            state=QUEUED if again else FAILED, claimed_by=None, progress=0,
            claimed_until=now + timedelta(seconds=_RETRY_SECONDS * clip.attempts) if again else None,
            error=str(error), error_message=error.message, error_params=params,
        ),
    )  # fmt: skip


def release(session: Session, holder: str) -> int:
    """Give back everything `holder` has claimed, without counting the try: a worker that shuts down in order."""
    held = session.exec(select(Clip).where(Clip.state == RENDERING, Clip.claimed_by == holder)).all()
    statements = [
        _held(clip.id, holder).values(
            state=QUEUED, claimed_by=None, claimed_until=None, progress=0, attempts=max(0, clip.attempts - 1)
        )
        for clip in held
    ]
    return sum(_changed(session, statement) for statement in statements)


def get(session: Session, clip_id: str) -> Clip:
    """Raises NotFound."""
    clip = session.get(Clip, clip_id)
    if clip is None:
        raise NotFound
    return clip


def files(clip: Clip) -> ClipFiles:
    """The files of a ready clip as the wire names them. Raises Conflict for one that is not ready."""
    if clip.state != READY or not (clip.mp3_sha256 and clip.mp3_bytes and clip.opus_sha256 and clip.opus_bytes):
        raise Conflict(N_("This clip is not ready yet."))
    return ClipFiles(
        mp3=AudioFile(sha256=clip.mp3_sha256, bytes=clip.mp3_bytes),
        opus=AudioFile(sha256=clip.opus_sha256, bytes=clip.opus_bytes),
    )


def rounded(value: float | None) -> float | None:
    """A figure in dB or seconds to two places; None for what is infinite (silence)."""
    return round(value, 2) if value is not None and math.isfinite(value) else None

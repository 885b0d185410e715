"""Clips: asked for, looked up, hastened. Rights are the callers' business; the queue is audio.queue's."""

import hashlib
import json
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime

from sqlmodel import Session, col, select

from audio import quotas, uploads
from audio.mastering import VERSION
from audio.models import CANCELLED, EXPIRED, FAILED, QUEUED, READY, RECORDING, RENDERING, SIGNAL, SPEECH, WORDS, Clip
from audio.presets import preset_named
from audio.voicing import Manner, checked
from core.errors import N_, Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.settings import Settings
from core.wire import AudioFile, ClipFiles

_MOST_TEXT_CHARS = 20_000
_AS_USUAL = Manner()
_USUAL = asdict(_AS_USUAL)


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


def _speech_key(
    kind: str, text: str, language: str, voice: str | None, dictionary: Mapping[str, str], manner: Manner
) -> str:
    """All that the sound depends on. What is as usual leaves no trace, so that older keys stay as they are."""
    parts = [kind, VERSION, language, voice or "", text]
    if dictionary:
        parts.append(json.dumps(sorted(dictionary.items())))
    unusual = {name: value for name, value in asdict(manner).items() if value != _USUAL[name]}
    if unusual:
        parts.append(json.dumps(unusual, sort_keys=True))
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
    manner: Manner | None = None,
    bare: bool = False,
) -> Clip:
    """The clip of this text, language and voice within the unit: the present one, or a new one in the queue.

    `dictionary` says how words of the text are spoken, `manner` in which voices, how fast, how high and mastered how
    (`twice` is not the clip's business); with others it is another clip. `voice` goes before the voices of `manner`.
    Asking twice is asking once; what failed is queued again. An earlier `due_at` or `urgent` hastens the present
    one. `bare` speech has no chime before it: what stands behind a signal.
    Raises InvalidInput for an empty or too long text (`settings.max_text_chars`; 20,000 without settings), or a
    manner that nobody can speak in.
    """
    text = checked_text(text, settings.max_text_chars if settings else _MOST_TEXT_CHARS)
    words, manner = dict(dictionary or {}), replace(checked(manner or _AS_USUAL), twice=False)
    kind = WORDS if bare else SPEECH
    key = _speech_key(kind, text, language, voice or None, words, manner)
    found = session.exec(
        select(Clip).where(Clip.unit_id == unit_id, Clip.content_key == key).order_by(col(Clip.created_at)).limit(1)
    ).first()
    if found:
        if found.state in (FAILED, CANCELLED, EXPIRED):
            _queue_again(found)
        if found.state != READY:
            if urgent:
                _hurry(found)
            found.due_at = min((at for at in (found.due_at, due_at) if at), default=None)
        session.add(found)
        session.flush()
        return found
    if not urgent:  # an emergency is made whatever is stored
        quotas.check(session, unit_id, len(text) * quotas.BYTES_A_CHARACTER)
    clip = Clip(
        id=new_id("cl"), unit_id=unit_id, kind=kind, text=text, language=language, voice=voice or None,
        dictionary=words, content_key=key, created_by=created_by, created_at=now, due_at=due_at, urgent=urgent,
        voices=list(manner.voices), speed=manner.speed, pitch=manner.pitch, preset=manner.preset,
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
    preset: str | None = None,
) -> Clip:
    """Queue an uploaded recording (`upload` is `Upload.path`), mastered as `preset` says. The same upload is one clip.

    Raises InvalidInput for a preset that is not there.
    """
    chosen = preset_named(preset).name if preset else None
    parts = [RECORDING, VERSION, upload, *([chosen] if chosen else [])]
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    found = session.exec(select(Clip).where(Clip.unit_id == unit_id, Clip.content_key == key)).first()
    if found:
        return found
    if not urgent:
        quotas.check(session, unit_id, uploads.size_of(upload))
    clip = Clip(
        id=new_id("cl"), unit_id=unit_id, kind=RECORDING, upload=upload, title=title, language=language,
        content_key=key, created_by=created_by, created_at=now, urgent=urgent, due_at=due_at, preset=chosen,
    )  # fmt: skip
    session.add(clip)
    session.flush()
    return clip


def request_signal(session: Session, *, unit_id: str, name: str, now: datetime, urgent: bool = False) -> Clip:
    """The clip of the signal `name` (`audio.chime.SIGNALS`), one a unit: the present one, or one in the queue."""
    key = hashlib.sha256(f"{SIGNAL}\0{VERSION}\0{name}".encode()).hexdigest()
    found = session.exec(select(Clip).where(Clip.unit_id == unit_id, Clip.content_key == key).limit(1)).first()
    if found is None:
        found = Clip(
            id=new_id("cl"), unit_id=unit_id, kind=SIGNAL, text=name, language="", content_key=key, title="",
            created_by="system", created_at=now, urgent=urgent,
        )  # fmt: skip
    elif found.state in (FAILED, CANCELLED, EXPIRED):
        _queue_again(found)
    if found.state != READY and urgent:
        found.urgent, found.due_at = True, now
    session.add(found)
    session.flush()
    return found


def _hurry(clip: Clip) -> None:
    """Mark it urgent. Who renders it among ordinary work lets go of it, for the lane that is kept free."""
    if not clip.urgent and clip.state == RENDERING:
        clip.state, clip.progress, clip.claimed_by, clip.claimed_until = QUEUED, 0, None, None
    clip.urgent = True


def _queue_again(clip: Clip) -> None:
    clip.state, clip.progress, clip.attempts = QUEUED, 0, 0
    clip.claimed_by, clip.claimed_until = None, None
    clip.error, clip.error_message, clip.error_params = "", "", {}


def hasten(session: Session, clip_id: str, due_at: datetime | None, urgent: bool = False) -> None:
    """Render an unfinished clip earlier than planned; never later. Nothing happens to one that is ready or gone."""
    clip = session.get(Clip, clip_id)
    if clip and clip.state in (QUEUED, RENDERING):
        clip.due_at = min((at for at in (clip.due_at, due_at) if at), default=None)
        if urgent:
            _hurry(clip)
        session.add(clip)
        session.flush()


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

"""What an emergency sounds from: its clips in each language, and the words about it; asked for, and found again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from audio import clips, speaking
from audio.models import READY, Clip
from core.clock import zone as known_zone
from core.errors import N_, Conflict, InvalidInput
from core.standing import versions_of
from playlists import sources
from registry import units
from registry.models import Unit
from registry.rights import Actor
from scheduler import alarm_words, listeners, prepared, signals
from scheduler.alarm_items import Piece
from scheduler.alarms import Alarm, Said
from scheduler.models import Airing, Emergency

PREPARED = "prepared:"
# No longer than this an emergency waits for a signal or for words about it, once the message itself is there.
PATIENCE = timedelta(seconds=2)
_MINUTES_AHEAD = 3


@dataclass(frozen=True)
class Part:
    """What is said in one language: its clip, the whole text, and the clip of the words about it."""

    language: str
    text: str
    clip: Clip
    words: Clip | None = None

    def stored(self) -> dict[str, Any]:
        """As `Emergency.said` keeps it."""
        return {
            "language": self.language, "text": self.text, "clip": self.clip.id,
            "words": self.words.id if self.words else None,
        }  # fmt: skip


def with_prepared(session: Session, actor: Actor, alarm: Alarm, now: datetime) -> Alarm:
    """The alarm with what its prepared message says, if it comes from one and says nothing else.

    Raises NotFound for a message that the actor doesn't see, Conflict for one that can't be used (any more).
    """
    if not alarm.source.startswith(PREPARED) or alarm.said or alarm.text or alarm.clip:
        return alarm
    found = prepared.find(session, actor, alarm.source.removeprefix(PREPARED))
    state = found.state(now)
    if state == "preparing":
        raise Conflict(N_("The audio of this message is still being made."))
    if state != "ready":
        raise Conflict(N_("This message is not in use any more."))
    said = tuple(Said(version.language, clip=clip.id) for version, clip in found.versions if clip.state == READY)
    return replace(
        alarm, said=said, title=alarm.title or found.message.title,
        about=found.message.kind if alarm.about == "other" else alarm.about,
    )  # fmt: skip


def asked(session: Session, actor: Actor, unit: Unit, alarm: Alarm, default_zone: str, now: datetime) -> list[Part]:
    """The parts of a checked alarm, their audio asked for before everything else. Asking twice is asking once.

    Raises NotFound or InvalidInput for a clip that the actor may not use, Conflict for one that is lost.
    """
    messages = _messages_of(session, actor, alarm)
    parts = []
    for said in alarm.said:
        words = _words(session, unit, said.language, alarm, default_zone, now)
        if said.clip:
            clip = session.get(Clip, said.clip) if said.clip in messages else None
            clip = clip or sources.clip_for(session, actor, said.clip, unit)
            if clip.state in sources.LOST:
                raise Conflict(N_("The audio of this recording could not be made."))
            clips.hasten(session, clip.id, now, urgent=True)
            text = ""
        elif alarm.in_one_piece and words and alarm_words.spoken_in(said.language) == said.language.split("-")[0]:
            text, words = f"{words} {said.text}", ""
            clip = _speech(session, unit, actor, text, said.language, now)
        else:
            text = said.text
            clip = _speech(session, unit, actor, text, said.language, now, bare=not alarm.in_one_piece)
        line = None
        if words:
            spoken = alarm_words.spoken_in(said.language)
            line = _speech(session, unit, actor, words, spoken, now, bare=not alarm.in_one_piece)
        parts.append(Part(said.language, text, clip, line))
    if alarm.signal != "none":
        signals.clip_of(session, unit, alarm.signal, now)
    return parts


def ahead(session: Session, actor: Actor, unit: Unit, alarm: Alarm, default_zone: str, now: datetime) -> list[Part]:
    """As `asked`, and the words about it as they would be in the next minutes: while a person still confirms it."""
    parts = asked(session, actor, unit, alarm, default_zone, now)
    if not alarm.in_one_piece:
        for minute in range(1, _MINUTES_AHEAD):
            asked(session, actor, unit, alarm, default_zone, now + timedelta(minutes=minute))
    return parts


def _messages_of(session: Session, actor: Actor, alarm: Alarm) -> set[str]:
    """The clips of the prepared message that the alarm comes from: kept for it, wherever they were recorded."""
    if not alarm.source.startswith(PREPARED):
        return set()
    return {clip.id for _, clip in prepared.find(session, actor, alarm.source.removeprefix(PREPARED)).versions}


def _words(session: Session, unit: Unit, language: str, alarm: Alarm, default_zone: str, now: datetime) -> str:
    where = units.inherited(units.ancestors(session, unit), default_zone).zone
    local = now.astimezone(known_zone(where))
    return alarm_words.about(language, local, repeated=alarm.times > 1, drill=alarm.drill)


def _speech(
    session: Session, unit: Unit, actor: Actor, text: str, language: str, now: datetime, *, bare: bool = False
) -> Clip:
    return speaking.request(
        session, unit, text, language=language, voice=None, created_by=actor.id, now=now, due_at=now, urgent=True,
        bare=bare,
    )  # fmt: skip


def shared_out(session: Session, parts: Sequence[Part], names: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """The audience by what its stations hear: a variant (places among `parts`, in the order heard) and the names.

    A station hears the languages of its own list, each once, in its order; the first of all where none fits.
    """
    if len(parts) == 1:
        return [("", tuple(names))]
    languages = [part.language for part in parts]
    network = listeners.load(session, names)
    shared = listeners.parted(network, names, lambda spoken: tuple(map(str, versions_of(languages, spoken))))
    return [(",".join(each.languages), each.names) for each in shared]


def unsettled(session: Session, emergency: Emergency, airing: Airing, now: datetime) -> bool:
    """Whether audio of this airing is still being made that is worth waiting for."""
    chosen = _chosen(emergency, airing)
    by_id = _clips(session, chosen)
    main = [by_id.get(each["clip"]) for each in chosen]
    if any(clip is not None and clip.state != READY and clip.state not in sources.LOST for clip in main):
        return True
    around = [by_id.get(each["words"]) for each in chosen if each.get("words")]
    signal = _signal(session, emergency, now)
    waiting = [clip for clip in (*around, signal) if clip and clip.state != READY and clip.state not in sources.LOST]
    return bool(waiting) and now < emergency.raised_at + PATIENCE


def pieces(session: Session, emergency: Emergency, airing: Airing, now: datetime) -> list[Piece]:
    """One round of the airing, of what is ready; empty when nothing that is to be said is.

    Raises InvalidInput for a clip without length.
    """
    chosen = _chosen(emergency, airing)
    by_id = _clips(session, chosen)
    ready = {identity: clip for identity, clip in by_id.items() if clip.state == READY}
    found: list[Piece] = []
    lines: set[str] = set()
    for each in chosen:
        clip = ready.get(each["clip"])
        if clip is None:
            continue
        line = ready.get(each.get("words") or "")
        if line is not None and line.id not in lines:
            lines.add(line.id)
            found.append(_piece(line, leads=True, first=0 if emergency.drill else 1))
        found.append(_piece(clip))
    signal = _signal(session, emergency, now)
    if found and signal is not None and signal.state == READY:
        found.insert(0, _piece(signal, leads=True))
    return found


def lost(session: Session, emergency: Emergency, airing: Airing) -> str:
    """Why nothing of the airing can be said."""
    by_id = _clips(session, _chosen(emergency, airing))
    return "; ".join(clip.error or clip.state for clip in by_id.values()) or "its audio is gone"


def _piece(clip: Clip, *, leads: bool = False, first: int = 0) -> Piece:
    seconds = round(clip.seconds or 0.0, 3)
    if seconds <= 0:
        raise InvalidInput(N_("This recording has no length."))
    return Piece(clips.files(clip), seconds, leads, first)


def _chosen(emergency: Emergency, airing: Airing) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = emergency.said or [{"language": "vi", "clip": emergency.clip_id, "words": None}]
    if not airing.variant:
        return said
    return [said[int(place)] for place in airing.variant.split(",")]


def _clips(session: Session, chosen: Sequence[dict[str, Any]]) -> dict[str, Clip]:
    ids = {identity for each in chosen for identity in (each["clip"], each.get("words")) if identity}
    return {clip.id: clip for clip in session.exec(select(Clip).where(col(Clip.id).in_(sorted(ids)))).all()}


def _signal(session: Session, emergency: Emergency, now: datetime) -> Clip | None:
    if emergency.signal == "none":
        return None
    return signals.clip_of(session, session.get_one(Unit, emergency.unit_id), emergency.signal, now)

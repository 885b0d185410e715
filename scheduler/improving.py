"""Bulletins that a substitute voice had to speak: made anew when the first choice answers again, before they air.

1. A round finds such clips and asks their first choice for one word.
2. For each it can speak, a successor is queued (`Clip.replaces`), behind all other work. It accepts no substitute: if
   the first choice fails again, `queue.fail` deletes it, and the clip rests, longer each time.
3. A later round moves the ready successor's sound into the clip, if that has still not aired, and deletes the rest.
   Airings are then signed anew. The approval stands: the words are the same.

Every step is a transaction of its own that checks what it was decided on, so a round that was killed is finished by
the next one, and two workers at once do nothing twice. A ready clip's `claimed_until` is when it may be tried again.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, CursorResult, Text, Update, and_, cast, delete, exists, func, or_, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from audio.deadline import Deadline
from audio.engines.roster import Roster, answers_now, roster
from audio.models import QUEUED, READY, RENDERING, SPEECH, Clip, ClipShape
from core import audit, changes
from core.database import Database
from core.ids import new_id
from core.settings import Settings
from playlists.models import BulletinVersion, Rendition
from scheduler.models import Airing

_log = logging.getLogger(__name__)
MOST_WAITING = 20  # successors at the same time: so that few are made in vain when much changes meanwhile
NEAR = timedelta(minutes=10)  # stations have fetched what sounds so soon
_MOST_LOOKED_AT = 1_000
_ASK_SECONDS = 12.0
_ASK_ALL_SECONDS = 40.0
_FIRST_REST = timedelta(minutes=2)
_LONGEST_REST = timedelta(hours=2)
_DOUBLINGS = 8
_FOR_GOOD = timedelta(days=3_650)
_BEFORE_READY = timedelta(days=1)  # nothing named a clip's sound before there was any
_LATELY = timedelta(hours=1)
_IN_USE = ("draft", "submitted", "approved")


@dataclass(frozen=True)
class Round:
    """What a round did: successors `begun`, `adopted`, and `dropped` because they were of no use any more."""

    begun: int = 0
    adopted: int = 0
    dropped: int = 0


@dataclass(frozen=True)
class _Wish:
    """A clip that should be spoken better, and what its first choice depends on."""

    clip_id: str
    language: str
    voice: str
    order: tuple[str, ...]


def improve(database: Database, settings: Settings, now: datetime, engines: Roster | None = None) -> Round:
    """One round. Writes nothing and asks nobody when there is nothing to better."""
    adopted, dropped = _settle(database, now)
    with database.read() as session:
        wishes, room = _wishes(session, now), MOST_WAITING - _waiting(session)
    if not wishes or room <= 0:
        return Round(0, adopted, dropped)
    begun = 0
    for wish in _speakable(wishes, engines or roster(settings)):
        if begun >= room:
            break
        with database.read() as session:
            clip = session.get(Clip, wish.clip_id)
            aired = clip is None or has_aired(session, clip, now)
        with database.write() as session:
            begun += begin(session, wish.clip_id, now, aired=aired)
    return Round(begun, adopted, dropped)


def _wishes(session: Session, now: datetime) -> list[_Wish]:
    """Ready clips with a substitute voice that a bulletin still uses and that may be tried now; due first."""
    successor = aliased(Clip)
    version_in_use = and_(
        col(BulletinVersion.state).in_(_IN_USE),
        or_(col(BulletinVersion.valid_until).is_(None), col(BulletinVersion.valid_until) > now),
    )
    of_rendition = select(Rendition.clip_id).join(BulletinVersion, col(BulletinVersion.id) == Rendition.version_id)
    rows = session.exec(
        select(Clip)
        .where(
            Clip.state == READY,
            Clip.kind == SPEECH,
            col(Clip.degraded).is_(True),
            col(Clip.replaces).is_(None),
            _may_be_tried(now),
            ~exists().where(col(successor.replaces) == Clip.id),
            or_(
                col(Clip.id).in_(select(BulletinVersion.clip_id).where(version_in_use)),
                col(Clip.id).in_(of_rendition.where(version_in_use)),
            ),
        )
        .order_by(col(Clip.due_at).is_(None), col(Clip.due_at), col(Clip.created_at), col(Clip.id))
        .limit(_MOST_LOOKED_AT)
    ).all()
    return [_Wish(clip.id, clip.language, clip.voice or "", tuple(clip.voices)) for clip in rows]


def _may_be_tried(now: datetime) -> ColumnElement[bool]:
    return or_(col(Clip.claimed_until).is_(None), col(Clip.claimed_until) <= now)


def _waiting(session: Session) -> int:
    waiting = select(func.count()).select_from(Clip).where(col(Clip.replaces).is_not(None))
    return session.exec(waiting).one()


def _speakable(wishes: Sequence[_Wish], engines: Roster) -> list[_Wish]:
    """Those whose first choice speaks a word now. Each voice is asked once, with a time limit."""
    deadline, answers, found = Deadline(_ASK_ALL_SECONDS), dict[str, bool](), []
    choices = {
        (wish.language, wish.voice, wish.order): engines.first_choice(wish.language, wish.voice, deadline, wish.order)
        for wish in wishes
    }
    for wish in wishes:
        choice = choices[wish.language, wish.voice, wish.order]
        if choice is None:
            continue
        voice = choice[1].id
        if voice not in answers:
            limit = deadline.remaining(at_most=_ASK_SECONDS)
            answers[voice] = limit > 0 and answers_now(choice, Deadline(limit))
        if answers[voice]:
            found.append(wish)
    return found


def begin(session: Session, clip_id: str, now: datetime, *, aired: bool = False) -> bool:
    """Queue a successor of the clip; False when somebody was quicker, or it has aired (then it is left alone for good).

    `aired` says that it had when somebody looked a moment ago. The clip rests from now on, so that a successor that
    fails is not followed by the next one at once.
    """
    clip = session.get(Clip, clip_id, populate_existing=True)
    if clip is None:
        return False
    aired = aired or has_aired(session, clip, now, lately=True)
    rest = _FOR_GOOD if aired else min(_FIRST_REST * 2 ** min(clip.attempts, _DOUBLINGS) / 2, _LONGEST_REST)
    taken = (
        update(Clip)
        .where(col(Clip.id) == clip_id, col(Clip.state) == READY, col(Clip.degraded).is_(True), _may_be_tried(now))
        .values(claimed_until=now + rest, attempts=clip.attempts + 1)
    )
    if not _changed(session, taken) or aired:
        return False
    if session.exec(select(Clip.id).where(Clip.replaces == clip_id).limit(1)).first() is not None:
        return False
    name = new_id("cl")
    session.add(
        Clip(
            id=name, unit_id=clip.unit_id, kind=SPEECH, text=clip.text, language=clip.language, voice=clip.voice,
            dictionary=clip.dictionary, voices=clip.voices, speed=clip.speed, pitch=clip.pitch, preset=clip.preset,
            replaces=clip_id, content_key=hashlib.sha256(f"replaces\0{name}".encode()).hexdigest(),
            created_by=clip.created_by, created_at=now,
        )
    )  # fmt: skip
    session.flush()
    return True


def has_aired(session: Session, clip: Clip, now: datetime, *, lately: bool = False) -> bool:
    """Whether any airing that names the clip's sound has begun, or begins within ten minutes.

    Looks through all airings since the clip was made, which takes a second where there are 100,000 of them; with
    `lately` only through those of the last hour, for a transaction that repeats what was found out a moment ago.
    """
    begun = or_(
        col(Airing.state).in_(("issued", "on_air", "over")),
        and_(col(Airing.state) == "withdrawn", col(Airing.withdrawn_at) > col(Airing.starts_at)),
    )
    since = now - _LATELY if lately else (clip.ready_at or clip.created_at) - _BEFORE_READY
    named = or_(*(cast(Airing.items, Text).contains(name) for name in (clip.mp3_sha256, clip.opus_sha256) if name))
    query = select(Airing.id).where(begun, col(Airing.starts_at) >= since, col(Airing.starts_at) <= now + NEAR, named)
    return session.exec(query.limit(1)).first() is not None


def _settle(database: Database, now: datetime) -> tuple[int, int]:
    """Adopt what is ready and drop what is of no use; how many of each."""
    with database.read() as session:
        over = session.exec(
            select(Clip.id).where(col(Clip.replaces).is_not(None), col(Clip.state).not_in((QUEUED, RENDERING)))
        ).all()
    adopted = 0
    for successor_id in over:
        with database.read() as session:
            successor = session.get(Clip, successor_id)
            clip = session.get(Clip, successor.replaces) if successor else None
            aired = clip is None or has_aired(session, clip, now)
        with database.write() as session:
            adopted += adopt(session, successor_id, now, aired=aired)
    return adopted, len(over) - adopted


def adopt(session: Session, successor_id: str, now: datetime, *, aired: bool = False) -> bool:
    """Let the clip sound as its successor does, if it can and the clip has not aired; the successor is no more.

    `aired` says that it had when somebody looked a moment ago.
    """
    successor = session.get(Clip, successor_id, populate_existing=True)
    if successor is None or successor.state in (QUEUED, RENDERING):
        return False
    clip = session.get(Clip, successor.replaces, populate_existing=True)
    better = clip is not None and successor.state == READY and not successor.degraded
    aired = aired or clip is None or has_aired(session, clip, now, lately=True)
    done = bool(clip and better and not aired and _take_over(session, clip, successor, now))
    session.execute(delete(ClipShape).where(col(ClipShape.clip_id) == successor_id))
    session.execute(delete(Clip).where(col(Clip.id) == successor_id))
    return done


def _take_over(session: Session, clip: Clip, successor: Clip, now: datetime) -> bool:
    before = clip.spoken_by
    names = (
        "mp3_sha256", "mp3_bytes", "opus_sha256", "opus_bytes", "seconds", "lufs", "true_peak_db", "spoken_by",
        "warnings", "ready_at",
    )  # fmt: skip
    moved = {name: getattr(successor, name) for name in names}
    still_so = col(Clip.id) == clip.id, col(Clip.state) == READY, col(Clip.degraded).is_(True)
    statement = update(Clip).where(*still_so).values(degraded=False, claimed_until=None, attempts=1, **moved)
    if not _changed(session, statement):
        return False
    shape = session.get(ClipShape, successor.id)
    if shape is not None:
        session.merge(ClipShape(clip_id=clip.id, as_heard=shape.as_heard, as_recorded=shape.as_recorded))
        session.flush()
    audit.record(
        session, actor="system", action="clip.improved", subject=clip.id, unit_id=clip.unit_id, now=now,
        spoken_by=successor.spoken_by, before=before,
    )  # fmt: skip
    changes.announce(session, "timetable", [f"clip:{clip.id}"], now)
    _log.info("%s is spoken by %s now instead of %s", clip.id, successor.spoken_by, before)
    return True


def _changed(session: Session, statement: Update) -> bool:
    result = session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)  # noqa: S101 - what an UPDATE gives
    return result.rowcount == 1

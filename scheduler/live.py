"""Live talks: somebody speaks from a browser or a phone, and the loudspeakers of an area sound it as it comes.

Nobody can approve beforehand what is not said yet. So who speaks answers for it, and must have the rights that a
bulletin takes: to approve and to put on the timetable, where they speak and for all they speak to; or to raise alarms.
A talk goes over every programme, but it obeys the hours and the loudest volume of the places. One for an emergency
takes the right to raise alarms, and passes the hours.

A talk is an airing of kind `live`, signed like any other and held out at once (`scheduler.holding`). Its one item is
the stream of the server that the speaker talks to. It ends by `end`; seconds later, when its last words have sounded
everywhere, the worker takes it off the air and files the recording (`scheduler.live_ends`).
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, select

from core import audit, changes
from core.clock import zone as known_zone
from core.errors import N_, Conflict, Forbidden, InvalidInput, NotFound
from core.ids import new_id
from core.settings import Settings, relay_secret
from core.signing import Signer
from registry import units
from registry.models import Person, Unit
from registry.rights import Actor, Permission
from scheduler import audience, issuing, sessions
from scheduler.audience import Audience
from scheduler.live_models import LiveTalk
from scheduler.models import Airing

RATES = (16_000, 24_000)
DEFAULT_MINUTES = 10
LEAD_SECONDS = 15  # from when stations are told until the first word: the countdown
HOLDS = timedelta(minutes=1)
# Why a talk has ended.
REASONS = ("stopped", "limit", "lost", "unbegun", "again", "no_right")
_PATH = "/api/v1/live/{}.mp3"
_MAC_HEX = 32
_MOST_TITLE = 120
_EVERYDAY = frozenset({Permission.APPROVE, Permission.SCHEDULE})
# A talk counts as no session of the day: how long it may last, and that it may be, its speaker answers for.
_LIFTED = ["session_minutes", "sessions_a_day"]
_NO_RIGHT = N_("To speak live here you need the right to approve and to plan, or to raise emergencies.")
_RATE = N_("The sound of a talk comes with 16000 or 24000 samples a second.")
_QUIET = N_("It is quiet time there now. Only an emergency may be spoken live.")
_TAKEN = N_("%(person)s is speaking live there, until %(until)s at the latest. Wait, or choose another area.")


@dataclass(frozen=True)
class Wish:
    """What somebody wants to speak: to whom, for how long at most, with a chime before it or without."""

    audience: Sequence[str]
    title: str = ""
    minutes: float = DEFAULT_MINUTES
    emergency: bool = False
    volume: int | None = None
    chime: bool = True
    rate: int = 24_000


def may_speak(actor: Actor, unit: Unit) -> bool:
    """Whether somebody may speak live in a unit at all."""
    return actor.may(Permission.ALARM, unit) or all(actor.may(each, unit) for each in _EVERYDAY)


def may_speak_somewhere(actor: Actor) -> bool:
    """Whether there is any right to speak live; for links and pages."""
    return actor.may_somewhere(Permission.ALARM) or all(actor.may_somewhere(each) for each in _EVERYDAY)


def begin(
    session: Session, actor: Actor, unit: Unit, wish: Wish, *, signer: Signer, settings: Settings, now: datetime
) -> tuple[LiveTalk, Airing]:
    """Put a talk on air: stations begin to listen, and hear the speaker as soon as something comes.

    An earlier talk of the same person that still runs ends. Raises InvalidInput, NotFound, Forbidden, or Conflict where
    somebody else speaks or the hours forbid it, before anything is stored.
    """
    limit_s = _checked(wish, settings.live_max_minutes)
    heard = _allowed(session, actor, unit, wish)
    title = units.clean_name(wish.title, "title")[:_MOST_TITLE] if wish.title.strip() else ""
    if not wish.emergency:
        _check_hours(session, heard, settings.zone, now)
    mine, others = _running(session, actor, heard.names)
    if others and not wish.emergency:
        raise _taken(session, others[0], unit, settings.zone)
    for talk in mine:
        end(session, talk.id, "again", now)
    identity = new_id("lt")
    seconds = limit_s + LEAD_SECONDS
    ends_at = now + timedelta(seconds=seconds)
    airing = Airing(
        id=new_id("air"), unit_id=unit.id, kind="live", priority="emergency" if wish.emergency else "priority",
        title=title or actor.name, starts_at=now, ends_at=ends_at, not_after=ends_at + HOLDS, late="join",
        volume=(100 if wish.volume is None else wish.volume) if wish.emergency else wish.volume,
        audience=list(heard.names), approved_by=actor.name, created_at=now, lifted=[] if wish.emergency else _LIFTED,
        items=[{"at": 0.0, "seconds": float(seconds), "title": title, "relay": address(settings, identity)}],
    )  # fmt: skip
    issuing.sign(airing, audience.outside(session, airing.audience), signer, now)
    session.add(airing)
    session.flush()
    issuing.address(session, [airing])
    talk = LiveTalk(
        id=identity, unit_id=unit.id, airing_id=airing.id, person_id=actor.id, title=title, emergency=wish.emergency,
        chime=wish.chime, rate=wish.rate, limit_s=limit_s, started_at=now,
    )  # fmt: skip
    session.add(talk)
    changes.announce(session, "now", airing.audience, now)
    audit.record(
        session, actor=actor.username, action="live.begin", subject=talk.id, unit_id=unit.id, now=now, title=title,
        audience=airing.audience, emergency=wish.emergency, minutes=limit_s / 60,
    )  # fmt: skip
    session.flush()
    return talk, airing


def _checked(wish: Wish, most: int) -> int:
    """The limit in seconds."""
    if not 0 < wish.minutes <= most:  # false for what is no number, too
        raise InvalidInput(N_("A talk lasts at most %(most)s minutes."), fields={"minutes": "range"}, most=most)
    if wish.rate not in RATES:
        raise InvalidInput(_RATE, fields={"rate": "range"})
    if wish.volume is not None and not 0 <= wish.volume <= 100:  # noqa: PLR2004
        raise InvalidInput(N_("A volume lies between 0 and 100."), fields={"volume": "range"})
    return max(1, round(wish.minutes * 60))


def _allowed(session: Session, actor: Actor, unit: Unit, wish: Wish) -> Audience:
    """Whom it is for, if the actor may speak to all of them. Raises NotFound, Forbidden or InvalidInput."""
    actor.require(Permission.SEE, unit)
    if wish.emergency or actor.may(Permission.ALARM, unit):
        actor.require(Permission.ALARM, unit)
    elif not may_speak(actor, unit):
        raise Forbidden(_NO_RIGHT)
    heard = audience.read(session, actor, wish.audience, Permission.ALARM if wish.emergency else Permission.SEE)
    if not all(may_speak(actor, each) for each in heard.units):
        raise Forbidden(_NO_RIGHT)
    return heard


def _check_hours(session: Session, heard: Audience, default_zone: str, now: datetime) -> None:
    """Raise Conflict where every place is to be silent now. Elsewhere each station keeps its own hours."""
    for unit in heard.units:
        held = units.inherited(units.ancestors(session, unit), default_zone)
        try:
            if sessions.rules(held, known_zone(held.zone)).lets_begin(now, _LIFTED):
                return
        except ValueError:
            return
    raise Conflict(_QUIET, code="quiet_hours")


def _running(session: Session, actor: Actor, names: Sequence[str]) -> tuple[list[LiveTalk], list[LiveTalk]]:
    """Talks that run: those of the same person, and those of others that a station among `names` hears."""
    rows = session.exec(
        select(LiveTalk, Airing.audience)
        .join(Airing, col(Airing.id) == LiveTalk.airing_id)
        .where(col(LiveTalk.ended_at).is_(None), col(LiveTalk.closed_at).is_(None))
        .order_by(col(LiveTalk.id))
    ).all()
    mine = [talk for talk, _ in rows if talk.person_id == actor.id]
    theirs = [(talk, there) for talk, there in rows if talk.person_id != actor.id]
    stations = audience.station_ids(session, names) if theirs else set()
    others = [talk for talk, there in theirs if stations & audience.station_ids(session, there)]
    return mine, others


def _taken(session: Session, talk: LiveTalk, unit: Unit, default_zone: str) -> Conflict:
    person = session.get(Person, talk.person_id)
    zone = known_zone(units.inherited(units.ancestors(session, unit), default_zone).zone)
    until = (talk.started_at + timedelta(seconds=talk.limit_s + LEAD_SECONDS)).astimezone(zone)
    name = person.name if person else "–"
    return Conflict(_TAKEN, code="somebody_speaks", person=name, until=until.strftime("%H:%M"))


def end(session: Session, talk_id: str, reason: str, now: datetime, by: str | None = None) -> bool:
    """Note that a talk has ended; False if it had already. Its last words still sound (`scheduler.live_ends`)."""
    changed = session.execute(
        update(LiveTalk)
        .where(col(LiveTalk.id) == talk_id, col(LiveTalk.ended_at).is_(None))
        .values(ended_at=now, reason=reason, ended_by=by)
        .execution_options(synchronize_session="fetch")
    )
    if not changed.rowcount:  # type: ignore[attr-defined]
        return False
    talk = session.get_one(LiveTalk, talk_id)
    who = session.get(Person, by) if by else None
    audit.record(
        session, actor=who.username if who else "system", action="live.end", subject=talk_id, unit_id=talk.unit_id,
        now=now, reason=reason, seconds=round(talk.seconds, 1),
    )  # fmt: skip
    return True


def stop(session: Session, actor: Actor, talk_id: str, now: datetime) -> LiveTalk:
    """End a talk: its speaker may, and whoever may speak there. Stopping it twice changes nothing."""
    talk, unit, _ = find(session, actor, talk_id)
    if talk.person_id != actor.id and not may_speak(actor, unit):
        raise Forbidden(_NO_RIGHT)
    end(session, talk.id, "stopped", now, actor.id)
    return talk


def find(session: Session, actor: Actor, talk_id: str) -> tuple[LiveTalk, Unit, Airing]:
    """A talk of a unit the actor may see. Raises NotFound."""
    talk = session.get(LiveTalk, talk_id)
    unit = session.get(Unit, talk.unit_id) if talk else None
    if talk is None or unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound
    return talk, unit, session.get_one(Airing, talk.airing_id)


def spoken_by(session: Session, actor: Actor, talk_id: str) -> LiveTalk:
    """A talk, for its speaker alone. Raises NotFound; Forbidden when they may not speak there any more."""
    talk, unit, _ = find(session, actor, talk_id)
    if talk.person_id != actor.id:
        raise NotFound
    if not (actor.may(Permission.ALARM, unit) if talk.emergency else may_speak(actor, unit)):
        raise Forbidden(_NO_RIGHT)
    return talk


@dataclass(frozen=True)
class Told:
    """A talk in a list."""

    talk: LiveTalk
    airing: Airing
    unit: Unit
    person: Person | None


def visible(
    session: Session, actor: Actor, *, running: bool | None = None, after: str = "", limit: int = 20
) -> list[Told]:
    """Talks the actor may see, the newest first, beyond the talk `after`; `running`: only those that run (or don't)."""
    query = (
        select(LiveTalk, Airing, Unit, Person)
        .join(Airing, col(Airing.id) == LiveTalk.airing_id)
        .join(Unit, col(Unit.id) == LiveTalk.unit_id)
        .join(Person, col(Person.id) == LiveTalk.person_id, isouter=True)
        .where(actor.within(Permission.SEE, col(Unit.path)))
        .order_by(col(LiveTalk.id).desc())
        .limit(limit)
    )
    if after:
        query = query.where(col(LiveTalk.id) < after)
    if running is not None:
        query = query.where(col(LiveTalk.ended_at).is_(None) == running)
    return [Told(talk, airing, unit, person) for talk, airing, unit, person in session.exec(query).all()]


def heard(session: Session, talk_id: str, seconds: float, now: datetime) -> None:
    """Note that something of a talk has come, and how much there is of it now."""
    running = (col(LiveTalk.id) == talk_id, col(LiveTalk.ended_at).is_(None))
    session.execute(update(LiveTalk).where(*running).values(heard_at=now, seconds=round(seconds, 3)))


# -- how the stream of a talk is named --------------------------------------------------------------


def address(settings: Settings, talk_id: str) -> str:
    """Where stations find the sound of a talk: without `public_url` a path, on the server that they know."""
    return settings.public_url.rstrip("/") + _PATH.format(key_of(relay_secret(settings), talk_id))


def key_of(secret: bytes, talk_id: str) -> str:
    """The name of a talk's stream; nobody without `secret` can make one."""
    return talk_id + hmac.new(secret, b"live " + talk_id.encode(), hashlib.sha256).hexdigest()[:_MAC_HEX]


def of_key(session: Session, secret: bytes, key: str) -> LiveTalk:
    """The talk that a key stands for. Raises NotFound for every other word."""
    talk_id = key[:-_MAC_HEX]
    if not talk_id or not hmac.compare_digest(key_of(secret, talk_id).encode(), key.encode()):
        raise NotFound
    talk = session.get(LiveTalk, talk_id)
    if talk is None:
        raise NotFound
    return talk


def talk_in(address_or_path: str) -> str:
    """The talk whose stream this address is (as `address` makes it); empty for every other."""
    head, _, rest = address_or_path.rpartition(_PATH.partition("{}")[0])
    talk_id = rest.removesuffix(".mp3")[:-_MAC_HEX]
    return talk_id if rest.endswith(".mp3") and (head == "" or "://" in head) and talk_id.startswith("lt_") else ""

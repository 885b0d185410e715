"""What a speaker's page and a script do with a talk: begin it, send sound, ask how it stands, end it."""

from datetime import datetime, timedelta
from typing import Any

from flask import request
from sqlalchemy import true
from sqlmodel import Session, col, select

from alerts import live_rule
from core.clock import format_instant
from core.errors import N_, InvalidInput, TooLarge
from registry import units
from registry.models import StationState
from registry.rights import Actor
from scheduler import audience, commands, live
from scheduler.live import LEAD_SECONDS, Wish
from scheduler.live_models import LiveTalk
from scheduler.models import Airing
from web.app import house

MOST_BYTES = 512 * 1024  # ten seconds at the higher rate
_PLAYABLE = ("issued", "on_air")
_MOST_PLACE = 2**40
_NO_PLACE = N_("Say with “at” which sample of the talk comes first.")
_TOO_MUCH = N_("At most %(most)s bytes of sound fit into one call.")


def begin(actor: Actor, unit_named: str, wish: Wish, code: str = "") -> dict[str, Any]:
    """Put a talk on air; `code` is of a second factor, for emergencies. What its speaker is told of it."""
    here = house()
    here.check_room()
    now = here.clock()
    with here.database.write() as session:
        unit = units.find(session, actor, unit_named)
        talk, airing = live_rule.begin(
            session, actor, unit, wish, code=code, signer=here.signer, settings=here.settings, now=now
        )
    here.live.open(talk)
    here.room.catch_up()
    with here.database.read() as session:
        return standing(session, talk, airing, now)


def take_sound(actor: Actor, talk_id: str) -> dict[str, Any]:
    """Take the body of this request as sound of a talk, from the sample `at` on (else from where it is). Twice is once.

    Of a talk that has ended nothing is taken: the answer says so, and why.
    """
    here = house()
    with here.database.read() as session:
        talk = live.spoken_by(session, actor, talk_id)
    at = _place()
    size = request.content_length
    if size is not None and size > MOST_BYTES:
        raise TooLarge(_TOO_MUCH, most=MOST_BYTES)
    pcm = request.get_data()
    if len(pcm) > MOST_BYTES:
        raise TooLarge(_TOO_MUCH, most=MOST_BYTES)
    air = here.live.on_air(talk_id)
    if talk.ended_at is None and air is None:
        air = here.live.open(talk)
    if air is not None and not air.reason and talk.ended_at is None:
        here.live.put(air, air.next if at is None else at, pcm)
    reason = talk.reason or (air.reason if air else "")
    return {
        "state": "over" if reason else "on_air", "reason": reason, "next": air.next if air else 0,
        "hearing": here.live.hearing(talk_id), "seconds": round(air.seconds if air else talk.seconds, 2),
    }  # fmt: skip


def _place() -> int | None:
    """The place that the call names; None: it goes on where the former ended."""
    at = request.args.get("at")
    if at is None:
        return None
    if not at.isascii() or not at.isdigit() or int(at[:20]) > _MOST_PLACE:
        raise InvalidInput(_NO_PLACE, fields={"at": "form"})
    return int(at)


def end(actor: Actor, talk_id: str) -> dict[str, Any]:
    """End a talk: what is under way still sounds."""
    here = house()
    air = here.live.on_air(talk_id)
    with here.database.write() as session:
        if air is not None:
            live.heard(session, talk_id, air.seconds, here.clock())
        live.stop(session, actor, talk_id, here.clock())
        talk, _, airing = live.find(session, actor, talk_id)
        here.live.finish(talk_id, talk.reason)
        return standing(session, talk, airing, here.clock())


def show(actor: Actor, talk_id: str) -> dict[str, Any]:
    """How a talk stands."""
    here = house()
    with here.database.read() as session:
        talk, _, airing = live.find(session, actor, talk_id)
        return standing(session, talk, airing, here.clock())


def standing(session: Session, talk: LiveTalk, airing: Airing, now: datetime) -> dict[str, Any]:
    """A talk for programs and pages: who is to hear it, who is told, who listens, what goes over it."""
    here = house()
    air = here.live.on_air(talk.id)
    reason = talk.reason or (air.reason if air else "")
    over = bool(reason) or talk.ended_at is not None
    ends_at = talk.started_at + timedelta(seconds=talk.limit_s + LEAD_SECONDS)
    return {
        "id": talk.id, "airing": airing.id, "state": "over" if over else "on_air", "reason": reason,
        "title": talk.title, "emergency": talk.emergency, "started_at": format_instant(talk.started_at),
        "ends_at": format_instant(talk.ended_at or ends_at), "limit_s": talk.limit_s, "rate": talk.rate,
        "seconds": round(air.seconds if air else talk.seconds, 2), "next": air.next if air else 0,
        "stations": audience.count(session, airing.audience, true()),
        "acknowledged": commands.how_many_acknowledged(session, airing.id),
        "hearing": here.live.hearing(talk.id),
        "playing": _playing(session, airing),
        "over_it": [] if over else _over_it(session, airing, now),
        "clip": talk.clip_id, "stream": live.address(here.settings, talk.id),
    }  # fmt: skip


def _playing(session: Session, airing: Airing) -> int:
    """How many stations have said, with their latest heartbeat, that they sound it."""
    return len(session.exec(select(StationState.station_id).where(StationState.playing == airing.id)).all())


def _over_it(session: Session, airing: Airing, now: datetime) -> list[str]:
    """Titles of the emergencies that sound over a talk somewhere."""
    newer = select(Airing).where(
        col(Airing.kind).in_(("emergency", "live")), Airing.priority == "emergency", col(Airing.state).in_(_PLAYABLE),
        col(Airing.issued_at) > airing.issued_at, col(Airing.ends_at) > now, Airing.id != airing.id,
    )  # fmt: skip
    rows = session.exec(newer.limit(20)).all()
    if not rows:
        return []
    mine = audience.station_ids(session, airing.audience)
    return [row.title for row in rows if mine & audience.station_ids(session, row.audience)]

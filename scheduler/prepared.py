"""Prepared messages: approved ahead of the day, for the emergency page and for the stations themselves.

Whoever may raise an alarm in a unit keeps them there. Each holds in one or more languages what is approved already: the
recordings and speech of an approved bulletin, or recordings that this person puts in under their own name. As soon as
there is audio the server signs a *standing ticket* of it (`core.standing`). It travels in the plan of every station at
and below the unit, which keep it with its audio, and is renewed for as long as the message holds.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, or_, select

from audio import clips
from audio.models import Clip
from core import audit, changes
from core.errors import N_, Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.signing import Signer
from core.standing import KINDS, standing_names
from core.wire import MAX_STANDING, Item, Ticket
from playlists import bulletins, renditions, sources
from playlists.models import BulletinVersion
from registry.models import Unit
from registry.rights import Actor, Permission
from registry.units import clean_name
from scheduler import audience
from scheduler.prepared_models import PreparedMessage, PreparedVersion

MAX_A_UNIT = 30
MAX_LANGUAGES = 10
HOLDS = timedelta(days=90)
# Renewed when so much is left: a station may be away for weeks and still start what stands by.
RENEWED_AT = timedelta(days=60)


@dataclass(frozen=True)
class Source:
    """What the message says in one language: a recording, or (with all its languages) an approved bulletin."""

    clip: str | None = None
    language: str = "vi"
    bulletin: str | None = None


@dataclass(frozen=True)
class Shown:
    """A message with its unit and what it says, in the order of its languages."""

    message: PreparedMessage
    unit: Unit
    versions: Sequence[tuple[PreparedVersion, Clip]]

    def state(self, now: datetime) -> str:
        """`preparing` until there is audio, then `ready`; `failed`, `expired` or `retired` when it can't be used."""
        if self.message.retired_at is not None:
            return "retired"
        if self.message.valid_until is not None and self.message.valid_until <= now:
            return "expired"
        if all(clip.state in sources.LOST for _, clip in self.versions):
            return "failed"
        return "ready" if self.message.ticket else "preparing"


def add(
    session: Session, actor: Actor, unit: Unit, *, kind: str, title: str, said: Sequence[Source],
    valid_until: datetime | None, signer: Signer, now: datetime,
) -> PreparedMessage:  # fmt: skip
    """Keep a message; who does answers for it by name. Raises InvalidInput, NotFound, Forbidden or Conflict."""
    actor.require(Permission.ALARM, unit)
    if kind not in KINDS:
        raise InvalidInput(N_("Choose what the message is about."), fields={"kind": "unknown"})
    if valid_until is not None and valid_until <= now:
        raise InvalidInput(N_("It must be valid for some time yet."), fields={"valid_until": "past"})
    living = session.exec(select(PreparedMessage.id).where(PreparedMessage.unit_id == unit.id, _living(now))).all()
    if len(living) >= MAX_A_UNIT:
        raise Conflict(N_("A unit keeps at most %(limit)s prepared messages. Retire one first."), limit=MAX_A_UNIT)
    parts, ends = _parts(session, actor, unit, said, now)
    message = PreparedMessage(
        id=new_id("pm"), unit_id=unit.id, kind=kind, title=clean_name(title),
        valid_until=min((each for each in (valid_until, *ends) if each is not None), default=None),
        approved_by=actor.id, approved_name=actor.name, approved_at=now,
    )  # fmt: skip
    session.add(message)
    session.flush()
    for position, (language, clip, version_id) in enumerate(parts):
        session.add(
            PreparedVersion(
                message_id=message.id, position=position, language=language, clip_id=clip.id,
                bulletin_version_id=version_id,
            )
        )  # fmt: skip
        if clip.state != "ready":
            clips.hasten(session, clip.id, now)
    audit.record(
        session, actor=actor.username, action="prepared.add", subject=message.id, unit_id=unit.id, now=now,
        kind=kind, title=message.title, clips=[clip.id for _, clip, _ in parts],
    )  # fmt: skip
    session.flush()
    renew(session, signer, now, [message.id])
    return message


_Part = tuple[str, Clip, str | None]


def _parts(
    session: Session, actor: Actor, unit: Unit, said: Sequence[Source], now: datetime
) -> tuple[list[_Part], list[datetime | None]]:
    """Language, clip and version of a bulletin for each thing said; and when the bulletins run out."""
    parts: list[_Part] = []
    ends: list[datetime | None] = []
    for source in said:
        if bool(source.clip) == bool(source.bulletin):
            raise InvalidInput(
                N_("Give an approved bulletin or a recording for each language."), fields={"clip": "empty"}
            )
        if source.clip:
            clip = sources.clip_for(session, actor, source.clip, unit)
            parts.append((sources.known_language(source.language), clip, None))
        else:
            version = _approved(session, actor, source.bulletin or "", unit, now)
            ends.append(version.valid_until)
            parts.append((version.language, session.get_one(Clip, version.clip_id), version.id))
            others = renditions.with_clips(session, version)
            parts.extend((other.language, clip, version.id) for other, clip in others)
    if not 1 <= len(parts) <= MAX_LANGUAGES:
        raise InvalidInput(
            N_("A message has between one and %(limit)s languages."), fields={"clip": "count"}, limit=MAX_LANGUAGES
        )
    if len({language for language, _, _ in parts}) < len(parts):
        raise InvalidInput(N_("A language is there twice."), fields={"language": "twice"})
    if any(clip.state in sources.LOST for _, clip, _ in parts):
        raise Conflict(N_("The audio of this recording could not be made."))
    return parts, ends


def _approved(session: Session, actor: Actor, bulletin_id: str, unit: Unit, now: datetime) -> BulletinVersion:
    bulletin, home, _ = bulletins.find(session, actor, bulletin_id)
    if not (home.path.startswith(unit.path) or unit.path.startswith(home.path)):
        raise InvalidInput(N_("This bulletin belongs to another unit."), fields={"bulletin": "unit"})
    version = session.exec(
        select(BulletinVersion).where(
            BulletinVersion.bulletin_id == bulletin.id, BulletinVersion.number == (bulletin.approved or -1)
        )
    ).first()
    if version is None:
        raise Conflict(N_("This bulletin is not approved."))
    if version.valid_until is not None and version.valid_until <= now:
        raise Conflict(N_("This bulletin is not valid any more."))
    return version


def retire(session: Session, actor: Actor, message_id: str, now: datetime) -> PreparedMessage:
    """Take a message out of use: stations drop it with their next plan. Retiring it twice changes nothing."""
    found = find(session, actor, message_id)
    actor.require(Permission.ALARM, found.unit)
    if found.message.retired_at is None:
        _retire(session, found.message, actor.id, now)
        audit.record(
            session, actor=actor.username, action="prepared.retire", subject=message_id, unit_id=found.unit.id, now=now
        )
    return found.message


def _retire(session: Session, message: PreparedMessage, who: str, now: datetime) -> None:
    message.retired_at, message.retired_by = now, who
    session.add(message)
    changes.announce(session, "plan", [f"unit:{message.unit_id}"], now)


def find(session: Session, actor: Actor, message_id: str) -> Shown:
    """A message of a unit the actor may see, or above one where they raise emergencies. Raises NotFound."""
    message = session.get(PreparedMessage, message_id)
    unit = session.get(Unit, message.unit_id) if message else None
    if message is None or unit is None or not (actor.may(Permission.SEE, unit) or unit.id in _above(actor)):
        raise NotFound
    return Shown(message, unit, _versions(session, [message.id]).get(message.id, []))


def _above(actor: Actor) -> set[str]:
    """The units whose messages stand by where the actor raises emergencies: those units and all above them."""
    return {each for path in actor.paths(Permission.ALARM) for each in path.strip("/").split("/") if each}


def visible(session: Session, actor: Actor, *, unit: Unit | None = None, limit: int = 200) -> list[Shown]:
    """Messages in use that the actor may see (`find`), by kind and title; with `unit` those that hold there."""
    condition = actor.within(Permission.SEE, col(Unit.path)) | col(Unit.id).in_(sorted(_above(actor)))
    if unit is not None:
        condition &= col(Unit.id).in_(unit.path.strip("/").split("/"))
    rows = session.exec(
        select(PreparedMessage, Unit)
        .join(Unit, col(Unit.id) == PreparedMessage.unit_id)
        .where(condition, col(PreparedMessage.retired_at).is_(None))
        .order_by(col(Unit.path), col(PreparedMessage.kind), col(PreparedMessage.title))
        .limit(limit)
    ).all()
    said = _versions(session, [message.id for message, _ in rows])
    return [Shown(message, home, said.get(message.id, [])) for message, home in rows]


def _versions(session: Session, message_ids: Sequence[str]) -> dict[str, list[tuple[PreparedVersion, Clip]]]:
    rows = session.exec(
        select(PreparedVersion, Clip)
        .join(Clip, col(Clip.id) == PreparedVersion.clip_id)
        .where(col(PreparedVersion.message_id).in_(message_ids))
        .order_by(col(PreparedVersion.message_id), col(PreparedVersion.position))
    ).all()
    found: dict[str, list[tuple[PreparedVersion, Clip]]] = {}
    for version, clip in rows:
        found.setdefault(version.message_id, []).append((version, clip))
    return found


def renew(session: Session, signer: Signer, now: datetime, message_ids: Sequence[str] | None = None) -> int:
    """Sign what is not signed yet, has changed, runs out or bears a former key; returns how many.

    A message whose bulletin was withdrawn is retired. Doing it again changes nothing.
    """
    query = select(PreparedMessage, Unit).join(Unit, col(Unit.id) == PreparedMessage.unit_id).where(_living(now))
    if message_ids is not None:
        query = query.where(col(PreparedMessage.id).in_(message_ids))
    rows = session.exec(query.order_by(col(PreparedMessage.id))).all()
    if not rows:
        return 0
    said = _versions(session, [message.id for message, _ in rows])
    withdrawn = _withdrawn(session, (version for parts in said.values() for version, _ in parts))
    outside = audience.outside(session, [f"unit:{unit.id}" for _, unit in rows])
    key = str(signer.public_jwk["kid"])
    done = 0
    for message, unit in rows:
        parts = said.get(message.id, [])
        if any(version.bulletin_version_id in withdrawn for version, _ in parts):
            _retire(session, message, "system", now)
            continue
        items = [
            Item(at=0, seconds=round(clip.seconds or 1.0, 3), title=message.title, clip=clips.files(clip),
                 language=version.language)
            for version, clip in parts if clip.state == "ready"
        ]  # fmt: skip
        names = standing_names([outside[f"unit:{unit.id}"]])
        made_of = _digest(items, names)
        lasts = message.not_after is not None and (
            message.not_after == message.valid_until or message.not_after - now > RENEWED_AT
        )
        if not items or (made_of == message.made_of and key == message.ticket_key and lasts):
            continue
        message.not_after = min(now + HOLDS, message.valid_until or now + HOLDS)
        message.ticket = signer.sign(
            Ticket(
                id=message.id, kind="emergency", priority="emergency", starts_at=now, ends_at=now, late="skip",
                audience=names, items=items, approved_by=message.approved_name, issued_at=now,
                not_after=message.not_after, standing=message.kind,
            )
        )  # fmt: skip
        message.ticket_key, message.made_of, message.issued_at = key, made_of, now
        session.add(message)
        changes.announce(session, "plan", [f"unit:{unit.id}"], now)
        done += 1
    return done


def any_to_renew(session: Session, key: str, now: datetime) -> bool:
    """Whether `renew` would sign something, as far as can be seen cheaply: a look that takes no lock."""
    message = PreparedMessage
    ready = select(PreparedVersion.message_id).join(Clip, col(Clip.id) == PreparedVersion.clip_id)
    unsigned = (col(message.ticket) == "") & col(message.id).in_(ready.where(Clip.state == "ready"))
    ends = col(message.not_after)
    runs_out = (ends < now + RENEWED_AT) & ends.is_distinct_from(message.valid_until)
    signed = (col(message.ticket) != "") & (runs_out | (col(message.ticket_key) != key))
    return session.exec(select(message.id).where(_living(now), unsigned | signed).limit(1)).first() is not None


def held(session: Session, now: datetime) -> dict[str, list[tuple[str, str]]]:
    """By internal name of a unit, the messages that stand by at its stations: id and ticket, the oldest first."""
    rows = session.exec(
        select(PreparedMessage.unit_id, PreparedMessage.id, PreparedMessage.ticket)
        .where(_living(now), PreparedMessage.ticket != "", col(PreparedMessage.not_after) > now)
        .order_by(col(PreparedMessage.id))
    ).all()
    found: dict[str, list[tuple[str, str]]] = {}
    for unit_id, message_id, ticket in rows:
        found.setdefault(f"unit:{unit_id}", []).append((message_id, ticket))
    return found


def at_station(by_name: dict[str, list[tuple[str, str]]], names: Iterable[str]) -> list[str]:
    """The standing tickets for a station with these internal names; where there are too many, the newest."""
    found = sorted({each for name in names for each in by_name.get(name, ())})
    return [ticket for _, ticket in found[-MAX_STANDING:]]


def _living(now: datetime) -> ColumnElement[bool]:
    valid = or_(col(PreparedMessage.valid_until).is_(None), col(PreparedMessage.valid_until) > now)
    return col(PreparedMessage.retired_at).is_(None) & valid


def _withdrawn(session: Session, versions: Iterable[PreparedVersion]) -> set[str]:
    ids = sorted({each.bulletin_version_id for each in versions if each.bulletin_version_id})
    query = select(BulletinVersion.id).where(col(BulletinVersion.id).in_(ids), BulletinVersion.state == "withdrawn")
    return set(session.exec(query).all())


def _digest(items: Sequence[Item], names: Sequence[str]) -> str:
    body = json.dumps([[item.model_dump_json() for item in items], list(names)])
    return hashlib.sha256(body.encode()).hexdigest()

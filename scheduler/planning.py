"""Rolling the horizon: slots become airings, and airings whose content changed are issued anew.

Three steps, so that nothing slow happens in a transaction: read one state, decide in memory, write in
short batches. Every write checks that what it was decided on still holds, so two workers, or one killed
half-way and started again, end in the same timetable.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from audio import clips
from core import changes
from core.clock import zone
from core.database import Database
from core.ids import new_id
from core.quiet import first_quiet
from core.settings import Settings
from core.signing import Signer
from core.wire import MAX_AIRING_SECONDS, MAX_ITEMS
from playlists import resolving
from playlists.models import Bulletin, BulletinVersion, Programme, ProgrammeItem
from registry import units
from registry.models import Group, Station, Unit
from scheduler import audience, issuing
from scheduler.models import Airing, Slot
from scheduler.recurrence import occurrences, recurrence

log = logging.getLogger(__name__)
LOOK_BACK = timedelta(minutes=10)
# An airing whose audio is not complete is signed with what there is when its start is this near: nearer than
# the worker's full roll every minute comes round, so that one of them falls into it.
LAST_CALL = timedelta(seconds=75)
_BATCH = 200
MAX_OCCURRENCES = 2_000  # of one slot within the horizon: every few minutes
_LIVE = ("planned", "issued", "on_air", "over", "failed")


@dataclass(frozen=True)
class _Sound:
    """What sounds in an airing, apart from when. `key` is a hash of all a listener or a station could notice."""

    items: list[dict[str, Any]]
    seconds: float
    approved_by: str
    key: str


@dataclass
class Outlook:
    """One state of the database, as far as planning needs it."""

    slots: list[Slot] = field(default_factory=list)
    library: resolving.Library = field(default_factory=resolving.Library)
    airings: dict[tuple[str, datetime], Airing] = field(default_factory=dict)
    stale: list[Airing] = field(default_factory=list)
    outside: dict[str, str] = field(default_factory=dict)
    hours: dict[str, list[tuple[list[tuple[str, str]], ZoneInfo]]] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)  # bulletins that sound now and may not any more
    sounds: dict[tuple[str, resolving.Resolved, bool], _Sound] = field(default_factory=dict)


@dataclass
class Decision:
    """What to write: airings to add, each perhaps in place of an older one, and airings to withdraw."""

    add: list[tuple[Airing, Airing | None]] = field(default_factory=list)
    withdraw: list[tuple[Airing, str]] = field(default_factory=list)
    hasten: dict[str, datetime] = field(default_factory=dict)


def roll(
    database: Database, settings: Settings, signer: Signer, now: datetime, slot_ids: Iterable[str] | None = None
) -> int:
    """Bring the airings of these slots (None: of all) up to date for the horizon; returns how many rows changed.

    Calling it again changes nothing.
    """
    with database.read() as session:
        outlook = look(session, settings, now, slot_ids)
    decision = decide(outlook, now, timedelta(days=settings.horizon_days))
    for airing, _ in decision.add:
        if airing.items:
            issuing.sign(airing, outlook.outside, signer, now)
    written = 0
    for start in range(0, len(decision.add), _BATCH):
        with database.write() as session:
            written += _write(session, decision.add[start : start + _BATCH], now)
    if decision.withdraw or decision.hasten:
        with database.write() as session:
            for airing, reason in decision.withdraw:
                fresh = session.get(Airing, airing.id)
                if fresh is not None and fresh.state not in {"withdrawn", "over"}:
                    issuing.withdraw(session, fresh, reason, now)
                    written += 1
            for clip_id, due_at in decision.hasten.items():
                clips.hasten(session, clip_id, due_at, urgent=False)
    return written


def affected_slots(session: Session, names: Iterable[str]) -> set[str] | None:
    """Slots that a change of these things (`slot:`, `programme:`, `bulletin:`, `clip:` …) may alter; None for all."""
    slots: set[str] = set()
    programmes: set[str] = set()
    for name in names:
        kind, _, identity = name.partition(":")
        if kind == "slot":
            slots.add(identity)
        elif kind == "programme":
            programmes.add(identity)
        elif kind in {"bulletin", "clip"}:
            condition = col(ProgrammeItem.kind) == "newest"
            if kind == "bulletin":
                condition |= col(ProgrammeItem.bulletin_id) == identity
            else:
                of_clip = select(BulletinVersion.bulletin_id).where(BulletinVersion.clip_id == identity)
                condition |= (col(ProgrammeItem.clip_id) == identity) | col(ProgrammeItem.bulletin_id).in_(of_clip)
            programmes.update(session.exec(select(ProgrammeItem.programme_id).where(condition)).all())
        else:
            return None
    if programmes:
        slots.update(session.exec(select(Slot.id).where(col(Slot.programme_id).in_(programmes))).all())
    return slots


def look(session: Session, settings: Settings, now: datetime, slot_ids: Iterable[str] | None) -> Outlook:
    """Read what planning needs, in a number of queries that does not grow with the number of airings."""
    outlook = Outlook()
    wanted = select(Slot)
    living = select(Airing).where(
        col(Airing.slot_id).is_not(None), col(Airing.state).in_(_LIVE), col(Airing.starts_at) >= now - timedelta(days=1)
    )
    if slot_ids is not None:
        chosen = sorted(slot_ids)
        wanted, living = wanted.where(col(Slot.id).in_(chosen)), living.where(col(Airing.slot_id).in_(chosen))
    active = {slot.id: slot for slot in session.exec(wanted.where(col(Slot.withdrawn_at).is_(None))).all()}
    outlook.slots = list(active.values())
    for airing in session.exec(living).all():
        if airing.slot_id in active and airing.occurrence_at is not None:
            outlook.airings[airing.slot_id, airing.occurrence_at] = airing
        else:
            outlook.stale.append(airing)
    outlook.library = resolving.load(session, {slot.programme_id for slot in outlook.slots})
    outlook.outside = audience.outside(session, {name for slot in outlook.slots for name in slot.audience})
    _read_hours(session, outlook, settings.zone)
    sounding = {
        str(item["bulletin"])
        for airing in outlook.airings.values()
        if airing.ticket and airing.starts_at <= now < airing.ends_at
        for item in airing.items
        if item.get("bulletin")
    }
    gone = select(Bulletin.id).where(col(Bulletin.id).in_(sorted(sounding)), col(Bulletin.approved).is_(None))
    outlook.withdrawn = set(session.exec(gone).all()) if sounding else set()
    return outlook


def _read_hours(session: Session, outlook: Outlook, default_zone: str) -> None:
    every = {unit.id: unit for unit in session.exec(select(Unit)).all()}
    names = {name for slot in outlook.slots for name in slot.audience}
    home: dict[str, str] = {}
    for kind, model in (("station", Station), ("group", Group)):
        if any(name.startswith(kind) for name in names):
            home |= {f"{kind}:{i}": unit for i, unit in session.exec(select(model.id, model.unit_id)).all()}
    known: dict[str, tuple[list[tuple[str, str]], ZoneInfo]] = {}
    for slot in outlook.slots:
        found = []
        for name in slot.audience:
            unit = every.get(home.get(name) or name.partition(":")[2])
            if unit is None:
                continue
            if unit.id not in known:
                at = units.inherited([every[each] for each in unit.path.strip("/").split("/")], default_zone)
                known[unit.id] = (at.quiet_hours, zone(at.zone))
            found.append(known[unit.id])
        outlook.hours[slot.id] = found


def decide(outlook: Outlook, now: datetime, horizon: timedelta) -> Decision:
    """What has to change so that the airings match the slots. Pure."""
    decision = Decision()
    kept: set[tuple[str, datetime]] = set()
    unclear: set[str] = set()
    end = now + horizon
    for slot in outlook.slots:
        programme = outlook.library.programmes.get(slot.programme_id)
        if programme is None:
            continue
        try:
            rule = recurrence(slot.starts, slot.zone, slot.rrule, exdates=slot.exdates, until=slot.until)
            start = max(now - LOOK_BACK, slot.created_at)
            for at in islice(occurrences(rule, start, end), MAX_OCCURRENCES):
                kept.add((slot.id, at))
                _one(outlook, decision, slot, programme, at, now)
        except Exception:  # one slot that can't be read must not silence the others, nor lose what it has
            log.exception("slot %s can't be planned", slot.id)
            unclear.add(slot.id)
    for key, airing in outlook.airings.items():
        if key in kept or key[0] in unclear or airing.state not in {"planned", "issued"}:
            continue
        # What lies beyond the end was planned by a clock that was ahead of this one.
        if now - LOOK_BACK < airing.starts_at < end:
            decision.withdraw.append((airing, "slot_changed"))
    decision.withdraw += [(each, "slot_withdrawn") for each in outlook.stale if each.state not in {"over", "failed"}]
    return decision


def _one(outlook: Outlook, decision: Decision, slot: Slot, programme: Programme, at: datetime, now: datetime) -> None:
    present = outlook.airings.get((slot.id, at))
    if present is not None and (present.state in {"over", "failed"} or present.ends_at <= now):
        return
    if present is not None and present.ticket and at <= now:
        # It sounds already: a new text waits for the next time, but what may not sound any more stops at once.
        if any(item.get("bulletin") in outlook.withdrawn for item in present.items):
            decision.withdraw.append((present, "bulletin_withdrawn"))
        return
    resolved = resolving.resolve(outlook.library, slot.programme_id, at)
    for clip_id in resolved.waiting:
        decision.hasten[clip_id] = min(decision.hasten.get(clip_id, at), at)
    reason = ""
    if resolved.waiting and at > now + LAST_CALL and not (present and present.ticket):
        reason = "rendering"
    elif not resolved.parts:
        reason = "rendering" if resolved.waiting else "nothing_approved"
    elif len(resolved.parts) > MAX_ITEMS or resolved.seconds > MAX_AIRING_SECONDS:
        reason = "too_long"
    else:
        quiet = outlook.hours.get(slot.id, [])
        if quiet and all(first_quiet(at, resolved.seconds, hours, where) for hours, where in quiet):
            reason = "quiet_hours"
    sound = _sound(outlook, slot, programme, resolved, silent=bool(reason))
    seconds = sound.seconds or max(resolving.expected_seconds(outlook.library, slot.programme_id, at), 1.0)
    key = hashlib.sha256(f"{sound.key} {at.timestamp()} {seconds}".encode()).hexdigest()
    if present is None or present.content_key != key or present.reason != reason:
        airing = _airing(slot, programme, at, sound, seconds, now)
        airing.content_key, airing.reason, airing.priority = key, reason, resolved.priority
        decision.add.append((airing, present))


def _sound(outlook: Outlook, slot: Slot, programme: Programme, resolved: resolving.Resolved, *, silent: bool) -> _Sound:
    """What the airings of this slot have in common while the programme resolves to the same; worked out once."""
    cached = outlook.sounds.get((slot.id, resolved, silent))
    if cached is not None:
        return cached
    items: list[dict[str, Any]] = []
    offset = 0.0
    for part in () if silent else resolved.parts:
        seconds = round(part.seconds, 3)
        items.append(
            {
                "at": round(offset, 3), "seconds": seconds, "title": part.title, "clip": part.files.model_dump(),
                "bulletin": part.bulletin_id,
            }
        )  # fmt: skip
        offset += seconds
    approved_by = ", ".join(dict.fromkeys(part.approved_by for part in resolved.parts))[:500]
    body = [resolved.priority, programme.title, slot.late, slot.volume, slot.audience, items, approved_by]
    key = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    sound = outlook.sounds[slot.id, resolved, silent] = _Sound(items, round(offset, 3), approved_by, key)
    return sound


def _airing(slot: Slot, programme: Programme, at: datetime, sound: _Sound, seconds: float, now: datetime) -> Airing:
    ends = at + timedelta(seconds=seconds)
    return Airing(
        id=new_id("air"), unit_id=slot.unit_id, slot_id=slot.id, occurrence_at=at, kind="programme",
        priority="ordinary", title=programme.title, starts_at=at, ends_at=ends,
        not_after=ends + issuing.NOT_AFTER[slot.late], late=slot.late, volume=slot.volume, audience=slot.audience,
        items=sound.items, approved_by=sound.approved_by, created_at=now,
    )  # fmt: skip


def _write(session: Session, batch: Sequence[tuple[Airing, Airing | None]], now: datetime) -> int:
    """Put each new airing in the place of the old one if that is still how it was read; else leave it to the next roll.

    A fixed number of queries a batch, so that the write lock is held for milliseconds.
    """
    slot_ids = sorted({new.slot_id for new, _ in batch if new.slot_id})
    active = set(
        session.exec(select(Slot.id).where(col(Slot.id).in_(slot_ids), col(Slot.withdrawn_at).is_(None))).all()
    )
    living = {
        (airing.slot_id, airing.occurrence_at): airing
        for airing in session.exec(
            select(Airing).where(
                col(Airing.slot_id).in_(slot_ids),
                col(Airing.occurrence_at).in_([new.occurrence_at for new, _ in batch]),
                Airing.state != "withdrawn",
            )
        ).all()
    }
    accepted: list[Airing] = []
    replaced: list[Airing] = []
    for new, old in batch:
        live = living.get((new.slot_id, new.occurrence_at))
        unchanged = (live.id, live.state) == (old.id, old.state) if live and old else live is old
        if new.slot_id in active and unchanged:
            accepted.append(new)
            replaced += [live] if live else []
    issuing.replace(session, replaced, now)
    issuing.add(session, accepted)
    heard = {name for airing in accepted if airing.ticket for name in airing.audience}
    if heard:
        changes.announce(session, "plan", sorted(heard), now)
    return len(accepted)

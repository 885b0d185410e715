"""Changing what is on the timetable: one occurrence, this and the following ones, or all.

What has sounded stays as it was and is never planned a second time: a change of all occurrences begins with the next
one that has not begun. What starts within the next minutes is frozen, unless somebody says why it must change.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from sqlmodel import Session, col, select

from core import audit, changes
from core.clock import format_instant
from core.clock import zone as known_zone
from core.errors import N_, Conflict, InvalidInput, NotFound
from core.ids import new_id
from playlists import libraries, programmes, resolving
from registry.models import Unit
from registry.rights import Actor, Permission
from scheduler import audience, checks, ordering, series, slots
from scheduler.clashes import first_overlap
from scheduler.models import Slot, SlotException
from scheduler.recurrence import local_instant
from scheduler.series import Occurrence, Series, length, named, occurring
from scheduler.wishes import LOOK_AHEAD, MAX_MINUTES, Understood, Wish, understand

SCOPES = ("all", "following")
_MAX_REASON = 500
_DATE = len("2026-11-23")
_FROZEN = N_("It starts within %(minutes)s minutes and is frozen. Give a reason to change it all the same.")
_BEGUN = N_("This occurrence has begun already; it can't be changed any more.")


@dataclass(frozen=True)
class Change:
    """What becomes of one occurrence. `starts` is local time in the slot's zone; None leaves things as they are.

    `lift` is the reason why this one may break limits of the place; only who administers it may.
    """

    skip: bool = False
    starts: str | None = None
    programme: str | None = None
    max_minutes: float | None = None
    reason: str = ""
    lift: str = ""


@dataclass(frozen=True)
class Rules:
    """What an edit has to know of the installation. `bypass` is the reason for changing what is frozen."""

    default_zone: str
    freeze: timedelta
    bypass: str = ""


def change_one(
    session: Session, actor: Actor, slot_id: str, at: datetime, change: Change, rules: Rules, now: datetime
) -> SlotException:
    """Skip, move, shorten or replace the occurrence that the slot's rule puts at `at`.

    Raises NotFound, InvalidInput, Conflict (begun, frozen, or it would meet something else).
    """
    slot, unit = slots.find(session, actor, slot_id)
    actor.require(Permission.SCHEDULE, unit)
    held = series.one(session, slot)
    usual = _usual(held, at)
    present = named(held, at) or usual
    _may_change(present.starts_at, rules, now)
    if change.max_minutes is not None and not 0 < change.max_minutes <= MAX_MINUTES:
        raise InvalidInput(
            N_("A session takes more than 0 and at most 1,440 minutes."), fields={"max_minutes": "range"}
        )
    row = held.exceptions.get(at) or SlotException(
        id=new_id("ex"), slot_id=slot.id, occurrence_at=at, changed_by=actor.id, changed_at=now
    )
    row.skip, row.reason = change.skip, " ".join(change.reason.split())[:_MAX_REASON]
    row.starts_at = local_instant(change.starts, held.zone) if change.starts and not change.skip else None
    row.programme_id = programmes.find(session, actor, change.programme)[0].id if change.programme else None
    row.max_seconds = change.max_minutes * 60 if change.max_minutes else None
    row.changed_by, row.changed_at = actor.id, now
    if row.starts_at is not None:
        _may_change(row.starts_at, replace(rules, freeze=timedelta(0)), now)
    row.lifted = []
    if not row.skip:
        row.lifted = _check_one(session, actor, slot, unit, replace_exception(held, at, row), at, rules, change.lift)
    row.lifted_by = actor.id if row.lifted else None
    row.lifted_reason = " ".join(change.lift.split())[:_MAX_REASON] if row.lifted else ""
    session.add(row)
    _note(session, actor, slot, "slot.occurrence", rules, now, at=format_instant(at), skip=row.skip,
          starts=format_instant(row.starts_at) if row.starts_at else None, reason=row.reason,
          **({"lifted": row.lifted, "lifted_reason": row.lifted_reason} if row.lifted else {}))  # fmt: skip
    return row


def restore_one(session: Session, actor: Actor, slot_id: str, at: datetime, rules: Rules, now: datetime) -> None:
    """Let one occurrence be as the rule says again. Raises NotFound, Conflict."""
    slot, unit = slots.find(session, actor, slot_id)
    actor.require(Permission.SCHEDULE, unit)
    held = series.one(session, slot)
    row = held.exceptions.get(at)
    if row is None:
        raise NotFound
    for begins in (_usual(held, at).starts_at, row.starts_at):
        if begins is not None:
            _may_change(begins, rules, now)
    _check_one(session, actor, slot, unit, replace_exception(held, at, None), at, rules)
    session.delete(row)
    _note(session, actor, slot, "slot.restore", rules, now, at=format_instant(at))


def edit(
    session: Session,
    actor: Actor,
    slot_id: str,
    wish: Wish,
    rules: Rules,
    now: datetime,
    *,
    scope: str = "all",
    start: datetime | None = None,
) -> Slot:
    """Change all occurrences that are still to come, or (`following`) those from the one at `start` on.

    A slot that has sounded goes on under a new id from there, so that its history stays true; the old one ends before.
    Single occurrences that were changed, and that the new rule knows too, stay as they were changed.
    Raises as `slots.create` does.
    """
    slot, unit = slots.find(session, actor, slot_id)
    actor.require(Permission.SCHEDULE, unit)
    if scope not in SCOPES or (scope == "following") != (start is not None):
        raise InvalidInput(N_("Say “all”, or “following” and from which occurrence."), fields={"scope": "form"})
    if slot.withdrawn_at is not None:
        raise Conflict(N_("This slot is off the timetable already."))
    held = series.one(session, slot)
    begins = now if rules.bypass else now + rules.freeze
    if start is not None:
        _may_change(_usual(held, start).starts_at, rules, now)
        begins = start - timedelta(microseconds=1)
    first = next((each for each in occurring(held, begins, begins + 10 * LOOK_AHEAD) if each.starts_at > begins), None)
    if first is None:
        raise Conflict(N_("Nothing of this slot is still to come."))
    whole = next(occurring(held, slot.created_at, first.starts_at), None) is None
    if not whole:
        wish = replace(wish, starts=_not_before(wish, first, held))
    wanted = understand(session, actor, wish, rules.default_zone, now)
    beside = checks.neighbours(session, wanted, frozenset({slot.id}))
    lifted = slots.may_break(session, actor, wish, wanted, beside, rules.default_zone)
    slots.refuse_clashes(session, actor, wanted, beside)
    target = slot
    if not whole:
        slot.until = format_instant(first.at - timedelta(seconds=1))
        session.add(slot)
        target = Slot(
            id=new_id("sl"), unit_id=slot.unit_id, programme_id=slot.programme_id, starts=wish.starts, zone=slot.zone,
            created_by=actor.id, created_at=now, follows=slot.id,
        )  # fmt: skip
    slots.write(session, actor, target, wish, wanted, lifted)
    if target is not slot:
        _carry_over(session, held, target, first.at)
        ordering.carry_over(session, slot, target)
    _note(session, actor, slot, "slot.edit", rules, now, scope=scope, into=target.id, **slots.detail(target))
    return target


def _carry_over(session: Session, held: Series, target: Slot, begin: datetime) -> None:
    new = series.one(session, target)
    for at, row in held.exceptions.items():
        if at >= begin and named(replace_exception(new, at, None), at) is not None:
            row.slot_id = target.id
            session.add(row)
    session.flush()


def hurry(session: Session, actor: Actor, slot_id: str, reason: str, now: datetime) -> Slot:
    """Let what changed hold at once, also for what is frozen; the audit log keeps the reason. Raises InvalidInput."""
    slot, unit = slots.find(session, actor, slot_id)
    actor.require(Permission.SCHEDULE, unit)
    if not reason.strip():
        raise InvalidInput(N_("Say why it can't wait."), fields={"reason": "empty"})
    _note(session, actor, slot, "slot.hurry", Rules("", timedelta(0), reason), now)
    return slot


def replace_exception(held: Series, at: datetime, row: SlotException | None) -> Series:
    """The series as it would be with this exception (None: without one) at `at`. Pure."""
    others = {instant: each for instant, each in held.exceptions.items() if instant != at}
    return replace(held, exceptions=others | ({at: row} if row else {}))


def _usual(held: Series, at: datetime) -> Occurrence:
    found = named(replace_exception(held, at, None), at)
    if found is None:
        raise NotFound(N_("This slot has no occurrence then."))
    return found


def _may_change(starts_at: datetime, rules: Rules, now: datetime) -> None:
    if starts_at <= now:
        raise Conflict(_BEGUN, code="begun")
    if starts_at <= now + rules.freeze and not rules.bypass.strip():
        raise Conflict(_FROZEN, code="frozen", minutes=round(rules.freeze.total_seconds() / 60))


def _check_one(
    session: Session, actor: Actor, slot: Slot, unit: Unit, held: Series, at: datetime, rules: Rules, lift: str = ""
) -> list[str]:
    """Hold one occurrence against everything that a whole slot is held against, and against its own siblings.

    Returns the limits that it breaks for the reason in `lift`, besides those lifted for its slot.
    """
    found = named(held, at)
    if found is None:
        return []
    programme, _ = programmes.find(session, actor, found.programme_id)
    library = libraries.load(session, [programme.id])
    seconds = resolving.expected_seconds(library, programme.id, found.starts_at)
    wanted = Understood(
        programme, unit, audience.known(session, slot.audience), held, slot.zone,
        length(seconds, found).total_seconds(), resolving.expected_priority(library, programme.id), [found],
    )  # fmt: skip
    beside = checks.neighbours(session, wanted, frozenset({slot.id}))
    reach = timedelta(days=1)
    siblings = [
        each for each in occurring(held, found.starts_at - reach, found.starts_at + reach) if each.at != found.at
    ]
    own = replace(wanted, coming=siblings).spans
    if first_overlap(wanted.spans, own):
        raise Conflict(N_("It would meet another occurrence of the same slot."))
    as_wished = Wish(programme.id, "", [], lift=lift or None)
    lifted = slots.may_break(session, actor, as_wished, wanted, beside, rules.default_zone, already=slot.lifted)
    slots.refuse_clashes(session, actor, wanted, beside)
    return lifted


def _not_before(wish: Wish, first: Occurrence, held: Series) -> str:
    """The wish's start, moved to the day of the first occurrence that it takes over, where it lies before."""
    day = first.at.astimezone(held.zone).date()
    try:
        wished = date.fromisoformat(wish.starts.strip()[:_DATE])
    except ValueError:
        return wish.starts  # told by whoever reads it
    return wish.starts if wished >= day else f"{day.isoformat()}{wish.starts.strip()[_DATE:]}"


def _note(
    session: Session, actor: Actor, slot: Slot, action: str, rules: Rules, now: datetime, **detail: object
) -> None:
    if rules.bypass.strip():
        slot.bypass_at = now
        session.add(slot)
        detail["bypass"] = " ".join(rules.bypass.split())[:_MAX_REASON]
    session.flush()
    audit.record(session, actor=actor.username, action=action, subject=slot.id, unit_id=slot.unit_id, now=now, **detail)
    changes.announce(session, "timetable", [f"slot:{slot.id}"], now)


def exceptions(session: Session, slot: Slot) -> list[SlotException]:
    """The single occurrences of a slot that differ, by instant."""
    query = select(SlotException).where(SlotException.slot_id == slot.id)
    return list(session.exec(query.order_by(col(SlotException.occurrence_at))).all())


def instant_of(slot: Slot, text: str) -> datetime:
    """The instant of an occurrence as people and scripts name it: an instant, or a local time in the slot's zone."""
    return local_instant(text, known_zone(slot.zone)).astimezone(UTC)

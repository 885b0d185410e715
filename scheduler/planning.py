"""Rolling the horizon: slots become airings, and airings whose content changed are issued anew.

Three steps, so that nothing slow happens in a transaction: read one state, decide in memory, write in
short batches. Every write checks that what it was decided on still holds, so two workers, or one killed
half-way and started again, end in the same timetable.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from audio import clips
from core import changes
from core.database import Database
from core.settings import Settings
from core.signing import Signer
from scheduler import issuing, troubles
from scheduler.deciding import LOOK_BACK, decide
from scheduler.foresight import Foresight
from scheduler.issuing import Fresh
from scheduler.models import Airing, Slot
from scheduler.outlook import Present, look

_BATCH = 200
_SLOTS = 2_000
_MOST_FOUND = 50  # slots set aside in one roll
_NEARLY = timedelta(minutes=5)
_FORGOTTEN = timedelta(days=90)  # more than the longest horizon
_NEVER = datetime.max.replace(tzinfo=UTC)


def roll(
    database: Database, settings: Settings, signer: Signer, now: datetime, slot_ids: Iterable[str] | None = None,
    foresight: Foresight | None = None,
) -> int:  # fmt: skip
    """Bring the airings of these slots (None: of all) up to date for the horizon; returns how many rows changed.

    Calling it again changes nothing. Slots are taken some thousand at a time, so that a country needs no more memory
    than a province. One that can't be planned is set aside, and the rest is planned: it is found by halving.
    With `foresight`, all means those that time alone may have changed; who changes a slot says so by its id.
    """
    with database.read() as session:
        aside = troubles.subjects(session, "slot")
        if slot_ids is None:
            resting = troubles.subjects(session, "slot", met_since=now - troubles.AGAIN) if aside else set()
            slot_ids = set(session.exec(select(Slot.id).where(_may_matter(now))).all()) - resting
            slot_ids = foresight.due(slot_ids, now) if foresight is not None else slot_ids
    chosen = sorted(slot_ids)
    careful = _Careful(database, settings, signer, now, aside, foresight or Foresight())
    return sum(careful.roll(chosen[start : start + _SLOTS]) for start in range(0, len(chosen), _SLOTS))


@dataclass
class _Careful:
    """Plans slots together; where that fails, halves of them, until what it fails for stands alone and is set aside."""

    database: Database
    settings: Settings
    signer: Signer
    now: datetime
    aside: set[str]
    foresight: Foresight
    found: int = 0

    def roll(self, slot_ids: Sequence[str]) -> int:
        try:
            written, unclear, again = _roll(self.database, self.settings, self.signer, self.now, slot_ids)
        except troubles.PASSING:
            raise
        except Exception as error:
            if self.found >= _MOST_FOUND:
                raise  # not a slot's fault; what was found stays aside, and the next full roll begins with the rest
            if len(slot_ids) > 1:
                middle = len(slot_ids) // 2
                return self.roll(slot_ids[:middle]) + self.roll(slot_ids[middle:])
            written, unclear, again = 0, {slot_ids[0]: troubles.describe(error)}, {}
        self._tell(slot_ids, unclear)
        self.foresight.decided(slot_ids, again)
        return written

    def _tell(self, slot_ids: Sequence[str], unclear: Mapping[str, str]) -> None:
        mended = self.aside.intersection(slot_ids).difference(unclear)
        if not unclear and not mended:
            return
        self.found += len(unclear)
        with self.database.write() as session:
            for slot_id, what in unclear.items():
                unit_id = session.exec(select(Slot.unit_id).where(Slot.id == slot_id)).first()
                troubles.report(session, "slot", slot_id, what, self.now, unit_id)
            troubles.clear(session, "slot", mended, self.now)


def nearly_due(session: Session, now: datetime) -> set[str]:
    """Slots with an airing that starts within minutes and is not signed: what must not wait for a full roll."""
    query = select(Airing.slot_id).where(
        col(Airing.state) == "planned",
        col(Airing.slot_id).is_not(None),
        col(Airing.starts_at) > now - LOOK_BACK,
        col(Airing.starts_at) <= now + _NEARLY,
    )
    return {slot_id for slot_id in session.exec(query).all() if slot_id}


def _may_matter(now: datetime) -> ColumnElement[bool]:
    """Slots on the timetable, and those that left it so lately that airings of theirs may still be to come."""
    return col(Slot.withdrawn_at).is_(None) | (col(Slot.withdrawn_at) > now - _FORGOTTEN)


def _roll(
    database: Database, settings: Settings, signer: Signer, now: datetime, slot_ids: Sequence[str]
) -> tuple[int, Mapping[str, str], Mapping[str, datetime]]:
    """How many rows were written; which slots could not be planned, with what stands in the way; when to look again."""
    with database.read() as session:
        outlook = look(session, settings, now, slot_ids)
    decision = decide(outlook, now, timedelta(days=settings.horizon_days))
    for fresh, _ in decision.add:
        if fresh.items:
            issuing.sign(fresh, outlook.outside, signer, now)
    written, again = 0, dict.fromkeys(slot_ids, _NEVER) | decision.again
    for slot_id in decision.unclear:
        again.pop(slot_id, None)
    for start in range(0, len(decision.add), _BATCH):
        with database.write() as session:
            refused = _write(session, decision.add[start : start + _BATCH], now)
        written += len(decision.add[start : start + _BATCH]) - len(refused)
        for slot_id in refused:
            again.pop(slot_id, None)
    if decision.withdraw or decision.hasten:
        with database.write() as session:
            for airing, reason in decision.withdraw:
                present = session.get(Airing, airing.id)
                if present is not None and present.state not in {"withdrawn", "over"}:
                    issuing.withdraw(session, present, reason, now)
                    written += 1
            for clip_id, due_at in decision.hasten.items():
                clips.hasten(session, clip_id, due_at, urgent=False)
    return written, decision.unclear, again


def _write(session: Session, batch: Sequence[tuple[Fresh, Present | None]], now: datetime) -> list[str]:
    """Put each new airing in the place of the old one if that is still how it was read; else leave it to the next roll.

    Returns the slots of those that were left, one for each.

    A fixed number of queries a batch, so that the write lock is held for milliseconds.
    """
    slot_ids = sorted({new.slot_id for new, _ in batch if new.slot_id})
    active = set(
        session.exec(select(Slot.id).where(col(Slot.id).in_(slot_ids), col(Slot.withdrawn_at).is_(None))).all()
    )
    living = {
        (airing.slot_id, airing.occurrence_at, airing.variant): airing
        for airing in session.exec(
            select(Airing).where(
                col(Airing.slot_id).in_(slot_ids),
                col(Airing.occurrence_at).in_([new.occurrence_at for new, _ in batch]),
                Airing.state != "withdrawn",
            )
        ).all()
    }
    accepted: list[Fresh] = []
    refused: list[str] = []
    replaced: list[Airing] = []
    for new, old in batch:
        live = living.get((new.slot_id, new.occurrence_at, new.variant))
        unchanged = (live and (live.id, live.state)) == (old and (old.id, old.state))
        if new.slot_id in active and unchanged:
            accepted.append(new)
            replaced += [live] if live else []
        else:
            refused.append(new.slot_id or "")
    issuing.replace(session, replaced, now)
    issuing.add(session, accepted)
    heard = {name for airing in accepted if airing.ticket for name in airing.audience}
    if heard:
        changes.announce(session, "plan", sorted(heard), now)
    return refused

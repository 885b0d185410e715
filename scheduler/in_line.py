"""Bulletins with priority that the unit above sent: each comes into the unit's next programme, by itself and once.

The next programme is the next occurrence of a slot of the unit's own programmes for which there is time left to bring
the audio to the stations. Should that occurrence not come (skipped, moved, its slot taken off), the one after it is
taken; when it was signed with the bulletin in it, the bulletin has been taken.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import literal
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from core import changes
from core.database import Database
from core.errors import LoaError
from playlists.models import Bulletin, Programme
from playlists.offer_models import Offer, OfferTarget
from playlists.offered import IN_LINE, TAKEN
from registry.models import Group, Unit
from scheduler import series
from scheduler.models import Airing, Slot, SlotTarget
from scheduler.series import Book, occurring

AHEAD = timedelta(minutes=5)
LOOK_AHEAD = timedelta(days=14)
_SETTLED_AFTER = timedelta(minutes=1)
_MOST = 1_000
_CHUNK = 400
_MOST_OF_A_SLOT = 50


@dataclass(frozen=True)
class Place:
    """Where something in line will sound: the programme, and when its occurrence starts."""

    programme_id: str
    at: datetime


def keep_up(database: Database, now: datetime) -> int:
    """Give what is in line its place, note what has sounded, and take another place where one is lost; how many."""
    with database.read() as session:
        if not _open(session):
            return 0
    with database.write() as session:
        return line_up(session, now)


def line_up(session: Session, now: datetime) -> int:
    """As `keep_up`, in the caller's transaction: right after something was sent it has its place at once."""
    rows = _open(session)
    due = [target for target, _ in rows if target.airs_at is not None and target.airs_at <= now]
    signed = _signed(session, [(target, bulletin) for target, bulletin in rows if target in due])
    places = next_places(session, {target.unit_id for target, _ in rows}, now)
    changed: set[str] = set()
    count = 0
    for target, _ in rows:
        if (target.offer_id, target.unit_id) in signed:
            target.state, target.answered_at = TAKEN, now
            session.add(target)
            count += 1
            continue
        if target.airs_at is not None and now - _SETTLED_AFTER < target.airs_at <= now:
            continue  # it is being decided
        held = Place(target.programme_id or "", target.airs_at) if target.airs_at is not None else None
        every = places.get(target.unit_id, [])
        if held in every:
            continue
        best = next((each for each in every if each.at >= now + AHEAD), None)
        if held is None and best is None:
            continue
        changed |= {each.programme_id for each in (held, best) if each is not None}
        target.programme_id, target.airs_at = (best.programme_id, best.at) if best else (None, None)
        session.add(target)
        count += 1
    if changed:
        session.flush()
        changes.announce(session, "timetable", sorted(f"programme:{each}" for each in changed), now)
    return count


def _open(session: Session) -> Sequence[tuple[OfferTarget, str]]:
    """What stands in line and may still sound, with its bulletin; the oldest first, a bounded number at a time."""
    rows = session.exec(
        select(OfferTarget, Offer.bulletin_id)
        .join(Offer, col(Offer.id) == OfferTarget.offer_id)
        .join(Bulletin, col(Bulletin.id) == Offer.bulletin_id)
        .where(OfferTarget.state == IN_LINE, col(Bulletin.approved).is_not(None))
        .order_by(col(OfferTarget.airs_at).is_not(None), col(OfferTarget.airs_at), col(OfferTarget.offer_id))
        .limit(_MOST)
    ).all()
    return [(target, bulletin) for target, bulletin in rows]


def _signed(session: Session, due: Sequence[tuple[OfferTarget, str]]) -> set[tuple[str, str]]:
    """Those of which the occurrence was signed with the bulletin in it, by offer and unit."""
    found: set[tuple[str, str]] = set()
    instants = sorted({target.airs_at for target, _ in due if target.airs_at is not None})
    sounding: dict[tuple[str, datetime], set[str]] = {}
    for start in range(0, len(instants), _CHUNK):
        rows = session.exec(
            select(Airing.starts_at, Airing.items, Slot.programme_id, Airing.unit_id)
            .join(Slot, col(Slot.id) == Airing.slot_id)
            .where(
                col(Airing.starts_at).in_(instants[start : start + _CHUNK]), Airing.ticket != "",
                Airing.state != "withdrawn",
            )
        ).all()  # fmt: skip
        for at, items, programme_id, unit_id in rows:
            named = {str(item["bulletin"]) for item in items if item.get("bulletin")}
            sounding.setdefault((unit_id, at), set()).update(named)
            sounding.setdefault((programme_id, at), set()).update(named)
    for target, bulletin in due:
        if target.airs_at is None:
            continue
        # What stood in line at a unit that was merged since sounds in the same programme, which is another unit's now.
        keys = ((target.unit_id, target.airs_at), (target.programme_id or "", target.airs_at))
        if any(bulletin in sounding.get(key, ()) for key in keys):
            found.add((target.offer_id, target.unit_id))
    return found


def next_places(session: Session, unit_ids: Iterable[str], now: datetime) -> dict[str, list[Place]]:
    """What comes next of every slot of each unit's own programmes, the earliest first. A few queries per 400.

    Of each slot the first occurrence that leaves time enough, and those before it that something may hold already. Of a
    unit that was merged, of the slots that are for the stations it had.
    """
    wanted = sorted(unit_ids)
    found: dict[str, list[Place]] = {}
    for start in range(0, len(wanted), _CHUNK):
        rows = session.exec(
            select(Slot, Programme.unit_id)
            .join(Programme, col(Programme.id) == Slot.programme_id)
            .where(col(Programme.unit_id).in_(wanted[start : start + _CHUNK]), col(Slot.withdrawn_at).is_(None))
        ).all()
        rows = [*rows, *_of_merged(session, wanted[start : start + _CHUNK])]
        book = series.load(session, [slot for slot, _ in rows])
        for slot, unit_id in rows:
            found.setdefault(unit_id, []).extend(_coming(book, slot, now))
    for places in found.values():
        places.sort(key=lambda place: (place.at, place.programme_id))
    return found


def _of_merged(session: Session, unit_ids: Sequence[str]) -> Sequence[tuple[Slot, str]]:
    """Slots for the stations of those of these units that were merged, of the unit that has them now; with the unit."""
    former = aliased(Unit)
    return session.exec(
        select(Slot, former.id)
        .join(SlotTarget, col(SlotTarget.slot_id) == Slot.id)
        .join(Group, literal("group:").concat(col(Group.id)) == SlotTarget.name)
        .join(former, col(former.id) == Group.stands_for)
        .join(Programme, col(Programme.id) == Slot.programme_id)
        .where(
            col(former.id).in_(unit_ids), col(former.merged_into).is_not(None), col(Slot.withdrawn_at).is_(None),
            Programme.unit_id == Group.unit_id,
        )
    ).all()  # fmt: skip


def _coming(book: Book, slot: Slot, now: datetime) -> list[Place]:
    found: list[Place] = []
    try:
        for each in occurring(book.of(slot), now, now + LOOK_AHEAD):
            found.append(Place(each.programme_id, each.starts_at))
            if each.starts_at >= now + AHEAD or len(found) == _MOST_OF_A_SLOT:
                break
    except LoaError:  # a slot that can't be planned is set aside, and holds nothing up
        return []
    return found

"""What nobody planned when it was time: it can't sound any more, but it is accounted for.

Planning looks back ten minutes. Occurrences that came and went unplanned before that (of a slot that was saved while
the worker was away for longer, or that can't be planned) are entered as failed, with the reason; all others have their
airings from before.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from sqlmodel import Session, col, select

from core.database import Database
from core.errors import Busy
from core.ids import new_id
from playlists import libraries, resolving
from scheduler import issuing, series
from scheduler.deciding import LOOK_BACK, MAX_OCCURRENCES
from scheduler.issuing import Fresh
from scheduler.models import Airing, JobState, Slot
from scheduler.series import Occurrence, length, occurring

log = logging.getLogger(__name__)
NOT_PLANNED = "not_planned"
BROKEN = "slot_broken"
_NAMES = ("unit:", "group:", "station:")
FURTHEST = timedelta(days=31)
_REACH = timedelta(days=2)  # a single occurrence may have been moved
_CHUNK = 400


def last_planned(session: Session) -> datetime | None:
    """When a worker last planned; None when none ever did."""
    state = session.get(JobState, "roll")
    return state.succeeded_at if state is not None else None


def catch_up(database: Database, since: datetime, now: datetime, broken: Collection[str] | None = None) -> int:
    """Enter what came and went unplanned from `since` on (a month at most); returns how many. Again, it adds none.

    Of all slots; or, with the reason that they are `broken`, of those whose ids are given.
    """
    begin, end = max(since, now - FURTHEST), now - LOOK_BACK
    if begin >= end:
        return 0
    with database.read() as session:
        query = select(Slot.id).where(col(Slot.withdrawn_at).is_(None), col(Slot.created_at) < end)
        ids = sorted(session.exec(query).all() if broken is None else broken)
    entered, reason = 0, NOT_PLANNED if broken is None else BROKEN
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        try:
            entered += _catch_up(database, chunk, begin, end, now, reason)
        except Busy:
            raise
        except Exception:  # noqa: BLE001 - one that can't be read: planning says which
            entered += sum(_alone(database, each, begin, end, now, reason) for each in chunk)
    if entered:
        log.warning("%d occurrences between %s and %s were never planned (%s)", entered, begin, end, reason)
    return entered


def _alone(database: Database, slot_id: str, begin: datetime, end: datetime, now: datetime, reason: str) -> int:
    try:
        return _catch_up(database, [slot_id], begin, end, now, reason)
    except Busy:
        raise
    except Exception:  # noqa: BLE001 - as above
        return 0


def _catch_up(
    database: Database, ids: Sequence[str], begin: datetime, end: datetime, now: datetime, reason: str
) -> int:
    with database.read() as session:
        slots = session.exec(select(Slot).where(col(Slot.id).in_(ids))).all()
        book = series.load(session, slots)
        library = libraries.load(session, {slot.programme_id for slot in slots})
        known = _known(session, ids, begin, end)
    fresh = [
        _entry(slot, each, library, now, reason)
        for slot in slots
        if all(name.startswith(_NAMES) for name in slot.audience)
        for each in _occurrences(book, slot, begin, end)
        if (slot.id, each.at) not in known and each.starts_at < end
    ]
    if not fresh:
        return 0
    with database.write() as session:
        known = _known(session, ids, begin, end)  # another worker may have been quicker
        missing = [each for each in fresh if (each.slot_id or "", each.occurrence_at) not in known]
        issuing.add(session, missing)
    return len(missing)


def _occurrences(book: series.Book, slot: Slot, begin: datetime, end: datetime) -> Iterator[Occurrence]:
    return islice(occurring(book.of(slot), max(begin, slot.created_at), end), MAX_OCCURRENCES)


def _known(session: Session, ids: Sequence[str], begin: datetime, end: datetime) -> set[tuple[str, datetime | None]]:
    """Occurrences that have airings, in whatever state: what was withdrawn is accounted for as well."""
    near = col(Airing.occurrence_at).between(begin - _REACH, end + _REACH)
    query = select(Airing.slot_id, Airing.occurrence_at).where(col(Airing.slot_id).in_(ids), near)
    return {(slot_id or "", at) for slot_id, at in session.exec(query).all()}


def _entry(slot: Slot, occurrence: Occurrence, library: libraries.Library, now: datetime, reason: str) -> Fresh:
    programme = library.programmes.get(occurrence.programme_id)
    seconds = resolving.expected_seconds(library, occurrence.programme_id, occurrence.starts_at)
    ends_at = occurrence.starts_at + length(seconds, occurrence)
    return Fresh(
        id=new_id("air"), unit_id=slot.unit_id, slot_id=slot.id, occurrence_at=occurrence.at, kind="programme",
        priority="ordinary", title=programme.title if programme else "", starts_at=occurrence.starts_at,
        ends_at=ends_at, not_after=ends_at, late=slot.late, volume=slot.volume, audience=list(slot.audience),
        state="failed", reason=reason, created_at=now,
    )  # fmt: skip

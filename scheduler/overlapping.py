"""What meets in a week: airings at the same time at some station, which goes first, and what may be put in order."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlmodel import Session, col, select

from core.clock import format_instant
from registry import naming
from registry.models import Unit
from scheduler import meeting
from scheduler.models import Slot, SlotOrder
from scheduler.ordering import Order, orderable

MAX_CLASHES = 200
_RANK = {"emergency": 0, "priority": 1, "ordinary": 2}


class Sounding(Protocol):
    """What is needed of a block of the week."""

    slot: str | None
    at: datetime | None
    title: str
    priority: str
    starts_at: datetime
    ends_at: datetime
    names: tuple[str, ...]


def clashes(
    session: Session, place: Unit, blocks: Sequence[Sounding], order: Order, *, one_station: bool
) -> list[dict[str, Any]]:
    """Blocks (by start) that sound at the same time at some station, by start; `first` is what goes before.

    `occurrences` names the two. `orderable` says that the unit may put them in order; `ordered` is what was decided:
    by whom, when, and whether for this once. With `one_station` all blocks are those of one station.
    """
    meetings = None if one_station else meeting.load(session, {block.names for block in blocks})
    pairs: list[tuple[Sounding, Sounding]] = []
    open_blocks: list[Sounding] = []
    for block in blocks:
        open_blocks = [each for each in open_blocks if each.ends_at > block.starts_at]
        for other in open_blocks:
            together = other.slot != block.slot or other.at != block.at
            if together and (meetings is None or meetings.meet(other.names, block.names)):
                pairs.append((other, block))
        open_blocks.append(block)
        if len(pairs) >= MAX_CLASHES:
            break
    homes = _homes(session, {each.slot for pair in pairs for each in pair if each.slot and each.priority == "priority"})
    found = [_clash(one, two, order, homes, place) for one, two in pairs[:MAX_CLASHES]]
    people = naming.by_id(session, [row.decided_by for _, row in found if row])
    for clash, row in found:
        if row is not None:
            clash["ordered"] = {
                "id": row.id, "by": people.get(row.decided_by, row.decided_by), "when": format_instant(row.decided_at),
                "once": row.first_at is not None,
            }  # fmt: skip
    return [clash for clash, _ in found]


def _clash(
    one: Sounding, two: Sounding, order: Order, homes: dict[str, Unit], place: Unit
) -> tuple[dict[str, Any], SlotOrder | None]:
    pair = sorted((one, two), key=lambda each: _RANK.get(each.priority, 2))
    equal = pair[0].priority == pair[1].priority
    row = (order.between(_name(one), _name(two)) or order.between(_name(two), _name(one))) if equal else None
    first = pair[0].title if not equal else None
    if row is not None:
        first = one.title if row.first_slot == one.slot else two.title
    own = [homes.get(each.slot or "") for each in (one, two)]
    may = equal and one.slot != two.slot and own[0] and own[1] and orderable(own[0], own[1], place)
    return {
        "at": two.starts_at, "until": min(one.ends_at, two.ends_at), "titles": [one.title, two.title], "first": first,
        "occurrences": [_name(one), _name(two)], "orderable": bool(may), "ordered": None,
    }, row  # fmt: skip


def _name(block: Sounding) -> str | None:
    return f"{block.slot}@{format_instant(block.at)}" if block.slot and block.at else None


def _homes(session: Session, slot_ids: Iterable[str]) -> dict[str, Unit]:
    ids = sorted(slot_ids)
    found: dict[str, Unit] = {}
    for start in range(0, len(ids), 400):
        query = select(Slot.id, Unit).join(Unit, col(Unit.id) == Slot.unit_id)
        found.update(session.exec(query.where(col(Slot.id).in_(ids[start : start + 400]))).all())
    return found

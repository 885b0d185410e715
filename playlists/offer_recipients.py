"""Whom a bulletin is sent to, in one press: everybody below, everybody below one of them, or who a group reaches."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from core.errors import NotFound
from playlists import offer_lists
from registry import groups
from registry.models import Group, GroupMember, Station, Unit
from registry.rights import Actor, Permission

MOST_GROUPS = 50
_FEWEST = 2  # units below one: a single one is chosen by its own name


@dataclass(frozen=True)
class Reach:
    """The units that one press sends to: those `below` a unit, or those where stations of a group stand."""

    id: str
    name: str
    units: frozenset[str]


def below_each(below: Sequence[Unit]) -> list[Reach]:
    """Of the units that may be sent to (`offer_lists.below`) those with several others below them. Pure."""
    found = []
    for over in below:
        inside = frozenset(each.id for each in below if each.id != over.id and each.path.startswith(over.path))
        if len(inside) >= _FEWEST:
            found.append(Reach(over.id, over.name, inside))
    return found


def groups_reaching(session: Session, actor: Actor, below: Sequence[Unit], only: Collection[str] = ()) -> list[Reach]:
    """The groups the actor sees that have stations at these units or below, by name; at most 50. Two queries.

    A station belongs to the nearest of these units that it stands in. With `only`, those by id or code; raises NotFound
    for one of them that the actor doesn't see.
    """
    if only:
        seen: list[Group] = [groups.find(session, actor, name)[0] for name in sorted(set(only))[:MOST_GROUPS]]
    else:
        seen = [group for group, _ in groups.visible(session, actor)][: MOST_GROUPS * 4]
    rows = session.exec(
        select(GroupMember.group_id, Unit.path)
        .join(Station, col(Station.id) == GroupMember.station_id)
        .join(Unit, col(Unit.id) == Station.unit_id)
        .where(
            col(GroupMember.group_id).in_([each.id for each in seen]), actor.within(Permission.SEE, col(Unit.path))
        )
        .distinct()
    ).all()  # fmt: skip
    ids = {each.id for each in below}
    reached: dict[str, set[str]] = {}
    for group_id, path in rows:
        nearest = next((each for each in reversed(path.strip("/").split("/")) if each in ids), None)
        if nearest is not None:
            reached.setdefault(group_id, set()).add(nearest)
    return [Reach(each.id, each.name, frozenset(reached[each.id])) for each in seen if each.id in reached][:MOST_GROUPS]


def named(
    session: Session, actor: Actor, home: Unit, to: str, unit_names: Collection[str], group_names: Collection[str]
) -> list[str]:
    """Ids or names of the units meant: `to` is `all` or `below:ID`, else those that are named and those of the groups.

    Raises NotFound for a unit or group that the actor doesn't see, or that has nobody below.
    """
    below = offer_lists.below(session, home)
    if to == "all":
        return [each.id for each in below]
    if to.startswith("below:"):
        over = next((each for each in below_each(below) if each.id == to.removeprefix("below:")), None)
        if over is None:
            raise NotFound
        return sorted(over.units)
    reached = groups_reaching(session, actor, below, group_names) if group_names else []
    return sorted({*unit_names, *(unit for each in reached for unit in each.units)})

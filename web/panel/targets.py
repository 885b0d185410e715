"""The tree of units, groups and stations to tick: only what the actor may schedule (or alarm) for."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from registry import groups, stations, unit_choices
from registry.models import Group, Station, StationState, Unit
from registry.rights import Actor, Permission
from registry.unit_choices import Choice

MOST_UNITS = 500
MOST_STATIONS = 200


@dataclass(frozen=True)
class Tree:
    """What can be ticked. `cut` says that there are more stations than are listed, `units_cut` the same of units."""

    units: Sequence[Choice]
    groups: Sequence[tuple[Group, Unit]]
    stations: Sequence[tuple[Station, Unit, StationState | None]]
    cut: bool
    units_cut: bool = False

    @staticmethod
    def opened(kind: str, chosen: Sequence[str]) -> bool:
        """Whether something of this kind is ticked, so that its part of the form is shown open."""
        return any(name.startswith(f"{kind}:") for name in chosen)


def tree(session: Session, actor: Actor, permission: Permission) -> Tree:
    seen = stations.visible(session, actor, limit=MOST_STATIONS + 1)
    places = unit_choices.where(session, actor, permission)
    return Tree(
        units=_uppermost(places),
        groups=[(group, unit) for group, unit in groups.visible(session, actor) if actor.may(permission, unit)],
        stations=[row for row in seen[:MOST_STATIONS] if actor.may(permission, row[1])],
        cut=len(seen) > MOST_STATIONS,
        units_cut=len(places) > MOST_UNITS,
    )


def _uppermost(places: Sequence[Choice]) -> Sequence[Choice]:
    """The units nearest to the root, as many as a page can hold, in the order of the tree."""
    if len(places) <= MOST_UNITS:
        return places
    kept = {unit.id for unit in sorted(places, key=lambda unit: (unit.path.count("/"), unit.path))[:MOST_UNITS]}
    return [unit for unit in places if unit.id in kept]

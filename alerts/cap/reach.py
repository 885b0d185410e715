"""Whom an area reaches: stations by position, units by name and code. Never everywhere or nowhere without a word."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerts.cap.message import Area, Pair
from alerts.cap.placenames import Gazetteer
from alerts.cap.remarks import Remark, Remarks
from core.errors import N_

if TYPE_CHECKING:
    from alerts.cap.shapes import Budget

_MOST_QUOTED = 80


@dataclass(frozen=True, slots=True)
class Place:
    """A station: where it stands, if that is known, and the ids of its unit and all above, from the root down."""

    id: str
    latitude: float | None
    longitude: float | None
    units: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reach:
    """`stations`: ids of all that are reached, in the order given. `units`: those reached as a whole, by name or code.

    `unplaced`: stations without a position that may stand within a shape and that no unit brought in.
    `lost`: areas (places in their block) of which nothing could be found. `doubtful`: a person should
    look before this counts as the whole.
    """

    stations: tuple[str, ...]
    units: tuple[str, ...]
    unplaced: tuple[str, ...]
    lost: tuple[int, ...]
    remarks: tuple[Remark, ...]

    @property
    def doubtful(self) -> bool:
        return bool(self.remarks)


class Finder:
    """Finds areas among the places and units of an installation; made once, asked often."""

    def __init__(self, places: Sequence[Place], gazetteer: Gazetteer) -> None:
        import numpy as np

        from alerts.cap.shapes import Positions

        self._places = places
        self._gazetteer = gazetteer
        self._placed = [n for n, each in enumerate(places) if each.latitude is not None and each.longitude is not None]
        self._positions = Positions(
            np.array([places[n].latitude for n in self._placed], dtype=np.float64),
            np.array([places[n].longitude for n in self._placed], dtype=np.float64),
        )

    def reach(self, areas: Sequence[Area]) -> Reach:
        """The union of `areas`. Of one area: polygons, circles and geocodes together; else its name."""
        from alerts.cap.shapes import Budget

        remarks, budget = Remarks(), Budget()
        stations: set[int] = set()
        units: dict[str, None] = {}
        lost, by_shape = [], False
        for place, area in enumerate(areas):
            shaped = bool(area.polygons) or any(circle.radius_km > 0 for circle in area.circles)
            by_shape = by_shape or shaped
            hit = self._hit(area, budget) if shaped else set()
            stations |= hit
            found = self._units(area, remarks, shaped=shaped)
            units.update(dict.fromkeys(found))
            if not shaped and not found:
                lost.append(place)
                remarks.add(
                    "lost", N_("The area “%(area)s” could not be found here."), str(place),
                    area=area.description[:_MOST_QUOTED],
                )  # fmt: skip
        if budget.spent:
            remarks.add("rough", N_("The area is drawn so intricately that more than it holds is taken."))
        if not areas:
            remarks.add("no_area", N_("The message names no area."))
        named = set(units)
        stations |= {n for n, place in enumerate(self._places) if named and not named.isdisjoint(place.units)}
        unplaced = self._unplaced(stations) if by_shape else []
        if unplaced:
            remarks.add(
                "unplaced", N_("%(count)s stations may stand in the area but have no position."), count=len(unplaced)
            )
        return Reach(
            tuple(self._places[n].id for n in sorted(stations)),
            tuple(units),
            tuple(unplaced),
            tuple(lost),
            remarks.all(),
        )

    def _unplaced(self, stations: set[int]) -> list[str]:
        """Stations without a position that may belong: none of their unit has a position, or one of it is reached."""
        placed = set(self._placed)
        own = [place.units[-1:] for place in self._places]
        elsewhere = {own[n] for n in placed} - {own[n] for n in stations}
        return [
            place.id for n, place in enumerate(self._places)
            if n not in placed and n not in stations and own[n] not in elsewhere
        ]  # fmt: skip

    def _hit(self, area: Area, budget: "Budget") -> set[int]:
        within: set[int] = set()
        for ring in area.polygons:
            within.update(self._positions.in_polygon(ring, budget).tolist())
        for circle in area.circles:
            within.update(self._positions.in_circle(circle).tolist())
        return {self._placed[n] for n in within}

    def _units(self, area: Area, remarks: Remarks, *, shaped: bool) -> list[str]:
        """Ids of units by code; by name where there is neither shape nor known code, or a shape was lost."""
        coded, unknown = self._gazetteer.coded(area.geocodes)
        if area.unreadable:
            remarks.add(
                "unreadable",
                N_("A part of the area “%(area)s” can't be read."),
                area.description,
                area=area.description[:_MOST_QUOTED],
            )
        if coded and not shaped and unknown:
            remarks.add(
                "unknown_codes",
                N_("Codes of the area are not known here: %(codes)s."),
                area.description,
                codes=_listed(unknown),
            )
        if coded or (shaped and not area.unreadable):
            return [unit.id for unit in coded]
        named, unclear = self._gazetteer.named(area.description)
        if named and unclear:
            remarks.add(
                "unclear_names",
                N_("Not every place of the area is known here: %(names)s."),
                area.description,
                names=", ".join(unclear)[:_MOST_QUOTED],
            )
        return [unit.id for unit in named]


def _listed(pairs: Iterable[Pair]) -> str:
    return ", ".join(f"{pair.name} {pair.value}" for pair in pairs)[:_MOST_QUOTED]


@dataclass(frozen=True, slots=True)
class Change:
    """How an update changes who hears a message: `stopped` heard it and don't belong to it any more."""

    stopped: tuple[str, ...]
    kept: tuple[str, ...]
    added: tuple[str, ...]


def change(before: Iterable[str], after: Iterable[str]) -> Change:
    """From the stations of the message that is replaced to those of the new one; each in its given order."""
    old, new = dict.fromkeys(before), dict.fromkeys(after)
    return Change(
        tuple(each for each in old if each not in new), tuple(each for each in old if each in new),
        tuple(each for each in new if each not in old),
    )  # fmt: skip

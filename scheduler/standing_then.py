"""What an airing was for where stations have moved since: the names they answered to then count, not today's."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlmodel import Session

from core.wire import Report
from registry import former_places
from registry.former_models import FormerPlace
from registry.stations import Place


class _Aired(Protocol):
    """What is asked of an airing."""

    @property
    def audience(self) -> Sequence[str]: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def created_at(self) -> datetime: ...


class Before:
    """The former places of stations that report about airings which are not for where they stand now."""

    def __init__(
        self, session: Session, calls: Sequence[tuple[Place, Sequence[Report]]], airings: Mapping[str, Any]
    ) -> None:
        self._places: dict[str, list[FormerPlace]] = {}
        strangers: set[str] = set()
        for place, reports in calls:
            names = set(place.names)
            found = (airings.get(report.airing) for report in reports)
            if not place.pending and any(airing and names.isdisjoint(airing.audience) for airing in found):
                strangers.add(place.station.id)
        if strangers:
            earliest = min(airing.created_at for airing in airings.values())
            for row in former_places.since(session, earliest, strangers):
                self._places.setdefault(row.station_id, []).append(row)

    def was_for(self, place: Place, airing: _Aired) -> bool:
        """Whether it was made for where the station stood then: a device that was out of reach plays what it held."""
        return any(
            row.since <= airing.starts_at
            and airing.created_at < row.until
            and not set(row.names).isdisjoint(airing.audience)
            for row in self._places.get(place.station.id, ())
        )


class Expected:
    """The stations that airings were for when they began; `behind` are those behind each name today."""

    def __init__(self, session: Session, behind: Mapping[str, set[str]], airings: Sequence[_Aired]) -> None:
        self._behind = behind
        self._left: dict[str, list[FormerPlace]] = {}
        earliest = min((airing.starts_at for airing in airings), default=None)
        for row in former_places.since(session, earliest) if earliest is not None else ():
            self._left.setdefault(row.station_id, []).append(row)

    @property
    def stations(self) -> set[str]:
        """All that may be among them."""
        return set().union(*self._behind.values(), self._left)

    def at(self, airing: _Aired) -> set[str]:
        """Ids of the stations that this airing was for when it began."""
        found = {each for name in airing.audience for each in self._behind.get(name, ())}
        for station_id, rows in self._left.items():
            then = former_places.at(rows, airing.starts_at)
            if then is None:
                continue
            names = {f"station:{station_id}", *then.names}
            if names.isdisjoint(airing.audience):
                found.discard(station_id)
            else:
                found.add(station_id)
        return found

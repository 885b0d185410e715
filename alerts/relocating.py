"""Merging, moving and re-coding with all that hangs on it: every floor carries its own, in one transaction.

The same acts can be rehearsed: carried out whole, told of, and taken back.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlmodel import Session

from alerts import carrying as alerts_carrying
from audio import carrying as audio_carrying
from core.database import Database
from core.errors import N_, InvalidInput
from playlists import carrying as playlists_carrying
from registry import merging, moving, stations, units
from registry.merging import Merger
from registry.models import Unit
from registry.moving import Moved
from registry.rights import Actor
from scheduler import carrying as scheduler_carrying
from scheduler.models import Slot

_T = TypeVar("_T")
MAX_SHOWN = 100
# What becomes of each column that names a unit, by table and column: a test finds those that nobody thought of.
RULES = {
    **merging.RULES, **audio_carrying.RULES, **playlists_carrying.RULES, **scheduler_carrying.RULES,
    **alerts_carrying.RULES,
}  # fmt: skip


class _TakenBack(Exception):
    """Nothing of what was done in this transaction is to stay."""


@dataclass(frozen=True)
class Shift:
    """What a move changes: slots that go on naming what moved, those that reach it no more, and what holds there."""

    moved: Moved
    naming: list[Slot] = field(default_factory=list)
    losing: list[Slot] = field(default_factory=list)
    gaining: list[Slot] = field(default_factory=list)
    before: units.Inherited | None = None
    after: units.Inherited | None = None
    emergencies: int = 0

    @property
    def settings(self) -> list[tuple[str, str, str]]:
        """What holds otherwise from now on: name, before, after."""
        if self.before is None or self.after is None:
            return []
        rows = [(name, _said(self.before, name), _said(self.after, name)) for name in _HELD]
        return [row for row in rows if row[1] != row[2]]


_HELD = ("quiet_hours", "max_volume", "zone", "codec", "limits", "public_radio", "public_page")


def _said(held: units.Inherited, name: str) -> str:
    if name == "quiet_hours":
        return ", ".join(f"{start}–{end}" for start, end in held.quiet_hours)
    if name == "limits":
        return json.dumps(held.limits.written(), ensure_ascii=False, sort_keys=True)
    return str(getattr(held, name))


def merge(
    session: Session, actor: Actor, source: str, target: str, now: datetime, *, name: str = "", code: str = "",
    backup: str = "",
) -> Merger:  # fmt: skip
    """Merge the unit `source` (id or code) into `target`, which may get a new name and code with that.

    Two units become a third one by giving the one that goes on its name and code. It can't be undone: `backup` names
    the copy of the database that was made before, for the log. Raises NotFound, Forbidden, Conflict, InvalidInput.
    """
    merger = merging.begin(session, actor, units.find(session, actor, source), units.find(session, actor, target), now)
    scheduler_carrying.carry(session, merger)  # the first: it asks whose bulletins are whose
    audio_carrying.carry(session, merger)
    playlists_carrying.carry(session, merger)
    alerts_carrying.carry(session, merger)
    merging.carry(session, merger)
    alerts_carrying.repath(session, merger.repaths)
    merging.finish(session, merger, backup=backup)
    into = session.get_one(Unit, merger.target.id)
    if name.strip() or code.strip():
        moving.recode_unit(session, actor, into, code.strip() or into.code, now, name=name)
    return merger


def named(unit: Unit, typed: str) -> None:
    """Return if a person has typed the unit's name, or its code. Raises InvalidInput."""
    if " ".join(typed.split()).casefold() not in {unit.name.casefold(), unit.code.casefold()}:
        raise InvalidInput(
            N_("Type the name “%(unit)s” to say that you mean it."), fields={"typed": "other"}, unit=unit.name
        )


def move_unit(
    session: Session, actor: Actor, unit: Unit, parent: Unit | None, default_zone: str, now: datetime
) -> Shift:
    """Move a unit with all below it; see `registry.moving.move_unit`."""
    before = units.inherited(units.ancestors(session, unit), default_zone)
    moved = moving.move_unit(session, actor, unit, parent, now)
    alerts_carrying.repath(session, [(moved.old_path, moved.new_path)])
    return _shift(session, moved, before, session.get_one(Unit, unit.id), default_zone, now)


def move_station(
    session: Session, actor: Actor, station_id: str, unit: Unit, default_zone: str, now: datetime
) -> Shift:
    """Move a station to another unit; see `registry.moving.move_station`."""
    station, home = stations.find(session, actor, station_id)
    before = units.inherited(units.ancestors(session, home), default_zone)
    return _shift(session, moving.move_station(session, actor, station.id, unit, now), before, unit, default_zone, now)


def _shift(
    session: Session, moved: Moved, before: units.Inherited, unit: Unit, default_zone: str, now: datetime
) -> Shift:
    own = {moved.name, *(f"station:{place.station.id}" for place in moved.places)}
    gained = set(moved.gained) - {name for place in moved.places for name in place.names}
    return Shift(
        moved,
        naming=scheduler_carrying.naming(session, own, MAX_SHOWN),
        losing=scheduler_carrying.naming(session, moved.lost, MAX_SHOWN),
        gaining=scheduler_carrying.naming(session, gained - {moved.name}, MAX_SHOWN),
        before=before,
        after=units.inherited(units.ancestors(session, unit), default_zone),
        emergencies=scheduler_carrying.moved(session, moved, now),
    )


def rehearse(database: Database, act: Callable[[Session], _T]) -> _T:
    """What `act` would do, by doing all of it and taking it back: nothing is left out, nothing stays."""
    found: list[_T] = []
    try:
        with database.write() as session:
            found.append(act(session))
            session.expunge_all()
            raise _TakenBack
    except _TakenBack:
        return found[0]

"""What people have asked for, and what they may still undo, when two units become one (`scheduler.carrying`).

Both are kept as JSON that names units: by what was typed (ids or codes, of today or former) in wishes, by ids in steps
of the timetable. A wish that waits for its approval sounds where it would have sounded, at the times that were meant.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from playlists.models import Bulletin
from registry import former_codes
from registry.merging import Merger
from registry.models import Unit
from registry.rights import within
from scheduler.air_models import AirWishRow
from scheduler.arranged import OPEN
from scheduler.models import DayPart
from scheduler.undo_models import TimetableStep


class Asked:
    """Wishes that wait, and steps that can be undone, while a merger is carried out.

    Make it while bulletins and slots still stand where they stood.
    """

    def __init__(self, session: Session, merger: Merger) -> None:
        self._session, self._merger = session, merger
        wanting = func.coalesce(AirWishRow.unit_id, Bulletin.unit_id)
        query = (
            select(AirWishRow, Unit.path)
            .join(Bulletin, col(Bulletin.id) == AirWishRow.bulletin_id)
            .join(Unit, col(Unit.id) == wanting)
            .where(col(AirWishRow.state).in_(OPEN))
        )
        self._wishes = session.exec(query).all()
        self._steps = session.exec(select(TimetableStep)).all()
        self._units: dict[str, str] = {}
        mine = [row for row, path in self._wishes if row.unit_id is None and path == merger.source.path]
        merger.count("air_wishes", len(mine))

    def means(self, code: str) -> bool:
        """Whether a wish means the former unit's part of the day by this code."""
        return bool(self._meaning(code))

    def refer(self, code: str, slots: Iterable[str], renamed: str) -> None:
        """Let wishes that mean the former unit's part of the day `code`, and steps of these slots, say `renamed`."""
        for row in self._meaning(code):
            times = [{**each, "daypart": renamed if each.get("daypart") == code else each.get("daypart")}
                     for each in row.wanted.get("times") or ()]  # fmt: skip
            row.wanted = {**row.wanted, "times": times}
            self._session.add(row)
        chosen = set(slots)
        for step in self._steps:
            if chosen.isdisjoint(step.before):
                continue
            step.before = {
                slot: _with(state, daypart=renamed) if slot in chosen and _says(state, "daypart") == code else state
                for slot, state in step.before.items()
            }
            self._session.add(step)

    def _meaning(self, code: str) -> list[AirWishRow]:
        inside = [
            (row, path) for row, path in self._wishes
            if path.startswith(self._merger.source.path)
            and any(each.get("daypart") == code for each in row.wanted.get("times") or ())
        ]  # fmt: skip
        if not inside:
            return []
        nearer = tuple(
            self._session.exec(
                select(Unit.path)
                .join(DayPart, col(DayPart.unit_id) == Unit.id)
                .where(
                    DayPart.code == code, within([self._merger.source.path], col(Unit.path)),
                    col(Unit.id) != self._merger.source.id,
                )
            ).all()
        )  # fmt: skip
        return [row for row, path in inside if not path.startswith(nearer)]

    def aim(self) -> None:
        """Where wishes and steps name one of the two units, let them name the stations it had."""
        for row, _ in self._wishes:
            names = list(row.wanted.get("audience") or ())
            inside = [self._internal(name) for name in names]
            if set(self._merger.both).isdisjoint(inside):
                continue
            row.wanted = {**row.wanted, "audience": self._merger.renamed(inside)}
            self._session.add(row)
        for step in self._steps:
            if not any(self._concerns(state) for state in step.before.values()):
                continue
            step.before = {slot: self._aimed(state) for slot, state in step.before.items()}
            self._session.add(step)
        self._session.flush()

    def _internal(self, name: str) -> str:
        """The internal name of a unit that somebody wrote, as `audience.read` understands it; others as they are."""
        kind, _, rest = name.partition(":")
        if kind != "unit":
            return name
        if rest not in self._units:
            found = self._session.get(Unit, rest) or former_codes.unit(self._session, rest)
            self._units[rest] = found.id if found is not None else rest
        return f"unit:{self._units[rest]}"

    def _concerns(self, state: dict[str, Any] | None) -> bool:
        names = set(_says(state, "audience") or ())
        return _says(state, "unit_id") == self._merger.source.id or not names.isdisjoint(self._merger.both)

    def _aimed(self, state: dict[str, Any] | None) -> dict[str, Any] | None:
        if not self._concerns(state):
            return state
        home = _says(state, "unit_id")
        return _with(
            state, unit_id=self._merger.target.id if home == self._merger.source.id else home,
            audience=self._merger.renamed(_says(state, "audience") or ()),
        )  # fmt: skip


def _says(state: dict[str, Any] | None, what: str) -> Any:
    return state["slot"].get(what) if state is not None else None


def _with(state: dict[str, Any] | None, **changed: Any) -> dict[str, Any] | None:
    return {**state, "slot": {**state["slot"], **changed}} if state is not None else None

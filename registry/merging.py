"""Two units become one: what the tables of this floor carry over, and the shape in which every floor tells of it.

Each floor has a module of its own (`audio.carrying`, `playlists.carrying`, `scheduler.carrying`, `alerts.carrying`)
with RULES, which say of every column that names a unit what becomes of it, and a function `carry`. `alerts.relocating`
calls them all in one transaction. What lives goes over; what is over stays with the former unit, which from then on
hangs below the one it was merged into, so that every look at that one and all below finds it (decision 0024).
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, update
from sqlmodel import Session, SQLModel, col, select

from core import audit
from core.errors import N_, Conflict
from core.ids import new_id
from registry import factor_rules, former_codes, former_places, moving, units
from registry.account_models import FactorRule, Invitation
from registry.deputy_models import Deputy
from registry.models import Grant, Group, GroupMember, Person, Station, Unit
from registry.rights import MERGED, Actor, Permission
from registry.stations import Place

# moves: rows go over. joined: rows go over unless the other unit has its own, which wins. rewritten: names in it are
# replaced. stays: history, found below the other unit. carried: has rules of its own, as the code here says; of two
# rules that bind people the stricter one holds.
RULES: Mapping[str, str] = {
    "unit.parent_id": "moves", "unit.path": "carried", "unit.merged_into": "carried",
    "station.unit_id": "moves", "station_group.unit_id": "moves", "station_group.stands_for": "stays",
    "grant.unit_id": "joined", "invitation.unit_id": "moves", "deputy.unit_id": "moves",
    "second_factor_rule.unit_id": "carried",
    "former_place.unit_id": "stays", "former_place.names": "stays",
    "former_code.subject": "moves", "former_code.bearer": "stays",
    "audit_entry.unit_id": "stays", "change.audience": "stays",
}  # fmt: skip
MAX_CLASHES = 200
_SETTINGS = (
    "zone", "quiet_hours", "max_volume", "codec", "quota_mb", "public_radio", "public_page", "public_alerts", "limits",
)  # fmt: skip


@dataclass(frozen=True)
class Clash:
    """Both units had something of one name. `kept` is what holds from now on; `left` is what doesn't any more.

    `kind` says what it is. With `both` the former unit's lives on, under another name.
    """

    kind: str
    what: str
    kept: str
    left: str
    both: bool = False


@dataclass
class Merger:
    """One merger while it is carried out: `source` goes into `target`. Counts of rows that went over, by kind."""

    actor: Actor
    source: Unit
    target: Unit
    now: datetime
    places: Sequence[Place] = ()
    group: Group | None = None  # the stations of the former unit
    own: Group | None = None  # those that the other unit had already
    used: bool = False  # whether anything is for these
    old_path: str = ""
    repaths: list[tuple[str, str]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    clashes: list[Clash] = field(default_factory=list)
    clashes_in_all: int = 0
    notes: dict[str, list[str]] = field(default_factory=dict)

    def count(self, kind: str, rows: int) -> None:
        if rows:
            self.counts[kind] = self.counts.get(kind, 0) + rows

    def clash(self, kind: str, what: str, kept: str, left: str, *, both: bool = False) -> None:
        self.clashes_in_all += 1
        if len(self.clashes) < MAX_CLASHES:
            self.clashes.append(Clash(kind, what, kept, left, both))

    def renamed(self, names: Iterable[str]) -> list[str]:
        """Internal names of an audience, for the same stations as before: by the groups that stand for both units."""
        instead = {}
        if self.group:
            instead[f"unit:{self.source.id}"] = f"group:{self.group.id}"
        if self.own:
            instead[f"unit:{self.target.id}"] = f"group:{self.own.id}"
        found = sorted({instead.get(name, name) for name in names})
        self.used = self.used or bool(self.own and f"group:{self.own.id}" in found)
        return found

    @property
    def both(self) -> tuple[str, str]:
        """The internal names of both units."""
        return f"unit:{self.source.id}", f"unit:{self.target.id}"


def go_over(session: Session, merger: Merger, column: Any, kind: str, *only: ColumnElement[bool]) -> int:
    """Let rows that name the former unit in `column` name the other; how many. They are counted under `kind`."""
    moving_rows = update(column.class_).where(column == merger.source.id, *only)
    count = int(session.execute(moving_rows.values({column.key: merger.target.id})).rowcount)  # type: ignore[attr-defined]
    merger.count(kind, count)
    return count


def join(
    session: Session, merger: Merger, model: type[SQLModel], kind: str, key: Callable[[Any], object],
    said: Callable[[Any], tuple[str, str]], *, keep: bool = False,
) -> None:  # fmt: skip
    """Let rows go over whose `key` the other unit has not; of the others its own holds and the former unit's goes.

    `said` is what a row is called and what it says, for people: where both say the same, there is nothing to tell.
    With `keep` the former unit's row stays with it, as history.
    """
    table: Any = model
    column = table.unit_id
    own = {key(row): row for row in session.exec(select(model).where(column == merger.target.id)).all()}
    for row in session.exec(select(model).where(column == merger.source.id)).all():
        there = own.get(key(row))
        if there is None:
            row.unit_id = merger.target.id
            session.add(row)
            merger.count(kind, 1)
            continue
        (what, left), (_, kept) = said(row), said(there)
        if left != kept:
            merger.clash(kind, what, kept, left)
        if not keep:
            session.delete(row)
    session.flush()


def begin(session: Session, actor: Actor, source: Unit, target: Unit, now: datetime) -> Merger:
    """Check that it may be done, and make groups of the stations of both, as they stand.

    Who does it administers both, and what the former unit is taken from. Raises Forbidden, NotFound, and Conflict where
    the other lies below it, or one was merged before.
    """
    moving.may_take(session, actor, source)
    actor.require(Permission.ADMINISTER, target)
    if target.merged_into:
        raise Conflict(MERGED, fields={"into": "merged"}, unit=target.name)
    if source.id == target.id:
        raise Conflict(N_("A unit can't be merged into itself."), fields={"into": "same"})
    if target.path.startswith(source.path):
        raise Conflict(
            N_("“%(unit)s” lies below it: merge that one into this instead."),
            fields={"into": "below"},
            unit=target.name,
        )
    merger = Merger(actor, source, target, now, places=moving.below(session, source), old_path=source.path)
    former_places.leave(session, merger.places, now)
    _gather(session, merger)
    return merger


def carry(session: Session, merger: Merger) -> None:
    """Carry over what this floor has, and leave the former unit as history below the other. The last of the floors."""
    source, target, now = merger.source, merger.target, merger.now
    _settings(merger)
    children = session.exec(select(Unit).where(Unit.parent_id == source.id, col(Unit.merged_into).is_(None))).all()
    merger.notes["units"] = [unit.name for unit in children]
    merger.count("units", len(children))
    moving.check_depth(session, source, f"{target.path}{source.id}/")
    go_over(session, merger, col(Station.unit_id), "stations_directly")
    merger.count("stations", len(merger.places))
    go_over(session, merger, col(Group.unit_id), "groups")
    go_over(session, merger, col(Invitation.unit_id), "invitations")
    go_over(session, merger, col(Deputy.unit_id), "deputies")
    merger.notes["people"] = _people(session, source)
    join(session, merger, Grant, "grants", lambda row: (row.person_id, row.role), lambda row: (row.role, ""))
    _second_factor(session, merger)
    former_codes.lead_on(session, source.id, target.id)
    former_codes.note(session, source, source.code, now, subject=target.id)
    old, code = merger.old_path, source.code
    session.flush()
    # What was merged into the former unit before keeps its place below it; living units come directly below the other.
    merger.repaths = [(f"{old}{child.id}/", f"{target.path}{child.id}/") for child in children]
    merger.repaths.append((old, f"{target.path}{source.id}/"))
    for before, after in merger.repaths:
        moving.repath(session, before, after)
    session.execute(
        update(Unit).where(col(Unit.id).in_([unit.id for unit in children])).values(parent_id=target.id),
        execution_options={"synchronize_session": False},
    )
    session.execute(
        update(Unit).where(col(Unit.id) == source.id).values(
            parent_id=target.id, merged_into=target.id, merged_at=now, code=f"{code[:50]}~{source.id[-8:]}"
        ),
        execution_options={"synchronize_session": False},
    )  # fmt: skip
    session.expire_all()
    left = moving.leave_groups(session, [place.station.id for place in merger.places])
    merger.notes["groups_left"] = [group.name for group in left]


def _second_factor(session: Session, merger: Merger) -> None:
    """Whoever needed a second factor at one of the two units goes on needing one. Call before the paths change."""
    (former, _), (kept, _) = (factor_rules.at(session, unit) for unit in (merger.source, merger.target))
    rule = session.get(FactorRule, merger.source.id)
    if rule is not None:
        session.delete(rule)
    if former == kept:
        return
    if not former <= kept:
        own = session.get(FactorRule, merger.target.id) or FactorRule(unit_id=merger.target.id)
        own.roles = sorted(former | kept)
        session.add(own)
        merger.count("second_factor", 1)
    weaker = kept if not former <= kept else former
    merger.clash("second_factor", "", ", ".join(sorted(former | kept)), ", ".join(sorted(weaker)))


def _people(session: Session, unit: Unit) -> list[str]:
    """Names of those who have a role at the unit itself: from now on they have it at the other."""
    query = select(Person.name).join(Grant, col(Grant.person_id) == Person.id).where(Grant.unit_id == unit.id)
    return sorted(set(session.exec(query).all()))


def _gather(session: Session, merger: Merger) -> None:
    """Make groups of the stations of each unit: what was for one of them goes on being for these stations alone."""
    if not merger.places:
        return
    former = [place.station.id for place in merger.places]
    merger.group = _group(session, merger, merger.source, former)
    merger.group.stands_for = merger.source.id
    session.add(merger.group)
    if merger.source.path.startswith(merger.target.path):
        return  # they belonged to it before, and go on doing so
    kept = [place.station.id for place in moving.below(session, merger.target)]
    if kept:
        merger.own = _group(session, merger, merger.target, kept)
        merger.own.stands_for = merger.target.id
        session.add(merger.own)
    session.flush()


def _group(session: Session, merger: Merger, unit: Unit, stations: Sequence[str]) -> Group:
    identity = new_id("gr")
    name = units.clean_name(f"{unit.name} ({unit.code})"[: units.MAX_NAME])
    group = Group(id=identity, code=identity, unit_id=merger.target.id, name=name, created_at=merger.now)
    session.add(group)
    session.flush()
    session.add_all(GroupMember(group_id=identity, station_id=each) for each in stations)
    session.flush()
    return group


def _drop_unused(session: Session, merger: Merger) -> None:
    """Where nothing was for the other unit as a whole, its stations need no group."""
    if merger.own and not merger.used:
        session.execute(delete(GroupMember).where(col(GroupMember.group_id) == merger.own.id))
        session.execute(delete(Group).where(col(Group.id) == merger.own.id))
        session.flush()
        merger.own = None


def _settings(merger: Merger) -> None:
    """What the former unit had settled for itself holds no more; told where it differs."""
    for name in _SETTINGS:
        left, kept = getattr(merger.source, name), getattr(merger.target, name)
        if left is not None and left != kept:
            merger.clash("setting", name, _said(kept), _said(left))


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join("–".join(pair) if isinstance(pair, list) else str(pair) for pair in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return str(value)


def finish(session: Session, merger: Merger, *, backup: str) -> None:
    """Write the merger into the audit log, under both units, and let everything be made anew."""
    _drop_unused(session, merger)
    detail = {
        "into": merger.target.id, "counts": merger.counts, "group": merger.group.id if merger.group else None,
        "clashes": [[each.kind, each.what, each.kept, each.left, each.both] for each in merger.clashes],
        "clashes_in_all": merger.clashes_in_all, "stations": len(merger.places), "backup": backup,
    }  # fmt: skip
    for unit in (merger.source, merger.target):
        audit.record(
            session, actor=merger.actor.username, action="unit.merge", subject=merger.source.id, unit_id=unit.id,
            now=merger.now, name=merger.source.name, **detail,
        )  # fmt: skip
    plans = {f"unit:{merger.source.id}", f"unit:{merger.target.id}"}
    plans |= {name for place in merger.places[:1] for name in place.names if name.startswith("unit:")}
    slots = [f"unit:{merger.target.id}"]
    for group in (merger.group, merger.own):
        if group:
            plans.add(f"group:{group.id}")
            slots.append(f"group:{group.id}")
    moving.tell(session, sorted(plans), slots, merger.now)

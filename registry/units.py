"""The tree of units: making, finding, and what a unit inherits."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from core import audit, changes
from core.clock import zone as known_zone
from core.errors import N_, Conflict, Forbidden, InvalidInput, NotFound
from core.ids import new_id
from registry import former_codes, limits, unit_choices
from registry.limits import Limits
from registry.models import Unit
from registry.rights import EVERYWHERE, MERGED, Actor, Permission

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_HOUR = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
MAX_DEPTH = 20
# What is proposed wherever a person makes a top unit.
USUAL_QUIET_HOURS = [["22:00", "05:00"]]
MAX_NAME = 200
_CHUNK = 400
NAME_ABOVE = N_("Name the unit above: only an administrator of the whole installation makes a top unit.")


@dataclass(frozen=True)
class Inherited:
    """What holds at a unit after looking up the tree.

    Of zone, codec, public radio and public page the nearest unit that says something wins. Limits are only tightened
    on the way down: quiet hours add up, and of the maximum volume and of each of `limits` the strictest holds.
    """

    zone: str
    quiet_hours: list[tuple[str, str]]
    max_volume: int
    codec: str
    limits: Limits = field(default_factory=Limits)
    public_radio: bool = False
    public_page: bool = False

    @property
    def silent_hours(self) -> list[tuple[str, str]]:
        """Quiet hours, and what lies outside the earliest and latest time of programmes."""
        return self.quiet_hours + self.limits.closed_hours


def clean_name(name: str, field: str = "name") -> str:
    """A name without control characters and surplus white space. Raises InvalidInput if nothing or too much is left."""
    cleaned = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if not cleaned:
        raise InvalidInput(N_("A name is needed."), fields={field: "empty"})
    if len(cleaned) > MAX_NAME:
        raise InvalidInput(N_("The name is longer than %(limit)s characters."), fields={field: "long"}, limit=MAX_NAME)
    return cleaned


def clean_code(code: str) -> str:
    """The code, if it has the form of one. Raises InvalidInput."""
    if not _CODE.fullmatch(code):
        raise InvalidInput(
            N_("A code has letters without accents, digits, points and hyphens, at most 60 characters."),
            fields={"code": "form"},
        )
    return code


def create(
    session: Session,
    actor: Actor,
    *,
    name: str,
    code: str,
    parent: str | None,
    zone: str | None,
    now: datetime,
    quiet_hours: list[list[str]] | None = None,
) -> Unit:
    """Add a unit below `parent` (id or code). Only an administrator of the whole installation makes a top unit."""
    name = clean_name(name)
    clean_code(code)
    if zone:
        known_zone(zone)
    _check_hours(quiet_hours)
    above: Unit | None = None
    if parent:
        above = find(session, actor, parent)
        actor.require(Permission.ADMINISTER, above)
        if above.merged_into:
            raise Conflict(MERGED, unit=above.name)
        if above.path.count("/") > MAX_DEPTH:
            raise InvalidInput(N_("The tree is deeper than %(limit)s levels."), limit=MAX_DEPTH)
    elif EVERYWHERE not in actor.paths(Permission.ADMINISTER):
        raise Forbidden(NAME_ABOVE)
    former_codes.check_free(session, former_codes.UNIT, code, now)
    identity = new_id("un")
    path = f"{above.path if above else '/'}{identity}/"
    unit = Unit(
        id=identity,
        code=code,
        name=name,
        parent_id=above.id if above else None,
        path=path,
        zone=zone,
        quiet_hours=quiet_hours,
        created_at=now,
    )
    session.add(unit)
    session.flush()
    audit.record(
        session,
        actor=actor.username,
        action="unit.create",
        subject=unit.id,
        unit_id=unit.id,
        now=now,
        code=code,
        name=name,
    )
    changes.announce(session, "registry", [], now)
    return unit


def find(session: Session, actor: Actor, name: str) -> Unit:
    """The unit with this id, or with a code it has or had, if the actor may see it. Raises NotFound.

    The code of a unit that was merged leads to the one it was merged into; its id to what is left of it. What people
    type instead of choosing (`registry.unit_choices.meant`) is understood as well.
    """
    unit = session.get(Unit, name) or former_codes.unit(session, name)
    if unit is None and (code := unit_choices.meant(session, actor, name)) != name:
        unit = session.get(Unit, code) or former_codes.unit(session, code)
    if unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound
    return unit


def visible(session: Session, actor: Actor, permission: Permission = Permission.SEE) -> Sequence[Unit]:
    """Units where the actor holds `permission`, parents before children; not those that were merged."""
    here = actor.within(permission, col(Unit.path))
    return session.exec(select(Unit).where(here, col(Unit.merged_into).is_(None)).order_by(col(Unit.path))).all()


def ancestors(session: Session, unit: Unit) -> list[Unit]:
    """The units from the root down to `unit` itself."""
    ids = unit.path.strip("/").split("/")
    found = {each.id: each for each in session.exec(select(Unit).where(col(Unit.id).in_(ids))).all()}
    return [found[each] for each in ids]


def with_those_above(session: Session, unit_ids: Iterable[str] | None) -> dict[str, Unit]:
    """These units (None: all there are) and every unit above them, by id; those that are not there are left out."""
    if unit_ids is None:
        return {unit.id: unit for unit in session.exec(select(Unit)).all()}
    found: dict[str, Unit] = {}
    missing = set(unit_ids)
    for _ in range(2):
        ordered = sorted(missing)
        for start in range(0, len(ordered), _CHUNK):
            query = select(Unit).where(col(Unit.id).in_(ordered[start : start + _CHUNK]))
            found.update((unit.id, unit) for unit in session.exec(query).all())
        missing = {each for unit in found.values() for each in unit.path.strip("/").split("/")} - found.keys()
    return found


def inherited(chain: Sequence[Unit], default_zone: str) -> Inherited:
    """What holds at the last unit of `chain` (root first)."""
    zone, volume, codec, public, page = default_zone, 100, "opus", False, False
    for unit in chain:
        zone = unit.zone or zone
        volume = min(volume, unit.max_volume) if unit.max_volume is not None else volume
        codec = unit.codec or codec
        public = public if unit.public_radio is None else unit.public_radio
        page = page if unit.public_page is None else unit.public_page
    quiet = limits.joined_hours(unit.quiet_hours or [] for unit in chain)
    return Inherited(zone, quiet, volume, codec, limits.tightened(unit.limits for unit in chain), public, page)


def _check_hours(quiet_hours: list[list[str]] | None) -> None:
    for pair in quiet_hours or []:
        if len(pair) != 2 or not all(_HOUR.fullmatch(hour) for hour in pair):  # noqa: PLR2004
            raise InvalidInput(N_("Write quiet hours like 22:00–05:00."), fields={"quiet_hours": "form"})


def settle(
    session: Session,
    actor: Actor,
    unit: Unit,
    *,
    quiet_hours: list[list[str]] | None,
    max_volume: int | None,
    zone: str | None,
    codec: str | None,
    now: datetime,
) -> None:
    """Set what holds at this unit and below; None takes over from above. Raises InvalidInput."""
    actor.require(Permission.ADMINISTER, unit)
    _check_hours(quiet_hours)
    if max_volume is not None and not 0 <= max_volume <= 100:  # noqa: PLR2004
        raise InvalidInput(N_("A volume lies between 0 and 100."), fields={"max_volume": "range"})
    if zone:
        known_zone(zone)
    if codec not in {None, "mp3", "opus"}:
        raise InvalidInput(N_("The codec is mp3 or opus."), fields={"codec": "unknown"})
    unit.quiet_hours, unit.max_volume, unit.zone, unit.codec = quiet_hours, max_volume, zone or None, codec
    session.add(unit)
    audit.record(
        session, actor=actor.username, action="unit.settle", subject=unit.id, unit_id=unit.id, now=now,
        quiet_hours=quiet_hours, max_volume=max_volume, zone=zone, codec=codec,
    )  # fmt: skip
    changes.announce(session, "registry", [], now)
    changes.announce(session, "plan", [f"unit:{unit.id}"], now)
    changes.announce(session, "timetable", [f"unit:{unit.id}"], now)


def limit(session: Session, actor: Actor, unit: Unit, wanted: Mapping[str, Any] | None, now: datetime) -> None:
    """Set the unit's own limits (None: none of its own); they hold here and below. Raises InvalidInput.

    What is on the timetable already and breaks them is not signed any more, and the timetable says so.
    """
    actor.require(Permission.ADMINISTER, unit)
    unit.limits = limits.read(wanted).written() or None
    session.add(unit)
    audit.record(
        session, actor=actor.username, action="unit.limit", subject=unit.id, unit_id=unit.id, now=now,
        limits=unit.limits,
    )  # fmt: skip
    changes.announce(session, "registry", [], now)
    changes.announce(session, "plan", [f"unit:{unit.id}"], now)
    changes.announce(session, "timetable", [f"unit:{unit.id}"], now)


def open_radio(session: Session, actor: Actor, unit: Unit, public: bool | None, now: datetime) -> None:
    """Let everybody listen over the Internet to what is on air here and below, or not; None takes over from above."""
    actor.require(Permission.ADMINISTER, unit)
    unit.public_radio = public
    session.add(unit)
    audit.record(
        session, actor=actor.username, action="unit.radio", subject=unit.id, unit_id=unit.id, now=now, public=public
    )
    changes.announce(session, "registry", [f"unit:{unit.id}"], now)

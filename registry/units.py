"""The tree of units: making, finding, and what a unit inherits."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from core import audit, changes
from core.clock import zone as known_zone
from core.errors import N_, Conflict, Forbidden, InvalidInput, NotFound
from core.ids import new_id
from registry.models import Unit
from registry.rights import EVERYWHERE, Actor, Permission, Role

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_HOUR = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
MAX_DEPTH = 20
# What is proposed wherever a person makes a top unit.
USUAL_QUIET_HOURS = [["22:00", "05:00"]]
MAX_NAME = 200


@dataclass(frozen=True)
class Inherited:
    """What holds at a unit after looking up the tree.

    The nearest unit that says something wins, except for `max_volume`, where the lowest on the way down does.
    """

    zone: str
    quiet_hours: list[tuple[str, str]]
    max_volume: int
    codec: str


def clean_name(name: str, field: str = "name") -> str:
    """A name without control characters and surplus white space. Raises InvalidInput if nothing or too much is left."""
    cleaned = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if not cleaned:
        raise InvalidInput(N_("A name is needed."), fields={field: "empty"})
    if len(cleaned) > MAX_NAME:
        raise InvalidInput(N_("The name is longer than %(limit)s characters."), fields={field: "long"}, limit=MAX_NAME)
    return cleaned


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
    if not _CODE.fullmatch(code):
        raise InvalidInput(
            N_("A code has letters without accents, digits, points and hyphens, at most 60 characters."),
            fields={"code": "form"},
        )
    if zone:
        known_zone(zone)
    _check_hours(quiet_hours)
    above: Unit | None = None
    if parent:
        above = find(session, actor, parent)
        actor.require(Permission.ADMINISTER, above)
        if above.path.count("/") > MAX_DEPTH:
            raise InvalidInput(N_("The tree is deeper than %(limit)s levels."), limit=MAX_DEPTH)
    elif not any(p == EVERYWHERE and r is Role.ADMINISTRATOR for p, r in actor.grants):
        raise Forbidden(N_("Name the unit above: only an administrator of the whole installation makes a top unit."))
    if session.exec(select(Unit).where(Unit.code == code)).first():
        raise Conflict(N_("The code “%(taken)s” is taken."), taken=code)
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
    """The unit with this id or code, if the actor may see it. Raises NotFound."""
    unit = session.get(Unit, name) or session.exec(select(Unit).where(Unit.code == name)).first()
    if unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound
    return unit


def visible(session: Session, actor: Actor, permission: Permission = Permission.SEE) -> Sequence[Unit]:
    """Units where the actor holds `permission`, parents before children."""
    return session.exec(select(Unit).where(actor.within(permission, col(Unit.path))).order_by(col(Unit.path))).all()


def ancestors(session: Session, unit: Unit) -> list[Unit]:
    """The units from the root down to `unit` itself."""
    ids = unit.path.strip("/").split("/")
    found = {each.id: each for each in session.exec(select(Unit).where(col(Unit.id).in_(ids))).all()}
    return [found[each] for each in ids]


def inherited(chain: Sequence[Unit], default_zone: str) -> Inherited:
    """What holds at the last unit of `chain` (root first)."""
    quiet: list[list[str]] = []
    zone, volume, codec = default_zone, 100, "opus"
    for unit in chain:
        zone = unit.zone or zone
        quiet = unit.quiet_hours if unit.quiet_hours is not None else quiet
        volume = min(volume, unit.max_volume) if unit.max_volume is not None else volume
        codec = unit.codec or codec
    return Inherited(zone, [(a, b) for a, b in quiet], volume, codec)


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

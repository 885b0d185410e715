"""The page of a unit for everybody: whether it has one, and finding the unit behind an address.

The switch is inherited as that of the Internet radio is: the nearest unit that says something decides.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from core import audit, changes
from core.errors import NotFound
from registry import former_codes, rights, units
from registry.models import Unit
from registry.rights import Actor, Permission, Role
from registry.units import Inherited

_VISITOR = "visitor"


@dataclass(frozen=True)
class Place:
    """A unit with a page of its own: the units from the root down to it, and what holds there."""

    chain: tuple[Unit, ...]
    held: Inherited

    @property
    def unit(self) -> Unit:
        return self.chain[-1]


def open_page(session: Session, actor: Actor, unit: Unit, public: bool | None, now: datetime) -> None:
    """Give this unit and those below a page for everybody, or none; None takes over from above. Audited."""
    actor.require(Permission.ADMINISTER, unit)
    unit.public_page = public
    session.add(unit)
    audit.record(
        session, actor=actor.username, action="unit.page", subject=unit.id, unit_id=unit.id, now=now, public=public
    )
    changes.announce(session, "registry", [f"unit:{unit.id}"], now)


def at(session: Session, code: str, default_zone: str) -> Place:
    """The unit that has or had this code, if everybody may read its page. Raises NotFound, also where there is none."""
    unit = former_codes.unit(session, code)
    if unit is None:
        raise NotFound
    chain = units.ancestors(session, unit)
    held = units.inherited(chain, default_zone)
    if not held.public_page:
        raise NotFound
    return Place(tuple(chain), held)


def is_open(session: Session, unit: Unit, default_zone: str) -> bool:
    """Whether everybody may read the page of a unit."""
    return units.inherited(units.ancestors(session, unit), default_zone).public_page


def visitor(unit: Unit) -> Actor:
    """Whoever reads the page of `unit`: sees it and what is below, and may do nothing. Appears as `visitor`."""
    return Actor(_VISITOR, _VISITOR, _VISITOR, "vi", ((unit.path, Role.VIEWER),))


def below(session: Session, unit: Unit, limit: int = 200) -> list[str]:
    """The names of the units below, in order, at most `limit`: hamlets to choose from."""
    inside = rights.within([unit.path], col(Unit.path))
    query = select(Unit.name).where(inside, col(Unit.id) != unit.id).order_by(col(Unit.name)).limit(limit)
    return list(session.exec(query).all())

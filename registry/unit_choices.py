"""Units to choose from: light rows for the many that a province has, and what somebody types instead of choosing."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_
from sqlalchemy import select as columns
from sqlmodel import Session, col

from registry import plainly
from registry.models import Unit
from registry.rights import EVERYWHERE, Actor, Permission

MOST_FOUND = 20
MOST_IN_LEVEL = 900  # more than a country has provinces, or a province communes
LISTED = 60  # up to so many are chosen from a list; of more one is typed
_WRITTEN = re.compile(r".*\(([^()]{1,60})\)")


class Choice(NamedTuple):
    """A unit, as far as a list of units needs it."""

    id: str
    code: str
    name: str
    path: str

    @property
    def written(self) -> str:
        """As it stands in a field that is typed into: `Xã Tân Hòa (79.1)`."""
        return f"{self.name} ({self.code})"


_COLUMNS = (col(Unit.id), col(Unit.code), col(Unit.name), col(Unit.path))


Where = Permission | ColumnElement[bool]


def where(session: Session, actor: Actor, permission: Permission = Permission.SEE) -> Sequence[Choice]:
    """The units where the actor holds `permission`, parents before children; merged ones are no choice any more."""
    return [Choice(*row) for row in session.execute(_all(actor, permission).order_by(col(Unit.path)))]


def offered(session: Session, actor: Actor, permission: Where = Permission.SEE, chosen: str = "") -> Sequence[Choice]:
    """What a field for a unit needs: all of them up to `LISTED`, else the first ones and the one with the id `chosen`.

    More than `LISTED` rows say that there are too many for a list. Of more than one permission a condition on `Unit`
    says where they are held.
    """
    query = _all(actor, permission)
    rows = [Choice(*row) for row in session.execute(query.order_by(col(Unit.path)).limit(LISTED + 1))]
    if len(rows) > LISTED and chosen and all(each.id != chosen for each in rows):
        rows += [Choice(*row) for row in session.execute(query.where(col(Unit.id) == chosen))]
    return rows


def level(session: Session, actor: Actor, permission: Permission, above: Unit | None) -> list[tuple[Choice, int]]:
    """The units right below `above`, or the topmost ones where it is None, each with how many are right below it.

    At most `MOST_IN_LEVEL`, by name; only those where the actor holds `permission`.
    """
    if above is not None:
        here = col(Unit.parent_id) == above.id
    elif EVERYWHERE in actor.paths(permission):
        here = col(Unit.parent_id).is_(None)
    else:
        here = col(Unit.path).in_(actor.paths(permission))
    query = _all(actor, permission).where(here).order_by(col(Unit.name), col(Unit.id)).limit(MOST_IN_LEVEL)
    found = [Choice(*row) for row in session.execute(query)]
    ids = [each.id for each in found]
    below = columns(col(Unit.parent_id), func.count()).where(
        col(Unit.parent_id).in_(ids), col(Unit.merged_into).is_(None)
    )
    counts: dict[str | None, int] = {row[0]: row[1] for row in session.execute(below.group_by(col(Unit.parent_id)))}
    return [(each, counts.get(each.id, 0)) for each in found]


def _all(actor: Actor, permission: Where) -> Select[str, str, str, str]:
    here = actor.within(permission, col(Unit.path)) if isinstance(permission, Permission) else permission
    return columns(*_COLUMNS).where(here, col(Unit.merged_into).is_(None))


def ids_if_few(session: Session, actor: Actor, permission: Permission) -> list[str] | None:
    """The ids of all units where the actor holds `permission`, merged ones too; None where they are more than `LISTED`.

    Of few units a list is found by the index on the unit, of many by the list's own order.
    """
    query = columns(col(Unit.id)).where(actor.within(permission, col(Unit.path))).limit(LISTED + 1)
    rows = [row[0] for row in session.execute(query)]
    return rows if len(rows) <= LISTED else None


def found(session: Session, actor: Actor, typed: str, permission: Permission = Permission.SEE) -> Sequence[Choice]:
    """At most `MOST_FOUND` of them that somebody may mean by what they typed: a code's beginning, or words of a name.

    Small letters and missing accents find the same; the units nearest to the root come first.
    """
    query = _all(actor, permission)
    by_name = [col(Unit.plain).contains(word, autoescape=True) for word in plainly.words(typed)]
    if by_name:
        query = query.where(or_(and_(*by_name), col(Unit.code).startswith(typed.strip()[:60], autoescape=True)))
    depth = func.length(Unit.path)
    return [Choice(*row) for row in session.execute(query.order_by(depth, col(Unit.name)).limit(MOST_FOUND))]


def above(session: Session, choices: Sequence[Choice]) -> dict[str, str]:
    """The name of the unit right above each of these, by their ids; none above a root."""
    parents = {each.id: each.path.strip("/").split("/")[-2] for each in choices if each.path.count("/") > 2}  # noqa: PLR2004
    query = columns(col(Unit.id), col(Unit.name)).where(col(Unit.id).in_(set(parents.values())))
    names: dict[str, str] = {row[0]: row[1] for row in session.execute(query)}
    return {identity: names[parent] for identity, parent in parents.items() if parent in names}


def meant(session: Session, actor: Actor, typed: str) -> str:
    """The code or id that somebody means who wrote `Xã Tân Hòa (79.1)`, or a name that only one unit has.

    Anything else is returned as it is: whoever looks the unit up says that there is none.
    """
    known = _WRITTEN.fullmatch(typed.strip())
    if known:
        return known[1]
    same = columns(col(Unit.id)).where(
        col(Unit.plain) == plainly.plain(typed), actor.within(Permission.SEE, col(Unit.path))
    )
    rows = session.execute(same.limit(2)).all() if typed.strip() else []
    return str(rows[0][0]) if len(rows) == 1 else typed


def picked(session: Session, actor: Actor, asked: str, permission: Where = Permission.SEE) -> Choice | None:
    """The unit that `asked` means, by its id, its code, or what is typed instead of choosing; None if none is there."""
    wanted = asked.strip()
    if not wanted:
        return None
    names = {wanted, meant(session, actor, wanted)}
    query = _all(actor, permission).where(or_(col(Unit.id).in_(names), col(Unit.code).in_(names)))
    row = session.execute(query.order_by(col(Unit.path)).limit(1)).first()
    return Choice(*row) if row else None

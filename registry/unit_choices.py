"""Units to choose from: light rows for the many that a province has, and what somebody types instead of choosing."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import and_, func, or_
from sqlalchemy import select as columns
from sqlmodel import Session, col

from registry import plainly
from registry.models import Unit
from registry.rights import Actor, Permission

MOST_FOUND = 20
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


def where(session: Session, actor: Actor, permission: Permission = Permission.SEE) -> Sequence[Choice]:
    """The units where the actor holds `permission`, parents before children; merged ones are no choice any more."""
    query = columns(*_COLUMNS).where(actor.within(permission, col(Unit.path)), col(Unit.merged_into).is_(None))
    return [Choice(*row) for row in session.execute(query.order_by(col(Unit.path)))]


def found(session: Session, actor: Actor, typed: str, permission: Permission = Permission.SEE) -> Sequence[Choice]:
    """At most `MOST_FOUND` of them that somebody may mean by what they typed: a code's beginning, or words of a name.

    Small letters and missing accents find the same; the units nearest to the root come first.
    """
    query = columns(*_COLUMNS).where(actor.within(permission, col(Unit.path)), col(Unit.merged_into).is_(None))
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


def picked(session: Session, actor: Actor, choices: Sequence[Choice], asked: str) -> Choice | None:
    """The one of `choices` that `asked` means: its id, its code, or what is typed instead of choosing; None if none."""
    wanted = asked.strip()
    if not wanted:
        return None
    names = {wanted, meant(session, actor, wanted)}
    return next((each for each in choices if each.id in names or each.code in names), None)

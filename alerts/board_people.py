"""Whom to call where an emergency was not heard: the nearest person with a phone, at the unit or further up."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlmodel import Session, col, select

from registry.models import Unit
from registry.rights import Actor, Permission
from scheduler.concern_models import Contact

_CHUNK = 400
_MAY_CALL = (Permission.ALARM, Permission.OPERATE)


class Person(NamedTuple):
    """Somebody to call: a name, a number as it was typed, and the unit they are noted at."""

    name: str
    phone: str
    unit: str

    @property
    def dialled(self) -> str:
        """The number as a `tel:` address wants it: digits, with a plus before those of other countries."""
        digits = "".join(each for each in self.phone if each.isascii() and each.isdecimal())
        return f"+{digits}" if self.phone.strip().startswith("+") else digits


def above(session: Session, paths: Sequence[str]) -> dict[str, str]:
    """The name of the next unit up, for each of these paths that has one. One query for each 400."""
    parents = {path: parts[-2] for path in paths if len(parts := _parts(path)) > 1}
    ids = sorted(set(parents.values()))
    names: dict[str, str] = {}
    for start in range(0, len(ids), _CHUNK):
        query = select(Unit.id, Unit.name).where(col(Unit.id).in_(ids[start : start + _CHUNK]))
        names.update(session.exec(query).all())
    return {path: names[parent] for path, parent in parents.items() if parent in names}


def nearest(session: Session, actor: Actor, paths: Sequence[str]) -> dict[str, Person]:
    """The nearest person with a phone for each of these unit paths, where the actor may know. One query for each 400.

    Numbers are for those who raise alarms or run the stations there. Of several people at a unit, who was noted first.
    """
    allowed = [path for path in paths if _may_call(actor, path)]
    ids = sorted({each for path in allowed for each in _parts(path)})
    found: dict[str, Person] = {}
    for start in range(0, len(ids), _CHUNK):
        query = (
            select(Contact.unit_id, Contact.name, Contact.phone, Unit.name)
            .join(Unit, col(Unit.id) == Contact.unit_id)
            .where(col(Contact.unit_id).in_(ids[start : start + _CHUNK]), Contact.phone != "")
            .order_by(col(Contact.created_at), col(Contact.id))
        )
        for unit_id, name, phone, unit in session.exec(query).all():
            found.setdefault(unit_id, Person(name, phone, unit))
    who = {path: next((found[each] for each in reversed(_parts(path)) if each in found), None) for path in allowed}
    return {path: person for path, person in who.items() if person is not None}


def _may_call(actor: Actor, path: str) -> bool:
    return any(path.startswith(held) for permission in _MAY_CALL for held in actor.paths(permission))


def _parts(path: str) -> list[str]:
    return [each for each in path.split("/") if each]

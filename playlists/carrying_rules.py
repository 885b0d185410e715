"""Rules of two units that become one: the stricter one holds, as far as somebody is left who can act by it."""

from collections.abc import Iterable, Sequence

from sqlmodel import Session, col, select

from playlists import approval_rules
from playlists.approval_models import ApprovalRule
from playlists.approval_rules import MOST_LINES, PRIORITIES, Line, Rule, joined, needed
from playlists.models import Subject
from playlists.offer_models import OfferRule
from registry.merging import Merger
from registry.models import Grant, Person, Unit

_NEVER_OWN, _TWO, _LINES = "never_own", "two_persons", "approval_lines"


def stricter(
    above: Rule, kept: Rule, left: Rule, people: Sequence[tuple[str, frozenset[str]]], fields: Iterable[str]
) -> tuple[Rule, tuple[Line, ...]]:
    """What `kept` and `left` ask together, and the lines of `left` that can't hold beside what holds already. Pure.

    A line can't hold where nobody (or only one, of two) would be left to approve some bulletin: of these `fields`, by
    `people`, who are given with their roles. `above` is what units above ask in any case.
    """
    both = joined([kept, left])
    lines, refused = list(kept.lines), []
    every, kinds = joined([above, both]), [(field, priority) for field in fields for priority in PRIORITIES]
    for line in left.lines:
        if line in lines:
            continue
        held = (*above.lines, *lines)
        concerned = [kind for kind in kinds if line.concerns(*kind)]
        lacks = any(
            _left(people, (*held, line), kind) < min(needed(every, kind[1]), _left(people, held, kind))
            for kind in concerned
        )
        if lacks or len(lines) >= MOST_LINES:
            refused.append(line)
        else:
            lines.append(line)
    return Rule(both.two_persons, both.never_own, tuple(lines)), tuple(refused)


def _left(people: Sequence[tuple[str, frozenset[str]]], lines: Sequence[Line], kind: tuple[str, str]) -> int:
    """How many of these people all lines about such bulletins let approve."""
    asked = [line for line in lines if line.concerns(*kind)]
    return sum(
        all(person in line.people or not roles.isdisjoint(line.roles) for line in asked) for person, roles in people
    )


def approval(session: Session, merger: Merger) -> None:
    """Let the other unit ask what either asked of those who approve. Where both can't be asked, its own way holds."""
    left, kept = approval_rules.own(session, merger.source), approval_rules.own(session, merger.target)
    row = session.get(ApprovalRule, merger.source.id)
    if row is None:
        _tell(merger, kept, kept, left, ())
        return
    above = session.get(Unit, merger.target.parent_id) if merger.target.parent_id else None
    asked_above = approval_rules.held(session, above) if above else Rule()
    fields = session.exec(select(Subject.code)).all()
    both, refused = stricter(asked_above, kept, left, _approvers(session, merger), fields)
    if both != kept:
        own = session.get(ApprovalRule, merger.target.id) or ApprovalRule(
            unit_id=merger.target.id, settled_by=row.settled_by, settled_at=row.settled_at
        )
        own.two_persons, own.never_own = sorted(both.two_persons), both.never_own
        own.lines = [line.written() for line in both.lines]
        session.add(own)
        merger.count("approval_rules", 1)
    session.delete(row)
    session.flush()
    _tell(merger, both, kept, left, refused)


def _approvers(session: Session, merger: Merger) -> list[tuple[str, frozenset[str]]]:
    """Who may approve at the merged unit, with the roles by which they may: those of both units, and from above."""
    homes = [*merger.target.path.strip("/").split("/"), merger.source.id]
    rows = session.exec(
        select(Grant.person_id, Grant.role)
        .join(Person, col(Person.id) == Grant.person_id)
        .where(
            col(Grant.unit_id).in_(homes) | col(Grant.unit_id).is_(None), col(Person.active),
            col(Grant.role).in_([role.value for role in approval_rules.ROLES]),
        )
    ).all()  # fmt: skip
    found: dict[str, set[str]] = {}
    for person, role in rows:
        found.setdefault(person, set()).add(role)
    return [(person, frozenset(roles)) for person, roles in sorted(found.items())]


def _tell(merger: Merger, both: Rule, kept: Rule, left: Rule, refused: Sequence[Line]) -> None:
    """Say what people of one of the two are asked from now on, and were not before."""
    if kept.two_persons != left.two_persons:
        weaker = kept.two_persons if kept.two_persons != both.two_persons else left.two_persons
        merger.clash("approval_rules", _TWO, ", ".join(sorted(both.two_persons)), ", ".join(sorted(weaker)))
    if kept.never_own != left.never_own:
        merger.clash("approval_rules", _NEVER_OWN, "True", "False")
    if refused:
        merger.clash("approval_rules", _LINES, str(len(both.lines)), str(len(refused)))


def offers(session: Session, merger: Merger) -> None:
    """Take by itself only what both units took by themselves: people are asked about the rest.

    A rule of the former unit alone goes: its programme sounds at its stations only, and offers to the merged unit
    would count as taken where nobody else hears them. What the other unit alone took goes on as it was.
    """
    former, own = session.get(OfferRule, merger.source.id), session.get(OfferRule, merger.target.id)
    if former is None:
        return
    left = ", ".join(former.fields) or "all"
    if own is None:
        merger.clash("offer_rules", "", "", left)
    else:
        kept = ", ".join(own.fields) or "all"
        common = sorted(set(former.fields or own.fields) & set(own.fields or former.fields))
        if not common and (former.fields or own.fields):
            session.delete(own)
            merger.clash("offer_rules", "", "", kept)
        elif common != sorted(own.fields):
            own.fields = common
            session.add(own)
            merger.clash("offer_rules", "", ", ".join(common), kept)
        elif kept != left:
            merger.clash("offer_rules", "", kept, left)
    session.delete(former)
    session.flush()

"""Which of two programmes with the same priority goes first where they meet: the rule server and station share. Pure.

An order is a list of pairs of names; the first goes before the second. A name is an occurrence (`slot@instant`) or a
slot, for all its occurrences. A pair of occurrences counts over a pair of slots.
"""

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

Pairs = Collection[tuple[str, str]]
_T = TypeVar("_T")


def slot_of(occurrence: str | None) -> str:
    """The slot in the name of an occurrence."""
    return (occurrence or "").partition("@")[0]


def goes_before(one: str | None, other: str | None, order: Pairs) -> bool:
    """Whether the occurrence `one` was put before `other`."""
    if not order or one is None or other is None:
        return False
    if (one, other) in order:
        return True
    return (other, one) not in order and (slot_of(one), slot_of(other)) in order


def chosen(ranked: Sequence[_T], occurrence_of: Callable[[_T], str | None], order: Pairs) -> _T:
    """Of some that would go in this sequence, the first that none of the others was put before.

    Where the order goes round in a circle, the first of them all. Raises IndexError when there are none.
    """
    if order and len(ranked) > 1:
        names = [occurrence_of(each) for each in ranked]
        for each, name in zip(ranked, names, strict=True):
            if not any(goes_before(other, name, order) for other in names):
                return each
    return ranked[0]

"""Which loudspeakers hear which blocks of a message, and in which languages. Pure, from the lie of the land."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from alerts.cap.languages import base, chosen
from alerts.cap.message import Info
from alerts.cap.reach import Reach
from alerts.cap.remarks import Remark
from alerts.cap.wording import Wording, wordings
from alerts.sources.land import Land
from core.errors import N_
from scheduler.alarms import MAX_LANGUAGES

_MOST_LOOKS = 12
"""Different areas of one message that are looked at one by one; of more, all are taken together."""

_MOST_PARTS = 20
_OVER = frozenset({"rough"})
"""Remarks on an area that is taken for larger than it is."""


@dataclass(frozen=True)
class Part:
    """Stations that hear the same `blocks` (places in the message)."""

    blocks: tuple[int, ...]
    stations: frozenset[str]


@dataclass(frozen=True)
class Aim:
    """Whom a message reaches where its source may speak.

    `doubts` say why that may not be all, or too much (`vague`). `outside`: how many stations are reached where the
    source has nothing to say.
    """

    parts: tuple[Part, ...]
    doubts: tuple[Remark, ...]
    vague: bool
    outside: int

    @property
    def stations(self) -> frozenset[str]:
        return frozenset[str]().union(*(part.stations for part in self.parts))


def aim(infos: Sequence[Info], blocks: Sequence[int], land: Land, paths: Collection[str]) -> Aim:
    """Whom the `blocks` of a message reach, of the stations at or below any of the unit `paths`.

    A block without areas of its own is for the areas of the others. Stations that hear different blocks are told apart,
    if that makes no more than twenty parts.
    """
    reached, doubts = _reached(infos, blocks, land)
    everybody = set().union(*reached.values()) if reached else set()
    allowed = land.under(paths, everybody)
    parts: dict[tuple[int, ...], set[str]] = {}
    for station in allowed:
        parts.setdefault(tuple(place for place in blocks if station in reached[place]), set()).add(station)
    if len(parts) > _MOST_PARTS:
        parts = {tuple(blocks): allowed}
    return Aim(
        tuple(Part(key, frozenset(parts[key])) for key in sorted(parts)), doubts,
        vague=any(each.code in _OVER for each in doubts), outside=len(everybody) - len(allowed),
    )  # fmt: skip


def _reached(
    infos: Sequence[Info], blocks: Sequence[int], land: Land
) -> tuple[dict[int, set[str]], tuple[Remark, ...]]:
    areas = {place: infos[place].areas for place in blocks}
    different = list(dict.fromkeys(each for each in areas.values() if each))
    if len(different) > _MOST_LOOKS or not different:
        whole = land.finder.reach(list(dict.fromkeys(area for each in different for area in each)))
        return {place: set(whole.stations) for place in blocks}, whole.remarks
    found: dict[object, Reach] = {each: land.finder.reach(each) for each in different}
    union = {station for reach in found.values() for station in reach.stations}
    doubts = {(each.code, str(each)): each for reach in found.values() for each in reach.remarks}
    return (
        {place: set(found[own].stations) if own else set(union) for place, own in areas.items()},
        tuple(doubts.values()),
    )


def worded(infos: Sequence[Info], part: Part, land: Land, *, all_clear: bool) -> list[Wording]:
    """What the stations of a part hear: one wording for each language that any of them is given.

    The one for stations that speak none of the message's languages comes first. At most ten.
    """
    offered = [base(infos[place].language) for place in part.blocks]
    usual = chosen(offered, ())
    given = dict.fromkeys(usual)
    for spoken in sorted({land.spoken[each] for each in part.stations}):
        given.update(dict.fromkeys(chosen(offered, spoken)))
    # `usual` is left out where everybody is given something of their own.
    needed = {each for spoken in {land.spoken[s] for s in part.stations} for each in chosen(offered, spoken)}
    wanted = [each for each in given if each in needed or not needed][:MAX_LANGUAGES]
    return wordings(infos, part.blocks, wanted, all_clear=all_clear)


NOBODY = Remark("nobody", N_("No loudspeaker stands in its area."))
ELSEWHERE = Remark("elsewhere", N_("Its area lies outside of the unit that this source speaks for."))

"""The airings of a week as blocks of its page: how they look, where they lead, and whether they can be moved."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import url_for
from flask_babel import gettext

from core.clock import format_instant
from registry.models import Unit
from scheduler import week as weeks
from scheduler import week_folded
from scheduler.week_folded import Line
from web.panel import week_labels, week_page
from web.panel.week_page import Block
from web.panel.week_places import Place

_MOVABLE = ("issued", "planned", "expected")
MOST_CLASHES = 20
_RANK = {"emergency": 0, "priority": 1, "ordinary": 2}


@dataclass(frozen=True)
class Seen:
    """From where a week is looked at: the place, whose clock, a station to explain, what the person may."""

    place: Place
    zone: ZoneInfo
    first: str
    station: str
    now: datetime
    may_see: Callable[[Unit], bool]
    may_plan: Callable[[Unit], bool]

    def explain(self, at: datetime) -> str:
        """Why a station plays what it plays then; empty where there is no station."""
        if not self.station:
            return ""
        local = at.astimezone(self.zone).strftime("%Y-%m-%dT%H:%M:%S")
        return url_for("panel.station_explain", identity=self.station, at=local)

    def card(self, slot: str, at: datetime) -> str:
        return url_for("panel.slot_card", identity=slot, at=format_instant(at), week=self.place.key)

    def move(self, slot: str, at: datetime) -> str:
        return url_for("panel.slot_move", identity=slot, at=format_instant(at), week=self.place.key)


def of_week(
    week: weeks.Week, seen: Seen, outcomes: Mapping[str, Mapping[str, int]], homes: Mapping[str, Unit]
) -> list[Block]:
    """The blocks of an ordinary week; alike ones of several hamlets as one. `homes`: the units of slots, by slot."""
    named = {name for clash in week.clashes for name in clash["occurrences"] if name}
    blocks = [_block(each, seen, outcomes.get(each.airing or "", {}), named, homes) for each in week.blocks]
    return week_page.folded(blocks, together)


def together(count: int) -> str:
    return str(gettext("%(count)s units", count=count))


def _block(
    each: weeks.Block, seen: Seen, outcomes: Mapping[str, int], clashing: Collection[str], homes: Mapping[str, Unit]
) -> Block:
    name = f"{each.slot}@{format_instant(each.at)}" if each.slot and each.at else each.airing or ""
    explain, href, move = seen.explain(each.starts_at), "", ""
    home = homes.get(each.slot or "")
    if each.slot and each.at and home is not None and seen.may_see(home):
        href = seen.card(each.slot, each.at)
        if each.state in _MOVABLE and each.starts_at > seen.now and seen.may_plan(home):
            move = seen.move(each.slot, each.at)
    elif each.airing:
        href = url_for("panel.log_entry", identity=each.airing)
    return Block(
        each.title, each.unit, week_labels.look_of(each.state, outcomes), each.level, each.priority, each.kind,
        each.starts_at, each.ends_at, href or explain, move, explain, 1, name in clashing, each.lost, each.lost_to,
        each.reason, each.moved_from, week_labels.tally(outcomes), name,
    )  # fmt: skip


def of_lines(lines: Sequence[Line], seen: Seen, outcomes: Mapping[str, Mapping[str, int]]) -> list[Block]:
    """The blocks of a wide place: each line is one, and leads to what it stands for; those that clash are marked."""
    found = []
    clashing = {id(line) for clash in clashes_of_lines(lines, len(lines)) for line in clash["lines"]}
    for line in lines:
        look, href = week_labels.look_of(line.state, outcomes.get(line.airing or "", {})), behind(line, seen)
        block = Block(
            line.title, line.unit or together(line.units), look, line.level, line.priority, line.kind, line.starts_at,
            line.ends_at, href, "", seen.explain(line.starts_at), line.units, clash=id(line) in clashing,
            name=line.slot or line.airing or "",
        )  # fmt: skip
        found.append(block)
    return found


def behind(line: Line, seen: Seen) -> str:
    """Where a line leads: to its only airing, or to the list of those it stands for."""
    if line.units > 1 or line.count > 1 or not (line.slot and line.at):
        asked: dict[str, Any] = {"title": line.title, "at": format_instant(line.starts_at), "from": seen.first}
        return url_for("panel.week_open", identity=seen.place.unit.id, **asked)
    return seen.card(line.slot, line.at)


def clashes_of_lines(lines: Sequence[Line], most: int = MOST_CLASHES) -> list[dict[str, Any]]:
    """What meets something else at the same stations: as `scheduler.overlapping.clashes` says it, with both `lines`.

    Two lines meet where one is for the whole place, or both are of the same single unit. Those of different units that
    are only as long as one another sound at different stations.
    """
    sounding = sorted((line for line in lines if line.state != "failed"), key=lambda line: line.starts_at)
    found: list[dict[str, Any]] = []
    for number, one in enumerate(sounding):
        for other in sounding[number + 1 :]:
            if other.starts_at >= one.ends_at:
                break
            if one.whole or other.whole or (one.unit_id and one.unit_id == other.unit_id):
                found.append({
                    "at": other.starts_at, "until": min(one.ends_at, other.ends_at), "titles": [one.title, other.title],
                    "first": _first(one, other), "occurrences": [None, None], "orderable": False, "ordered": None,
                    "lines": (one, other),
                })  # fmt: skip
            if len(found) >= most:
                return found
    return found


def _first(one: Line, other: Line) -> str | None:
    if one.priority == other.priority:
        return None
    return min((one, other), key=lambda line: _RANK.get(line.priority, len(_RANK))).title


def is_wide(size: int) -> bool:
    """Whether a week of so many airings and slots is shown folded."""
    return size >= week_folded.WIDE_FROM

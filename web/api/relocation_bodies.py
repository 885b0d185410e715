"""Bodies of the calls that move, merge and re-code units and stations."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from web.api.bodies import Body, Name, Short, UnitAnswer

Reason = Annotated[str, Field(max_length=500)]


class UnitMoveBody(Body):
    """`parent` is an id or code; null makes it a top unit."""

    parent: Short | None
    dry_run: bool = False


class StationMoveBody(Body):
    unit: Short
    dry_run: bool = False


class MergeBody(Body):
    """`into` is an id or code; `confirm` repeats the name or the code of the unit that is merged."""

    into: Short
    name: Name | None = None
    code: Short | None = None
    confirm: Annotated[str, Field(max_length=200)] = ""
    dry_run: bool = False


class RecodeBody(Body):
    code: Short
    name: Name | None = None
    reason: Reason = ""


class FormerAnswer(Body):
    code: str
    name: str
    since: str
    until: str


class UnitDetail(UnitAnswer):
    """A unit with the codes that lead to it. `merged_into` is an id, null for a unit that lives."""

    merged_into: str | None
    former: list[FormerAnswer]


class ShiftAnswer(Body):
    """What a move changes: stations that go along; settings before and after; ids of slots."""

    model_config = ConfigDict(extra="ignore")

    done: bool
    stations: int
    settings: dict[str, list[str]]
    groups_left: list[str]
    slots_lost: list[str]
    slots_gained: list[str]
    slots_naming: list[str]
    emergencies: int


class MergeAnswer(Body):
    """What went over, by kind; where both had something of one name, what holds; `backup` was made before."""

    done: bool
    into: str
    counts: dict[str, int]
    clashes: list[dict[str, Any]]
    clashes_in_all: int
    group: str | None
    backup: str | None


class StationCodeAnswer(Body):
    id: str
    code: str

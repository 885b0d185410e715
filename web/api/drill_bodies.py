"""What the calls about drills send and bring back."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from web.api.bodies import Body, Names, Short


class DrillSaid(Body):
    """A recording for stations of another language; it must say itself that it is a test."""

    language: Annotated[str, Field(max_length=20)]
    clip: Short


class DrillContent(Body):
    unit: Short
    kind: Annotated[str, Field(max_length=20)]
    audience: Names = Field(validation_alias=AliasChoices("for", "audience"), serialization_alias="for")
    name: Annotated[str, Field(max_length=1_000)] = ""
    note: Annotated[str, Field(max_length=5_000)] = ""
    said: Annotated[list[DrillSaid], Field(max_length=100, default_factory=list)]
    signal: Annotated[str, Field(max_length=20)] = "chime"
    volume: int | None = None


class DrillBody(DrillContent):
    starts: Annotated[str, Field(max_length=40)]
    rrule: Annotated[str, Field(max_length=500)] | None = None


class DrillAnswer(Body):
    id: str
    unit: str
    kind: Literal["spoken", "silent"]
    name: str
    audience: list[str] = Field(serialization_alias="for")
    note: str
    starts: str
    zone: str
    rrule: str | None
    next_at: datetime | None
    answered_by: str
    renew_by: datetime
    ended_at: datetime | None


class DrillFigures(Body):
    """Of the stations in service; seconds from the beginning."""

    stations: int
    not_in_service: int
    told: int
    sounded: int
    whole: int
    quiet: int
    repair: int
    heard: int
    not_heard: int
    first_s: float | None
    median_s: float | None
    most_s: float | None


class DrillBefore(Body):
    """The drill before it: its figures, and the names of the stations that have become worse or were mended."""

    id: str
    planned_at: datetime
    figures: DrillFigures
    worse: list[str]
    mended: list[str]


class DrillRunAnswer(Body):
    id: str
    drill: str | None
    unit: str
    kind: Literal["spoken", "silent"]
    name: str
    state: Literal["preparing", "running", "reported", "failed", "missed"]
    why: str
    planned_at: datetime
    begun_at: datetime | None
    closes_at: datetime | None
    reported_at: datetime | None
    emergency: str | None
    figures: DrillFigures | None
    before: DrillBefore | None = None


class DrillCheckAnswer(Body):
    station: str
    name: str
    unit: str
    verdict: Literal["ok", "repair", "quiet"]
    findings: list[str]
    outcome: str | None
    reason: str | None
    told_s: float | None
    sounded_s: float | None
    peak_db: float | None
    heard: str | None
    heard_db: float | None

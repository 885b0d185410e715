"""What scripts send and get about the timetable: slots, single occurrences, day parts, limits, reserved time."""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field

from core.wire import Instant, Late
from web.api.bodies import Body, Name, Names, Short

Local = Annotated[str, Field(max_length=40)]
Reason = Annotated[str, Field(max_length=1_000)]


class DaysBody(Body):
    """A condition on days: not on holidays or only then; only on these lunar days (15, 23/12, -1)."""

    holidays: Literal["skip", "only"] | None = None
    lunar: Annotated[list[str | int], Field(max_length=60)] = Field(default_factory=list)


class SlotBody(Body):
    programme: Short
    starts: Local
    zone: Annotated[str, Field(max_length=100)] | None = None
    rrule: Annotated[str, Field(max_length=2_000)] | None = None
    exdates: Annotated[list[Local], Field(max_length=1_000)] = Field(default_factory=list)
    rdates: Annotated[list[Local], Field(max_length=1_000)] = Field(default_factory=list)
    until: Local | None = None
    days: DaysBody | None = None
    daypart: Annotated[str, Field(max_length=40)] | None = None
    after_minutes: Annotated[int, Field(ge=0, le=1_439)] = 0
    max_minutes: float | None = None
    short: Literal["end", "fill"] = "end"
    audience: Names = Field(validation_alias=AliasChoices("for", "audience"), serialization_alias="for")
    volume: int | None = None
    late: Late = "join"
    lift: Reason | None = None


class SlotEdit(SlotBody):
    scope: Literal["all", "following"] = "all"
    start: Local | None = Field(
        default=None, validation_alias=AliasChoices("from", "start"), serialization_alias="from"
    )
    bypass: Reason | None = None


class OccurrenceBody(Body):
    at: Local
    skip: bool = False
    starts: Local | None = None
    programme: Short | None = None
    max_minutes: float | None = None
    reason: Reason = ""
    lift: Reason = ""
    bypass: Reason | None = None


class RestoreBody(Body):
    at: Local
    bypass: Reason | None = None


class OccurrenceAnswer(Body):
    slot: str
    at: Instant
    skip: bool
    starts_at: Instant | None
    programme: str | None
    max_minutes: float | None
    reason: str
    lifted: list[str] = Field(default_factory=list)
    lifted_reason: str = ""


class SlotAnswer(Body):
    id: str
    unit: str
    programme: str
    starts: str
    zone: str
    rrule: str | None
    audience: list[str] = Field(serialization_alias="for")
    next: list[Instant]
    days: dict[str, Any] | None = None
    daypart: str | None = None
    max_minutes: float | None = None
    lifted: list[str] = Field(default_factory=list)
    follows: str | None = None


class PreviewAnswer(Body):
    next: list[Instant]
    seconds: float
    clashes: list[dict[str, Any]]
    limits: list[dict[str, Any]]
    sim_bytes_a_month: int
    stations: int


class DayPartBody(Body):
    name: Name
    windows: Annotated[list[dict[str, Any]], Field(max_length=50)]


class DayPartAnswer(Body):
    code: str
    unit: str
    name: str
    windows: list[dict[str, Any]]


class OrderBody(Body):
    """Two slots, or two occurrences as `slot@instant`: `first` goes before `then`."""

    first: Annotated[str, Field(min_length=1, max_length=120)]
    then: Annotated[str, Field(min_length=1, max_length=120)]


class OrderAnswer(Body):
    id: str
    unit: str
    first: str
    then: str
    decided_by: str
    decided_at: Instant


class LimitsBody(Body):
    limits: dict[str, Any] | None = None


class LimitsAnswer(Body):
    """`own` are the unit's, `limits`, `quiet_hours` and `max_volume` what holds there in the end."""

    unit: str
    own: dict[str, Any]
    limits: dict[str, Any]
    quiet_hours: list[list[str]]
    max_volume: int


class ReservationBody(Body):
    name: Name
    starts: Local
    minutes: float
    rrule: Annotated[str, Field(max_length=2_000)] | None = None
    until: Local | None = None


class ReservationAnswer(Body):
    id: str
    unit: str
    name: str
    starts: str
    zone: str
    rrule: str | None
    until: str | None
    minutes: float

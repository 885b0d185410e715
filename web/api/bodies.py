"""What scripts send and get: pydantic models. The OpenAPI document is generated from them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from core.wire import Instant, Late, Priority

Name = Annotated[str, Field(min_length=1, max_length=200)]
Short = Annotated[str, Field(min_length=1, max_length=80)]
Names = Annotated[list[Annotated[str, Field(max_length=80)]], Field(max_length=1_000)]
# Generous, so that a text that is too long gets the service's own message and not a bare schema error.
Prose = Annotated[str, Field(max_length=1_000_000)]


class Body(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class UnitBody(Body):
    name: Name
    code: Short
    parent: Short | None = None
    zone: Annotated[str, Field(max_length=64)] | None = None
    quiet_hours: Annotated[list[list[str]], Field(max_length=20)] | None = None


class UnitAnswer(Body):
    id: str
    code: str
    name: str
    parent: str | None
    zone: str | None


class StationBody(Body):
    name: Name
    unit: Short
    latitude: float | None = None
    longitude: float | None = None
    languages: Annotated[list[str], Field(max_length=10)] | None = None


class StationCreated(Body):
    id: str
    name: str
    unit: str
    enrolment_code: str
    enrolment_expires_at: Instant | None


class StationAnswer(Body):
    id: str
    name: str
    unit: str
    latitude: float | None
    longitude: float | None
    languages: list[str]
    volume: int
    enrolled: bool
    online: bool
    heard_at: Instant | None
    playing: str | None
    ready_until: Instant | None
    software: str | None
    free_bytes: float | None
    clock_offset_ms: float | None
    temperature_c: float | None


class CommandBody(Body):
    do: Annotated[str, Field(max_length=40)]
    value: Any = None


class BulletinBody(Body):
    unit: Short
    title: Annotated[str, Field(max_length=1_000)]
    text: Prose | None = None
    clip: Short | None = None
    language: Annotated[str, Field(max_length=20)] = "vi"
    field: Short = "general"
    priority: Annotated[str, Field(max_length=40)] = "ordinary"
    voice: Annotated[str, Field(max_length=80)] | None = None
    valid_from: datetime | str | None = None
    valid_until: datetime | str | None = None


class BulletinEdit(BulletinBody):
    unit: Short | None = None  # type: ignore[assignment]


class BulletinAnswer(Body):
    id: str
    state: str
    version: int
    approved_version: int | None
    unit: str
    title: str
    text: str
    clip: str
    clip_state: str
    spoken_by: str
    seconds: float | None
    language: str
    field: str
    priority: Priority
    voice: str | None
    valid_from: Instant | None
    valid_until: Instant | None
    reason: str


class ReasonBody(Body):
    reason: Annotated[str, Field(max_length=10_000)] = ""


class ClipAnswer(Body):
    id: str
    state: Literal["queued", "rendering", "ready", "failed"]
    progress: int
    seconds: float | None = None
    lufs: float | None = None
    true_peak_db: float | None = None
    spoken_by: str | None = None
    degraded: bool | None = None
    clip: dict[str, Any] | None = None
    error: str | None = None


class NewestBody(Body):
    field: Short | None = None
    priority: Annotated[str, Field(max_length=40)] | None = None
    count: int = 1


class EntryBody(Body):
    bulletin: Short | None = None
    clip: Short | None = None
    newest: NewestBody | None = None
    relay: Annotated[str, Field(max_length=500)] | None = None
    seconds: float | None = None


class ProgrammeBody(Body):
    unit: Short
    title: Annotated[str, Field(max_length=1_000)]
    items: Annotated[list[EntryBody], Field(max_length=1_000)]


class ProgrammeAnswer(Body):
    id: str
    unit: str
    title: str
    items: list[dict[str, Any]]


class SlotBody(Body):
    programme: Short
    starts: Annotated[str, Field(max_length=40)]
    zone: Annotated[str, Field(max_length=100)] | None = None
    rrule: Annotated[str, Field(max_length=2_000)] | None = None
    exdates: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=1_000)] = []
    until: Annotated[str, Field(max_length=40)] | None = None
    audience: Names = Field(validation_alias=AliasChoices("for", "audience"), serialization_alias="for")
    volume: int | None = None
    late: Late = "join"


class SlotAnswer(Body):
    id: str
    unit: str
    programme: str
    starts: str
    zone: str
    rrule: str | None
    audience: list[str] = Field(serialization_alias="for")
    next: list[Instant]


class PreviewAnswer(Body):
    next: list[Instant]
    seconds: float
    clashes: list[dict[str, Any]]
    limits: list[dict[str, Any]]
    sim_bytes_a_month: int
    stations: int


class RepeatBody(Body):
    every_s: float = 0
    times: int = 1


class EmergencyBody(Body):
    unit: Short
    text: Prose | None = None
    clip: Short | None = None
    audience: Names = Field(validation_alias=AliasChoices("for", "audience"), serialization_alias="for")
    repeat: RepeatBody | None = None
    volume: int | None = None


class EmergencyAnswer(Body):
    id: str
    airing: str
    state: str


class GroupBody(Body):
    name: Name
    unit: Short
    stations: Annotated[list[Short], Field(max_length=1_000)] = []


class GroupAnswer(Body):
    id: str
    code: str
    name: str
    unit: str


class WordBody(Body):
    written: Annotated[str, Field(max_length=1_000)]
    spoken: Annotated[str, Field(max_length=1_000)]


class WordAnswer(Body):
    id: str
    written: str
    spoken: str


class PersonBody(Body):
    username: Annotated[str, Field(max_length=80)]
    name: Name
    unit: Short
    role: Literal["viewer", "writer", "approver", "operator", "administrator"]


class PersonAnswer(Body):
    id: str
    username: str
    name: str
    unit: str
    role: str
    password: str | None = None


class AiringAnswer(Body):
    id: str
    unit: str
    kind: str
    priority: str
    title: str
    state: str
    reason: str
    starts_at: Instant
    ends_at: Instant
    late: str
    volume: int | None
    audience: list[str] = Field(serialization_alias="for")
    items: list[dict[str, Any]]
    approved_by: str
    slot: str | None
    emergency: str | None


class ReportAnswer(Body):
    id: str
    station: str
    airing: str
    item: int
    outcome: str
    reason: str | None
    started_at: Instant
    ended_at: Instant
    seconds: float
    volume: int
    peak_db: float | None
    received_at: Instant


class AuditAnswer(Body):
    number: int
    at: Instant
    actor: str
    action: str
    subject: str
    unit: str | None
    detail: dict[str, Any]
    previous: str
    digest: str

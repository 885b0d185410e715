"""What scripts send and get: pydantic models. The OpenAPI document is generated from them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.wire import Instant, Priority

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


class VersionBody(Body):
    """The bulletin in one more language: `text` to be spoken, or `clip` (a recording)."""

    language: Annotated[str, Field(max_length=20)]
    text: Prose | None = None
    clip: Short | None = None
    voice: Annotated[str, Field(max_length=80)] | None = None


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
    read_twice: bool | None = None
    versions: Annotated[list[VersionBody], Field(max_length=100)] = []


class BulletinEdit(BulletinBody):
    unit: Short | None = None  # type: ignore[assignment]


class VersionAnswer(Body):
    language: str
    text: str
    clip: str
    clip_state: str
    spoken_by: str
    degraded: bool
    seconds: float | None
    voice: str | None


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
    degraded: bool
    seconds: float | None
    language: str
    field: str
    priority: Priority
    voice: str | None
    valid_from: Instant | None
    valid_until: Instant | None
    reason: str
    read_twice: bool
    versions: list[VersionAnswer]
    approvals: int | None = None
    approvals_needed: int | None = None


class ReasonBody(Body):
    reason: Annotated[str, Field(max_length=10_000)] = ""


class ClipWarning(Body):
    code: str
    message: str


class ClipAnswer(Body):
    id: str
    state: Literal["queued", "rendering", "ready", "failed", "cancelled", "expired"]
    progress: int
    preset: str | None = None
    seconds: float | None = None
    lufs: float | None = None
    true_peak_db: float | None = None
    spoken_by: str | None = None
    degraded: bool | None = None
    clip: dict[str, Any] | None = None
    warnings: list[ClipWarning] | None = None
    error: str | None = None


class QuotaBody(Body):
    quota_mb: int | None


class StorageAnswer(Body):
    unit: str
    used_bytes: int
    quota_mb: int | None
    left_bytes: int | None


class RadioBody(Body):
    public: bool | None


class PageAnswer(Body):
    unit: str
    public: bool | None
    open: bool
    path: str


class RadioAnswer(Body):
    """`public` as set at the unit itself, `open` what holds there; `listeners` of the process that answers."""

    unit: str
    public: bool | None
    open: bool
    path: str
    listeners: int


class NewestBody(Body):
    field: Short | None = None
    priority: Annotated[str, Field(max_length=40)] | None = None
    count: int = 1
    unit: Short | None = None
    max_age_days: int | None = None
    unheard_days: int | None = None


class EntryBody(Body):
    bulletin: Short | None = None
    clip: Short | None = None
    newest: NewestBody | None = None
    rotation: Annotated[list[Short], Field(max_length=1_000)] | None = None
    role: Annotated[str, Field(max_length=40)] = ""
    relay: Annotated[str, Field(max_length=2_000)] | None = None
    seconds: float | None = None
    title: Annotated[str, Field(max_length=1_000)] = ""
    fallback: Short | None = None
    via: Annotated[str, Field(max_length=40)] = "auto"


class ProgrammeBody(Body):
    unit: Short
    title: Annotated[str, Field(max_length=1_000)]
    items: Annotated[list[EntryBody], Field(max_length=1_000)]


class ProgrammeAnswer(Body):
    id: str
    unit: str
    title: str
    items: list[dict[str, Any]]


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


class VoicesBody(Body):
    voices: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=100)] = []
    speed: float = 1.0
    pitch: float = 0.0
    preset: Annotated[str, Field(max_length=40)] | None = None
    twice: bool = False


class VoicesAnswer(VoicesBody):
    language: str


class VoiceAnswer(Body):
    id: str
    engine: str
    language: str
    title: str
    answers: bool
    why: str


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


class ReadyAnswer(Body):
    """How many stations in service can play an airing; the others by what each lacks first."""

    stations: int
    ready: int
    not_ready: dict[str, int]


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
    ready: ReadyAnswer | None = None


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
    heard: str | None = None
    heard_db: float | None = None
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


class CalendarAnswer(Body):
    """`address` is a path on this server; whoever has it reads the calendar without signing in."""

    address: str

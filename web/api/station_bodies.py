"""What scripts send and get about stations, their devices, and who is told of them: pydantic models."""

from typing import Annotated, Any

from pydantic import Field

from core.wire import Instant
from web.api.bodies import Body, Name, Short


class StationBody(Body):
    name: Name
    unit: Short
    latitude: float | None = None
    longitude: float | None = None
    languages: Annotated[list[str], Field(max_length=10)] | None = None
    confirm: bool = False


class StationEdit(Body):
    """What is left out stays."""

    name: Name | None = None
    latitude: float | None = None
    longitude: float | None = None
    languages: Annotated[list[str], Field(max_length=10)] | None = None


class StationCreated(Body):
    id: str
    name: str
    unit: str
    enrolment_code: str
    enrolment_expires_at: Instant | None


class PendingAnswer(Body):
    """A device that waits to be confirmed."""

    serial: str
    model: str
    software: str
    address: str
    since: Instant


class MonthAnswer(Body):
    """What the station counted in a month such as `2026-11`, in its own zone."""

    month: str
    received_bytes: int
    sent_bytes: int


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
    confirm: bool = False
    pending: PendingAnswer | None = None
    faults: list[str] | None = None
    standing: list[str] | None = None
    data: list[MonthAnswer] | None = None


class ContactBody(Body):
    way: Annotated[str, Field(max_length=20)]
    address: Annotated[str, Field(max_length=500)]
    kinds: Annotated[list[Annotated[str, Field(max_length=20)]], Field(default_factory=list, max_length=20)]
    name: Annotated[str, Field(max_length=1_000)] = ""
    phone: Annotated[str, Field(max_length=200)] = ""


class ContactAnswer(Body):
    """`secret` is answered once, when a webhook is added. `last_…` tell of the newest message to it."""

    id: str
    unit: str
    way: str
    address: str
    kinds: list[str]
    name: str = ""
    phone: str = ""
    secret: str | None = None
    last_state: str | None = None
    last_at: Instant | None = None
    last_error: str = ""


class CommandBody(Body):
    do: Annotated[str, Field(max_length=40)]
    value: Any = None

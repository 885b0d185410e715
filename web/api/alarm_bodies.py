"""What scripts send and get of emergencies and prepared messages."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from core.wire import Instant
from web.api.bodies import Body, Names, Prose, Short


class RepeatBody(Body):
    every_s: float = 0
    times: int = 1


class SaidBody(Body):
    """What an emergency says in one language."""

    language: Annotated[str, Field(max_length=20)] = "vi"
    text: Prose | None = None
    clip: Short | None = None


class EmergencyBody(Body):
    """An emergency. Without `signal` it has none: whoever asks for nothing else hears the message alone."""

    unit: Short
    text: Prose | None = None
    clip: Short | None = None
    audience: Names = Field(validation_alias=AliasChoices("for", "audience"), serialization_alias="for")
    repeat: RepeatBody | None = None
    volume: int | None = None
    said: Annotated[list[SaidBody], Field(default_factory=list, max_length=20)]
    prepared: Short | None = None
    title: Annotated[str, Field(max_length=1_000)] = ""
    about: Annotated[str, Field(max_length=20)] = "other"
    signal: Annotated[str, Field(max_length=20)] = "none"
    severity: Annotated[str, Field(max_length=20)] = "extreme"
    until: Annotated[str, Field(max_length=40)] | None = None
    replaces: Short | Annotated[list[Short], Field(max_length=20)] | None = None
    second_factor: Annotated[str, Field(max_length=40)] = ""


class EmergencyAnswer(Body):
    """`airing` is the first of `airings`: there is one for each part of the audience that hears other languages."""

    id: str
    airing: str
    state: str
    airings: Annotated[list[str], Field(default_factory=list)]


class PendingAlarmAnswer(Body):
    """An emergency that another person must confirm: waiting, confirmed (as `emergency`), declined or expired."""

    id: str
    state: str
    unit: str
    title: str
    asked_by: str
    asked_at: Instant
    expires_at: Instant
    emergency: str | None = None
    reason: str = ""


class PreparedVersionBody(Body):
    """A recording in a language, or (with all its languages) an approved bulletin."""

    language: Annotated[str, Field(max_length=20)] = "vi"
    clip: Short | None = None
    bulletin: Short | None = None


class PreparedBody(Body):
    unit: Short
    kind: Annotated[str, Field(max_length=40)]
    title: Annotated[str, Field(max_length=1_000)]
    bulletin: Short | None = None
    versions: Annotated[list[PreparedVersionBody], Field(default_factory=list, max_length=100)]
    valid_until: datetime | str | None = None


class PreparedVersionAnswer(Body):
    language: str
    clip: str
    clip_state: str
    seconds: float | None


class PreparedAnswer(Body):
    id: str
    unit: str
    kind: str
    title: str
    state: Literal["preparing", "ready", "failed", "expired", "retired"]
    versions: list[PreparedVersionAnswer]
    approved_by: str
    approved_at: Instant
    valid_until: Instant | None

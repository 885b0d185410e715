"""What the calls for live talks take and answer."""

from typing import Annotated

from pydantic import AliasChoices, Field

from web.api.bodies import Body, Names, Short


class LiveBody(Body):
    """A talk: in the name of which unit, to whom, for how many minutes at most."""

    unit: Short
    audience: Names = Field(validation_alias=AliasChoices("for", "audience"), serialization_alias="for")
    title: Annotated[str, Field(max_length=120)] = ""
    minutes: float = 10.0
    emergency: bool = False
    code: Annotated[str, Field(max_length=40)] = ""
    volume: int | None = None
    chime: bool = True
    rate: int = 24_000


class LiveAnswer(Body):
    """How a talk stands; `next` is the place of the sample that is expected."""

    id: str
    airing: str
    state: str
    reason: str
    title: str
    emergency: bool
    started_at: str
    ends_at: str
    limit_s: int
    rate: int
    seconds: float
    next: int
    stations: int
    acknowledged: int
    hearing: int
    playing: int
    over_it: list[str]
    clip: str | None
    stream: str


class SoundAnswer(Body):
    """What became of a piece of sound."""

    state: str
    reason: str
    next: int
    hearing: int
    seconds: float

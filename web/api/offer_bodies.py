"""What the calls about offers send and bring back."""

from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from core.wire import Instant, Priority
from web.api.bodies import Body, Names, Short

OfferState = Literal["waiting", "in_line", "taken", "declined"]


class OfferBody(Body):
    """`for` names units below the bulletin's own (`unit:79.123`), or groups for the units where their stations are.

    Without it, all of them.
    """

    bulletin: Short
    audience: Names | None = Field(
        default=None, validation_alias=AliasChoices("for", "audience"), serialization_alias="for"
    )
    note: Annotated[str, Field(max_length=2_000)] = ""


class OfferedAnswer(Body):
    """An offer as it stands at one unit. `title` and `text` are of the version approved now, empty where withdrawn."""

    offer: str
    unit: str
    sender: str
    bulletin: str
    title: str
    text: str
    clip: str | None
    language: str
    field: str
    priority: Priority
    note: str
    state: OfferState
    withdrawn: bool
    reason: str
    programme: str | None
    airs_at: Instant | None
    after_own: bool
    automatic: bool
    offered_at: Instant
    answered_at: Instant | None


class OfferUnitAnswer(Body):
    unit: str
    state: OfferState
    reason: str
    answered_at: Instant | None
    airs_at: Instant | None
    heard_at: Instant | None


class OfferAnswer(Body):
    """What was sent and what became of it at each unit."""

    id: str
    bulletin: str
    unit: str
    priority: Priority
    note: str
    offered_at: Instant
    reminded_at: Instant | None
    units: list[OfferUnitAnswer]


class OfferTakeBody(Body):
    unit: Short
    programme: Short | None = None


class OfferDeclineBody(Body):
    unit: Short
    reason: Annotated[str, Field(max_length=10_000)] = ""


class OfferOrderBody(Body):
    unit: Short
    after_own: bool

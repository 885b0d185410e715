"""A message of the Common Alerting Protocol as it was understood: plain values, nothing of XML left."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from alerts.cap.remarks import Remark

Point = tuple[float, float]
"""Latitude and longitude in degrees, WGS 84."""


class Key(NamedTuple):
    """What names a message in the world."""

    sender: str
    identifier: str
    sent: datetime


@dataclass(frozen=True, slots=True)
class Reference:
    """An earlier message that is named. `sender` is empty and `sent` None where they were left out or can't be read."""

    sender: str
    identifier: str
    sent: datetime | None


@dataclass(frozen=True, slots=True)
class Pair:
    """A `valueName` with its `value`: a geocode, an event code, a parameter."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Circle:
    """`radius_km` may be 0: a point, of which nobody says how far it reaches."""

    centre: Point
    radius_km: float


@dataclass(frozen=True, slots=True)
class Area:
    """The union of its polygons, circles and geocodes.

    Polygons are closed rings. `unreadable` counts the polygons and circles that made no sense: an area that has some is
    larger than what is known of it. Altitudes are in feet above mean sea level.
    """

    description: str
    polygons: tuple[tuple[Point, ...], ...] = ()
    circles: tuple[Circle, ...] = ()
    geocodes: tuple[Pair, ...] = ()
    altitude: float | None = None
    ceiling: float | None = None
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Resource:
    """A file that goes with a message. `embedded_chars` is the length of its Base64 text, if that is in the message.

    Addresses are as the sender wrote them: bait, until checked.
    """

    description: str
    mime_type: str
    size: int | None = None
    uri: str = ""
    digest: str = ""
    embedded_chars: int = 0


@dataclass(frozen=True, slots=True)
class Info:
    """One block: one event in one language. `language` is how it was understood, `language_given` what was written."""

    language: str
    language_given: str | None
    event: str
    categories: tuple[str, ...]
    urgency: str
    severity: str
    certainty: str
    response_types: tuple[str, ...] = ()
    audience: str = ""
    event_codes: tuple[Pair, ...] = ()
    effective: datetime | None = None
    onset: datetime | None = None
    expires: datetime | None = None
    sender_name: str = ""
    headline: str = ""
    description: str = ""
    instruction: str = ""
    web: str = ""
    contact: str = ""
    parameters: tuple[Pair, ...] = ()
    resources: tuple[Resource, ...] = ()
    areas: tuple[Area, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """One alert. `envelope_status` is what an envelope around it said; `signatures` counts the XML signatures in it."""

    version: str
    identifier: str
    sender: str
    sent: datetime
    status: str
    msg_type: str
    scope: str
    source: str = ""
    restriction: str = ""
    addresses: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    note: str = ""
    references: tuple[Reference, ...] = ()
    incidents: tuple[str, ...] = ()
    infos: tuple[Info, ...] = ()
    signatures: int = 0
    envelope_status: str = ""
    remarks: tuple[Remark, ...] = ()

    @property
    def key(self) -> Key:
        return Key(self.sender, self.identifier, self.sent)

"""What scripts get of who heard an emergency."""

from core.wire import Instant
from web.api.alarm_bodies import EmergencyAnswer
from web.api.bodies import Body


class FiguresAnswer(Body):
    """Counted over the stations that the caller sees.

    `first_s` and `most_s` are seconds from the press to the first sound, and to that of 95 % of the stations; null
    until then. `hamlets` are units with stations, `unreached` those where nothing sounded.
    """

    stations: int
    told: int
    acknowledged: int
    sounded: int
    first_s: float | None
    most_s: float | None
    counts: dict[str, int]
    hamlets: int
    unreached: int
    partly: int


class CallAnswer(Body):
    name: str
    phone: str
    unit: str


class HamletAnswer(Body):
    """A unit where it did not sound at every station. `call` is the nearest person with a phone, where there is one."""

    unit: str
    name: str
    above: str
    stations: int
    sounded: int
    call: CallAnswer | None


class RaisedAnswer(EmergencyAnswer):
    """An emergency as lists have it; `airings` are its parts for stations of different languages."""

    title: str
    unit: str
    raised_by: str
    raised_at: Instant
    issued_at: Instant | None
    ended_at: Instant | None


class BoardAnswer(RaisedAnswer):
    """`hamlets` are at most 50, those first where nothing sounded. `report` is when the report was written last."""

    text: str
    figures: FiguresAnswer
    hamlets: list[HamletAnswer]
    report: Instant | None
    final: bool


class BoardLine(Body):
    """One station. `after_s` is when its first sample left, in seconds from the press."""

    station: str
    name: str
    unit: str
    state: str
    reason: str | None
    acknowledged_at: Instant | None
    first_at: Instant | None
    after_s: float | None
    seconds: float
    heard: str | None

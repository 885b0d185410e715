"""A unit's timetable as an iCalendar document (RFC 5545), to subscribe to in any calendar. Written by pure code.

Instants are in UTC, so that no VTIMEZONE is needed. The name of an event stays the same as long as its occurrence is
the same, whatever becomes of its airing; each airing anew of it counts one more in SEQUENCE. The same timetable gives
the same bytes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from registry.models import Unit
from registry.rights import Actor
from scheduler import lists
from scheduler.log import visible
from scheduler.models import Airing

BEHIND = timedelta(days=8)
MAX_EVENTS = 5_000
_MOST_OCTETS = 75
_MAX_TEXT = 2_000
_DOMAIN = "loalang"
_KEPT = ("planned", "issued", "on_air", "over")
_CHUNK = 400


@dataclass(frozen=True)
class Event:
    """One airing. `changed_at` is when it became as it is; `sequence` how often it was made anew."""

    uid: str
    starts_at: datetime
    ends_at: datetime
    summary: str
    description: str
    place: str
    changed_at: datetime
    sequence: int = 0
    tentative: bool = False


def document(name: str, events: Iterable[Event]) -> bytes:
    """The whole calendar, lines folded and ended as the standard wants them."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Loa Lang//Timetable//VI",
        "CALSCALE:GREGORIAN",
        f"NAME:{_text(name)}",
        f"X-WR-CALNAME:{_text(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
    ]
    for event in events:
        lines += _event(event)
    lines.append("END:VCALENDAR")
    return b"".join(folded(line) for line in lines)


def _event(event: Event) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{event.uid}"
    yield f"DTSTAMP:{_instant(event.changed_at)}"
    yield f"LAST-MODIFIED:{_instant(event.changed_at)}"
    yield f"SEQUENCE:{event.sequence}"
    yield f"DTSTART:{_instant(event.starts_at)}"
    yield f"DTEND:{_instant(max(event.ends_at, event.starts_at + timedelta(seconds=1)))}"
    yield f"SUMMARY:{_text(event.summary)}"
    if event.description:
        yield f"DESCRIPTION:{_text(event.description)}"
    yield f"LOCATION:{_text(event.place)}"
    yield f"STATUS:{'TENTATIVE' if event.tentative else 'CONFIRMED'}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def folded(line: str) -> bytes:
    """A content line in octets: no more than 75 a line, the rest on lines that begin with a space; ends with CRLF.

    No character is torn apart.
    """
    pieces: list[bytes] = []
    current = b""
    for letter in line:
        octets = letter.encode()
        if len(current) + len(octets) > _MOST_OCTETS:
            pieces.append(current)
            current = b" "
        current += octets
    return b"\r\n".join([*pieces, current]) + b"\r\n"


def _text(value: str) -> str:
    """A TEXT value: backslash, semicolon, comma and line ends escaped, control characters dropped."""
    plain = value[:_MAX_TEXT].replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in plain if c == "\n" or c.isprintable())
    for special in ("\\", ";", ","):
        kept = kept.replace(special, f"\\{special}")
    return kept.replace("\n", "\\n")


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def of_unit(session: Session, actor: Actor, unit: Unit, horizon: timedelta, now: datetime) -> bytes:
    """The calendar of a unit and all below it: 8 days behind, `horizon` ahead, at most 5,000 events.

    `actor` must be allowed to see the unit; who asks has found it through them.
    """
    rows = session.exec(
        select(Airing, Unit)
        .join(Unit, col(Unit.id) == Airing.unit_id)
        .where(
            visible(lists.narrowed(actor, unit)), col(Airing.state).in_(_KEPT),
            col(Airing.starts_at) >= now - BEHIND, col(Airing.starts_at) < now + horizon,
        )
        .order_by(col(Airing.starts_at), col(Airing.id))
        .limit(MAX_EVENTS)
    ).all()  # fmt: skip
    versions = _versions(session, sorted({airing.slot_id for airing, _ in rows if airing.slot_id}), now, horizon)
    return document(unit.name, [_of_airing(airing, home, versions) for airing, home in rows])


_Key = tuple[str | None, datetime | None, str]


def _versions(session: Session, slots: Sequence[str], now: datetime, horizon: timedelta) -> dict[_Key, int]:
    """How often each occurrence was made, signed airings that were replaced counted in."""
    found: dict[_Key, int] = {}
    key = (col(Airing.slot_id), col(Airing.occurrence_at), col(Airing.variant))
    for start in range(0, len(slots), _CHUNK):
        query = (
            select(*key, func.count())
            .where(
                col(Airing.slot_id).in_(slots[start : start + _CHUNK]), col(Airing.starts_at) >= now - BEHIND,
                col(Airing.starts_at) < now + horizon,
            )
            .group_by(*key)
        )  # fmt: skip
        found |= {(slot, at, variant): count for slot, at, variant, count in session.exec(query).all()}
    return found


def _of_airing(airing: Airing, home: Unit, versions: dict[_Key, int]) -> Event:
    if airing.slot_id and airing.occurrence_at:
        name = f"{airing.slot_id}-{_instant(airing.occurrence_at)}"
        name += f"-{airing.variant.replace(',', '-')}" if airing.variant else ""
    else:
        name = airing.id
    titles = [str(item["title"]) for item in airing.items if item.get("title")]
    told = "\n".join([*titles, *([f"✓ {airing.approved_by}"] if airing.approved_by else [])])
    return Event(
        uid=f"{name}@{_DOMAIN}", starts_at=airing.starts_at, ends_at=airing.ends_at, summary=airing.title,
        description=told, place=home.name, changed_at=airing.issued_at or airing.created_at,
        sequence=versions.get((airing.slot_id, airing.occurrence_at, airing.variant), 1) - 1,
        tentative=airing.state == "planned",
    )  # fmt: skip

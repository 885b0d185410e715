"""What the tables say of an emergency, as an offer to others: in whose name, in which words, for which places."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlmodel import Session, col, select

from alerts.cap.message import Key, Point
from alerts.offering.writing import Area, Offer, Words, outline
from alerts.sources.models import CapPublished
from core.clock import zone
from core.settings import Settings
from registry import units
from registry.models import Group, Station, Unit
from scheduler import audience
from scheduler.models import Emergency

HOLDS = timedelta(hours=24)
"""How long an emergency without an end of its own is said to hold."""

MOST_CIRCLES = 40
_MOST_AREAS = 200
_MOST_HEADLINE = 160
_RECORDED = {"vi": "Thông báo bằng giọng nói, phát trên loa truyền thanh."}
_RECORDED_ELSE = "A spoken message, on the public loudspeakers."
_SECOND = timedelta(seconds=1)


def sender(settings: Settings) -> str:
    """By which name we speak to other systems: the setting, else the host of the public address."""
    return settings.cap_sender or urlsplit(settings.public_url).hostname or "loalang"


def is_public(chain: Iterable[Unit]) -> bool:
    """Whether emergencies of the last unit of `chain` (root first) are offered: the nearest unit that says decides."""
    public = False
    for unit in chain:
        public = public if unit.public_alerts is None else unit.public_alerts
    return public


def alert(session: Session, emergency: Emergency, chain: Sequence[Unit], settings: Settings) -> Offer:
    """The emergency as an Alert, or as an Update of those it replaces, as far as others were told of them."""
    told = session.exec(
        select(CapPublished).where(
            col(CapPublished.emergency_id).in_(emergency.replaces), col(CapPublished.msg_type) != "Cancel"
        )
    ).all()
    former = tuple(Key(each.sender, each.identifier, each.sent) for each in told)
    sent = _later(emergency.raised_at, former)
    held = units.inherited(chain, settings.zone)
    return Offer(
        Key(sender(settings), emergency.id, sent), "Update" if former else "Alert", zone(held.zone),
        expires=max(emergency.until or emergency.raised_at + HOLDS, sent + _SECOND), drill=emergency.drill,
        about=emergency.about, severity=emergency.severity, sender_name=chain[-1].name, references=former,
        words=_words(emergency), areas=tuple(_areas(session, emergency.audience)),
    )  # fmt: skip


def cancel(before: CapPublished, emergency: Emergency, chain: Sequence[Unit], settings: Settings) -> Offer:
    """That an emergency others were told of was stopped."""
    former = Key(before.sender, before.identifier, before.sent)
    held = units.inherited(chain, settings.zone)
    return Offer(
        Key(sender(settings), f"{emergency.id}.stop", _later(emergency.stopped_at or before.sent, (former,))),
        "Cancel", zone(held.zone), expires=before.expires_at, drill=emergency.drill, references=(former,),
    )  # fmt: skip


def _later(at: datetime, former: Iterable[Key]) -> datetime:
    """To the second, and after all that it refers to."""
    return max([at.replace(microsecond=0), *(each.sent + _SECOND for each in former)])


def _words(emergency: Emergency) -> tuple[Words, ...]:
    said = emergency.said or [{"language": "vi", "text": emergency.text}]
    found = []
    for number, each in enumerate(said):
        language = str(each.get("language") or "vi")
        text = str(each.get("text") or "") or _RECORDED.get(language, _RECORDED_ELSE)
        title = emergency.title if not number else ""  # it is in one language, that of the first
        found.append(Words("vi-VN" if language == "vi" else language, title or _beginning(text), text))
    return tuple(found)


def _beginning(text: str) -> str:
    """The first sentence, or as much of it as a headline has room for."""
    first = text.partition(". ")[0]
    return first if len(first) <= _MOST_HEADLINE else f"{first[:_MOST_HEADLINE].rpartition(' ')[0]}…"


def _areas(session: Session, names: Sequence[str]) -> Iterable[Area]:
    """One area for each unit and group of an audience, and one for each single station."""
    behind = audience.stations_behind(session, names[:_MOST_AREAS])
    for name in names[:_MOST_AREAS]:
        kind, _, identity = name.partition(":")
        points = _points(session, behind.get(name, set()))
        shapes: dict[str, tuple[Point, ...] | tuple[tuple[Point, ...], ...]] = (
            {"points": tuple(points)} if len(points) <= MOST_CIRCLES else {"outlines": (outline(points),)}
        )
        described = _described(session, kind, identity)
        if described:
            yield Area(described[0], described[1], **shapes)  # type: ignore[arg-type]


def _described(session: Session, kind: str, identity: str) -> tuple[str, tuple[str, ...]] | None:
    if kind == "unit":
        unit = session.get(Unit, identity)
        return (_place(session, unit), (unit.code,)) if unit else None
    row = session.get(Group, identity) if kind == "group" else session.get(Station, identity)
    home = session.get(Unit, row.unit_id) if row else None
    return (f"{row.name}, {_place(session, home)}", ()) if row and home else None


def _place(session: Session, unit: Unit) -> str:
    """The name of a unit with those above it, the nearest first."""
    return ", ".join(each.name for each in reversed(units.ancestors(session, unit)))


def _points(session: Session, stations: set[str]) -> list[Point]:
    found: list[Point] = []
    ordered = sorted(stations)
    for start in range(0, len(ordered), 400):
        rows = session.exec(
            select(Station.latitude, Station.longitude).where(col(Station.id).in_(ordered[start : start + 400]))
        ).all()
        found += [
            (latitude, longitude) for latitude, longitude in rows if latitude is not None and longitude is not None
        ]
    return found

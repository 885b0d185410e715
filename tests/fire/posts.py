"""Thin stations: they take what the real board hands out, keep to the late policies, and report, some of them late."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from core.signing import Verifier
from core.wire import Heartbeat, Item, NowDocument, Report, Ticket
from registry import stations
from registry.stations import Place
from scheduler import reports
from scheduler.now import NowBoard

SKIP_TOLERANCE = timedelta(seconds=2)
_FORTUNES = (("played", None, 1.0),) * 8 + (("partial", "power", 0.5), ("missed", "no_audio", 0.0))


@dataclass
class Playing:
    ticket: Ticket
    begun_at: datetime


@dataclass
class Post:
    """A station. `tells_at` is when it delivers its reports: at once, or after days."""

    place: Place
    chance: random.Random
    tells_at: datetime | None = None
    tag: str = ""
    held: dict[str, tuple[Ticket, datetime]] = field(default_factory=dict)
    playing: list[Playing] = field(default_factory=list)
    outbox: list[Report] = field(default_factory=list)
    told: list[Report] = field(default_factory=list)
    began: dict[str, list[str]] = field(default_factory=dict)  # occurrence (or alarm) → airings that began to sound
    withdrawn: set[str] = field(default_factory=set)

    @property
    def id(self) -> str:
        return self.place.station.id

    def hear(self, board: NowBoard, verifier: Verifier, known: dict[str, Ticket], zone: str, now: datetime) -> None:
        """Take the plan and what must happen now."""
        tag, body = board.document(self.id)
        if tag == self.tag:
            return
        self.tag = tag
        document = NowDocument.model_validate_json(body)
        offered = [*board.book.document(self.place, zone, now).airings, *document.interrupts]
        fresh: dict[str, tuple[Ticket, datetime]] = {}
        for token in offered:
            if token not in known:  # what was signed is right everywhere
                known[token] = verifier.verify(token)
            ticket = known[token]
            fresh[ticket.id] = ticket, self.held.get(ticket.id, (ticket, now))[1]
        self.held = fresh
        self.withdrawn = set(document.withdrawn)

    def live(self, now: datetime) -> None:
        """Begin what is due, end what is over or withdrawn."""
        for ticket, received_at in list(self.held.values()):
            same = ticket.occurrence or ticket.id
            if ticket.starts_at <= now and same not in self.began and ticket.id not in self.withdrawn:
                self.began[same] = [ticket.id]
                begun_at = max(ticket.starts_at, received_at)
                if _may_begin(ticket, begun_at):
                    self.playing.append(Playing(ticket, begun_at))
                else:
                    self.outbox += [
                        self._report(ticket, n, now, ("missed", "late", 0.0)) for n in range(len(ticket.items))
                    ]
        for each in list(self.playing):
            gone = each.ticket.id in self.withdrawn
            if gone or now >= each.ticket.ends_at:
                self.playing.remove(each)
                fortune = ("partial", "withdrawn", 0.3) if gone else self.chance.choice(_FORTUNES)
                self.outbox += [self._report(each.ticket, n, now, fortune) for n in range(len(each.ticket.items))]

    def _report(self, ticket: Ticket, number: int, now: datetime, fortune: tuple[str, str | None, float]) -> Report:
        item: Item = ticket.items[number]
        outcome, reason, share = fortune
        return Report(
            id=str(UUID(int=self.chance.getrandbits(128), version=4)), airing=ticket.id, item=number, outcome=outcome,
            reason=reason, started_at=now, ended_at=now, seconds=item.seconds * share,
        )  # fmt: skip

    def call(self, session: Session, now: datetime) -> None:
        """A heartbeat, and the reports if it is their time."""
        stations.heard(session, self.id, Heartbeat(), now)
        self.tell(session, now)

    def tell(self, session: Session, now: datetime) -> None:
        if self.outbox and (self.tells_at is None or now >= self.tells_at):
            verdict = reports.accept(session, self.place, self.outbox[:500], now)
            assert not verdict.refused
            self.told += self.outbox[:500]
            del self.outbox[:500]


def _may_begin(ticket: Ticket, at: datetime) -> bool:
    if ticket.kind == "emergency" or ticket.late == "play":
        return at <= ticket.not_after
    if ticket.late == "skip":
        return at <= ticket.starts_at + SKIP_TOLERANCE
    return at < ticket.ends_at

"""The village of the tests with loudspeakers that stand somewhere, and sources of alerts."""

from dataclasses import replace
from datetime import UTC, datetime

from cap_builder import alert, area, info
from sqlmodel import select

from alerts.cap.trust import Trust
from alerts.sources import registering, rules
from alerts.sources.models import CapAlert, CapSource
from alerts.sources.taking import Taker
from registry.models import Station
from scheduler.models import Emergency

# The village's clock stands at 10:00 in Vietnam; messages were sent half an hour before.
SENT = "2026-11-23T09:30:00+07:00"
EXPIRES = "2026-11-23T18:00:00+07:00"
PLACES = {
    "a1": (22.10, 103.10), "a1_dyke": (22.12, 103.12), "a2": (22.30, 103.30), "a_hall": (22.31, 103.31),
    "b1": (23.10, 104.10), "b_hall": (23.11, 104.11),
}  # fmt: skip
SQUARE_A1 = "22.0,103.0 22.0,103.2 22.2,103.2 22.2,103.0 22.0,103.0"
SQUARE_A = "22.0,103.0 22.0,103.9 22.9,103.9 22.9,103.0 22.0,103.0"
SQUARE_ALL = "21.0,102.0 21.0,105.0 24.0,105.0 24.0,102.0 21.0,102.0"
NOWHERE = "10.0,50.0 10.0,51.0 11.0,51.0 11.0,50.0 10.0,50.0"


def place(village) -> None:
    """Say where every station stands."""
    with village.database.write() as session:
        for short, (latitude, longitude) in PLACES.items():
            station = session.get_one(Station, village.cast.stations[short])
            station.latitude, station.longitude = latitude, longitude
            session.add(station)


def speak(village, **languages) -> None:
    with village.database.write() as session:
        for short, spoken in languages.items():
            station = session.get_one(Station, village.cast.stations[short])
            station.languages = spoken
            session.add(station)


def message(identifier="VN-1", *, polygon=SQUARE_A1, sent=SENT, area_desc="Bờ suối", block=None, **changed) -> bytes:
    """A real, grave message for the hamlet a1 unless told otherwise; `block` changes its info."""
    block = {"expires": EXPIRES, "area": area(areaDesc=area_desc, polygon=polygon), **(block or {})}
    return alert(**{"identifier": identifier, "sent": sent, "info": info(**block), **changed})


class Lab:
    """Sources of the village, and what came of their messages."""

    def __init__(self, village) -> None:
        self.village = village
        place(village)
        self.taker = Taker(village.database, village.settings, village.signer)
        self.now: datetime = village.clock()

    def source(self, unit="commune_a", by="approver", *, trust: Trust | None = None, **wanted) -> str:
        wanted = {"name": "Đài khí tượng", "kind": "push", **wanted}
        chosen = registering.Wanted(**wanted, trust=rules.written(trust) if trust else None)
        with self.village.database.write() as session:
            return registering.create(
                session, self.village.actor(by), self.village.unit(unit), chosen, self.village.settings, self.now
            ).id

    def take(self, source: str, document: bytes, **more):
        return self.taker.take(source, document, self.now, **more)

    def send(self, source: str, *arguments, **changed):
        """Take in one message; what became of it."""
        (taken,) = self.take(source, message(*arguments, **changed))
        return taken.row

    def rows(self) -> list[CapAlert]:
        with self.village.database.read() as session:
            return list(session.exec(select(CapAlert).order_by(CapAlert.id)).all())

    def row(self, identifier: str) -> CapAlert:
        (found,) = [each for each in self.rows() if each.identifier == identifier]
        return found

    def states(self) -> dict[str, str]:
        return {each.identifier: each.state for each in self.rows()}

    def emergencies(self) -> list[Emergency]:
        with self.village.database.read() as session:
            return list(session.exec(select(Emergency).order_by(Emergency.id)).all())

    def sounding(self) -> set[str]:
        """Identifiers of the messages of which an emergency stands."""
        with self.village.database.read() as session:
            rows = session.exec(select(Emergency).where(Emergency.stopped_at.is_(None))).all()
            return {session.get_one(CapAlert, each.source.removeprefix("cap:")).identifier for each in rows}

    def heard_by(self, emergency: Emergency) -> set[str]:
        from scheduler.audience import station_ids

        with self.village.database.read() as session:
            ids = station_ids(session, emergency.audience)
        return {short for short, identity in self.village.cast.stations.items() if identity in ids}

    def get(self, source: str) -> CapSource:
        with self.village.database.read() as session:
            return session.get_one(CapSource, source)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


__all__ = ["Lab", "message", "place", "replace", "speak", "utc"]

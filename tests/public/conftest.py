"""A commune with a page for everybody, and short ways to let its loudspeakers say things."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import col, select
from village import FakeClock, Village

from core.database import Database
from core.settings import Settings
from core.wire import Report
from registry import public_pages, stations, units
from scheduler import emergencies, heard, reports
from scheduler.models import Airing

ADDRESS = "https://loa.example.vn"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"public_url": ADDRESS + "/"})


class Public(Village):
    """The village, with what its loudspeakers did."""

    def open(self, unit: str = "commune_a", public: bool | None = True) -> None:
        with self.database.write() as session:
            public_pages.open_page(session, self.actor("root"), self.unit(unit), public, self.clock())

    def sound(self, airing: Airing, *at: str, share: float = 1.0, outcome: str = "played") -> None:
        """Let stations report that they played this share of each item of an airing."""
        for short in at:
            said = [
                Report(
                    id=str(uuid.uuid4()), airing=airing.id, item=number, outcome=outcome, volume=70,
                    started_at=airing.starts_at + timedelta(seconds=item["at"]),
                    ended_at=airing.starts_at + timedelta(seconds=item["at"] + item["seconds"] * share),
                    seconds=item["seconds"] * share,
                )
                for number, item in enumerate(airing.items)
            ]  # fmt: skip
            with self.database.write() as session:
                verdict = reports.accept(
                    session, stations.place(session, self.cast.stations[short]), said, self.clock()
                )
                assert not verdict.refused

    def airing_of(self, slot: str) -> Airing:
        with self.database.read() as session:
            return session.exec(
                select(Airing)
                .where(Airing.slot_id == slot, Airing.state != "withdrawn")
                .order_by(col(Airing.starts_at))
            ).first()

    def alarm(self, code: str = "79", text: str = "Lũ lên, bà con sơ tán ngay!", **more) -> str:
        """An emergency for this unit, on air at once; its id."""
        root = self.actor("root")
        with self.database.write() as session:
            wanted = emergencies.Alarm(audience=[f"unit:{code}"], text=text, **{"signal": "none", **more})
            emergency, _ = emergencies.raise_alarm(
                session, root, units.find(session, root, code), wanted, signer=self.signer,
                default_zone=self.settings.zone, max_chars=20_000, now=self.clock(),
            )  # fmt: skip
        self.finish_clip(emergency.clip_id)
        with self.database.write() as session:
            emergencies.issue_ready(session, self.signer, self.clock())
        return emergency.id

    def stop(self, emergency: str) -> None:
        with self.database.write() as session:
            emergencies.stop(session, self.actor("root"), emergency, self.clock())

    def add_up(self) -> int:
        return heard.keep_up(self.database, self.settings.zone, self.clock())

    def say(self, *at: str, minutes: float = 60, to: tuple[str, ...] = (), **bulletin) -> str:
        """A bulletin from draft to what stations reported; the clock stands after it. Its id."""
        made, slot = self.on_timetable(minutes=minutes, to=to, **bulletin)
        self.roll()
        airing = self.airing_of(slot)
        self.clock.at = airing.ends_at + timedelta(seconds=5)
        self.sound(airing, *(at or ("a1",)))
        self.add_up()
        return made


class Visitor(FlaskClient):
    """A browser that reads each answer to its end: files that are sent are closed again."""

    def open(self, *args, **more):
        return super().open(*args, buffered=True, **more)


@pytest.fixture
def village(database: Database, settings: Settings, cast, clock: FakeClock) -> Public:
    return Public(database, settings, cast, clock)


@pytest.fixture
def visitor(app: Flask) -> FlaskClient:
    """Somebody outside who keeps no cookies."""
    return Visitor(app, app.response_class, use_cookies=False)


@pytest.fixture
def said(village: Public) -> Callable[..., str]:
    village.open()
    return village.say

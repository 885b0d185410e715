"""A province to test in: two communes with hamlets, loudspeakers and people, and short ways to act there.

Everything goes through the real services and the real files; only the clock is a fake.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import Session, col, select
from werkzeug.test import TestResponse

from audio.models import Clip
from audio.store import MediaStore
from core.database import Database
from core.settings import Settings
from core.signing import Signer, Verifier
from core.wire import Device, Ticket
from loa.installation import prepare
from playlists import bulletins, programmes
from playlists.models import BulletinVersion
from registry import groups, people, stations, units
from registry.models import Person, Unit
from registry.rights import Actor, Role, actor_for, system_actor
from scheduler import emergencies, keys, planning, slots
from scheduler.models import Airing, Slot

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)  # a Monday, 10:00 in Vietnam
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
TEXT = "Kính mời bà con ra nhà văn hóa họp vào tối nay."
QUIET = [["22:00", "05:00"]]
LONG_AGO = NOW - timedelta(days=30)


class FakeClock:
    """Tells the instant it was set to."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> datetime:
        self.at += timedelta(**by)
        return self.at


@dataclass(frozen=True)
class Cast:
    """Who and what there is in every test. Ids by short names; tokens of people and stations."""

    units: dict[str, str] = field(default_factory=dict)
    stations: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    station_tokens: dict[str, str] = field(default_factory=dict)


UNITS = (
    # short name, code, parent's code
    ("province", "79", None),
    ("commune_a", "79.1", "79"),
    ("hamlet_a1", "79.1.1", "79.1"),
    ("hamlet_a2", "79.1.2", "79.1"),
    ("commune_b", "79.2", "79"),
    ("hamlet_b1", "79.2.1", "79.2"),
)
STATIONS = (
    ("a1", "hamlet_a1"), ("a1_dyke", "hamlet_a1"), ("a2", "hamlet_a2"), ("a_hall", "commune_a"), ("b1", "hamlet_b1"),
    ("b_hall", "commune_b"),
)  # fmt: skip
PEOPLE = (*((role.value, "commune_a", (role,)) for role in Role), ("stranger", "commune_b", tuple(Role)))


def settle(settings: Settings) -> Cast:
    """Make the installation and everybody in it, long before NOW; every station is in service but never heard."""
    database = prepare(settings)
    cast, system = Cast(), system_actor()
    try:
        with database.write() as session:
            cast.passwords["root"] = people.first_administrator(session, "root", LONG_AGO)
            cast.people["root"] = session.exec(select(Person.id)).one()
            for short, code, parent in UNITS:
                quiet = QUIET if parent is None else None
                unit = units.create(
                    session, system, name=short, code=code, parent=parent, zone=None, now=LONG_AGO, quiet_hours=quiet
                )
                cast.units[short] = unit.id
            for short, home in STATIONS:
                unit = session.get_one(Unit, cast.units[home])
                station, code = stations.create(session, system, name=short, unit=unit, hours=24, now=LONG_AGO)
                taken = stations.enrol(session, code, Device(serial=short), LONG_AGO)
                assert taken is not None
                cast.stations[short], cast.station_tokens[short] = station.id, taken[1]
            for username, home, roles in PEOPLE:
                unit = session.get_one(Unit, cast.units[home])
                person, password = people.create(
                    session, system, username=username, name=username.title(), unit=unit, role=roles[0], now=LONG_AGO
                )
                for role in roles[1:]:
                    people.grant(session, system, person, unit, role, LONG_AGO)
                cast.people[username], cast.passwords[username] = person.id, password
            for username in cast.people:
                cast.tokens[username] = people.new_token(session, username, "tests", LONG_AGO)
    finally:
        database.dispose()
    return cast


class Village:
    """Short ways to act in the installation of a test, as the person named."""

    def __init__(self, database: Database, settings: Settings, cast: Cast, clock: FakeClock) -> None:
        self.database, self.settings, self.cast, self.clock = database, settings, cast, clock
        self._bytes = 0

    @cached_property
    def signer(self) -> Signer:
        return keys.signer(self.settings)

    @cached_property
    def verifier(self) -> Verifier:
        return Verifier(keys.public_keys(self.settings))

    @property
    def store(self) -> MediaStore:
        return MediaStore(self.settings.media)

    def actor(self, username: str = "administrator") -> Actor:
        with self.database.read() as session:
            return actor_for(session, session.get_one(Person, self.cast.people[username]))

    def unit(self, short: str) -> Unit:
        with self.database.read() as session:
            return session.get_one(Unit, self.cast.units[short])

    def finish_clip(self, clip_id: str, seconds: float = 20.0) -> None:
        """Make a clip ready at once: small files with real names in the store, no rendering."""
        self._bytes += 1
        with self.store.workspace() as folder:
            kept = {}
            for codec in ("mp3", "opus"):
                part = folder / codec
                part.write_bytes(f"{codec} {clip_id} {self._bytes}".encode())
                kept[codec] = self.store.put(part, codec)
        with self.database.write() as session:
            clip = session.get_one(Clip, clip_id)
            clip.state, clip.progress, clip.seconds, clip.ready_at = "ready", 100, seconds, self.clock()
            clip.lufs, clip.true_peak_db, clip.spoken_by = -16.0, -2.0, "test"
            clip.claimed_by, clip.claimed_until, clip.upload = None, None, None
            clip.mp3_sha256, clip.mp3_bytes = kept["mp3"].sha256, kept["mp3"].bytes
            clip.opus_sha256, clip.opus_bytes = kept["opus"].sha256, kept["opus"].bytes
            session.add(clip)

    def bulletin(
        self,
        unit: str = "commune_a",
        *,
        text: str = TEXT,
        seconds: float | None = 20.0,
        until_state: str = "approved",
        title: str = "Mời họp",
        **draft: Any,
    ) -> str:
        """A bulletin brought to `until_state`; its audio is ready unless `seconds` is None."""
        who, home = self.actor("root"), self.unit(unit)
        wanted = bulletins.Draft(title=title, text=text, **draft)
        with self.database.write() as session:
            version = bulletins.create(session, who, home, wanted, max_chars=20_000, now=self.clock())
        if seconds is not None:
            self.finish_clip(version.clip_id, seconds)
        self._bring(version.bulletin_id, until_state)
        return version.bulletin_id

    def rewrite(
        self, bulletin_id: str, text: str, *, seconds: float | None = 20.0, until_state: str = "approved"
    ) -> None:
        with self.database.write() as session:
            version = bulletins.edit(
                session, self.actor("root"), bulletin_id, bulletins.Draft(title="Mời họp", text=text),
                max_chars=20_000, now=self.clock(),
            )  # fmt: skip
        if seconds is not None:
            self.finish_clip(version.clip_id, seconds)
        self._bring(bulletin_id, until_state)

    def _bring(self, bulletin_id: str, until_state: str) -> None:
        who = self.actor("root")
        if until_state in {"submitted", "approved"}:
            with self.database.write() as session:
                bulletins.submit(session, who, bulletin_id, self.clock())
        if until_state == "approved":
            with self.database.write() as session:
                bulletins.approve(session, who, bulletin_id, self.clock())

    def withdraw_bulletin(self, bulletin_id: str) -> None:
        with self.database.write() as session:
            bulletins.withdraw(session, self.actor("root"), bulletin_id, self.clock())

    def programme(
        self,
        *bulletin_ids: str,
        unit: str = "commune_a",
        entries: Sequence[programmes.Entry] = (),
        title: str = "Bản tin",
    ) -> str:
        wanted = [programmes.Entry(bulletin=each) for each in bulletin_ids] + list(entries)
        with self.database.write() as session:
            made = programmes.create(session, self.actor("root"), self.unit(unit), title, wanted, self.clock())
            return made.id

    def wish(
        self, programme_id: str, starts: datetime | str, rrule: str | None = None, to: Sequence[str] = (), **more: Any
    ) -> slots.Wish:
        """`starts` as an instant or local text; `to` as written outside, commune A unless given."""
        local = starts if isinstance(starts, str) else starts.astimezone(ZONE).strftime("%Y-%m-%dT%H:%M:%S")
        return slots.Wish(programme_id, local, list(to) or ["unit:79.1"], rrule=rrule, **more)

    def slot(
        self, programme_id: str, starts: datetime | str, rrule: str | None = None, to: Sequence[str] = (), **more: Any
    ) -> str:
        wish = self.wish(programme_id, starts, rrule, to, **more)
        with self.database.write() as session:
            made, _ = slots.create(session, self.actor("root"), wish, default_zone=self.settings.zone, now=self.clock())
            return made.id

    def on_timetable(
        self, *, minutes: float = 60, rrule: str | None = None, to: Sequence[str] = (), **bulletin: Any
    ) -> tuple[str, str]:
        """An approved bulletin on a slot `minutes` from now: ids of bulletin and slot."""
        made = self.bulletin(**bulletin)
        slot = self.slot(self.programme(made), self.clock() + timedelta(minutes=minutes), rrule, to)
        return made, slot

    def withdraw_slot(self, slot_id: str) -> None:
        with self.database.write() as session:
            slots.withdraw(session, self.actor("root"), slot_id, self.clock())

    def group(self, unit: str, *members: str) -> str:
        ids = [self.cast.stations[each] for each in members]
        with self.database.write() as session:
            made = groups.create(
                session, self.actor("root"), name="Nhóm", unit=self.unit(unit), members=ids, now=self.clock()
            )
            return made.id

    def roll(self, slot_ids: Sequence[str] | None = None) -> int:
        return planning.roll(self.database, self.settings, self.signer, self.clock(), slot_ids)

    def airings(self, *, live: bool = True) -> list[Airing]:
        """Airings of slots by start; with `live` those that are not withdrawn."""
        query = select(Airing).order_by(col(Airing.starts_at), col(Airing.id))
        with self.database.read() as session:
            rows = session.exec(query.where(Airing.state != "withdrawn") if live else query).all()
            return list(rows)

    def alarm(self, code: str = "79") -> str:
        """An emergency for this unit, on air at once; the id of its airing."""
        bulletin, root = self.bulletin(text="Lũ!"), self.actor("root")
        with self.database.write() as session:
            clip = session.exec(select(BulletinVersion.clip_id).where(BulletinVersion.bulletin_id == bulletin)).one()
            wanted = emergencies.Alarm(signal="none", audience=[f"unit:{code}"], clip=clip)
            _, airing = emergencies.raise_alarm(
                session, root, units.find(session, root, code), wanted, signer=self.signer,
                default_zone=self.settings.zone, max_chars=20_000, now=self.clock(),
            )  # fmt: skip
            return airing.id

    def ticket(self, airing: Airing) -> Ticket:
        return self.verifier.verify(airing.ticket)

    def slots(self) -> list[Slot]:
        with self.database.read() as session:
            return list(session.exec(select(Slot)).all())


class Caller:
    """Calls the interface with one token (or none)."""

    def __init__(self, client: FlaskClient, token: str | None) -> None:
        self._client = client
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, method: str, path: str, **more: Any) -> TestResponse:
        headers = {**self.headers, **more.pop("headers", {})}
        return self._client.open(f"/api/v1{path}", method=method, headers=headers, **more)

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.call("GET", path, **more)

    def post(self, path: str, content: Any = None, **more: Any) -> TestResponse:
        return self.call("POST", path, json={} if content is None else content, **more)

    def put(self, path: str, content: Any, **more: Any) -> TestResponse:
        return self.call("PUT", path, json=content, **more)


class Callers:
    """`callers["writer"]`, `callers.station("a1")`, `callers.nobody`: who calls the interface."""

    def __init__(self, app: Flask, cast: Cast) -> None:
        self._app, self._cast = app, cast

    def __getitem__(self, username: str) -> Caller:
        return Caller(self._app.test_client(), self._cast.tokens[username])

    def station(self, short: str) -> Caller:
        return Caller(self._app.test_client(), self._cast.station_tokens[short])

    def with_token(self, token: str | None) -> Caller:
        return Caller(self._app.test_client(), token)

    @property
    def nobody(self) -> Caller:
        return Caller(self._app.test_client(), None)


class Interrupted(BaseException):
    """The process was killed here: nothing in it can catch that and go on."""


class DyingDatabase:
    """A database whose process is killed in its n-th write transaction, before anything of it is committed."""

    def __init__(self, database: Database, dies_in: int) -> None:
        self._database, self._left = database, dies_in
        self.writes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    @contextlib.contextmanager
    def write(self) -> Iterator[Session]:
        self.writes += 1
        with self._database.write() as session:
            yield session
            session.flush()
            if self.writes == self._left:
                raise Interrupted


def all_at_once(*steps: Callable[[], Any]) -> list[Any]:
    """Run the steps in threads that start together; their answers in order. What one raises is raised here."""
    import threading

    gate, answers, troubles = threading.Barrier(len(steps)), [None] * len(steps), []

    def run(number: int, step: Callable[[], Any]) -> None:
        gate.wait(10)
        try:
            answers[number] = step()
        except BaseException as trouble:  # noqa: BLE001 - handed on to the test
            troubles.append(trouble)

    threads = [threading.Thread(target=run, args=(number, step)) for number, step in enumerate(steps)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if troubles:
        raise troubles[0]
    return answers


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

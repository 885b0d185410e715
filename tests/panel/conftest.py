"""The fixed cast of the panel's tests, on a real database: one commune with all roles, and a stranger next door."""

import copy
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from panel_lab import Browser, Home
from sqlmodel import col, select

import loa.tables
import registry.models
from core.database import connect
from core.settings import Settings
from core.wire import Device, Heartbeat, Report
from playlists import bulletins, programmes, subjects
from playlists.programmes import Entry
from registry import groups, people, stations, units
from registry.rights import Role, actor_for, system_actor
from scheduler import emergencies, keys, prepared, reports, slots
from scheduler.models import Airing
from scheduler.worker import Worker
from web.app import create_app

NOON = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)  # noon in Vietnam, a Monday
CAST = {
    "owner": (Role.WRITER, "Nguyễn Thị Viết"),
    "approver": (Role.APPROVER, "Trần Văn Duyệt"),
    "operator": (Role.OPERATOR, "Lê Văn Hành"),
    "administrator": (Role.ADMINISTRATOR, "Phạm Thị Quản"),
    "viewer": (Role.VIEWER, "Đỗ Thị Xem"),
}


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **amount: float) -> datetime:
        self.now += timedelta(**amount)
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="session")
def panel_template(tmp_path_factory):
    """A home folder with the cast in it, made once; each test works on a copy."""
    made = Settings(home=tmp_path_factory.mktemp("panel") / "home", gtts_enabled=False)
    keys.prepare(made)
    opened = connect(made)
    loa.tables.metadata.create_all(opened.engine)
    home = settled(opened)
    opened.dispose()
    return made.home, home


@pytest.fixture
def settings(tmp_path, panel_template):
    shutil.copytree(panel_template[0], tmp_path / "home")
    return Settings(home=tmp_path / "home", gtts_enabled=False, max_upload_bytes=200_000)


@pytest.fixture
def home(panel_template):
    return copy.deepcopy(panel_template[1])


@pytest.fixture
def database(settings):
    opened = connect(settings)
    yield opened
    opened.dispose()


@pytest.fixture
def worker(database, settings, clock):
    return Worker(database, settings, keys.signer(settings), clock)


@pytest.fixture
def app(settings, database, clock):
    made = create_app(settings, database, clock=clock, testing=True)
    yield made
    made.extensions["loa"].live.close()


def settled(database):
    """A province with two communes; ours has a hamlet, two stations, a group, and people of each role."""
    made, system = Home(), system_actor()
    with database.write() as session:
        subjects.install(session)
        for code, name, parent in (
            ("75", "Tỉnh Đồng Nai", None), ("75.1", "Xã Phước An", "75"), ("75.1.1", "Thôn Đông", "75.1"),
            ("75.2", "Xã Long Thành", "75"),
        ):  # fmt: skip
            made.units[code] = units.create(
                session,
                system,
                name=name,
                code=code,
                parent=parent,
                zone=None,
                now=NOON,
                quiet_hours=[["22:00", "05:00"]] if parent is None else None,
            ).id
        commune, hamlet = (units.find(session, system, code) for code in ("75.1", "75.1.1"))
        for username, (role, name) in CAST.items():
            person, password = people.create(
                session, system, username=username, name=name, unit=commune, role=role, now=NOON
            )
            made.people[username], made.passwords[username] = person.id, password
        neighbour = units.find(session, system, "75.2")
        for username, role in (("stranger", Role.WRITER), ("strange-administrator", Role.ADMINISTRATOR)):
            person, password = people.create(
                session, system, username=username, name="Người Lạ", unit=neighbour, role=role, now=NOON
            )
            made.people[username], made.passwords[username] = person.id, password
        station, code = stations.create(session, system, name="Loa đầu đình", unit=hamlet, hours=24, now=NOON)
        stations.enrol(session, code, Device(model="Pi", serial="SN-1"), NOON - timedelta(hours=1))
        stations.heard(session, station.id, Heartbeat(volume=70, software="0.1"), NOON)
        fresh, made.code = stations.create(session, system, name="Chợ làng", unit=hamlet, hours=24, now=NOON)
        made.station, made.fresh_station = station.id, fresh.id
        made.group = groups.create(session, system, name="Ven đê", unit=commune, members=[station.id], now=NOON).id
    return made


@pytest.fixture
def as_(app, home):
    """Sign somebody of the cast in: `as_("owner").get("/")`."""
    return lambda who: Browser(app, home, who)


@pytest.fixture
def outsider(app, home):
    return Browser(app, home, None)


@pytest.fixture
def actor_of(database, home):
    def find(who):
        with database.read() as session:
            return actor_for(session, session.get(registry.models.Person, home.people[who]))

    return find


@pytest.fixture
def draft(database, home, actor_of):
    """A draft of the owner's, its audio still to be made."""
    with database.write() as session:
        owner = actor_of("owner")
        version = bulletins.create(
            session, owner, units.find(session, owner, "75.1"),
            bulletins.Draft(title="Lịch tiêm chủng", text="Sáng thứ bảy tiêm chủng tại trạm y tế xã."),
            max_chars=20_000, now=NOON,
        )  # fmt: skip
        home.bulletin, home.clip = version.bulletin_id, version.clip_id
    return home.bulletin


@pytest.fixture
def approved(database, home, draft, worker, actor_of, clock):
    """The bulletin, spoken and approved."""
    worker.render(clock())
    with database.write() as session:
        bulletins.submit(session, actor_of("owner"), draft, NOON)
        bulletins.approve(session, actor_of("approver"), draft, NOON)
    return draft


@pytest.fixture
def played(database, home, approved, worker, actor_of, clock):
    """A whole evening: programme, slot, its airing over and reported by the station."""
    with database.write() as session:
        approver = actor_of("approver")
        home.programme = programmes.create(
            session, approver, units.find(session, approver, "75.1"), "Bản tin chiều", [Entry(bulletin=approved)], NOON
        ).id
        home.slot = slots.create(
            session, approver,
            slots.Wish(programme=home.programme, starts="2026-11-23T17:00", rrule="FREQ=DAILY", audience=["unit:75.1"]),
            default_zone="Asia/Ho_Chi_Minh", now=NOON,
        )[0].id  # fmt: skip
    worker.roll(clock())
    clock.forward(hours=5)
    worker.dispatch(clock())
    with database.read() as session:
        airing = slots_airing(session, home.slot)
    home.airing = airing.id
    clock.now = airing.ends_at + timedelta(seconds=1)
    with database.write() as session:
        reports.accept(
            session, stations.place(session, home.station),
            [
                Report(
                    id="0f8fad5b-d9cb-469f-a165-70867728950e", airing=airing.id, item=0, outcome="played",
                    started_at=airing.starts_at, ended_at=airing.ends_at, seconds=airing.items[0]["seconds"], volume=70,
                )
            ],
            clock(),
        )  # fmt: skip
    worker.dispatch(clock())
    return home.airing


def slots_airing(session, slot_id):
    return session.exec(select(Airing).where(Airing.slot_id == slot_id).order_by(col(Airing.starts_at))).first()


@pytest.fixture
def alarm(database, home, settings, actor_of):
    with database.write() as session:
        approver = actor_of("approver")
        home.emergency = emergencies.raise_alarm(
            session, approver, units.find(session, approver, "75.1"),
            emergencies.Alarm(signal="none", audience=["unit:75.1"], text="Lũ về, bà con sơ tán ngay."),
            signer=keys.signer(settings), default_zone="Asia/Ho_Chi_Minh", max_chars=20_000, now=NOON,
        )[0].id  # fmt: skip
        if home.bulletin:
            home.prepared = prepared.add(
                session, approver, units.find(session, approver, "75.1"), kind="flood", title="Lũ về gấp",
                said=[prepared.Source(bulletin=home.bulletin)], valid_until=None, signer=keys.signer(settings), now=NOON,
            ).id  # fmt: skip
    return home.emergency

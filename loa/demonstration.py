"""A province to try things out in: units, people of each role, stations, bulletins and a timetable.

Everything goes through the same services as in earnest, so what the demo shows is what the product does.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from core.clock import zone
from core.settings import Settings
from loa import demo_alarms
from playlists import bulletins, programmes
from playlists.programmes import Entry, Newest
from registry import groups, people, public_pages, stations, units
from registry.models import Person, Unit
from registry.rights import Actor, Role, actor_for, system_actor
from scheduler import slots

PLAYING = 2  # how many of the stations run on this machine
_FIRST_IN = timedelta(seconds=90)

_COMMUNES = (
    ("79.101", "Xã Tân Hòa", (("79.101.1", "Thôn Bến Đò"), ("79.101.2", "Thôn Đồng Cao"))),
    ("79.102", "Xã Phú Lâm", (("79.102.1", "Ấp Gò Me"), ("79.102.2", "Ấp Cầu Ván"))),
)
_STATIONS = (
    ("Cụm loa nhà văn hóa Bến Đò", "79.101.1", 10.981, 106.652),
    ("Cụm loa chợ Gò Me", "79.102.1", 11.043, 106.701),
    ("Cụm loa đình Đồng Cao", "79.101.2", 10.992, 106.667),
    ("Cụm loa trạm y tế Tân Hòa", "79.101", 10.987, 106.659),
    ("Cụm loa trường tiểu học Cầu Ván", "79.102.2", 11.051, 106.713),
    ("Cụm loa UBND Phú Lâm", "79.102", 11.047, 106.706),
)
_PEOPLE = (
    ("nga", "Nguyễn Thị Nga", "79.101", Role.WRITER),
    ("hung", "Trần Văn Hùng", "79.101", Role.APPROVER),
    ("tam", "Lê Minh Tâm", "79.101", Role.OPERATOR),
    ("lan", "Phạm Thị Lan", "79.102", Role.WRITER),
    ("dung", "Võ Tiến Dũng", "79.102", Role.APPROVER),
    ("hoa", "Đặng Thị Hoa", "79", Role.ADMINISTRATOR),
    ("khach", "Người xem", "79", Role.VIEWER),
)
_VACCINATION = (
    "Tiêm chủng mở rộng tháng này",
    "health",
    (
        "Trạm y tế xã thông báo: Thứ Bảy tuần này, từ 7 giờ đến 11 giờ, tổ chức tiêm chủng cho trẻ em dưới 5 tuổi. "
        "Đề nghị các gia đình đưa trẻ đến đúng giờ và mang theo sổ tiêm chủng."
    ),
)
_MEETING = (
    "Họp thôn về làm đường",
    "general",
    "Kính mời bà con thôn Bến Đò và thôn Đồng Cao đến nhà văn hóa lúc 19 giờ ngày mai để họp bàn việc làm đường.",
)
_FARMING = (
    "Phòng trừ rầy nâu",
    "agriculture",
    (
        "Ủy ban nhân dân xã lưu ý bà con: rầy nâu đang phát triển trên lúa giai đoạn đẻ nhánh. "
        "Đề nghị bà con thăm đồng thường xuyên và phun thuốc theo hướng dẫn của cán bộ nông nghiệp."
    ),
)
_POWER = (
    "Tạm ngừng cung cấp điện",
    "economy",
    "Điện lực huyện thông báo: ngày mai từ 8 giờ đến 11 giờ, tạm ngừng cung cấp điện tại ấp Gò Me để sửa đường dây.",
)
_FIRE = (
    "Phòng cháy mùa khô",
    "security",
    "Công an xã nhắc bà con: mùa khô hanh dễ xảy ra cháy. Không đốt rác gần nhà, tắt thiết bị điện khi ra khỏi nhà.",
)


@dataclass
class Demo:
    """What the demo made, for showing once: people with their passwords, and codes for the stations to run."""

    people: list[tuple[str, str, Role, str, str]] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)


def make(session: Session, settings: Settings, now: datetime) -> Demo:
    """Fill an empty installation, in the caller's transaction. Raises Conflict when somebody is there already."""
    demo = Demo()
    system = system_actor()
    password = people.first_administrator(session, "admin", now)
    demo.people.append(("admin", password, Role.ADMINISTRATOR, "admin", "toàn hệ thống"))
    _units(session, system, now)
    actors: dict[str, Actor] = {}
    for username, name, code, role in _PEOPLE:
        unit = units.find(session, system, code)
        person, password = people.create(session, system, username=username, name=name, unit=unit, role=role, now=now)
        actors[username] = _actor(session, person)
        demo.people.append((username, password, role, name, unit.name))
    made = []
    for name, code, latitude, longitude in _STATIONS:
        unit = units.find(session, system, code)
        station, enrolment_code = stations.create(
            session, system, name=name, unit=unit, latitude=latitude, longitude=longitude,
            hours=settings.enrolment_hours, now=now,
        )  # fmt: skip
        made.append(station.id)
        if len(demo.codes) < PLAYING:
            demo.codes[station.id] = enrolment_code
    groups.create(
        session, system, name="Dọc bờ sông", unit=units.find(session, system, "79"), members=made[:2], now=now
    )
    _content(session, settings, actors, now)
    demo_alarms.keep_ready(session, settings, actors["hoa"], "79", now)
    return demo


def _units(session: Session, system: Actor, now: datetime) -> None:
    province = units.create(session, system, name="Tỉnh Sông Lam", code="79", parent=None, zone=None, now=now)
    # So that something can be heard at any hour somebody tries this. In earnest: 22:00–05:00, or what is ruled.
    units.settle(session, system, province, quiet_hours=[], max_volume=None, zone=None, codec=None, now=now)
    public_pages.open_page(session, system, province, True, now)
    for code, name, hamlets in _COMMUNES:
        units.create(session, system, name=name, code=code, parent="79", zone=None, now=now)
        for hamlet_code, hamlet in hamlets:
            units.create(session, system, name=hamlet, code=hamlet_code, parent=code, zone=None, now=now)


def _actor(session: Session, person: Person) -> Actor:
    session.flush()
    return actor_for(session, person)


def _content(session: Session, settings: Settings, actors: dict[str, Actor], now: datetime) -> None:
    nga, hung, lan, dung = actors["nga"], actors["hung"], actors["lan"], actors["dung"]
    first, second = (units.find(session, hung, "79.101"), units.find(session, dung, "79.102"))
    vaccination = _written(session, settings, nga, first, _VACCINATION, now, approver=hung)
    farming = _written(session, settings, nga, first, _FARMING, now, approver=hung)
    _written(session, settings, nga, first, _MEETING, now, submitted=True)
    power = _written(session, settings, lan, second, _POWER, now, approver=dung)
    _written(session, settings, lan, second, _FIRE, now)

    evening = programmes.create(
        session, hung, first, "Bản tin chiều Tân Hòa", [Entry(bulletin=vaccination), Entry(bulletin=farming)], now
    )
    newest = programmes.create(session, hung, first, "Tin mới Tân Hòa", [Entry(newest=Newest(count=3))], now)
    hourly = programmes.create(session, dung, second, "Thông báo Phú Lâm", [Entry(bulletin=power)], now)
    where = zone(settings.zone)
    soon = (now + _FIRST_IN).astimezone(where).replace(second=0, microsecond=0)
    if soon < (now + _FIRST_IN).astimezone(where):
        soon += timedelta(minutes=1)
    near_five = abs((soon.hour * 60 + soon.minute) - 17 * 60) < 15  # noqa: PLR2004
    main = soon.replace(hour=18 if near_five else 17, minute=0)
    _slot(session, settings, hung, newest.id, soon, "FREQ=DAILY", ["unit:79.101"], now)
    _slot(session, settings, hung, evening.id, main, "FREQ=DAILY", ["unit:79.101"], now)
    _slot(session, settings, dung, hourly.id, soon, "FREQ=MINUTELY;INTERVAL=20", ["unit:79.102"], now)


def _written(
    session: Session,
    settings: Settings,
    writer: Actor,
    unit: Unit,
    content: tuple[str, str, str],
    now: datetime,
    *,
    submitted: bool = False,
    approver: Actor | None = None,
) -> str:
    title, subject, text = content
    version = bulletins.create(
        session,
        writer,
        unit,
        bulletins.Draft(title=title, text=text, field=subject),
        max_chars=settings.max_text_chars,
        now=now,
    )
    if submitted or approver:
        bulletins.submit(session, writer, version.bulletin_id, now)
    if approver:
        bulletins.approve(session, approver, version.bulletin_id, now)
    return version.bulletin_id


def _slot(
    session: Session,
    settings: Settings,
    actor: Actor,
    programme: str,
    starts: datetime,
    rrule: str,
    audience: list[str],
    now: datetime,
) -> None:
    wish = slots.Wish(
        programme=programme,
        starts=starts.strftime("%Y-%m-%dT%H:%M"),
        zone=settings.zone,
        rrule=rrule,
        audience=audience,
    )
    slots.create(session, actor, wish, default_zone=settings.zone, now=now)

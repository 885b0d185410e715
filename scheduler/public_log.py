"""What everybody may know of a unit's loudspeakers: what was said, what sounds now, what comes today.

Only bulletins that stations of the unit, or of units below, report to have played; as the version that sounded then,
and nothing of one that was withdrawn since. Of what is still to come only the hour and the programme's title.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from core.errors import NotFound
from playlists.models import Bulletin, BulletinVersion, Rendition
from registry import public_pages
from registry.models import Unit
from registry.rights import within
from scheduler import ics, log
from scheduler.models import Airing, Emergency
from scheduler.statistics_models import HeardBulletin

_GOOD = ("approved", "superseded")
_SIGNED = ("issued", "on_air")
_ON_TIMETABLE = ("planned", "issued", "on_air", "over")
MAX_TODAY = 60
MAX_EMERGENCIES = 5
MAX_EVENTS = 1_000
_BACK = timedelta(days=28)


@dataclass(frozen=True)
class Sound:
    """How a bulletin was heard in one language. `sha256` is the MP3 that sounded; empty where none is known."""

    language: str
    sha256: str
    seconds: float


@dataclass(frozen=True)
class Told:
    """A bulletin that was heard. `language` is what it was written in; `sounds` begin with that, if it was heard."""

    id: str
    title: str
    text: str
    field: str
    priority: str
    language: str
    home: str
    first_at: datetime
    last_at: datetime
    sounds: tuple[Sound, ...]
    texts: dict[str, str]


@dataclass(frozen=True)
class Warned:
    """An emergency that holds; with `over` it says that the danger is past."""

    text: str
    since: datetime
    unit: str
    over: bool


@dataclass(frozen=True)
class Coming:
    """A programme on today's timetable. `whole` is whether it is for all loudspeakers of the unit."""

    title: str
    starts_at: datetime
    ends_at: datetime
    state: str
    whole: bool

    @property
    def seconds(self) -> float:
        return (self.ends_at - self.starts_at).total_seconds()


def newest(session: Session, unit: Unit, now: datetime, limit: int) -> list[Told]:
    """What was said last at a unit and below, the newest first: of the last eight weeks and more."""
    near = {(now - _BACK * n).strftime("%Y-%m") for n in range(3)}
    near.add((now + timedelta(days=1)).strftime("%Y-%m"))  # where the clock is ahead of UTC
    return _told(session, unit, col(HeardBulletin.month).in_(sorted(near)), limit)


def of_month(session: Session, unit: Unit, month: str, limit: int) -> list[Told]:
    """What was said in a month (`2026-11`, by the clock there), the newest first."""
    return _told(session, unit, col(HeardBulletin.month) == month, limit)


def months(session: Session, unit: Unit) -> list[str]:
    """The months in which anything was said, the newest first."""
    query = select(HeardBulletin.month).where(_here(unit)).distinct().order_by(col(HeardBulletin.month).desc())
    return list(session.exec(query).all())


def one(session: Session, unit: Unit, bulletin_id: str) -> Told:
    """One bulletin that was said there, with its text in every language heard. Raises NotFound."""
    found = _told(session, unit, col(HeardBulletin.bulletin_id) == bulletin_id, 1, whole=True)
    if not found:
        raise NotFound
    return found[0]


def _here(unit: Unit) -> ColumnElement[bool]:
    return col(HeardBulletin.unit_id).in_(select(Unit.id).where(within([unit.path], col(Unit.path))))


def _told(
    session: Session, unit: Unit, which: ColumnElement[bool], limit: int, *, whole: bool = False
) -> list[Told]:  # fmt: skip
    last = func.max(HeardBulletin.last_at)
    fit = (
        _here(unit), which, col(BulletinVersion.state).in_(_GOOD), col(Bulletin.approved).is_not(None),
    )  # fmt: skip
    ids = session.exec(
        select(HeardBulletin.bulletin_id)
        .join(BulletinVersion, col(BulletinVersion.id) == HeardBulletin.version_id)
        .join(Bulletin, col(Bulletin.id) == HeardBulletin.bulletin_id)
        .where(*fit)
        .group_by(col(HeardBulletin.bulletin_id))
        .order_by(last.desc(), col(HeardBulletin.bulletin_id))
        .limit(limit)
    ).all()
    rows = session.exec(
        select(HeardBulletin, BulletinVersion, Unit.name)
        .join(BulletinVersion, col(BulletinVersion.id) == HeardBulletin.version_id)
        .join(Bulletin, col(Bulletin.id) == HeardBulletin.bulletin_id)
        .join(Unit, col(Unit.id) == Bulletin.unit_id)
        .where(col(HeardBulletin.bulletin_id).in_(ids), *fit)
        .order_by(col(HeardBulletin.last_at).desc(), col(HeardBulletin.unit_id), col(HeardBulletin.language))
    ).all()
    gathered: dict[str, list[tuple[HeardBulletin, BulletinVersion, str]]] = {each: [] for each in ids}
    for heard, version, home in rows:
        gathered[heard.bulletin_id].append((heard, version, home))
    texts = _texts(session, {group[0][1].id for group in gathered.values() if group}) if whole else {}
    return [_one(group, texts) for group in gathered.values() if group]


def _one(group: Sequence[tuple[HeardBulletin, BulletinVersion, str]], texts: dict[str, dict[str, str]]) -> Told:
    _, version, home = group[0]
    heard: dict[str, Sound] = {}
    for row, of, _ in group:  # the newest first: of each language what sounded last, of this version alone
        if of.id == version.id:
            heard.setdefault(row.language, Sound(row.language, row.sha256, row.seconds))
    sounds = sorted(heard.values(), key=lambda sound: (sound.language != version.language, sound.language))
    return Told(
        version.bulletin_id, version.title, version.text, version.field, version.priority, version.language, home,
        min(row.first_at for row, _, _ in group), group[0][0].last_at, tuple(sounds),
        {version.language: version.text, **texts.get(version.id, {})},
    )  # fmt: skip


def _texts(session: Session, versions: Iterable[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    query = select(Rendition).where(col(Rendition.version_id).in_(sorted(versions)))
    for row in session.exec(query.order_by(col(Rendition.position))).all():
        found.setdefault(row.version_id, {})[row.language] = row.text
    return found


def visible(unit: Unit) -> ColumnElement[bool]:
    """SQL condition on `Airing`: it is for loudspeakers of the unit."""
    return log.visible(public_pages.visitor(unit))


def emergencies(session: Session, unit: Unit, now: datetime) -> list[Warned]:
    """Emergencies that hold there: on air, or over but to be played still by stations that come back."""
    rows = session.exec(
        select(Airing, Emergency, Unit.name)
        .join(Unit, col(Unit.id) == Airing.unit_id)
        .join(Emergency, col(Emergency.id) == Airing.emergency_id, isouter=True)
        .where(
            Airing.kind == "emergency", col(Airing.ticket) != "", col(Airing.withdrawn_at).is_(None),
            col(Airing.state).in_((*_SIGNED, "over")), col(Airing.starts_at) <= now, col(Airing.not_after) > now,
            visible(unit),
        )
        .order_by(col(Airing.starts_at).desc(), col(Airing.id))
        .limit(10 * MAX_EMERGENCIES)
    ).all()  # fmt: skip
    found: dict[str, Warned] = {}
    for airing, emergency, home in rows:  # one emergency may have an airing for each language
        text = (emergency.text if emergency else "") or airing.title
        about = emergency.about if emergency else ""
        found.setdefault(airing.emergency_id or airing.id, Warned(text, airing.starts_at, home, about == "all_clear"))
    return list(found.values())[:MAX_EMERGENCIES]


def on_air(session: Session, unit: Unit, now: datetime) -> list[str]:
    """Titles of what sounds there at `now`: of the programme, or of the bulletin in it whose turn it is."""
    rows = session.exec(
        select(Airing)
        .where(
            Airing.kind == "programme", col(Airing.state).in_(_SIGNED), col(Airing.starts_at) <= now,
            col(Airing.ends_at) > now, visible(unit),
        )
        .order_by(col(Airing.starts_at))
        .limit(MAX_EMERGENCIES)
    ).all()  # fmt: skip
    return list(dict.fromkeys(_sounding(airing, now) for airing in rows))


def _sounding(airing: Airing, now: datetime) -> str:
    gone = (now - airing.starts_at).total_seconds()
    for item in airing.items:
        if float(item["at"]) <= gone < float(item["at"]) + float(item["seconds"]) and item.get("title"):
            return str(item["title"])
    return airing.title


def timetable(session: Session, unit: Unit, start: datetime, end: datetime, limit: int = MAX_TODAY) -> list[Coming]:
    """Programmes that start there within [start, end), in order. An occurrence in several languages is one."""
    rows = session.exec(
        select(Airing)
        .where(
            Airing.kind == "programme", col(Airing.state).in_(_ON_TIMETABLE), col(Airing.starts_at) >= start,
            col(Airing.starts_at) < end, visible(unit),
        )
        .order_by(col(Airing.starts_at), col(Airing.id))
        .limit(limit)
    ).all()  # fmt: skip
    line = {f"unit:{each}" for each in unit.path.strip("/").split("/")}
    found: dict[tuple[str | None, datetime | None, str], Coming] = {}
    for row in rows:
        key = (row.slot_id, row.occurrence_at, "" if row.slot_id else row.id)
        whole = bool(line.intersection(row.audience)) or bool(row.variant)
        found.setdefault(key, Coming(row.title, row.starts_at, row.ends_at, row.state, whole))
    return list(found.values())


def calendar(session: Session, unit: Unit, horizon: timedelta, now: datetime) -> bytes:
    """The timetable as an iCalendar document: 8 days behind, `horizon` ahead; hours and titles of programmes alone."""
    rows = session.exec(
        select(Airing)
        .where(
            Airing.kind == "programme", col(Airing.state).in_(_ON_TIMETABLE), visible(unit),
            col(Airing.starts_at) >= now - ics.BEHIND, col(Airing.starts_at) < now + horizon,
        )
        .order_by(col(Airing.starts_at), col(Airing.id))
        .limit(MAX_EVENTS)
    ).all()  # fmt: skip
    events: dict[str, ics.Event] = {}
    for row in rows:
        at = f"{row.occurrence_at:%Y%m%dT%H%M%SZ}" if row.occurrence_at else ""
        uid = f"{row.slot_id}-{at}@public.loalang" if row.slot_id and at else f"{row.id}@public.loalang"
        events.setdefault(
            uid,
            ics.Event(
                uid=uid, starts_at=row.starts_at, ends_at=row.ends_at, summary=row.title, description="",
                place=unit.name, changed_at=row.issued_at or row.created_at, tentative=row.state == "planned",
            ),
        )  # fmt: skip
    return ics.document(unit.name, events.values())

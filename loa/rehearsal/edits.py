"""People of a rehearsal: they write, approve, withdraw, schedule, command and raise alarms, at random, by the services.

What the services refuse is counted, and done by nobody.
"""

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from sqlmodel import Session, col, select

from core import changes
from core.clock import zone
from core.errors import Conflict, InvalidInput, LoaError
from loa.rehearsal.headquarters import Headquarters
from loa.rehearsal.misfortune import DAY, WEEK, times
from loa.rehearsal.province import LATE, OTHER_LANGUAGE, PROVINCE, ZONE, commune_id, last_day
from loa.rehearsal.wishes import Wishes, pick
from playlists import bulletins, programmes
from playlists.bulletins import Draft
from playlists.models import Bulletin, BulletinVersion, Programme
from playlists.programmes import Entry
from registry import stations, units
from registry.models import Station, Unit
from registry.rights import system_actor
from scheduler import commands, emergencies, slots
from scheduler.emergencies import Alarm
from scheduler.models import Emergency, Slot

_WORDS = ("bà con", "lịch tiêm chủng", "họp thôn", "phun thuốc", "cắt điện", "vệ sinh môi trường", "thu hoạch lúa")
_MOST_CHARS = 20_000


class People:
    """Everybody who changes something. Each act is one of the services', in a transaction of its own."""

    def __init__(self, headquarters: Headquarters, moved: Callable[[str], object]) -> None:
        self.moved = moved
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._headquarters = headquarters
        self._actor = system_actor()
        self._acts: tuple[tuple[str, float, Callable[[Session, random.Random, str], None]], ...] = (
            ("new version", 4, self._rewrite),
            ("withdrawn bulletin", 1, self._withdraw_bulletin),
            ("withdrawn slot", 1, self._withdraw_slot),
            ("new slot", 2, self._new_slot),
            ("other order", 1, self._edit_programme),
            ("other languages", 1, self._other_languages),
            ("moved station", 0.5, self._move_station),
            ("command", 1, self._command),
            ("other hours", 0.2, self._other_hours),
        )

    def enter(self, wishes: Wishes) -> None:
        """Put on the agenda what people will do: mostly in office hours, some of it just while something is on air."""
        agenda, start = self._headquarters.agenda, self._headquarters.agenda.seconds
        end = wishes.days * DAY
        chance = wishes.chance("people")
        expected = wishes.often("edits") * wishes.communes * end / WEEK
        for at in times(chance, expected, end):
            day = at // DAY * DAY
            hour = chance.choice((*range(7, 17), 5, 17)) + chance.random()
            agenda.at(start + day + hour * 3_600, self.act, wishes.chance("act", at))
        for at in times(chance, wishes.often("alarms") * wishes.communes * end / WEEK, end):
            agenda.at(start + at, self.alarm, wishes.chance("alarm", at), commune_id(chance.randrange(wishes.communes)))
        if wishes.often("alarms"):
            agenda.at(start + chance.uniform(0, end), self.alarm, wishes.chance("alarm"), PROVINCE)

    def act(self, chance: random.Random) -> None:
        """One act in one commune; nobody can do anything while the server is away."""
        if not self._headquarters.web_is_up:
            return
        unit = commune_id(chance.randrange(self._headquarters.wishes.communes))
        name = pick(chance, [(name, share) for name, share, _ in self._acts])
        do = next(do for each, _, do in self._acts if each == name)
        self._try(name, lambda session: do(session, chance, unit))

    def alarm(self, chance: random.Random, unit_id: str) -> None:
        """Raise an emergency; some are stopped after a while."""
        if not self._headquarters.web_is_up:
            return
        found: list[Emergency] = []

        def raise_it(session: Session) -> None:
            unit = session.get_one(Unit, unit_id)
            repeats = chance.choice((1, 1, 3))
            wish = Alarm(
                signal="none",
                audience=[f"unit:{unit.code}"], text=self._text(chance), times=repeats,
                every_s=60.0 if repeats > 1 else 0.0,
            )  # fmt: skip
            headquarters = self._headquarters
            emergency, _ = emergencies.raise_alarm(
                session, self._actor, unit, wish, signer=headquarters.signer, default_zone=ZONE,
                max_chars=_MOST_CHARS, now=headquarters.agenda.now,
            )  # fmt: skip
            found.append(emergency)

        self._try("alarm", raise_it)
        if found and chance.random() < 0.3:  # noqa: PLR2004 - some are stopped
            self._headquarters.agenda.after(chance.uniform(10, 600), self._stop, found[0].id)

    def _stop(self, emergency: str) -> None:
        def stop_it(session: Session) -> None:
            emergencies.stop(session, self._actor, emergency, self._headquarters.agenda.now)

        if self._headquarters.web_is_up:
            self._try("stopped alarm", stop_it)

    def _try(self, name: str, act: Callable[[Session], None]) -> None:
        try:
            with self._headquarters.database.write() as session:
                act(session)
        except (Conflict, InvalidInput, LoaError):
            self.refused[name] += 1
        else:
            self.done[name] += 1
        self._headquarters.render_soon()
        self._headquarters.soon()

    # -- the acts ----------------------------------------------------------------------------------

    def _rewrite(self, session: Session, chance: random.Random, unit: str) -> None:
        bulletin = _one(session, chance, select(Bulletin.id).where(Bulletin.unit_id == unit))
        now = self._headquarters.agenda.now
        priority = pick(chance, (("ordinary", 0.9), ("priority", 0.1)))
        until = now + timedelta(hours=chance.uniform(2, 60)) if chance.random() < 0.3 else None  # noqa: PLR2004
        draft = Draft(title=f"Tin {bulletin}", text=self._text(chance), priority=priority, valid_until=until)
        bulletins.edit(session, self._actor, bulletin, draft, max_chars=_MOST_CHARS, now=now)
        bulletins.submit(session, self._actor, bulletin, now)
        bulletins.approve(session, self._actor, bulletin, now)

    def _withdraw_bulletin(self, session: Session, chance: random.Random, unit: str) -> None:
        standing = select(BulletinVersion.bulletin_id).join(Bulletin, col(Bulletin.id) == BulletinVersion.bulletin_id)
        query = standing.where(Bulletin.unit_id == unit, BulletinVersion.state == "approved")
        bulletins.withdraw(session, self._actor, _one(session, chance, query), self._headquarters.agenda.now)

    def _withdraw_slot(self, session: Session, chance: random.Random, unit: str) -> None:
        query = select(Slot.id).where(Slot.unit_id == unit, col(Slot.withdrawn_at).is_(None))
        slots.withdraw(session, self._actor, _one(session, chance, query), self._headquarters.agenda.now)

    def _new_slot(self, session: Session, chance: random.Random, unit: str) -> None:
        now = self._headquarters.agenda.now
        at = (now + timedelta(minutes=chance.randrange(2, 36 * 60))).astimezone(zone(ZONE))
        code = session.get_one(Unit, unit).code
        audience = [f"unit:{code}"]
        if chance.random() < 0.5:  # noqa: PLR2004 - half of them for one station
            audience = [f"station:{_one(session, chance, select(Station.id).where(Station.unit_id == unit))}"]
        wish = slots.Wish(
            programme=_one(session, chance, select(Programme.id).where(Programme.unit_id == unit)),
            starts=f"{at:%Y-%m-%dT%H:%M}", zone=ZONE, rrule=chance.choice(("FREQ=DAILY", None)), audience=audience,
            until=last_day(self._headquarters.wishes), late=pick(chance, LATE),
        )  # fmt: skip
        slots.create(session, self._actor, wish, default_zone=ZONE, now=now)

    def _edit_programme(self, session: Session, chance: random.Random, unit: str) -> None:
        programme = session.get_one(
            Programme, _one(session, chance, select(Programme.id).where(Programme.unit_id == unit))
        )
        ids = sorted(session.exec(select(Bulletin.id).where(Bulletin.unit_id == unit)).all())
        entries = [Entry(bulletin=each) for each in chance.sample(ids, min(len(ids), chance.randint(1, 3)))]
        now = self._headquarters.agenda.now
        programmes.edit(session, self._actor, programme.id, programme.title, entries, now)

    def _other_languages(self, session: Session, chance: random.Random, unit: str) -> None:
        station = session.get_one(Station, _one(session, chance, select(Station.id).where(Station.unit_id == unit)))
        spoken = chance.choice((["vi"], [OTHER_LANGUAGE, "vi"], ["vi", OTHER_LANGUAGE]))
        stations.edit(
            session, self._actor, station.id, name=station.name, latitude=None, longitude=None, languages=spoken,
            now=self._headquarters.agenda.now,
        )  # fmt: skip

    def _move_station(self, session: Session, chance: random.Random, unit: str) -> None:
        """No service moves a station yet; this writes what one would, and announces it as `stations.edit` does."""
        station = session.get_one(Station, _one(session, chance, select(Station.id).where(Station.unit_id == unit)))
        self.moved(station.id)
        station.unit_id = commune_id(chance.randrange(self._headquarters.wishes.communes))
        session.add(station)
        now, names = self._headquarters.agenda.now, [f"station:{station.id}"]
        for topic in ("registry", "plan", "timetable"):
            changes.announce(session, topic, names, now)

    def _command(self, session: Session, chance: random.Random, unit: str) -> None:
        station = _one(session, chance, select(Station.id).where(Station.unit_id == unit))
        do = chance.choice(("volume", "stop", "restart", "test_tone", "sync"))
        value = chance.randrange(30, 100) if do == "volume" else None
        commands.give(session, self._actor, station, do, value, self._headquarters.agenda.now)

    def _other_hours(self, session: Session, chance: random.Random, unit: str) -> None:
        hours = chance.choice(([["22:00", "05:00"], ["11:00", "14:00"]], [["21:00", "06:00"]], None))
        home = session.get_one(Unit, unit)
        units.settle(
            session, self._actor, home, quiet_hours=hours, max_volume=None, zone=None, codec=None,
            now=self._headquarters.agenda.now,
        )  # fmt: skip

    @staticmethod
    def _text(chance: random.Random) -> str:
        return " ".join(chance.choice(_WORDS) for _ in range(chance.randint(20, 80))).capitalize() + "."


def _one(session: Session, chance: random.Random, query: object) -> str:
    """One of the names that a query finds. Raises InvalidInput when there is none."""
    found = sorted(session.exec(query).all())  # type: ignore[call-overload]
    if not found:
        raise InvalidInput("There is none.")
    return str(chance.choice(found))

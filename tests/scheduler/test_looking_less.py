"""The worker looks only where there can be something to see, and misses nothing by that."""

import contextlib
import random
from datetime import datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import event
from sqlmodel import select
from village import NOW, Village

from core import changes
from core.database import Database
from core.errors import LoaError
from core.stirrings import Stirrings
from playlists import programmes
from playlists.models import Bulletin, Rendition
from playlists.renditions import Other
from registry import stations, units
from registry.models import Unit
from scheduler import affected, planning
from scheduler.attention import attentive
from scheduler.foresight import Foresight
from scheduler.worker import Worker

# Whether anything was committed


def test_only_what_others_commit_changes_the_mark(either: Village):
    stirrings = Stirrings(either.database, good_for_seconds=0)
    try:
        before = stirrings.mark()
        with either.database.read() as session:
            session.exec(select(Unit)).all()
        assert stirrings.mark() == before
        with pytest.raises(ZeroDivisionError), either.database.write() as session:  # noqa: PT012 - after it has written
            changes.announce(session, "now", [], NOW)
            _ = 1 / 0
        rolled_back = stirrings.mark()
        with either.database.write() as session:
            changes.announce(session, "now", [], NOW)
            session.flush()
            unseen = stirrings.mark()
        seen = stirrings.mark()
        assert unseen != seen != rolled_back
        assert stirrings.mark() == seen
    finally:
        stirrings.close()
    assert stirrings.mark() != stirrings.mark()


def test_where_it_cannot_be_told_every_mark_is_another(tmp_path):
    gone = Database(f"sqlite:///{tmp_path / 'no such folder' / 'loa.db'}")
    stirrings = Stirrings(gone)
    assert stirrings.mark() != stirrings.mark()
    stirrings.close()
    gone.dispose()


# When a job looks


@pytest.fixture
def looks() -> list[datetime]:
    return []


def test_a_job_looks_when_something_was_committed_when_its_time_has_come_and_now_and_then(looks: list[datetime]):
    mark, due = [0], [False]
    look = attentive(looks.append, lambda: mark[0], lambda _: due[0], at_least_every=timedelta(seconds=5))
    at = iter(NOW + timedelta(seconds=each) for each in count())

    def looked(stirred: int = 0) -> bool:
        mark[0] += stirred
        before = len(looks)
        look(next(at))
        return len(looks) > before

    assert [looked(), looked(), looked()] == [True, False, False]
    assert [looked(1), looked()] == [True, False]
    due[0] = True
    assert [looked(), looked()] == [True, True]
    due[0] = False
    assert [looked() for _ in range(11)] == [False] * 4 + [True] + [False] * 4 + [True, False]


def test_a_job_that_failed_looks_again_and_so_does_one_whose_clock_ran_ahead(looks: list[datetime]):
    fails = [True, False]

    def step(now: datetime) -> None:
        looks.append(now)
        if fails.pop(0):
            raise RuntimeError

    look = attentive(step, lambda: 0)
    with pytest.raises(RuntimeError):
        look(NOW)
    look(NOW)
    look(NOW)
    assert len(looks) == 2
    fails.append(False)
    look(NOW - timedelta(seconds=1))
    assert len(looks) == 3


def test_at_rest_most_jobs_do_not_ask_the_database_for_more_than_a_mark(village: Village, worker: Worker):
    village.on_timetable(rrule="FREQ=DAILY")
    stirrings = Stirrings(village.database)
    beats = [each for each in worker.beats(stirrings.mark) if each.seconds <= 1]
    asked: list[str] = []
    event.listen(village.database.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    try:
        for _ in range(3):  # what the first looks write is seen by the second
            for beat in beats:
                beat.step(village.clock())
        before = len(asked)
        assert before > 0
        for _ in range(40):
            village.clock.advance(seconds=0.1)
            for beat in beats:
                beat.step(village.clock())
        assert {each.name for each in beats} >= {"alarms", "roll", "dispatch", "render-0", "render-urgent"}
        assert asked[before:] == []
        _, slot = village.on_timetable(minutes=75, text="Tin mới.")
        for beat in beats:
            beat.step(village.clock())
        assert [a.state for a in village.airings() if a.slot_id == slot] == ["issued"]
        village.clock.advance(minutes=75)
        for beat in beats:
            beat.step(village.clock())
        assert [a.state for a in village.airings() if a.slot_id == slot] == ["on_air"]
    finally:
        stirrings.close()


# Which slots planning looks at


def in_two_languages(village: Village, unit: str) -> str:
    """A daily slot of a programme that has a bulletin in Vietnamese and in H'Mông."""
    bulletin = village.bulletin(unit, text="Tin hai thứ tiếng.", others=(Other("hmn", text="Xov xwm."),))
    with village.database.read() as session:
        clips = session.exec(select(Rendition.clip_id)).all()
    for clip in clips:
        village.finish_clip(clip)
    return village.slot(
        village.programme(bulletin, unit=unit),
        NOW + timedelta(hours=3),
        "FREQ=DAILY",
        [f"unit:{village.unit(unit).code}"],
    )


def affected_by(village: Village, *names: str) -> set[str] | None:
    with village.database.read() as session:
        return affected.affected_slots(session, names)


def test_a_change_concerns_the_slots_it_may_alter_and_no_others(village: Village):
    units_, stations_ = village.cast.units, village.cast.stations
    bulletin, of_a = village.on_timetable(rrule="FREQ=DAILY")
    _, of_b = village.on_timetable(minutes=90, unit="commune_b", to=["unit:79.2"], text="Tin của xã B.")
    _, of_one = village.on_timetable(minutes=120, to=[f"station:{stations_['a1']}"], text="Tin của một cụm loa.")
    several = in_two_languages(village, "commune_a")
    assert affected_by(village, f"slot:{of_a}") == {of_a}
    assert affected_by(village, f"bulletin:{bulletin}") == {of_a}
    assert affected_by(village, f"unit:{units_['commune_a']}") == {of_a, of_one, several}
    assert affected_by(village, f"unit:{units_['commune_b']}") == {of_b}
    assert affected_by(village, f"unit:{units_['province']}") == {of_a, of_b, of_one, several}
    assert affected_by(village, f"station:{stations_['a1']}") == {of_one, several}
    assert affected_by(village, f"station:{stations_['a2']}") == {several}
    assert affected_by(village, f"station:{stations_['b1']}") == set()
    assert affected_by(village, "daypart:sang") == set()
    assert affected_by(village) == set()
    assert affected_by(village, f"slot:{of_a}", "something:else") is None


def test_the_newest_bulletins_are_sought_where_they_are_from_and_below(village: Village):
    slots = {}
    for unit in ("commune_a", "commune_b"):
        newest = village.programme(entries=[programmes.Entry(newest=programmes.Newest(count=2))], unit=unit)
        slots[unit] = village.slot(newest, NOW + timedelta(hours=2), to=[f"unit:{village.unit(unit).code}"])
    assert affected_by(village, f"bulletin:{village.bulletin('commune_a')}") == {slots["commune_a"]}
    assert affected_by(village, f"bulletin:{village.bulletin('province')}") == set(slots.values())


# Looking less comes to the same


def _edit(village: Village, chance: random.Random, number: int) -> None:
    """Something happens to the timetable, as people do it."""
    known = [slot.id for slot in village.slots() if slot.withdrawn_at is None]
    act = chance.randrange(8)
    unit, code = chance.choice((("commune_a", "79.1"), ("commune_b", "79.2"), ("province", "79")))
    if act == 0 and known:
        village.withdraw_slot(chance.choice(known))
    elif act == 1:
        bulletin = village.bulletin(unit, text=f"Tin {number}.", seconds=None)
        village.slot(
            village.programme(bulletin, unit=unit),
            village.clock() + timedelta(minutes=chance.randrange(3, 900)),
            None,
            [f"unit:{code}"],
        )
    elif act == 2:
        hours = chance.choice(([["00:00", "09:00"]], [["17:00", "18:30"]], None))
        with village.database.write() as session:
            units.settle(
                session, village.actor("root"), session.get_one(Unit, village.cast.units[unit]), quiet_hours=hours,
                max_volume=None, zone=None, codec=None, now=village.clock(),
            )  # fmt: skip
    elif act == 3:
        wanted = chance.choice(({"sessions_a_day": 2}, {"session_minutes": 1}, None))
        with village.database.write() as session:
            home = session.get_one(Unit, village.cast.units[unit])
            units.limit(session, village.actor("root"), home, wanted, village.clock())
    elif act == 4 and known:
        with village.database.read() as session:
            bulletin = chance.choice(session.exec(select(Bulletin.id).order_by(Bulletin.id)).all())
        village.rewrite(bulletin, f"Bản {number}.") if chance.random() < 0.6 else village.withdraw_bulletin(bulletin)
    elif act == 5:
        station = village.cast.stations[chance.choice(("a1", "a2", "b1"))]
        with village.database.write() as session:
            stations.edit(
                session, village.actor("root"), station, name="Cụm loa", latitude=None, longitude=None,
                languages=chance.choice((["vi"], ["hmn", "vi"])), now=village.clock(),
            )  # fmt: skip
    else:
        rule = chance.choice(("FREQ=DAILY", "FREQ=WEEKLY", None, "FREQ=DAILY;COUNT=3"))
        village.on_timetable(
            minutes=chance.randrange(3, 900), rrule=rule, unit=unit, to=[f"unit:{code}"], text=f"Tin {number}.",
            **({"valid_until": village.clock() + timedelta(hours=40)} if chance.random() < 0.3 else {}),
        )  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_what_time_alone_changes_is_foreseen(village: Village, worker: Worker, seed: int):
    """At every step a look at everything finds nothing left to do."""
    chance = random.Random(seed)  # noqa: S311 - chance, no secret
    in_two_languages(village, "commune_a")
    for number in range(40):
        if chance.random() < 0.4:
            with contextlib.suppress(LoaError):
                _edit(village, chance, number)
        village.clock.advance(seconds=chance.choice((1, 30, 61, 61, 400, 3_000, 20_000, 60_000)))
        if chance.random() < 0.05:
            village.clock.advance(seconds=-4_000)
        worker.dispatch(village.clock())
        worker.roll(village.clock())
        left = planning.roll(village.database, village.settings, village.signer, village.clock())
        passed_by = worker._nearly_at != village.clock()
        assert left == 0 or passed_by, f"step {number}"
        if left:
            worker._foresight.forget()
    assert len(village.airings(live=False)) > 10


def test_a_full_roll_looks_only_at_slots_whose_time_has_come(village: Village, monkeypatch: pytest.MonkeyPatch):
    looked: list[int] = []
    look = planning.look
    monkeypatch.setattr(planning, "look", lambda *given: (looked.append(len(given[3])), look(*given))[1])
    for number in range(4):
        village.on_timetable(minutes=60 + 60 * number, rrule="FREQ=DAILY", text=f"Tin số {number}.")
    foresight = Foresight()

    def roll() -> int:
        return planning.roll(village.database, village.settings, village.signer, village.clock(), foresight=foresight)

    assert (roll(), looked) == (32, [4])
    assert (roll(), looked) == (0, [4])
    village.clock.advance(minutes=60, seconds=1)
    assert (roll(), looked) == (1, [4, 1])  # its occurrence in eight days
    village.clock.advance(minutes=59)
    assert (roll(), looked) == (0, [4, 1])
    village.clock.advance(days=1)
    assert (roll(), looked) == (4, [4, 1, 4])

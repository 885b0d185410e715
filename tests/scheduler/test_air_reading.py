"""The picture of the air follows the tables, also what was written long after its instant."""

from datetime import timedelta

from sqlmodel import Session, col, select

from core.wire import Heartbeat
from registry import stations
from registry.models import StationState
from scheduler.air_folds import folds, scope
from scheduler.air_now import AirPicture
from scheduler.air_reading import AirReader
from scheduler.models import Airing, PlayReport

EVERYWHERE = ("/",)


class Follower:
    """A reader as the web process has one, but for who answers to which name."""

    def __init__(self, village):
        self.village = village
        self.picture = AirPicture(180)
        self.reader = AirReader(self.picture, self.answering, dict)

    def answering(self, names):
        with self.village.database.read() as session:
            places = stations.places(session)
        return {place.station.id for place in places if not set(names).isdisjoint(place.names)}

    def look(self):
        with self.village.database.read() as session:
            self.reader.look(session, self.village.clock())
        first, _ = folds(self.picture, scope(self.picture, EVERYWHERE), self.village.clock())
        return first

    def counts(self):
        (fold,) = self.look()
        return fold.planned, fold.many("playing"), fold.many("played")


def begun(village, seconds=600.0):
    """An airing that began a moment ago in commune A; its id."""
    village.on_timetable(minutes=30, seconds=seconds)
    village.roll()
    village.clock.at = village.airings()[0].starts_at + timedelta(seconds=5)
    return village.airings()[0].id


def beats(village, short, at, playing):
    with village.database.write() as session:
        stations.heard(session, village.cast.stations[short], Heartbeat(playing=playing, volume=70), at)


def row(village, short, airing, received_at, number=0):
    now = village.clock()
    return PlayReport(
        id=f"{number:08}-0000-4000-8000-000000000000", station_id=village.cast.stations[short], airing_id=airing, item=0,
        outcome="played", started_at=now, ended_at=now, seconds=600.0, received_at=received_at,
    )  # fmt: skip


def test_a_word_that_is_committed_late_is_not_lost(village):
    airing = begun(village)
    follower = Follower(village)
    planned, playing, _ = follower.counts()
    assert (planned > 0, playing) == (True, 0)
    said_at = village.clock()
    for _ in range(4):  # the writer had to wait all this while
        village.clock.at += timedelta(seconds=5)
        follower.counts()
    beats(village, "a1", said_at, airing)
    assert follower.counts() == (planned, 1, 0)
    village.clock.at += timedelta(seconds=20)
    with village.database.write() as session:
        session.add(row(village, "a1", airing, said_at))
    assert follower.counts() == (planned, 0, 1)


def test_after_a_long_rest_what_is_on_air_is_read_again(village):
    airing = begun(village, seconds=1_800.0)
    follower = Follower(village)
    planned, *_ = follower.counts()
    with village.database.write() as session:
        told = row(village, "a1", airing, village.clock() + timedelta(minutes=1))
        told.seconds = 1_800.0
        session.add(told)
    village.clock.at += timedelta(minutes=20)
    assert follower.counts() == (planned, 0, 1)


def test_a_withdrawal_is_seen_when_the_feed_tells_of_it(village):
    _, slot = village.on_timetable(minutes=30, seconds=600.0)
    village.roll()
    village.clock.at = village.airings()[0].starts_at + timedelta(seconds=5)
    follower = Follower(village)
    (before,) = follower.look()
    assert before.states <= {"issued", "on_air"}
    village.withdraw_slot(slot)
    village.roll()
    village.clock.at += timedelta(seconds=1)
    with village.database.read() as session:
        state = session.exec(select(Airing.state)).one()
    assert [fold.states for fold in follower.look()] == ([{state}] if state != "withdrawn" else [{"withdrawn"}])
    assert state == "withdrawn"


def test_who_was_never_heard_is_without_contact(village):
    begun(village)
    with village.database.write() as session:
        forget(session)
    (fold,) = Follower(village).look()
    assert fold.many("silent") == fold.planned


def forget(session: Session):
    for state in session.exec(select(StationState).order_by(col(StationState.station_id))).all():
        session.delete(state)

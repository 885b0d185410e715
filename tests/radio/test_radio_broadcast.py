"""What is read from the tables as sounding at a station, or at a unit as a whole."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import select
from village import FakeClock, Village

from core.errors import NotFound
from playlists import bulletins, renditions
from playlists.renditions import Other
from registry import stations, units
from registry.models import Station, Unit
from scheduler import broadcast, commands, emergencies
from scheduler.broadcast import Passage
from scheduler.models import Emergency


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def sounding(village: Village, place: str, at: datetime) -> Passage | None:
    """What sounds at a place at an instant, as the tables have it by now."""
    with village.database.read() as session:
        spot = broadcast.spot(session, place)
        script = broadcast.read(session, spot, village.settings.zone, village.clock())
    found = [each for each in script.passages(at + timedelta(minutes=1), {}) if each.start <= at < each.end]
    assert len(found) < 2
    return found[0] if found else None


def on_air(village: Village, **more: object) -> datetime:
    """A bulletin of 20 seconds that has been on air for 5 by now; now."""
    village.on_timetable(minutes=15, **more)
    village.roll()
    return village.clock.advance(minutes=15, seconds=5)


def test_a_station_and_the_units_above_it_are_heard_by_id_and_by_code(village: Village):
    now = on_air(village)
    cast = village.cast
    for place in (cast.stations["a1"], cast.units["hamlet_a1"], cast.units["commune_a"], "79.1", "79.1.2"):
        passage = sounding(village, place, now)
        assert passage is not None, place
        assert passage.title == "Mời họp"
        assert len(passage.sha256) == 64
        assert (passage.end - passage.start).total_seconds() == 20
    for place in (cast.stations["b1"], "79.2", "79"):
        assert sounding(village, place, now) is None, place


def test_what_is_not_there_is_not_found(village: Village):
    with village.database.read() as session:
        for name in ("st_nothing", "79.9", "", "air_1"):
            with pytest.raises(NotFound):
                broadcast.spot(session, name)


def test_quiet_hours_silence_a_programme_and_not_an_emergency(village: Village):
    now = on_air(village)
    with village.database.write() as session:
        unit = session.get_one(Unit, village.cast.units["commune_a"])
        units.settle(
            session, village.actor("root"), unit, quiet_hours=[["10:00", "12:00"]], max_volume=None, zone=None,
            codec=None, now=now,
        )  # fmt: skip
    assert sounding(village, "79.1", now) is None
    assert _alarm(village) is not None
    assert sounding(village, "79.1", now + timedelta(seconds=1)) is not None


def _alarm(village: Village) -> str:
    with village.database.write() as session:
        raised, _ = emergencies.raise_alarm(
            session, village.actor("approver"), village.unit("commune_a"),
            emergencies.Alarm(signal="none", audience=["unit:79.1"], text="Lũ lên!"), signer=village.signer,
            default_zone=village.settings.zone, max_chars=1_000, now=village.clock(),
        )  # fmt: skip
        identity, clip = raised.id, raised.clip_id
    village.finish_clip(clip, 8.0)
    with village.database.write() as session:
        emergencies.issue_ready(session, village.signer, village.clock())
    return identity


def test_an_emergency_cuts_a_programme_which_goes_on_when_it_is_stopped(village: Village):
    now = on_air(village)
    identity = _alarm(village)
    alarm = sounding(village, village.cast.stations["a1"], now + timedelta(seconds=2))
    assert alarm is not None
    assert "Lũ lên!" in alarm.title
    stopped = village.clock.advance(seconds=3)
    with village.database.write() as session:
        emergencies.stop(session, village.actor("approver"), session.exec(select(Emergency.id)).one(), stopped)
    assert identity
    after = sounding(village, village.cast.stations["a1"], stopped + timedelta(seconds=1))
    assert after is not None
    assert after.title == "Mời họp"


def test_what_is_withdrawn_sounds_no_more(village: Village):
    made, _ = village.on_timetable(minutes=15)
    village.roll()
    now = village.clock.advance(minutes=15, seconds=5)
    assert sounding(village, "79.1", now) is not None
    village.withdraw_bulletin(made)
    village.roll()
    assert sounding(village, "79.1", now + timedelta(seconds=1)) is None


def test_an_order_to_stop_is_heard_at_that_station_only(village: Village):
    now = on_air(village)
    cast = village.cast
    with village.database.write() as session:
        commands.give(session, village.actor("operator"), cast.stations["a1"], "stop", None, now)
    later = village.clock.advance(seconds=1)
    assert sounding(village, cast.stations["a1"], later) is None
    assert sounding(village, cast.stations["a2"], later) is not None


def test_where_the_volume_is_nought_or_no_device_is_in_service_nothing_sounds(village: Village):
    now = on_air(village)
    station = village.cast.stations["a1"]
    with village.database.write() as session:
        row = session.get_one(Station, station)
        row.volume = 0
        session.add(row)
    passage = sounding(village, station, now)
    assert passage is not None
    assert passage.sha256 == ""
    with village.database.write() as session:
        stations.revoke(session, village.actor("operator"), station, now)
    assert sounding(village, station, now) is None


def test_a_unit_is_heard_in_vietnamese_where_its_stations_hear_several_versions(village: Village):
    """20 seconds of Vietnamese, 31 of H'Mông; nobody hears both."""
    speaks(village, "a1", "hmn")
    speaks(village, "b1", "hmn")
    made = in_two_languages(village)
    village.slot(village.programme(made, unit="province"), village.clock() + timedelta(minutes=15), to=["unit:79"])
    village.roll()
    now = village.clock.advance(minutes=15, seconds=5)
    cast = village.cast
    heard = {
        place: (passage.end - passage.start).total_seconds() if (passage := sounding(village, place, now)) else None
        for place in (cast.stations["a1"], cast.stations["a2"], "79", "79.1", "79.2", "79.2.1")
    }
    hmong_alone = {cast.stations["a1"]: 31.0, "79.2.1": 31.0}
    assert heard == {cast.stations["a2"]: 20.0, "79": 20.0, "79.1": 20.0, "79.2": 20.0} | hmong_alone


def speaks(village: Village, short: str, language: str) -> None:
    with village.database.write() as session:
        station = session.get_one(Station, village.cast.stations[short])
        stations.edit(
            session, village.actor("root"), station.id, name=station.name, latitude=None, longitude=None,
            languages=[language], now=village.clock(),
        )  # fmt: skip


def in_two_languages(village: Village) -> str:
    others = (Other("hmn", text="Nội dung bằng tiếng Mông"),)
    with village.database.write() as session:
        version = bulletins.create(
            session, village.actor("root"), village.unit("province"),
            bulletins.Draft(title="Tiêm chủng", text="Mời bà con đi tiêm.", others=others),
            max_chars=20_000, now=village.clock(),
        )  # fmt: skip
        made = [clip.id for _, clip in renditions.with_clips(session, version)]
    for seconds, clip in zip((20.0, 31.0), (version.clip_id, *made), strict=True):
        village.finish_clip(clip, seconds)
    village._bring(version.bulletin_id, "approved")
    return version.bulletin_id


def test_a_change_concerns_who_answers_to_one_of_its_names_or_has_it_below(village: Village):
    with village.database.read() as session:
        commune = broadcast.spot(session, "79.1")
        station = broadcast.spot(session, village.cast.stations["a1"])
    cast = village.cast
    province, hamlet = f"unit:{cast.units['province']}", f"unit:{cast.units['hamlet_a2']}"
    other = f"station:{cast.stations['b1']}"
    assert [broadcast.concerns(commune, each) for each in ([], [province], [hamlet], [other])] == [
        True,
        True,
        True,
        False,
    ]
    assert [broadcast.concerns(station, each) for each in ([], [province], [hamlet], [other])] == [
        True,
        True,
        False,
        False,
    ]

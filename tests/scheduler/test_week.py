"""Seven days at a place: what sounds, what was skipped or lost, minutes, lunar days, and what the SIM card pays for."""

from datetime import date, datetime, timedelta

import pytest
from village import NOW, Village

from core.errors import NotFound
from registry import units
from scheduler import audience, editing, meeting, reservations, simdata, slots, week
from scheduler.editing import Change, Rules
from scheduler.simdata import Fetched, overhead, use_of
from scheduler.week import Look, Week

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST = NOW + HOUR


def of_unit(village: Village, unit: str = "commune_a", first: date | None = None, budget: int = 4_800) -> Week:
    with village.database.read() as session:
        look = Look(village.settings.zone, budget, village.clock())
        return week.of_unit(session, village.actor("root"), village.unit(unit), first, look)


def of_station(village: Village, station: str = "a1", who: str = "root") -> Week:
    with village.database.read() as session:
        look = Look(village.settings.zone, 4_800, village.clock())
        return week.of_station(session, village.actor(who), village.cast.stations[station], None, look)


@pytest.fixture
def daily(village: Village) -> str:
    _, slot = village.on_timetable(rrule="FREQ=DAILY", field="health")
    village.roll()
    return slot


def test_a_week_has_seven_days_with_lunar_dates_and_holidays(village: Village):
    found = of_unit(village, first=date(2026, 12, 28))
    assert [day.date.isoformat() for day in found.days][::6] == ["2026-12-28", "2027-01-03"]
    assert [day.lunar for day in found.days][:2] == ["20", "21"]
    assert [bool(day.holiday) for day in found.days] == [False, False, False, False, True, False, False]


def test_the_week_begins_on_monday_where_the_unit_is(village: Village):
    assert of_unit(village).days[0].date == date(2026, 11, 23)
    village.clock.at = datetime.fromisoformat("2026-11-29T16:59:00Z")
    assert of_unit(village).days[0].date == date(2026, 11, 23)
    village.clock.advance(minutes=2)
    assert of_unit(village).days[0].date == date(2026, 11, 30)


def test_planned_skipped_moved_and_expected_occurrences_are_told_apart(village: Village, daily: str):
    rules = Rules(village.settings.zone, timedelta(minutes=10))
    for number, change in ((1, Change(skip=True)), (2, Change(starts="2026-11-25T15:30"))):
        with village.database.write() as session:
            editing.change_one(session, village.actor("root"), daily, FIRST + number * DAY, change, rules, NOW)
    village.roll()
    blocks = of_unit(village).blocks
    assert [block.state for block in blocks] == ["issued", "skipped", *["issued"] * 5]
    assert [block.moved_from for block in blocks if block.moved_from] == [FIRST + 2 * DAY]
    later = of_unit(village, first=date(2027, 1, 4)).blocks
    assert [(block.state, block.airing) for block in later] == [("expected", None)] * 7


def test_what_is_lost_at_a_station_is_marked_with_what_it_lost_to(village: Village, daily: str):
    urgent = village.bulletin(text="Phòng cháy.", priority="priority", seconds=60.0)
    village.slot(village.programme(urgent, title="Ưu tiên"), FIRST)
    village.roll()
    found = of_station(village)
    marked = [(block.title, block.lost, block.lost_to) for block in found.blocks if block.lost]
    assert marked == [("Bản tin", "lost", "Ưu tiên")]
    assert [(clash["titles"], clash["first"]) for clash in found.clashes] == [(["Bản tin", "Ưu tiên"], "Ưu tiên")]
    assert len(of_unit(village).clashes) == 1
    assert of_station(village, "b1").blocks == []


def test_minutes_are_counted_by_field_and_by_whose_they_are(village: Village, daily: str):
    above = village.bulletin("province", text="Tin tỉnh.", seconds=120.0, field="policy")
    village.slot(village.programme(above, unit="province", title="Tỉnh"), FIRST + HOUR, to=["unit:79"])
    village.roll()
    minutes = of_unit(village).minutes
    assert {name: round(value, 2) for name, value in minutes.fields.items()} == {"health": 2.33, "policy": 2.0}
    assert {name: round(value, 2) for name, value in minutes.levels.items()} == {"own": 2.33, "above": 2.0}
    assert of_unit(village, "province").minutes.levels.keys() == {"own", "below"}


def test_limits_of_a_day_and_reserved_time_are_shown(village: Village, daily: str):
    village.slot(village.programme(village.bulletin(text="Khác.")), FIRST + HOUR, "FREQ=DAILY")
    village.roll()
    root = village.actor("root")
    with village.database.write() as session:
        units.limit(session, root, units.find(session, root, "79.1"), {"sessions_a_day": 1}, NOW)
        reservations.create(
            session, root, units.find(session, root, "79"), name="Thời sự", starts="2026-11-23T18:00", minutes=30,
            rrule="FREQ=DAILY", default_zone=village.settings.zone, now=NOW,
        )  # fmt: skip
    found = of_unit(village)
    assert (found.days[0].sessions, found.days[0].over) == (2, ("sessions_a_day",))
    assert [each["name"] for each in found.reserved] == ["Thời sự"] * 7


def test_a_stranger_has_no_week_of_ours(village: Village, daily: str):
    with pytest.raises(NotFound):
        of_station(village, who="stranger")


def item(name: str, size: int) -> dict:
    return {"clip": {"opus": {"sha256": name, "bytes": size}, "mp3": {"sha256": f"{name}m", "bytes": 3 * size}}}


def test_each_clip_is_counted_once_and_new_ones_are_projected_to_the_month():
    fetched = Fetched()
    for day in range(11):  # ten days between first and last
        fetched.take(NOW + day * DAY, [item("tune", 1_000), item(f"news{day}", 100)], "opus")
    use = use_of(fetched, "opus")
    assert (use.clips, use.observed_days) == (1_000 + 3 * 11 * 100, 10.0)
    assert use.overhead == overhead(33, 66)
    assert (use.over(0), use.over(4_800)) == (False, False)


def test_the_codec_as_set_and_the_budget_count(village: Village, daily: str):
    found = of_unit(village)
    (identity, _, use), *_ = found.uses
    with village.database.read() as session:
        small = simdata.of_stations(session, {identity: ((f"unit:{village.cast.units['commune_a']}",), "opus")}, NOW)
    assert use == small[identity]
    assert (len(found.uses), found.over_budget) == (4, 0)
    assert 100e6 < use.overhead < 200e6  # what waiting and heartbeats take is no small thing
    assert of_unit(village, budget=1).over_budget == 4


def test_a_preview_reckons_a_clip_that_is_not_made_yet_by_its_length(village: Village):
    made = village.programme(village.bulletin(seconds=None, text="x" * 1_000))
    with village.database.write() as session:
        seen = slots.preview(
            session, village.actor("root"), village.wish(made, "2026-11-24T06:00", "FREQ=DAILY"),
            default_zone=village.settings.zone, now=NOW,
        )  # fmt: skip
    assert seen.sim_bytes_a_month == round(seen.seconds * 3_000)


def test_groups_and_single_stations_meet_what_sounds_at_their_place(village: Village):
    group = village.group("commune_a", "a1", "a2")
    names = {
        "commune": (f"unit:{village.cast.units['commune_a']}",),
        "hamlet": (f"unit:{village.cast.units['hamlet_a2']}",),
        "neighbour": (f"unit:{village.cast.units['commune_b']}",),
        "group": (f"group:{group}",),
        "a1": (f"station:{village.cast.stations['a1']}",),
        "b1": (f"station:{village.cast.stations['b1']}",),
    }
    with village.database.read() as session:
        meetings = meeting.load(session, names.values())
        together = {
            (one, other)
            for one in names for other in names
            if one < other and meetings.meet(names[one], names[other])
        }  # fmt: skip
        stations = {name: audience.station_ids(session, found) for name, found in names.items()}
    assert together == {
        (one, other) for one in names for other in names if one < other and stations[one] & stations[other]
    }

"""Putting a programme on the timetable: what can't work is refused with a reason."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import func, select
from village import NOW, ZONE, Village

from audio.models import Clip
from core.audit import AuditEntry
from core.changes import Change
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from registry import stations
from registry.models import Unit
from scheduler import slots
from scheduler.clashes import Span, first_overlap, self_overlap
from scheduler.models import Airing, Slot, SlotTarget

MORNING = "2026-11-24T06:00"


@pytest.fixture
def programme(village: Village) -> str:
    """Ten minutes of the province."""
    return village.programme(village.bulletin("province", seconds=600), unit="province")


def refusal(village: Village, programme: str, *arguments, by: str = "root", **more) -> InvalidInput | Conflict:
    with pytest.raises((InvalidInput, Conflict)) as refused, village.database.write() as session:
        slots.create(
            session,
            village.actor(by),
            village.wish(programme, *arguments, **more),
            default_zone=village.settings.zone,
            now=village.clock(),
        )
    assert village.roll() >= 0
    return refused.value


@pytest.mark.parametrize(
    ("first", "second", "meet"),
    [
        ("unit:79.1", "unit:79.1", True), ("unit:79.1", "unit:79.1.1", True), ("unit:79.1.1", "unit:79.1", True), ("unit:79", "unit:79.2.1", True),
        ("unit:79.1.1", "unit:79.1.2", False), ("unit:79.1", "unit:79.2", False), ("group", "unit:79.1.1", True), ("unit:79.1.1", "group", True),
        ("group", "unit:79.1.2", False), ("station", "unit:79.1", True), ("group", "station", True), ("station", "unit:79.2", False),
        ("unit:79.3", "unit:79.3.1", True), ("unit:79.3.1", "unit:79.3", True), ("unit:79.3.1", "unit:79.3.2", False), ("unit:79.3", "unit:79", True),
    ],
)  # fmt: skip
def test_two_programmes_never_meet_at_a_station(village: Village, programme: str, first: str, second: str, meet: bool):
    """79.3 and its hamlets have no stations yet: what is accepted today must hold when they come."""
    with village.database.write() as session:
        for code, above in (("79.3", "79"), ("79.3.1", "79.3"), ("79.3.2", "79.3")):
            slots.units.create(session, village.actor("root"), name=code, code=code, parent=above, zone=None, now=NOW)
    names = {"group": f"group:{village.group('commune_a', 'a1')}", "station": f"station:{village.cast.stations['a1']}"}
    taken = village.slot(programme, MORNING, "FREQ=DAILY", [names.get(first, first)])
    to = [names.get(second, second)]
    if meet:
        refused = refusal(village, programme, "2026-11-26T06:05", None, to)
        (clash,) = refused.clashes
        assert (clash["slot"], clash["title"], clash["at"]) == (
            taken,
            "Bản tin",
            datetime(2026, 11, 25, 23, 5, tzinfo=UTC),
        )
        assert "26/11/2026 06:05" in str(refused)
    else:
        assert village.slot(programme, "2026-11-26T06:05", None, to)


@pytest.mark.parametrize(
    ("starts", "meet"), [("05:50:00", False), ("05:50:01", True), ("06:09:59", True), ("06:10:00", False)]
)
def test_neighbours_may_touch_but_not_overlap(village: Village, programme: str, starts: str, meet: bool):
    village.slot(programme, MORNING, "FREQ=DAILY")
    if meet:
        assert refusal(village, programme, f"2026-11-26T{starts}").code == "conflict"
    else:
        assert village.slot(programme, f"2026-11-26T{starts}")


def test_rules_that_meet_only_after_weeks_are_found(village: Village, programme: str):
    village.slot(programme, MORNING, "FREQ=MONTHLY;BYMONTHDAY=31")
    assert refusal(village, programme, "2026-11-29T06:00", "FREQ=WEEKLY;BYDAY=SU").code == "conflict"


def test_a_far_off_single_date_meets_a_busy_rule(village: Village):
    short = village.programme(village.bulletin(seconds=20))
    village.slot(short, MORNING, "FREQ=DAILY;BYHOUR=6,7,8,9,10,11,12,13,14,15,16,17;BYMINUTE=0,15,30,45")
    assert refusal(village, short, "2027-09-30T06:15").code == "conflict"
    assert village.slot(short, "2027-09-30T06:20")


def test_a_busy_rule_meets_a_far_off_single_date(village: Village):
    short = village.programme(village.bulletin(seconds=20))
    village.slot(short, "2027-09-30T06:15")
    assert (
        refusal(village, short, MORNING, "FREQ=DAILY;BYHOUR=6,7,8,9,10,11,12,13,14,15,16,17;BYMINUTE=0,15,30,45").code
        == "conflict"
    )


def test_a_withdrawn_slot_makes_room(village: Village, programme: str):
    village.withdraw_slot(village.slot(programme, MORNING, "FREQ=DAILY"))
    assert village.slot(programme, MORNING, "FREQ=DAILY")


def test_what_clashes_in_an_unseen_unit_is_named_only_by_that_unit(village: Village, programme: str):
    village.slot(programme, MORNING, "FREQ=DAILY", ["unit:79"])
    own = village.programme(village.bulletin())
    refused = refusal(village, own, MORNING, by="operator")
    assert refused.clashes[0]["slot"] is None
    assert refused.clashes[0]["title"] == "province"


@pytest.mark.parametrize(
    ("starts", "rrule", "more", "code"),
    [
        ("2026-11-23T09:59", None, {}, "in_the_past"), ("2020-01-01T06:00", None, {}, "in_the_past"),
        ("2038-11-24T06:00", None, {}, "too_far"),
        ("2020-01-01T06:00", "FREQ=DAILY;COUNT=3", {}, "never_occurs"), (MORNING, "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", {}, "never_occurs"),
        (MORNING, "FREQ=DAILY", {"until": "2026-11-23"}, "never_occurs"), (MORNING, None, {"exdates": ["2026-11-24"]}, "in_the_past"),
        (MORNING, None, {"zone": "Mars/Base"}, "unknown_zone"), ("2026-11-24T22:30", None, {}, "quiet_hours"),
        ("2026-11-24T21:55", "FREQ=DAILY", {}, "quiet_hours"), ("2026-11-24T04:55", None, {}, "quiet_hours"),
        (MORNING, "FREQ=DAILY;BYHOUR=6;BYMINUTE=0,5", {}, "too_long"), (MORNING, "FREQ=MINUTELY", {}, "too_often"),
        ("2026-11-24T06:00", None, {"volume": 101}, "invalid_input"), (MORNING, None, {"late": "never"}, "invalid_input"),
        (MORNING, "FREQ=SOMETIMES", {}, None), ("tomorrow", None, {}, None), (MORNING, "FREQ=DAILY", {"until": "x"}, None),
        (MORNING, None, {"to": ["unit:79.1"] * 1_001}, "invalid_input"), (MORNING, None, {"to": ["hamlet"]}, "invalid_input"),
    ],
)  # fmt: skip
def test_a_slot_that_cannot_work_is_refused_with_its_reason(
    village: Village, programme: str, starts, rrule, more, code
):
    refused = refusal(village, programme, starts, rrule, more.pop("to", []), **more)
    assert isinstance(refused, InvalidInput)
    assert code is None or refused.code == code
    with village.database.read() as session:
        assert session.exec(select(Slot)).all() == []


def test_a_rule_without_an_end_is_fine(village: Village, programme: str):
    assert village.slot(programme, MORNING, "FREQ=DAILY")
    with village.database.read() as session:
        assert len(slots.next_instants(session, village.slots()[0], NOW)) == 5


def test_the_strictest_hours_of_all_units_named_hold(village: Village, programme: str):
    with village.database.write() as session:
        session.get_one(Unit, village.cast.units["hamlet_b1"]).quiet_hours = [["05:00", "07:00"]]
    assert refusal(village, programme, MORNING, None, ["unit:79.1", "unit:79.2.1"]).code == "quiet_hours"
    assert village.slot(programme, MORNING, None, ["unit:79.1"])


def test_who_may_not_schedule_is_refused(village: Village):
    own = village.programme(village.bulletin())
    for by, error in (("viewer", Forbidden), ("writer", Forbidden), ("stranger", NotFound)):
        with pytest.raises(error), village.database.write() as session:
            slots.create(
                session, village.actor(by), village.wish(own, MORNING), default_zone="Asia/Ho_Chi_Minh", now=NOW
            )
    for to in ("unit:79", "unit:79.2", f"station:{village.cast.stations['b1']}"):
        with pytest.raises(NotFound), village.database.write() as session:
            slots.create(
                session,
                village.actor("operator"),
                village.wish(own, MORNING, to=[to]),
                default_zone="Asia/Ho_Chi_Minh",
                now=NOW,
            )


def counts(village: Village) -> list[int]:
    with village.database.read() as session:
        return [
            session.exec(select(func.count()).select_from(table)).one()
            for table in (Slot, SlotTarget, Airing, AuditEntry, Change)
        ]


def test_a_preview_tells_everything_and_saves_nothing(village: Village, programme: str):
    village.slot(programme, MORNING, "FREQ=DAILY")
    before = counts(village)

    def preview(*arguments, **more) -> slots.Preview:
        with village.database.write() as session:
            return slots.preview(
                session,
                village.actor("root"),
                village.wish(programme, *arguments, **more),
                default_zone="Asia/Ho_Chi_Minh",
                now=NOW,
            )

    good = preview("2026-11-24T17:00", "FREQ=DAILY")
    assert good.next[0] == datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    assert (len(good.next), good.seconds, good.clashes, good.limits, good.stations) == (slots.PREVIEWED, 600, [], [], 4)
    with village.database.read() as session:
        (clip,) = session.exec(select(Clip)).all()
    assert good.sim_bytes_a_month == clip.opus_bytes  # once, though it sounds thirty times
    bad = preview("2026-11-24T06:05", "FREQ=DAILY", ["unit:79"])
    assert len(bad.clashes) == 1
    night = preview("2026-11-24T23:00")
    assert night.limits[0]["limit"] == "quiet_hours"
    assert counts(village) == before


def test_the_first_instants_come_back_in_the_zone_of_the_wish(village: Village, programme: str):
    with village.database.write() as session:
        _, coming = slots.create(
            session, village.actor("root"), village.wish(programme, "2026-11-24T08:00", "FREQ=DAILY;COUNT=2", zone="Asia/Tokyo"),
            default_zone="Asia/Ho_Chi_Minh", now=NOW,
        )  # fmt: skip
    assert [at.astimezone(ZONE).isoformat() for at in coming] == [
        "2026-11-24T06:00:00+07:00",
        "2026-11-25T06:00:00+07:00",
    ]


def test_a_station_that_comes_later_hears_no_two_things_at_once(village: Village, programme: str):
    village.slot(programme, MORNING, "FREQ=DAILY", ["unit:79.1"])
    refusal(village, programme, MORNING, "FREQ=DAILY", ["unit:79.1.2"])
    with village.database.write() as session:
        stations.create(session, village.actor("root"), name="mới", unit=village.unit("hamlet_a2"), hours=1, now=NOW)


spans = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 15)), max_size=12).map(
    lambda pairs: [Span(NOW + timedelta(seconds=a), NOW + timedelta(seconds=a + length), str(a)) for a, length in pairs]
)


@given(spans, spans)
def test_overlaps_are_found_exactly_when_there_are_any(mine: list[Span], theirs: list[Span]):
    def without_overlaps(given_: list[Span]) -> list[Span]:
        kept: list[Span] = []
        for span in sorted(given_):
            if not kept or kept[-1].end <= span.start:
                kept.append(span)
        return kept

    mine, theirs = without_overlaps(mine), without_overlaps(theirs)
    pairs = [(a, b) for a in mine for b in theirs if a.start < b.end and b.start < a.end]
    found = first_overlap(mine, theirs)
    assert (found is None) is (not pairs)
    if found:
        assert found in pairs
        assert found[0] == min(a for a, _ in pairs)


@given(spans)
def test_a_programme_that_runs_into_itself_is_found(given_: list[Span]):
    ordered = sorted(given_)
    brute = any(b.start < a.end for i, a in enumerate(ordered) for b in ordered[i + 1 : i + 2])
    assert (self_overlap(given_) is not None) is brute

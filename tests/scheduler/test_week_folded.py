"""The week of a wide place: what is alike in many communes is one line, whether it is planned already or not."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import event
from village import NOW, Village

from registry import units
from registry.models import Unit
from registry.rights import system_actor
from scheduler import editing, week_folded
from scheduler.editing import Change, Rules

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)


def lines(village: Village, who: str = "root", unit: str = "province", first: datetime = MONDAY):
    with village.database.read() as session:
        here = session.get_one(Unit, village.cast.units[unit])
        return week_folded.of_unit(session, village.actor(who), here, first, first + 7 * DAY, village.clock())


@pytest.fixture
def alike(village: Village) -> dict[str, str]:
    """The same programme every morning in both communes, made by each."""
    found = {}
    for short, code in (("commune_a", "79.1"), ("commune_b", "79.2")):
        made = village.programme(village.bulletin(short), unit=short, title="Bản tin sáng")
        found[short] = village.slot(made, NOW + HOUR, "FREQ=DAILY", to=[f"unit:{code}"])
    return found


def test_what_is_not_planned_yet_is_one_line_a_day(village: Village, alike: dict[str, str]):
    found = lines(village)
    assert [(line.title, line.units, line.state) for line in found] == [("Bản tin sáng", 2, "expected")] * 7


def test_what_is_planned_is_one_line_a_day_and_never_there_twice(village: Village, alike: dict[str, str]):
    village.roll()
    found = lines(village)
    assert [(line.title, line.units, line.state) for line in found] == [("Bản tin sáng", 2, "issued")] * 7
    half = lines(village, first=MONDAY + 7 * DAY)
    assert [(line.units, line.count) for line in half] == [(2, 2)] * 7
    assert {line.state for line in half} <= {"issued", "expected"}


def test_one_that_was_moved_stands_by_itself(village: Village, alike: dict[str, str]):
    rules = Rules(village.settings.zone, timedelta(minutes=10))
    with village.database.write() as session:
        editing.change_one(session, village.actor("root"), alike["commune_b"], NOW + HOUR + DAY,
                           Change(starts="2026-11-24T15:00"), rules, NOW)  # fmt: skip
    on_tuesday = [line for line in lines(village) if line.starts_at.date() == date(2026, 11, 24)]
    assert [(line.units, line.unit) for line in on_tuesday] == [(1, "commune_a"), (1, "commune_b")]


def test_what_is_for_the_whole_place_is_marked(village: Village, alike: dict[str, str]):
    village.slot(
        village.programme(village.bulletin("province"), unit="province", title="Tin tỉnh"),
        NOW + 2 * HOUR,
        to=["unit:79"],
    )
    found = {line.title: line.whole for line in lines(village)}
    assert found == {"Bản tin sáng": False, "Tin tỉnh": True}
    village.roll()
    assert {line.title: line.whole for line in lines(village)} == found


def test_the_members_of_a_line_are_found_page_by_page(village: Village, alike: dict[str, str]):
    def members(found, after: str, who: str = "root") -> list[str]:
        with village.database.read() as session:
            here = session.get_one(Unit, village.cast.units["province"])
            return [row.id for row, _ in found(session, village.actor(who), here, "Bản tin sáng", NOW + HOUR, after, 1)]

    first = members(week_folded.expected_members, "")
    assert {*first, *members(week_folded.expected_members, first[0])} == set(alike.values())
    assert members(week_folded.expected_members, "zz") == []
    assert members(week_folded.expected_members, "", "operator") == [alike["commune_a"]]
    village.roll()
    one = members(week_folded.members, "")
    assert len({*one, *members(week_folded.members, one[0])}) == 2


def test_the_number_of_questions_does_not_grow_with_the_communes(village: Village, alike: dict[str, str]):
    asked: list[str] = []

    def count() -> int:
        asked.clear()
        with village.database.read() as session:
            here = session.get_one(Unit, village.cast.units["province"])
            actor = village.actor("root")
            event.listen(village.database.engine, "before_cursor_execute", note)
            try:
                week_folded.of_unit(session, actor, here, MONDAY, MONDAY + 7 * DAY, village.clock())
            finally:
                event.remove(village.database.engine, "before_cursor_execute", note)
        return len(asked)

    def note(conn, cursor, statement, *_more) -> None:
        asked.append(statement)

    before = count()
    for number in range(5):
        with village.database.write() as session:
            units.create(
                session, system_actor(), name=f"Xã {number}", code=f"79.9{number}", parent="79", zone=None, now=NOW
            )
        village.cast.units[f"more{number}"] = ""
        with village.database.read() as session:
            village.cast.units[f"more{number}"] = units.find(session, village.actor("root"), f"79.9{number}").id
        made = village.programme(village.bulletin(f"more{number}"), unit=f"more{number}", title="Bản tin sáng")
        village.slot(made, NOW + HOUR, "FREQ=DAILY", to=[f"unit:79.9{number}"])
    assert count() == before
    assert {line.units for line in lines(village)} == {7}

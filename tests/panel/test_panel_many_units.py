"""A province of very many communes: its units by level, its groups by unit, and fields that are typed into."""

import re

import pytest

from core.ids import new_id
from core.wire import Device
from registry import people_lists, stations, units
from registry.models import Grant, Person
from registry.rights import Role, system_actor

MANY = 70


@pytest.fixture
def wide(home, database, clock):
    """Many communes in the province, and a station in one of them: its id. The administrator's are all of these."""
    system = system_actor()
    with database.write() as session:
        for number in range(MANY):
            units.create(
                session, system, name=f"Xã Số {number}", code=f"75.{number + 100}", parent="75", zone=None, now=clock()
            )
        whom, where = home.people["administrator"], home.units["75"]
        session.add(Grant(id=new_id("gt"), person_id=whom, unit_id=where, role=Role.ADMINISTRATOR.value))
        far = units.find(session, system, "75.160")
        station, code = stations.create(session, system, name="Loa xa", unit=far, hours=24, now=clock())
        stations.enrol(session, code, Device(serial="far"), clock())
    return station.id


def test_many_units_are_shown_a_level_at_a_time(as_, home, wide):
    page = as_("administrator").get("/units").text
    assert "Xã Số 60" in page
    assert "Thôn Đông" not in page
    below = as_("administrator").get("/units", query_string={"unit": home.units["75.1"]}).text
    assert "Thôn Đông" in below
    assert "Xã Số 60" not in below


@pytest.mark.parametrize("typed", ["Xã Số 60 (75.160)", "xa so 60", "75.160"])
def test_a_unit_is_reached_by_typing_it(as_, wide, typed):
    page = as_("administrator").get("/units", query_string={"unit": typed}).text
    assert "Xã Số 60</a> <small" in page
    assert "Đơn vị này không có đơn vị trực thuộc." in page


def test_what_names_no_unit_is_told(as_, wide):
    page = as_("administrator").get("/units", query_string={"unit": "<b>Xã Không Có"}).text
    assert "tên là “&lt;b&gt;Xã Không Có”" in page


def test_a_group_is_made_of_the_stations_of_the_unit_that_was_chosen(as_, home, wide):
    runner = as_("administrator")
    shown = runner.post("/groups/new", {"name": "Ven sông", "unit": "Xã Số 60 (75.160)", "step": "show"})
    assert shown.status_code == 200
    assert "Loa xa" in shown.text
    assert f'value="{home.station}"' not in shown.text
    assert 'value="Ven sông"' in shown.text
    assert "Ven sông" not in runner.get("/groups").text  # nothing was made yet
    made = runner.post("/groups/new", {"name": "Ven sông", "unit": "Xã Số 60 (75.160)", "members": [wide]})
    assert made.status_code == 303
    assert "Loa xa" in runner.get("/groups").text


@pytest.mark.parametrize(
    "path", ["/templates", "/deputies", "/log", "/reports", "/people/rights", "/times", "/voices", "/words"]
)
def test_pages_of_one_unit_take_a_typed_name(as_, wide, path):
    answer = as_("administrator").get(path, query_string={"unit": "Xã Số 60 (75.160)"}, follow_redirects=True)
    assert answer.status_code == 200
    assert 'value="Xã Số 60 (75.160)"' in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/bulletins/new", "/programmes/new", "/stations/new", "/people/new", "/people/invite", "/units/new",
        "/emergencies", "/emergencies/prepared", "/live", "/drills", "/sources/new", "/told",
    ],
)  # fmt: skip
def test_fields_for_one_of_many_units_are_typed_into_and_the_page_stays_small(as_, wide, path):
    page = as_("administrator").get(path).text
    assert "data-units=" in page
    assert len(page) < 150_000


@pytest.fixture
def crowded(wide, database, clock):
    """More people than a page shows."""
    system = system_actor()
    with database.write() as session:
        far = units.find(session, system, "75.160")
        for number in range(people_lists.PAGE):
            name = f"Nguyễn Thị Số {number}"
            person = Person(id=new_id("pe"), username=f"p{number:02d}", name=name, password_hash="", created_at=clock())
            session.add(person)
            session.flush()
            session.add(Grant(id=new_id("gt"), person_id=person.id, unit_id=far.id, role=Role.WRITER.value))


def test_very_many_people_are_shown_a_page_at_a_time(as_, home, crowded):
    first = as_("administrator").get("/people").text
    assert "Trần Văn Duyệt" in first
    assert "Nguyễn Thị Số 49" not in first
    onward = re.search(r'href="(/people\?after=[^"]+)"', first)
    rest = as_("administrator").get(onward[1]).text
    assert "Nguyễn Thị Số 49" in rest
    assert "Trần Văn Duyệt" not in rest
    assert "?after=" not in rest
    shown = re.findall(r'href="/people/(pe_[^"]+)"', first + rest)
    assert len(shown) == len(set(shown)) == people_lists.PAGE + len(home.people)


@pytest.mark.parametrize("typed", ["so 49", "SỐ 49", "p49", "thi xa so 60 49"])
def test_somebody_is_found_by_part_of_a_name_or_of_a_units(as_, crowded, typed):
    page = as_("administrator").get("/people", query_string={"q": typed}).text
    assert "Nguyễn Thị Số 49" in page
    assert "Trần Văn Duyệt" not in page


def test_who_is_called_as_nobody_is_told_so(as_, crowded):
    assert "Ở đây không có ai tên như vậy." in as_("administrator").get("/people?q=%25").text


def test_people_of_a_neighbouring_unit_are_not_found(as_, crowded):
    page = as_("strange-administrator").get("/people?q=so 49")
    assert page.status_code == 200
    assert "Nguyễn Thị Số 49" not in page.text

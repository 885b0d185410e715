"""A province of very many communes: its units by level, its groups by unit, and fields that are typed into."""

import pytest

from core.ids import new_id
from core.wire import Device
from registry import stations, units
from registry.models import Grant
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

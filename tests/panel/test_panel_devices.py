"""The panel where a person gives a device their word, and chooses who is told."""

import re

import pytest
from sqlmodel import select

from core.wire import Device
from registry import stations
from registry.models import Station
from scheduler import keys, rotation
from scheduler.concern_models import Contact, Notice


def new_station(as_, home, *, confirm: bool = True) -> str:
    """Make a station on the panel; its enrolment code."""
    form = {"name": "Loa bến đò", "unit": home.units["75.1"], "latitude": "21.03", "longitude": "105.85"}
    page = as_("operator").post("/stations/new", form | ({"confirm": "1"} if confirm else {}))
    assert page.status_code == 201
    return re.search(r'id="code">([^<]+)<', page.text)[1]


@pytest.fixture
def knocking(as_, home, database, clock) -> str:
    """Id of a station at which a device waits."""
    code = new_station(as_, home)
    with database.write() as session:
        taken = stations.enrol(
            session, code, Device(serial="SN-4711", model="Hộp loa 2", software="loalang 9"), clock(), "203.0.113.7"
        )
        return taken[0].id


def test_a_new_station_asks_for_confirmation_unless_somebody_unticks_that(as_, home, database):
    assert 'name="confirm" value="1" checked' in as_("operator").get("/stations/new").text
    new_station(as_, home)
    new_station(as_, home, confirm=False)
    with database.read() as session:
        rows = session.exec(select(Station.confirm).where(Station.name == "Loa bến đò").order_by(Station.id)).all()
    assert list(rows) == [True, False]


def test_who_runs_stations_sees_the_device_on_the_first_page_and_confirms_it(as_, home, database, knocking):
    operator = as_("operator")
    assert f"/stations/{knocking}/device" in operator.get("/").text
    assert f"/stations/{knocking}/device" not in as_("viewer").get("/").text
    page = operator.get(f"/stations/{knocking}/device").text
    for told in ("SN-4711", "Hộp loa 2", "loalang 9", "203.0.113.7", "Loa bến đò", "21.03000, 105.85000"):
        assert told in page
    assert as_("viewer").get(f"/stations/{knocking}/device").status_code == 403
    operator.post(f"/stations/{knocking}/confirm")
    with database.read() as session:
        row = session.get_one(Station, knocking)
        assert (row.pending_hash, row.serial, row.token_hash is not None) == (None, "SN-4711", True)
    assert f"/stations/{knocking}/device" not in operator.get("/").text
    assert "Không có thiết bị nào" in operator.get(f"/stations/{knocking}/device").text


def test_a_device_that_nobody_knows_is_sent_away(as_, home, database, knocking):
    as_("operator").post(f"/stations/{knocking}/refuse")
    with database.read() as session:
        row = session.get_one(Station, knocking)
        assert (row.pending_hash, row.token_hash, row.pending_device) == (None, None, None)


def test_a_new_token_is_ordered_with_a_button(as_, home, database):
    as_("operator").post(f"/stations/{home.station}/renew")
    with database.read() as session:
        assert session.get_one(Station, home.station).renew_asked_at is not None


def test_somebody_is_chosen_to_be_told_and_removed_again(as_, home, database):
    operator, unit = as_("operator"), home.units["75.1"]
    assert f"/told/{unit}" in operator.get("/told").text
    form = {"way": "webhook", "address": "https://example.org/loa", "kinds": ["silent", "mute"]}
    page = operator.post(f"/told/{unit}", form)
    assert page.status_code == 201
    with database.read() as session:
        made = session.exec(select(Contact)).one()
    assert (made.kinds, made.unit_id) == (["silent", "mute"], unit)
    assert made.secret in page.text
    assert made.secret not in operator.get(f"/told/{unit}").text  # shown once
    operator.post(f"/contacts/{made.id}/test")
    with database.read() as session:
        assert session.exec(select(Notice)).one().data["test"] is True
    operator.post(f"/contacts/{made.id}/remove")
    with database.read() as session:
        assert session.exec(select(Contact)).all() == []
        assert session.exec(select(Notice)).all() == []


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"way": "webhook", "address": "http://127.0.0.1/x", "kinds": "silent"}, "address"),
        ({"way": "email", "address": "truc@example.vn", "kinds": "silent"}, "way"),
        ({"way": "webhook", "address": "https://example.org/x"}, "kinds"),
        ({"way": "pigeon", "address": "x", "kinds": "silent"}, "way"),
    ],
)
def test_what_can_not_be_is_said_beside_what_was_typed(as_, home, form, field):
    page = as_("operator").post(f"/told/{home.units['75.1']}", form)
    assert page.status_code == 422
    assert form["address"] in page.text
    assert 'id="problem"' in page.text


def test_only_who_runs_stations_chooses_who_is_told(as_, home):
    unit = home.units["75.1"]
    assert as_("viewer").get(f"/told/{unit}").status_code == 403
    assert as_("owner").post(f"/told/{unit}", {"way": "webhook"}).status_code == 403


def test_the_system_page_shows_the_keys(as_, home, settings, database, clock):
    rotation.follow(database, settings, clock())
    keys.begin(settings)
    rotation.follow(database, settings, clock())
    page = as_("administrator").get("/system").text
    assert "đang dùng để ký" in page
    assert "đã thông báo, chưa dùng" in page

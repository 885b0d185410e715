"""Sources of alerts in the panel: made, shown in plain words, and messages that a person decides on."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from alerts.sources.models import CapAlert, CapSource
from alerts.sources.taking import Taker
from registry.models import Station, Unit
from scheduler import keys
from scheduler.models import Emergency

CAP = """<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
<identifier>{name}</identifier><sender>kttv@example.vn</sender><sent>{sent}</sent><status>Actual</status>
<msgType>Alert</msgType><scope>Public</scope>
<info><language>vi-VN</language><category>Met</category><event>Mưa lớn</event><urgency>Immediate</urgency>
<severity>{severity}</severity><certainty>Likely</certainty><expires>{expires}</expires>
<headline>Mưa lớn trong đêm nay</headline><description>Nước suối lên nhanh.</description>
<area><areaDesc>{area}</areaDesc>{shape}</area></info></alert>"""


def form(home, **more):
    chosen = {
        "by_itself-severity": ["Extreme"], "by_itself-urgency": ["Immediate"], "by_itself-certainty": ["Observed"],
        "person-severity": ["Moderate"], "person-urgency": ["Immediate"], "person-certainty": ["Likely"],
    }  # fmt: skip
    return {
        "name": "Đài khí tượng tỉnh", "unit": home.units["75.1"], "kind": "push", "signal": "siren", "times": "2",
        "every_minutes": "0", "unknown_areas": "person", **chosen, **more,
    }  # fmt: skip


@pytest.fixture
def source(as_, home, database):
    assert as_("approver").post("/sources/new", form(home)).status_code == 303
    with database.read() as session:
        return session.exec(select(CapSource.id)).one()


@pytest.fixture
def hand_in(database, settings, source, clock):
    def take(name="M-1", severity="Moderate", area="Nơi không tên", shape=""):
        now = clock()
        document = CAP.format(
            name=name, severity=severity, area=area, shape=shape, sent=(now - timedelta(minutes=5)).isoformat(timespec="seconds"),
            expires=(now + timedelta(hours=3)).isoformat(timespec="seconds"),
        )  # fmt: skip
        (taken,) = Taker(database, settings, keys.signer(settings)).take(source, document.encode(), now)
        return taken.row.id

    return take


def row_of(database, identity) -> CapAlert:
    with database.read() as session:
        return session.get_one(CapAlert, identity)


def test_a_source_is_made_and_its_rule_stands_there_in_plain_words(as_, home, source):
    page = as_("approver").get(f"/sources/{source}").text
    assert "Đặc biệt nghiêm trọng" in page
    assert "Phải hành động ngay" in page
    assert "chịu trách nhiệm" in page
    assert "Đài khí tượng tỉnh" in as_("approver").get("/sources").text
    assert as_("approver").get(f"/sources/{source}/edit").status_code == 200


def test_what_is_wrong_is_said_beside_its_field(as_, home):
    approver = as_("approver")
    plain = form(home, kind="pull", url="http://canhbao.example.vn/feed", interval_s="60")
    answer = approver.post("/sources/new", plain)
    assert answer.status_code == 422
    assert 'id="by_itself-wrong"' in answer.text
    assert approver.post("/sources/new", form(home, certificates="x")).status_code == 422
    assert approver.post("/sources/new", form(home, signed="1")).status_code == 422


def test_a_waiting_message_is_announced_on_every_page_and_put_on_air_where_a_person_chooses(
    as_, home, hand_in, database
):
    identity = hand_in()
    approver = as_("approver")
    assert "đang chờ anh/chị quyết định" in approver.get("/").text
    page = approver.get(f"/alerts/{identity}").text
    assert "Mưa lớn trong đêm nay" in page
    assert "Nước suối lên nhanh." in page
    assert approver.post(f"/alerts/{identity}/air", {}).status_code == 422
    nobody = approver.post(f"/alerts/{identity}/air", {"sure": "1"})
    assert nobody.status_code == 422
    where = {"sure": "1", "for": f"unit:{home.units['75.1']}"}
    assert approver.post(f"/alerts/{identity}/air", where).status_code == 303
    row = row_of(database, identity)
    assert (row.state, row.decided_by) == ("on_air", home.people["approver"])
    with database.read() as session:
        assert session.exec(select(Emergency.source)).all()[-1] == f"cap:{identity}"
    assert "đang chờ anh/chị quyết định" not in approver.get("/").text
    assert approver.post(f"/alerts/{identity}/air", where).status_code == 409


def test_why_a_message_is_not_put_on_air_is_kept(as_, home, hand_in, database):
    identity = hand_in()
    approver = as_("approver")
    assert approver.post(f"/alerts/{identity}/decline", {"why": " "}).status_code == 422
    assert approver.post(f"/alerts/{identity}/decline", {"why": "Không phải địa bàn ta"}).status_code == 303
    assert row_of(database, identity).state == "declined"
    assert "Không phải địa bàn ta" in approver.get(f"/alerts/{identity}").text


def test_where_a_second_person_must_confirm_one_alone_does_not_put_it_on_air(as_, home, hand_in, database):
    with database.write() as session:
        _rule(session, home, "second_person")
    identity = hand_in()
    where = {"sure": "1", "for": f"unit:{home.units['75.1']}"}
    assert as_("approver").post(f"/alerts/{identity}/air", where).status_code == 303
    assert row_of(database, identity).state == "asked"
    with database.read() as session:
        assert session.exec(select(Emergency.id)).all() == []


def _rule(session: Session, home, rule: str) -> None:
    unit = session.get_one(Unit, home.units["75.1"])
    unit.alarm_rule = rule
    session.add(unit)


def test_the_document_is_handed_out_as_it_came_and_never_as_a_page(as_, home, hand_in, database):
    identity = hand_in()
    answer = as_("approver").get(f"/alerts/{identity}/document")
    assert answer.mimetype == "application/octet-stream"
    assert b"<identifier>M-1</identifier>" in answer.data
    with database.read() as session:
        assert session.exec(select(Station.id)).first()


def test_who_may_raise_no_alarm_sees_no_sources(as_, home, source):
    for who in ("viewer", "owner", "operator"):
        assert as_(who).get("/sources").status_code == 403
        assert as_(who).post("/sources/new", form(home)).status_code in (403, 404)

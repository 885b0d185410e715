"""What came from above on the pages of a commune: where and when, programmes; and sent to many with one press."""

import pytest
from panel_lab import Browser
from sqlmodel import select
from test_panel_approvals import announcement, approver, editor, living_slots  # noqa: F401 - fixtures

from core.audit import AuditEntry
from playlists.offer_models import OfferReminder, OfferTarget
from registry import groups, units
from registry.models import Station
from registry.rights import system_actor
from scheduler.concern_models import Contact

AT_SEVENTEEN = {"place": "mine", "when": "time", "date": "2026-11-24", "times": "17:00", "every": "day"}
INSIDE = ("", "/words?text=17:00", "/places?under=top", "/points")


@pytest.fixture
def sent(editor, announcement, home):  # noqa: F811 - fixtures
    """The announcement, sent to the commune and not to its neighbour."""
    assert editor.post(f"/bulletins/{announcement}/offer", {"for": [home.units["75.1"]]}).status_code == 303
    return announcement


def taken(database) -> OfferTarget:
    with database.read() as session:
        return session.exec(select(OfferTarget)).one()


def test_the_commune_hears_reads_and_puts_it_on_air_without_a_word_of_slots(approver, sent, home, database):  # noqa: F811
    page = approver.get(f"/bulletins/{sent}/air").text
    assert "Phòng chống bão" in page
    assert "chằng chống nhà cửa" in page
    assert "sound.mp3" in page
    assert "Cả Xã Phước An" in page
    assert "Nhận và đưa vào lịch phát" in page
    assert f"/bulletins/{sent}/offer" not in page
    answer = approver.post(f"/bulletins/{sent}/air", {**AT_SEVENTEEN, "step": "send"})
    assert answer.status_code == 303
    (slot,) = living_slots(database)
    assert (slot.unit_id, slot.audience) == (home.units["75.1"], [f"unit:{home.units['75.1']}"])
    assert taken(database).state == "taken"
    after = approver.get(answer.location).text
    assert "Xem trong lịch tuần" in after
    assert "day=2026-11-24" in after


def test_places_words_and_the_check_answer_for_the_commune_that_the_address_names(approver, sent, home):  # noqa: F811
    base, unit = f"/bulletins/{sent}/air", home.units["75.1"]
    for path in INSIDE:
        assert approver.get(f"{base}{path}{'&' if '?' in path else '?'}unit={unit}").status_code == 200, path
    looked = approver.post(f"{base}/look?unit={unit}", AT_SEVENTEEN)
    assert looked.status_code == 200
    assert "cụm loa ở" in looked.text


def test_a_neighbour_and_who_only_looks_get_nothing_of_it(as_, sent, home, database):
    neighbour, viewer = as_("strange-administrator"), as_("viewer")
    for path in INSIDE:
        assert neighbour.get(f"/bulletins/{sent}/air{path}").status_code == 404, path
    for unit in (home.units["75.1"], home.units["75.2"]):
        assert neighbour.get(f"/bulletins/{sent}/air?unit={unit}").status_code == 404
    form = {**AT_SEVENTEEN, "step": "send"}
    assert neighbour.post(f"/bulletins/{sent}/air", form).status_code == 404
    assert viewer.post(f"/bulletins/{sent}/air", form).status_code == 403
    assert living_slots(database) == []


def test_the_programme_form_lists_what_was_taken_and_nothing_that_waits(approver, as_, sent, home, database):  # noqa: F811
    offer_id = taken(database).offer_id
    waiting = approver.get("/programmes/new").text
    assert "Phòng chống bão" not in waiting
    assert "Có bản tin từ cấp trên đang chờ bạn trả lời" in waiting
    assert approver.get(f"/programmes/new?bulletin={sent}").status_code == 200
    form = {"title": "Bản tin tối", "unit": home.units["75.1"], "new-bulletin": sent, "step": "save"}
    assert as_("owner").post("/programmes/new", form).status_code == 404  # a writer answers for nothing from above
    approver.post(f"/offers/{offer_id}/take", {"unit": home.units["75.1"], "how": "later"})
    writer = as_("owner")
    assert f'<option value="{sent}">Phòng chống bão · ' in writer.get("/programmes/new").text
    answer = writer.post("/programmes/new", form)
    assert answer.status_code == 303
    page = writer.get(f"{answer.location}/edit").text
    assert "Phòng chống bão" in page
    assert "chờ bạn trả lời" not in page
    assert sent not in as_("strange-administrator").get("/programmes/new").text


def test_what_is_withdrawn_above_is_told_in_words(approver, editor, sent):  # noqa: F811
    assert editor.post(f"/bulletins/{sent}/withdraw").status_code == 303
    answer = approver.get(f"/bulletins/{sent}/air")
    assert answer.status_code == 409
    assert "Cấp trên đã thu hồi bản tin này." in answer.text


def test_a_proposal_is_carried_out_by_who_takes_it_and_its_failure_is_told(as_, sent, home, database, clock):
    offer_id, unit = taken(database).offer_id, home.units["75.1"]
    owner = as_("owner")
    assert owner.post(f"/bulletins/{sent}/air", {**AT_SEVENTEEN, "step": "send"}).status_code == 303
    assert living_slots(database) == []
    assert "Nhận theo đề nghị" in as_("approver").get("/offers").text
    clock.forward(days=2)  # meanwhile the hour has gone by
    later = as_("approver")
    answer = later.post(f"/offers/{offer_id}/take", {"unit": unit, "how": "wish"})
    assert answer.location == f"/bulletins/{sent}/air?unit={unit}"
    assert "không còn thực hiện được" in later.get(answer.location).text
    assert taken(database).state == "taken"


def test_one_press_sends_to_the_communes_where_a_group_has_stations(editor, announcement, home, database, clock):  # noqa: F811
    with database.write() as session:
        root = system_actor()
        stations = [row.id for row in session.exec(select(Station)).all()]
        made = groups.create(
            session, root, name="Loa ven đê", unit=units.find(session, root, "75"), members=stations, now=clock()
        ).id
    page = editor.get(f"/bulletins/{announcement}/offer").text
    assert "Loa ven đê" in page
    assert "Gửi cho tất cả" in page
    # “Enter” in a field presses the first button, which names nobody.
    assert editor.post(f"/bulletins/{announcement}/offer", {"note": "x"}).status_code == 422
    assert editor.post(f"/bulletins/{announcement}/offer", {"group": [made]}).status_code == 303
    with database.read() as session:
        reached = {row.unit_id for row in session.exec(select(OfferTarget)).all()}
        assert home.units["75.1"] in reached


def test_who_has_not_answered_stands_first_and_is_reminded_by_name(editor, approver, announcement, home, database):  # noqa: F811
    editor.post(f"/bulletins/{announcement}/offer", {"for": [home.units["75.1"], home.units["75.2"]]})
    with database.read() as session:
        offer_id = session.exec(select(OfferTarget.offer_id)).first()
    approver.post(f"/offers/{offer_id}/take", {"unit": home.units["75.1"], "how": "later"})
    page = editor.get(f"/bulletins/{announcement}/offer").text
    assert "1 trên 2 đơn vị chưa trả lời." in page
    assert page.index("Xã Long Thành") < page.index("Xã Phước An")
    told = editor.post(f"/offers/{offer_id}/remind", follow_redirects=True).text
    assert "người có quyền trả lời ở 1 đơn vị" in told
    assert "Mỗi người được nhắc nhiều nhất một lần một ngày." in told
    assert (
        "đã được nhắc trong vòng một ngày qua" in editor.post(f"/offers/{offer_id}/remind", follow_redirects=True).text
    )
    with database.read() as session:
        assert home.people["approver"] not in {row.person_id for row in session.exec(select(OfferReminder)).all()}
        assert session.exec(select(AuditEntry).where(AuditEntry.action == "offer.remind")).one()


def test_a_contact_is_told_to_be_somebody_who_signs_in(as_, home, database):
    operator: Browser = as_("operator")
    path = f"/told/{home.units['75.1']}"
    page = operator.get(path).text
    assert f'<option value="{home.people["approver"]}"' in page
    assert home.people["strange-administrator"] not in page
    form = {"way": "webhook", "address": "https://1.1.1.1/loa", "kinds": ["silent"]}
    assert operator.post(path, {**form, "person": home.people["strange-administrator"]}).status_code == 422
    assert operator.post(path, {**form, "person": home.people["approver"]}).status_code == 201
    with database.read() as session:
        assert session.exec(select(Contact.person_id)).one() == home.people["approver"]

"""Where and when a bulletin sounds: the page as one form, the check beside it, sending, and what comes of it."""

import re

import pytest
from sqlmodel import select

from playlists.models import BulletinVersion
from scheduler.air_models import AirWishRow
from scheduler.models import Slot


def asked(**changes):
    return {"place": "mine", "when": "time", "date": "2026-11-24", "times": "17:00", "every": "day", **changes}


def page_of(home):
    return f"/bulletins/{home.bulletin}/air"


def slots_in(database):
    with database.read() as session:
        return [slot for slot in session.exec(select(Slot)).all() if slot.withdrawn_at is None]


def state_of(database):
    with database.read() as session:
        return session.exec(select(BulletinVersion.state)).one()


@pytest.fixture
def spoken(draft, worker, clock):
    """A draft of the owner's whose audio is made."""
    worker.render(clock())
    return draft


def test_the_page_begins_with_the_whole_commune_as_soon_as_can_be(as_, home, spoken):
    page = as_("owner").get(page_of(home)).text
    assert "Cả Xã Phước An" in page or "Toàn Xã Phước An" in page
    assert "Sớm nhất có thể" in page
    assert "2 cụm loa" in page


def test_words_fill_the_choices_and_a_sentence_says_what_was_understood(as_, home, spoken):
    page = as_("owner").post(
        page_of(home), asked(step="words", words="mỗi ngày 17:00, trừ Chủ nhật, đến 30/11 nhé ông Ba")
    ).text  # fmt: skip
    assert "Mỗi ngày 17:00, trừ Chủ nhật, đến 30/11/2026" in page
    assert "ông" in page or "ong" in page


def test_words_that_mean_nothing_are_told(as_, home, spoken):
    answer = as_("owner").post(page_of(home), asked(step="words", words="thứ gì đó"))
    assert answer.status_code == 422
    assert "Không hiểu" in answer.text


def test_a_writer_sends_a_wish_and_the_approver_puts_it_on_the_timetable_with_the_approval(as_, home, spoken, database):
    owner = as_("owner")
    answer = owner.post(page_of(home), asked(step="send"))
    assert answer.status_code == 303
    assert state_of(database) == "submitted"
    assert slots_in(database) == []
    page = owner.get(page_of(home)).text
    assert "17:00" in page
    assert as_("approver").post(f"/bulletins/{home.bulletin}/approve").status_code == 303
    (slot,) = slots_in(database)
    assert slot.starts == "2026-11-24T17:00"
    assert slot.audience == [f"unit:{home.units['75.1']}"]


def test_as_soon_as_can_be_is_after_the_approval_and_after_what_is_frozen(as_, home, spoken, database, clock):
    as_("owner").post(page_of(home), asked(step="send", when="soon"))
    assert slots_in(database) == []
    clock.forward(minutes=7)
    as_("approver").post(f"/bulletins/{home.bulletin}/approve")
    (slot,) = slots_in(database)
    assert slot.starts > "2026-11-23T12:07"
    assert slot.starts < "2026-11-23T12:30"


def test_who_may_schedule_has_it_on_the_timetable_at_once_and_silent(as_, home, spoken, database):
    as_("approver").post(page_of(home), asked(step="send"))
    assert len(slots_in(database)) == 1
    assert state_of(database) == "submitted"


def test_what_was_sent_is_undone_with_one_button(as_, home, spoken, database):
    approver = as_("approver")
    place = approver.post(page_of(home), asked(step="send")).headers["Location"]
    page = approver.get(place).text
    row = re.search(r'name="row" value="(aw_[^"]+)"', page)[1]
    assert approver.post(f"{page_of(home)}/undo", {"row": row}).status_code == 303
    assert slots_in(database) == []
    assert state_of(database) == "draft"


def test_a_clash_offers_the_next_free_time_and_takes_it_with_one_button(as_, home, played, database, actor_of, worker):
    owner = as_("owner")
    owner.post(
        "/bulletins/new",
        {
            "title": "Mất nước",
            "text": "Ngày mai mất nước.",
            "unit": home.units["75.1"],
            "language": "vi",
            "field": "general",
            "priority": "ordinary",
            "step": "save",
        },
    )
    with database.read() as session:
        home.bulletin = session.exec(
            select(BulletinVersion.bulletin_id).where(BulletinVersion.title == "Mất nước")
        ).one()
    page = owner.post(page_of(home), asked(step="check", date="2026-11-25")).text
    assert "Bản tin chiều" in page
    instead = re.search(r'value="(instead-[^"]+)"', page)[1]
    assert instead == "instead-2026-11-25T17:01"
    page = owner.post(page_of(home), asked(step=instead, date="2026-11-25")).text
    assert 'value="17:01"' in page
    assert "instead-" not in page
    answer = owner.post(page_of(home), asked(step="send", date="2026-11-25"))
    assert answer.status_code == 409


def test_quiet_hours_are_told_with_who_may_lift_them(as_, home, spoken):
    page = as_("owner").post(page_of(home), asked(step="check", times="23:00")).text
    assert "giờ yên tĩnh" in page
    assert "instead-" in page


def test_the_fragment_that_follows_typing_answers_alone(as_, home, spoken):
    page = as_("owner").post(f"{page_of(home)}/look", asked()).text
    assert "<html" not in page
    assert "17:00" in page
    assert "MB" in page


def test_places_are_found_without_accents_and_opened_level_by_level(as_, home, spoken):
    owner = as_("owner")
    found = owner.get(f"{page_of(home)}/places?q=thon+dong").text
    assert "Thôn Đông" in found
    assert f"unit:{home.units['75.1.1']}" in found
    level = owner.get(f"{page_of(home)}/places?under={home.units['75.1.1']}").text
    assert "Loa đầu đình" in level
    assert "Long Thành" not in owner.get(f"{page_of(home)}/places?q=long").text
    assert owner.get(f"{page_of(home)}/places?under={home.units['75.2']}").status_code == 404


def test_what_is_on_the_timetable_can_be_taken_off_on_the_same_page(as_, home, spoken, database):
    approver = as_("approver")
    approver.post(page_of(home), asked(step="send"))
    (slot,) = slots_in(database)
    assert approver.post(f"{page_of(home)}/drop", {"name": slot.id}).status_code == 303
    assert slots_in(database) == []


def test_a_viewer_has_no_such_page(as_, home, spoken):
    assert as_("viewer").get(page_of(home)).status_code == 403
    assert as_("stranger").get(page_of(home)).status_code == 404


def test_a_wish_is_replaced_by_the_next(as_, home, spoken, database):
    owner = as_("owner")
    owner.post(page_of(home), asked(step="send"))
    owner.post(page_of(home), asked(step="send", times="18:00"))
    with database.read() as session:
        states = [row.state for row in session.exec(select(AirWishRow).order_by(AirWishRow.id)).all()]
    assert states == ["taken_back", "waiting"]

"""Feedback at the panel: the list, answering, the bulletin made of the answer, and the switch of the public page."""

import pytest

from playlists import feedback


@pytest.fixture
def noted(database, home, clock):
    """A note to the cast's commune; its id."""
    with database.write() as session:
        unit = session.get_one(feedback.Unit, home.units["75.1"])
        receipt = feedback.receive(
            session, unit, feedback.Note("noise", "Loa đầu đình to quá <b>", "Thôn Đông", "0912 345 678"),
            address="203.0.113.9", now=clock(),
        )  # fmt: skip
        return feedback.look_up(session, unit, receipt.number, receipt.code, address="x", now=clock()).id


def test_the_commune_answers_and_makes_a_bulletin_of_it(as_, noted):
    owner = as_("owner")
    assert "Loa đầu đình to quá" in owner.get("/feedback").text
    page = owner.get(f"/feedback/{noted}").text
    assert "0912 345 678" in page
    assert "to quá &lt;b&gt;" in page
    assert owner.post(f"/feedback/{noted}", {"answer": "Đã giảm âm lượng."}).status_code == 303
    assert "Loa đầu đình to quá" not in owner.get("/feedback").text
    assert "Loa đầu đình to quá" in owner.get("/feedback?state=all").text
    made = owner.post(f"/feedback/{noted}/bulletin")
    assert made.status_code == 303
    assert made.headers["Location"].endswith("/edit")
    draft = owner.get(made.headers["Location"]).text
    assert "Đã giảm âm lượng." in draft
    assert "0912" not in draft
    assert owner.post(f"/feedback/{noted}/close").status_code == 303
    assert "Loa đầu đình" in owner.get("/feedback?state=closed").text


def test_an_empty_answer_is_refused_beside_its_field(as_, noted):
    answer = as_("owner").post(f"/feedback/{noted}", {"answer": "  "})
    assert answer.status_code == 422
    assert 'id="answer-wrong"' in answer.text


@pytest.mark.parametrize("who", ["viewer", "operator"])
def test_who_may_only_look_sees_neither_contact_nor_form(as_, noted, who):
    browser = as_(who)
    page = browser.get(f"/feedback/{noted}").text
    assert "Loa đầu đình to quá" in page
    assert "0912" not in page
    assert 'name="answer"' not in page
    for button in ("", "/close", "/reopen", "/bulletin"):
        assert browser.post(f"/feedback/{noted}{button}", {"answer": "x"}).status_code == 403, button


def test_an_administrator_switches_the_public_page_and_the_unit_says_so(as_, home, app):
    owner, unit = as_("administrator"), home.units["75.1"]
    assert "/x/75.1" not in owner.get(f"/units/{unit}").text
    for wish, status in (("everybody", 200), ("above", 404), ("everybody", 200), ("nobody", 404)):
        assert owner.post(f"/units/{unit}/page", {"public_page": wish}).status_code == 303
        assert app.test_client().get("/x/75.1").status_code == status, wish
        assert ("/x/75.1" in owner.get(f"/units/{unit}").text) == (status == 200)
    assert as_("approver").post(f"/units/{unit}/page", {"public_page": "everybody"}).status_code == 403

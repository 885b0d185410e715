"""Saying what is wrong: the note, its number and code, who may read what, and the bulletin made of the answer."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlmodel import select

from core.errors import Conflict, Forbidden, NotFound, TooMany
from playlists import bulletins, feedback
from playlists.feedback_models import Feedback
from registry.models import Attempt
from scheduler import housekeeping

NOTE = {"kind": "noise", "text": "Loa đầu đình to quá, 5 giờ sáng.", "place": "Thôn Đông", "contact": "0912 345 678"}


@pytest.fixture
def sent(village, visitor):
    """A note sent through the page: where its answer will be, and the number and code in that address."""
    village.open()
    answer = visitor.post("/x/79.1/feedback", data=NOTE)
    assert answer.status_code == 303
    where = answer.headers["Location"]
    query = parse_qs(urlsplit(where).query)
    return where, query["number"][0], query["secret"][0]


def note_of(village) -> Feedback:
    with village.database.read() as session:
        return session.exec(select(Feedback)).one()


def test_a_note_gets_a_number_and_a_page_that_shows_the_answer(village, visitor, sent):
    where, number, secret = sent
    page = visitor.get(where).text
    assert number in page
    assert "Đã nhận, đang chờ trả lời." in page
    assert NOTE["contact"] not in page
    with village.database.write() as session:
        feedback.answer(session, village.actor("writer"), note_of(village).id, "Đã giảm âm lượng.", village.clock())
    page = visitor.get(where).text
    assert "Đã giảm âm lượng." in page
    assert "Writer" not in page
    typed = visitor.get("/x/79.1/ticket", query_string={"number": number.lower(), "secret": f" {secret.lower()} "})
    assert "Đã giảm âm lượng." in typed.text


def test_number_and_code_can_not_be_guessed(village, sent):
    _, number, secret = sent
    assert re.fullmatch(r"[2-9A-Z]{4}-[2-9A-Z]{4}", number)
    assert re.fullmatch(r"[2-9A-Z]{4}-[2-9A-Z]{4}", secret)
    kept = note_of(village)
    assert secret.replace("-", "") not in repr(kept.model_dump())


def test_a_note_is_not_to_be_found_with_half_of_it_nor_at_another_unit(village, visitor, sent):
    _, number, secret = sent
    village.open("province")
    for code, query in (
        ("79.1", {"number": number, "secret": number}), ("79.1", {"number": secret, "secret": secret}),
        ("79.1", {"number": number}), ("79.2", {"number": number, "secret": secret}),
        ("79", {"number": number, "secret": secret}),
    ):  # fmt: skip
        answer = visitor.get(f"/x/{code}/ticket", query_string=query)
        assert answer.status_code == 404
        assert NOTE["text"] not in answer.text


def test_guessing_is_slowed_down_and_the_right_code_waits_too(village, visitor, sent):
    where, number, _ = sent
    for _ in range(feedback.WRONG_CODES):
        assert visitor.get("/x/79.1/ticket", query_string={"number": number, "secret": "AAAA-AAAA"}).status_code == 404
    answer = visitor.get(where)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    village.clock.advance(minutes=16)
    assert visitor.get(where).status_code == 200


def test_one_address_can_send_so_many_an_hour(village, visitor):
    village.open("province")
    for number in range(feedback.AN_HOUR):
        code = "79.1" if number % 2 else "79.2"
        assert visitor.post(f"/x/{code}/feedback", data=NOTE).status_code == 303
    refused = visitor.post("/x/79.1/feedback", data=NOTE)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert NOTE["text"] in refused.text  # what was typed is not lost
    elsewhere = visitor.post("/x/79.1/feedback", data=NOTE, environ_base={"REMOTE_ADDR": "203.0.113.9"})
    assert elsewhere.status_code == 303
    village.clock.advance(minutes=61)
    assert visitor.post("/x/79.1/feedback", data=NOTE).status_code == 303


def test_a_flood_from_everywhere_is_bounded_for_each_unit(village):
    with village.database.write() as session:
        unit = village.unit("commune_a")
        for number in range(feedback.A_DAY_AND_UNIT):
            session.add(Attempt(key=f"feedback-unit:{unit.id}", at=village.clock() - timedelta(minutes=number)))
        session.flush()
        note = feedback.Note("noise", "x")
        with pytest.raises(TooMany):
            feedback.receive(session, unit, note, address="198.51.100.7", now=village.clock())
        feedback.receive(session, village.unit("commune_b"), note, address="198.51.100.7", now=village.clock())


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", "?"), ("?", "?"),
    ],
)  # fmt: skip
def test_a_household_is_one_address(address, counted):
    assert feedback.of_network(address) == counted


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "x"}, "kind"), ({"kind": ""}, "kind"), ({"text": " \n "}, "text"), ({"text": "x" * 2_001}, "text"),
        ({"place": "x" * 201}, "place"), ({"contact": "x" * 201}, "contact"),
    ],
)  # fmt: skip
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(village, visitor, change, field):
    village.open()
    answer = visitor.post("/x/79.1/feedback", data={**NOTE, **change})
    assert answer.status_code == 422
    assert f'id="{field}-wrong"' in answer.text
    assert ({**NOTE, **change}["place"] or "x") in answer.text
    with village.database.read() as session:
        assert session.exec(select(Feedback)).all() == []


def test_programmes_that_fill_in_everything_are_refused(village, visitor):
    village.open()
    assert visitor.post("/x/79.1/feedback", data={**NOTE, "website": "https://spam.example"}).status_code == 422
    cross = visitor.post("/x/79.1/feedback", data=NOTE, headers={"Sec-Fetch-Site": "cross-site"})
    assert cross.status_code == 403
    large = visitor.post("/x/79.1/feedback", data={**NOTE, "text": "x" * 40_000})
    assert large.status_code in {413, 422}
    with village.database.read() as session:
        assert session.exec(select(Feedback)).all() == []


def test_a_note_can_be_about_a_bulletin_that_was_heard_here_and_no_other(said, village, visitor):
    identity = said(title="Tiêm chủng")
    draft = village.bulletin(title="Bản nháp bí mật", until_state="draft")
    assert "Tiêm chủng" in visitor.get(f"/x/79.1/feedback?about={identity}").text
    assert "Bản nháp bí mật" not in visitor.get(f"/x/79.1/feedback?about={draft}").text
    for about in (identity, draft, "nothing"):
        assert visitor.post("/x/79.1/feedback", data={**NOTE, "about": about}).status_code == 303
    with village.database.read() as session:
        notes = session.exec(select(Feedback).order_by(Feedback.id)).all()
    assert [each.about for each in notes] == [identity, None, None]


def test_how_to_reach_the_sender_is_for_those_who_answer(village, sent):
    with village.database.read() as session:
        for who, seen in (
            ("writer", True),
            ("approver", True),
            ("administrator", True),
            ("viewer", False),
            ("operator", False),
        ):
            ticket, unit = feedback.find(session, village.actor(who), note_of(village).id)
            assert (feedback.contact_for(village.actor(who), ticket, unit) == NOTE["contact"]) is seen, who
        with pytest.raises(NotFound):
            feedback.find(session, village.actor("stranger"), note_of(village).id)
        assert feedback.visible(session, village.actor("stranger")) == []


@pytest.mark.parametrize("who", ["viewer", "operator"])
def test_who_may_only_look_can_not_answer(village, sent, who):
    identity = note_of(village).id
    with village.database.write() as session:
        for act in (feedback.close, feedback.reopen):
            with pytest.raises(Forbidden):
                act(session, village.actor(who), identity, village.clock())
        with pytest.raises(Forbidden):
            feedback.answer(session, village.actor(who), identity, "x", village.clock())


def test_a_bulletin_is_made_of_the_answer_once_and_holds_nothing_of_the_note(village, sent):
    identity, writer = note_of(village).id, village.actor("writer")
    with village.database.write() as session:
        with pytest.raises(Conflict):
            feedback.draft_of(session, writer, identity, max_chars=20_000, now=village.clock())
        feedback.answer(session, writer, identity, "Từ mai loa đầu đình phát lúc sáu giờ.", village.clock())
        made = feedback.draft_of(session, writer, identity, max_chars=20_000, now=village.clock())
        assert feedback.draft_of(session, writer, identity, max_chars=20_000, now=village.clock()) == made
        _, unit, version = bulletins.find(session, writer, made)
    assert (unit.code, version.state, version.written_by) == ("79.1", "draft", writer.id)
    assert "Từ mai loa đầu đình phát lúc sáu giờ." in version.text
    for hidden in (NOTE["text"], NOTE["contact"], NOTE["place"]):
        assert hidden not in version.text + version.title


def test_a_note_goes_from_open_to_answered_to_closed_and_back(village, sent):
    identity, writer = note_of(village).id, village.actor("writer")

    def after(act, *more):
        with village.database.write() as session:
            return act(session, writer, identity, *more, village.clock()).state

    assert after(feedback.close) == "closed"
    assert after(feedback.close) == "closed"
    assert after(feedback.reopen) == "open"
    assert after(feedback.answer, "Cảm ơn bà con.") == "answered"
    assert after(feedback.close) == "closed"
    assert after(feedback.reopen) == "answered"


def test_how_to_reach_the_sender_is_forgotten_after_a_time(village, sent):
    with village.database.read() as session:
        assert feedback.waiting(session, village.actor("writer")) == 1
    housekeeping.tidy(village.database, village.settings, village.clock() + timedelta(days=89))
    assert note_of(village).contact == NOTE["contact"]
    housekeeping.tidy(village.database, village.settings, village.clock() + timedelta(days=91))
    assert (note_of(village).contact, note_of(village).text) == ("", NOTE["text"])


def test_the_page_with_the_answer_leaves_no_trace_elsewhere(visitor, sent):
    answer = visitor.get(sent[0])
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert "Set-Cookie" not in answer.headers

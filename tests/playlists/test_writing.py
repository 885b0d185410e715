"""What is typed is kept, two at one text know of each other, nothing is saved over unseen, and templates."""

from datetime import timedelta

import pytest
from village import NOW

import playlists.writing
from core.errors import Conflict, Forbidden, InvalidInput, NotFound, TooLarge
from playlists import blanks, bulletins, editions, notes, presence, respeaking, starters, templates
from playlists.templates import Notice
from registry.models import Unit


def test_typed_text_is_kept_for_its_writer_alone(village):
    with village.database.write() as session:
        writer, other = village.actor("writer"), village.actor("approver")
        notes.keep(session, writer, "new-abc", {"title": "Họp", "text": ""}, now=NOW)
        notes.keep(session, writer, "new-abc", {"title": "Họp thôn"}, now=NOW + timedelta(seconds=9))
        assert [each.fields for each in notes.latest_new(session, writer)] == [{"title": "Họp thôn"}]
        assert notes.find(session, other, "new-abc") is None
        notes.drop(session, writer, "new-abc")
        notes.drop(session, writer, "new-abc")
        assert notes.find(session, writer, "new-abc") is None


def test_what_is_kept_is_bounded_in_size_number_and_time(village):
    with village.database.write() as session:
        writer = village.actor("writer")
        with pytest.raises(TooLarge):
            notes.keep(session, writer, "new-a", {"text": "ộ" * 34_000}, now=NOW)
        for number in range(notes.MOST_NEW + 5):
            notes.keep(session, writer, f"new-{number}", {"title": "x"}, now=NOW + timedelta(minutes=number))
        assert len(notes.latest_new(session, writer, limit=100)) == notes.MOST_NEW
        playlists.writing.prune(session, NOW + notes.KEPT + timedelta(minutes=10))
        assert len(notes.latest_new(session, writer, limit=100)) == notes.MOST_NEW - 5


def test_two_people_at_one_bulletin_know_of_each_other(village):
    bulletin = village.bulletin(until_state="draft")
    with village.database.write() as session:
        writer, other = village.actor("writer"), village.actor("approver")
        presence.beat(session, writer, bulletin, NOW)
        presence.beat(session, writer, bulletin, NOW + timedelta(seconds=8))
        seen = presence.others(session, other, bulletin, NOW + timedelta(seconds=20))
        assert [since for _, since in seen] == [NOW]
        assert presence.others(session, writer, bulletin, NOW) == []
        assert presence.others(session, other, bulletin, NOW + timedelta(minutes=2)) == []
        presence.beat(session, writer, bulletin, NOW + timedelta(minutes=5))
        assert [since for _, since in presence.others(session, other, bulletin, NOW + timedelta(minutes=5))] == [
            NOW + timedelta(minutes=5)
        ]
        presence.leave(session, writer, bulletin)
        assert presence.others(session, other, bulletin, NOW + timedelta(minutes=5)) == []


def test_a_text_is_not_saved_over_one_that_was_not_seen(village):
    bulletin = village.bulletin(until_state="draft")
    with village.database.write() as session:
        writer = village.actor("writer")
        _, _, version = bulletins.find(session, writer, bulletin)
        seen = editions.edition(session, version)
        editions.expect(session, version, seen)
        editions.expect(session, version, "")
        bulletins.edit(session, writer, bulletin, bulletins.Draft("Khác", "Văn bản khác."), max_chars=1_000, now=NOW)
        with pytest.raises(Conflict) as refused:
            editions.expect(session, bulletins.find(session, writer, bulletin)[2], seen)
        assert refused.value.code == editions.CODE


def test_a_draft_that_is_put_aside_stays_in_the_history_with_its_reason(village):
    bulletin = village.bulletin(until_state="draft")
    with village.database.write() as session:
        writer = village.actor("writer")
        before = bulletins.find(session, writer, bulletin)[2].text
        number = bulletins.find(session, writer, bulletin)[2].number
        bulletins.edit(
            session, writer, bulletin, bulletins.Draft("Mới", "Của tôi."), max_chars=1_000, now=NOW, aside="hai người"
        )
        newest, old = bulletins.versions(session, bulletin)[:2]
        assert (newest.number, newest.state, newest.text) == (number + 1, "draft", "Của tôi.")
        assert (old.state, old.text, old.reason) == ("rejected", before, "hai người")


def test_a_corrected_word_is_heard_in_the_draft_at_once_and_in_nothing_that_was_submitted(village):
    with village.database.write() as session:
        writer = village.actor("writer")
        unit = session.get_one(Unit, village.cast.units["commune_a"])
        made = bulletins.create(
            session, writer, unit, bulletins.Draft("Họp", "CLB ABCX họp."), max_chars=1_000, now=NOW
        )
        first = made.clip_id
        seen = editions.edition(session, made)
        version, anew = respeaking.correct(session, writer, made.bulletin_id, "ABCX", "a bê xê", NOW)
        assert anew
        assert version.clip_id != first
        assert editions.edition(session, version) == seen
        assert not respeaking.correct(session, writer, made.bulletin_id, "KHÔNGCÓ", "không có", NOW)[1]
        version.state = "submitted"
        session.add(version)
        heard = version.clip_id
        assert not respeaking.correct(session, writer, made.bulletin_id, "ABCX", "khác", NOW)[1]
        assert version.clip_id == heard
        with pytest.raises(NotFound):
            respeaking.correct(session, village.actor("stranger"), made.bulletin_id, "x", "y", NOW)


def test_a_unit_has_its_own_templates_those_from_above_and_the_starters(village):
    with village.database.write() as session:
        system = village.actor("administrator")
        writer = village.actor("writer")
        commune = session.get_one(Unit, village.cast.units["commune_a"])
        own = templates.create(session, writer, commune, Notice("Mưa", "Mưa [ngày]", "Mưa to ngày [ngày]."), NOW)
        ids = [each.id for each in templates.offered(session, commune)]
        assert ids[0] == own.id
        assert ids[-len(starters.STARTERS) :] == [f"starter-{each.code}" for each in starters.STARTERS]
        assert templates.chosen(session, writer, commune, own.id).title == "Mưa [ngày]"
        with pytest.raises(NotFound):
            templates.chosen(session, writer, commune, "nt_none")
        templates.change(session, writer, own.id, Notice("Mưa", "Mưa to", "Mưa [giờ].", "disaster", "priority"), NOW)
        assert templates.chosen(session, writer, commune, own.id).priority == "priority"
        templates.remove(session, writer, own.id, NOW)
        assert own.id not in [each.id for each in templates.offered(session, commune)]
        assert [each.id for each in templates.deleted(session, commune, NOW)] == [own.id]
        templates.restore(session, writer, own.id, NOW)
        assert templates.offered(session, commune)[0].id == own.id
        templates.remove(session, writer, own.id, NOW)
        templates.prune(session, NOW + templates.UNDO + timedelta(days=1))
        with pytest.raises(NotFound):
            templates.restore(session, writer, own.id, NOW)
        with pytest.raises((Forbidden, NotFound)):
            templates.create(session, village.actor("stranger"), commune, Notice("x", "x", "x"), NOW)
        with pytest.raises(InvalidInput):
            templates.create(session, system, commune, Notice("x", "x", "  "), NOW)


def test_the_starters_are_good_templates():
    assert {each.code for each in starters.STARTERS} >= {
        "vaccination", "meeting", "storm", "power-cut", "tax", "army", "water-cut", "farming-pest"
    }  # fmt: skip
    for each in starters.STARTERS:
        assert len(blanks.blanks(each.text)) >= 3, each.code
        assert 200 < len(each.text) < 1_200, each.code


def test_blanks_are_found_once_each_in_their_order():
    assert blanks.blanks("Ngày [ngày] lúc [giờ], [ngày]", "[…]", "[a\nb] không [x[y]") == [
        "[ngày]",
        "[giờ]",
        "[…]",
        "[y]",
    ]
    assert len(blanks.blanks("".join(f"[{number}]" for number in range(500)))) == 50

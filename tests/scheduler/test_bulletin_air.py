"""A bulletin on air in one step: arranged, wished, carried out with the approval, undone; and what is found before."""

from datetime import timedelta

import pytest
from sqlmodel import select

from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from playlists import appending, bulletins, programmes
from playlists.models import BulletinVersion
from playlists.programmes import Entry
from scheduler import bulletin_air, bulletin_check
from scheduler.air_asking import Asked, When, read, written
from scheduler.air_models import AirWishRow
from scheduler.editing import Rules

RULES = Rules("Asia/Ho_Chi_Minh", timedelta(minutes=5))
COMMUNE = ("unit:79.1",)


def at(starts, **more):
    return Asked(COMMUNE, (When(starts, **more),))


def send(village, who, bulletin, asked, **more):
    with village.database.write() as session:
        return bulletin_air.send(session, village.actor(who), bulletin, asked, RULES, village.clock(), **more)


def look(village, who, bulletin, asked):
    with village.database.read() as session:
        return bulletin_check.look(session, village.actor(who), bulletin, asked, RULES, village.clock())


def approve(village, bulletin, who="administrator"):
    with village.database.write() as session:
        bulletins.approve(session, village.actor(who), bulletin, village.clock())
        return bulletin_air.carry_out(session, village.actor(who), bulletin, village.clock())


def wanted(village, who, bulletin):
    with village.database.read() as session:
        return bulletin_air.wanted(session, village.actor(who), bulletin, village.clock())


def living(village):
    return [slot for slot in village.slots() if slot.withdrawn_at is None]


def state(village):
    with village.database.read() as session:
        return session.exec(select(BulletinVersion.state)).one()


@pytest.fixture
def draft(village):
    return village.bulletin(until_state="draft")


def test_what_is_asked_survives_its_row():
    asked = Asked(
        COMMUNE,
        (When("2026-11-24T17:00", "FREQ=DAILY", "2026-11-30", ("2026-11-25",), {"lunar": ["1"]}, "sang", 5),),
        lift="vì",
    )
    kept = read(written(asked, RULES))
    assert kept.asked == asked
    assert kept.rules == RULES


def test_it_is_on_the_timetable_at_once_and_sounds_only_after_the_approval(village, draft):
    sent = send(village, "approver", draft, at("2026-11-24T17:00"))
    assert sent.submitted
    (slot,) = living(village)
    assert slot.id in sent.slots
    village.clock.advance(hours=20)
    village.roll()
    assert [airing.ticket for airing in village.airings() if airing.ticket] == []
    approve(village, draft)
    village.roll()
    assert len([airing for airing in village.airings() if airing.ticket]) == 1


def test_a_clash_undoes_the_sending_as_well(village, draft):
    village.slot(village.programme(village.bulletin()), "2026-11-24T17:00")
    other = draft
    with pytest.raises(Conflict):
        send(village, "approver", other, at("2026-11-24T17:00"))
    with village.database.read() as session:
        _, _, version = bulletins.find(session, village.actor(), other)
    assert version.state == "draft"
    assert len(living(village)) == 1


def test_a_wish_of_a_writer_waits_and_becomes_the_slot_in_the_approvers_name(village, draft):
    sent = send(village, "writer", draft, at("2026-11-24T17:00", rrule="FREQ=DAILY", until="2026-11-30"))
    assert sent.waits
    assert living(village) == []
    (shown,) = wanted(village, "approver", draft)
    assert (shown.state, shown.stations, shown.places) == ("waiting", 4, ("commune_a",))
    (done,) = approve(village, draft, "approver")
    assert done.problem is None
    (slot,) = living(village)
    assert slot.created_by == village.cast.people["approver"]
    assert [each.state for each in wanted(village, "writer", draft)] == ["arranged"]


def test_a_wish_whose_time_has_passed_undoes_nothing_of_the_approval_and_says_why(village, draft):
    send(village, "writer", draft, at("2026-11-23T11:00"))
    village.clock.advance(hours=3)
    (done,) = approve(village, draft, "approver")
    assert isinstance(done.problem, InvalidInput)
    assert state(village) == "approved"
    (shown,) = wanted(village, "approver", draft)
    assert shown.state == "failed"
    assert "past" in shown.reason


def test_nobody_wishes_for_places_that_are_not_theirs(village, draft):
    with pytest.raises(NotFound):
        send(village, "writer", draft, Asked(("unit:79.2",), (When("2026-11-24T17:00"),)))
    with pytest.raises(NotFound):
        send(village, "stranger", draft, at("2026-11-24T17:00"))
    with pytest.raises(Forbidden):
        send(village, "viewer", draft, at("2026-11-24T17:00"))


def test_a_writer_puts_nothing_into_programmes_that_are_on_the_timetable(village, draft):
    with pytest.raises(Forbidden):
        appending_by_writer(village, draft)


def appending_by_writer(village, draft):
    programme = village.programme(village.bulletin())
    with village.database.write() as session:
        appending.append(session, village.actor("writer"), programme, draft, village.clock())


def test_as_soon_as_can_be_goes_round_what_is_on_air_and_what_is_frozen(village, draft):
    village.slot(village.programme(village.bulletin(seconds=600)), "2026-11-23T10:02")
    found = look(village, "approver", draft, Asked(COMMUNE, soon=True))
    assert found.next[0].strftime("%H:%M") == "03:12"
    village.clock.advance(hours=18, minutes=30)  # half past four in the morning, quiet until five
    found = look(village, "approver", draft, Asked(COMMUNE, soon=True))
    assert found.next[0].strftime("%d %H:%M") == "23 22:00"


def test_as_soon_as_can_be_is_reckoned_when_it_is_approved(village, draft):
    send(village, "approver", draft, Asked(COMMUNE, soon=True))
    assert living(village) == []
    village.clock.advance(minutes=40)
    approve(village, draft)
    (slot,) = living(village)
    assert slot.starts == "2026-11-23T10:46"


def test_a_repeated_clash_is_answered_with_a_time_at_which_all_have_room(village, draft):
    village.slot(village.programme(village.bulletin(seconds=300)), "2026-11-24T17:00", "FREQ=WEEKLY;BYDAY=TH")
    village.slot(village.programme(village.bulletin(seconds=300)), "2026-11-24T17:05", "FREQ=WEEKLY;BYDAY=SA")
    found = look(village, "approver", draft, at("2026-11-23T17:00", rrule="FREQ=DAILY"))
    assert len(found.hopeless) == 1
    assert found.free.astimezone().utcoffset() is not None
    assert bulletin_check.local_text(found.free, "Asia/Ho_Chi_Minh").endswith("T17:10")
    shifted = look(village, "approver", draft, at("2026-11-23T17:10", rrule="FREQ=DAILY"))
    assert shifted.good
    assert shifted.free is None


def test_the_check_tells_length_languages_and_sim_data(village):
    bulletin = village.bulletin(until_state="draft", seconds=60)
    found = look(village, "writer", bulletin, at("2026-11-24T17:00"))
    assert (found.seconds, found.estimated, found.stations, found.places) == (60, False, 4, 3)
    (heard,) = found.heard
    assert (heard.tongues, heard.stations, heard.seconds) == (("vi",), 4, 60)
    assert found.sim_total == 4 * found.sim_bytes > 0
    unmade = village.bulletin(until_state="draft", seconds=None, title="Khác", text="Một thông báo chưa có âm thanh.")
    assert look(village, "writer", unmade, at("2026-11-24T17:00")).estimated


def test_what_sounded_yesterday_is_told(village):
    bulletin, _ = village.on_timetable(minutes=60)
    village.roll()
    village.clock.advance(hours=2)
    with village.database.write() as session:
        for airing in village.airings():
            row = session.merge(airing)
            row.state = "over"
            session.add(row)
    village.clock.advance(hours=20)
    found = look(village, "approver", bulletin, at("2026-11-25T17:00"))
    (lately,) = found.lately
    assert lately.at.strftime("%d %H:%M") == "23 04:00"


def test_a_bulletin_joins_a_programme_before_its_closing_tune_and_leaves_it_again(village, draft):
    tune = village.bulletin(title="Nhạc hiệu")
    programme = village.programme(village.bulletin(), entries=[Entry(bulletin=tune, role="signature")])
    slot = village.slot(programme, "2026-11-24T17:00", "FREQ=DAILY")
    found = look(village, "approver", draft, Asked(join=slot))
    assert found.good
    assert found.grows == 60
    sent = send(village, "approver", draft, Asked(join=slot))
    with village.database.read() as session:
        names = [item.bulletin_id for item in programmes.items(session, programme)]
    assert names[1:] == [draft, tune]
    assert [each.joins for each in wanted(village, "approver", draft)] == ["Bản tin"]
    with village.database.write() as session:
        bulletin_air.take_back(session, village.actor("approver"), draft, sent.row, village.clock())
    with village.database.read() as session:
        assert draft not in [item.bulletin_id for item in programmes.items(session, programme)]


def test_undo_leaves_a_draft_and_an_empty_timetable_and_is_for_who_sent_it(village, draft):
    sent = send(village, "approver", draft, at("2026-11-24T17:00"))
    with village.database.write() as session, pytest.raises(NotFound):
        bulletin_air.take_back(session, village.actor("administrator"), draft, sent.row, village.clock())
    with village.database.write() as session:
        bulletin_air.take_back(session, village.actor("approver"), draft, sent.row, village.clock())
    assert living(village) == []
    assert state(village) == "draft"
    assert wanted(village, "approver", draft) == []


def test_times_of_day_share_one_programme(village, draft):
    asked = Asked(COMMUNE, (When("2026-11-24T06:00", "FREQ=DAILY"), When("2026-11-24T17:00", "FREQ=DAILY")))
    sent = send(village, "approver", draft, asked)
    assert len({slot.programme_id for slot in living(village)}) == 1
    assert len(sent.slots) == 2
    with village.database.write() as session:
        bulletin_air.drop(session, village.actor("approver"), draft, sent.slots[0], village.clock())
    assert [slot.id for slot in living(village)] == [sent.slots[1]]


def test_too_many_times_at_once_are_refused(village, draft):
    asked = Asked(COMMUNE, tuple(When(f"2026-11-24T{hour:02d}:00") for hour in range(6, 18)))
    with pytest.raises(InvalidInput):
        send(village, "approver", draft, asked)


def test_the_next_wish_takes_the_place_of_the_one_that_waits(village, draft):
    send(village, "writer", draft, at("2026-11-24T17:00"))
    send(village, "writer", draft, at("2026-11-24T18:00"))
    with village.database.read() as session:
        rows = session.exec(select(AirWishRow).order_by(AirWishRow.id)).all()
    assert [row.state for row in rows] == ["taken_back", "waiting"]

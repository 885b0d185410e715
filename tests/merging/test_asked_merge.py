"""What people have been sent, have asked for and have begun to write, when two units become one."""

from datetime import timedelta

import pytest
from merging_lab import merge
from sqlmodel import select
from village import ZONE, Village

from alerts import alarm_rules, raising
from alerts.raising import Proof, Waiting
from core.errors import Conflict
from playlists import bulletins, notes, offers
from playlists.offer_models import OfferTarget
from playlists.writing_models import DraftNote
from registry.models import Unit
from scheduler import audience, bulletin_air, contacts, dayparts, in_line, undoing
from scheduler.air_asking import Asked, When
from scheduler.air_models import AirWishRow
from scheduler.concern_models import Contact
from scheduler.editing import Rules
from scheduler.emergencies import Alarm
from scheduler.models import Slot

RULES = Rules("Asia/Ho_Chi_Minh", timedelta(minutes=5))
OF_A = ("a1", "a1_dyke", "a2", "a_hall")


def send(village: Village, *to: str, **draft: str) -> tuple[str, str]:
    """A bulletin of the province, and the offer with which it went to these units."""
    bulletin = village.bulletin("province", **draft)
    with village.database.write() as session:
        named = [village.cast.units[each] for each in to]
        made = offers.offer(session, village.actor("root"), bulletin, named, "", village.clock())
        in_line.line_up(session, village.clock())
        return bulletin, made.id


def states(village: Village, offer: str) -> dict[str, str]:
    with village.database.read() as session:
        rows = session.exec(
            select(Unit.name, OfferTarget.state)
            .join(Unit, Unit.id == OfferTarget.unit_id)
            .where(OfferTarget.offer_id == offer)
        ).all()
    return dict(rows)


def answer(village: Village, offer: str, unit: str, programme: str | None, no: str = "") -> None:
    root, here = village.actor("root"), village.cast.units[unit]
    with village.database.write() as session:
        if no:
            offers.decline(session, root, offer, here, no, village.clock())
        else:
            offers.take(session, root, offer, here, programme, village.clock())


def stations_of(village: Village, names: list[str]) -> set[str]:
    short = {identity: name for name, identity in village.cast.stations.items()}
    with village.database.read() as session:
        return {short[each] for each in audience.station_ids(session, names)}


def test_an_offer_to_both_is_decided_about_once_and_one_to_the_former_commune_is_the_others(either: Village):
    village = either
    _, both = send(village, "commune_a", "commune_b")
    _, one = send(village, "commune_a")
    merger = merge(village)
    assert (states(village, both), states(village, one)) == ({"commune_b": "waiting"}, {"commune_b": "waiting"})
    assert (merger.counts["offers"], merger.counts["offers_to_both"]) == (1, 1)
    answer(village, both, "commune_b", None)
    assert states(village, both) == {"commune_b": "taken"}


def test_what_the_former_commune_said_yes_to_goes_on_sounding_though_the_other_declined(village: Village):
    bulletin, offer = send(village, "commune_a", "commune_b")
    programme = village.programme(village.bulletin())
    village.slot(programme, "2026-11-23T17:00")
    answer(village, offer, "commune_a", programme)
    answer(village, offer, "commune_b", None, no="Đã thông báo rồi.")
    merge(village)
    assert states(village, offer) == {"commune_a": "taken", "commune_b": "taken"}
    village.roll()
    (airing,) = village.airings()
    assert bulletin in [item.get("bulletin") for item in airing.items]
    assert stations_of(village, airing.audience) == set(OF_A)


def test_a_bulletin_in_line_at_both_sounds_at_the_stations_of_both(either: Village):
    village = either
    for unit, to in (("commune_a", "unit:79.1"), ("commune_b", "unit:79.2")):
        village.slot(village.programme(village.bulletin(unit), unit=unit), "2026-11-23T17:00", "FREQ=DAILY", [to])
    bulletin, offer = send(village, "commune_a", "commune_b", priority="priority")
    merge(village)
    village.clock.advance(minutes=1)
    assert in_line.keep_up(village.database, village.clock()) == 0, "a place in line was lost"
    village.roll()
    first = min(each.starts_at for each in village.airings())
    heard = [each for each in village.airings() if bulletin in [item.get("bulletin") for item in each.items]]
    assert {each.starts_at for each in heard} == {first}
    assert {name for each in heard for name in stations_of(village, each.audience)} == set(village.cast.stations)
    village.clock.at = first + timedelta(minutes=5)
    in_line.keep_up(village.database, village.clock())
    assert states(village, offer) == {"commune_a": "taken", "commune_b": "taken"}


def test_what_a_unit_has_sent_is_not_offered_to_itself(village: Village):
    bulletin = village.bulletin()
    with village.database.write() as session:
        named = [village.cast.units["hamlet_a1"]]
        offer = offers.offer(session, village.actor("root"), bulletin, named, "", village.clock())
    merge(village, "79.1.1", "79.1")
    assert states(village, offer.id) == {}


def test_a_bulletin_that_is_being_written_for_the_former_commune_is_for_the_other(village: Village):
    writer = village.actor("writer")
    with village.database.write() as session:
        unit = village.cast.units["commune_a"]
        notes.keep(session, writer, "new-abcdefgh", {"unit": unit, "text": f"Họp {unit}"}, now=village.clock())
        notes.keep(session, writer, "new-ijklmnop", {"unit": "un_other", "text": "Họp"}, now=village.clock())
    assert merge(village).counts["notes"] == 1
    with village.database.read() as session:
        kept = {note.form: note.fields["unit"] for note in session.exec(select(DraftNote)).all()}
    assert kept == {"new-abcdefgh": village.cast.units["commune_b"], "new-ijklmnop": "un_other"}


def wish(village: Village, unit: str, to: str, **when: str) -> str:
    """A bulletin of the unit that somebody who may only write wants on air; it waits for its approval."""
    bulletin = village.bulletin(unit, until_state="submitted")
    asked = Asked((to,), (When(**{"starts": "2026-11-25T17:00", **when}),))
    with village.database.write() as session:
        return bulletin_air.ask(session, village.actor("root"), bulletin, asked, RULES, village.clock()).row


def carried_out(village: Village, row: str) -> Slot:
    with village.database.write() as session:
        bulletin = session.get_one(AirWishRow, row).bulletin_id
        bulletins.approve(session, village.actor("root"), bulletin, village.clock())
        bulletin_air.carry_out(session, village.actor("root"), bulletin, village.clock())
    with village.database.read() as session:
        found = session.get_one(AirWishRow, row)
        assert (found.state, found.reason) == ("arranged", "")
        return session.get_one(Slot, found.slots[0])


def test_what_waits_for_its_approval_sounds_where_it_was_asked_to(either: Village):
    village = either
    by_code, by_id = (wish(village, unit, f"unit:{name}") for unit, name in (
        ("commune_a", "79.1"), ("commune_b", village.cast.units["commune_b"])
    ))  # fmt: skip
    assert merge(village).counts["air_wishes"] == 1
    assert stations_of(village, carried_out(village, by_code).audience) == set(OF_A)
    assert stations_of(village, carried_out(village, by_id).audience) == {"b1", "b_hall"}


def test_what_waits_for_its_approval_sounds_at_the_part_of_the_day_that_was_meant(village: Village):
    root = village.actor("root")
    with village.database.write() as session:
        for unit, begins in (("commune_a", "05:00"), ("commune_b", "06:00")):
            windows = [{"from": begins, "to": "07:00"}]
            dayparts.put(session, root, village.unit(unit), "sang", "Sáng", windows, village.clock())
    at_five, at_six = (
        wish(village, unit, f"unit:{code}", starts="2026-11-25", daypart="sang")
        for unit, code in (("commune_a", "79.1"), ("commune_b", "79.2"))
    )
    merge(village)
    slots = [carried_out(village, row) for row in (at_five, at_six)]
    village.roll()
    begins = {each.slot_id: each.starts_at.astimezone(ZONE).strftime("%H:%M") for each in village.airings()}
    assert [begins[slot.id] for slot in slots] == ["05:00", "06:00"]


def test_a_step_of_the_timetable_is_undone_without_naming_the_former_commune(village: Village):
    slot = village.slot(village.programme(village.bulletin("province"), unit="province"), "2026-11-24T17:00")
    with village.database.write() as session:
        root = village.actor("root")
        row = session.get_one(Slot, slot)
        before = undoing.standing(session, [slot])
        before[slot]["slot"]["audience"] = [f"unit:{village.cast.units['commune_a']}"]
        row.audience = [f"unit:{village.cast.units['hamlet_b1']}"]
        session.add(row)
        step = undoing.keep(session, root, village.unit("province"), "edit", before, village.clock()).id
    merge(village)
    with village.database.write() as session:
        undoing.undo(session, village.actor("root"), step, RULES, village.clock())
    with village.database.read() as session:
        assert stations_of(village, session.get_one(Slot, slot).audience) == set(OF_A)


def test_nobody_is_told_twice_by_one_address(village: Village):
    root = village.actor("root")
    with village.database.write() as session:
        for unit, phone in (
            ("commune_a", "0901 234 567"),
            ("commune_b", "0901 234 567"),
            ("commune_a", "0907 654 321"),
        ):
            contacts.add(
                session, root, village.unit(unit), way="phone", address=phone, kinds=[], settings=village.settings,
                now=village.clock(), name="Trưởng thôn", phone=phone,
            )  # fmt: skip
    merge(village)
    with village.database.read() as session:
        told = sorted((each.phone, each.unit_id) for each in session.exec(select(Contact)).all())
    home = village.cast.units["commune_b"]
    assert [unit for _, unit in told] == [home, home]
    assert len({phone for phone, _ in told}) == 2


@pytest.mark.parametrize("to", ["unit:79.1", "unit:79.2"])
def test_no_merger_while_an_emergency_for_one_of_the_two_waits_wherever_it_was_asked_for(village: Village, to: str):
    root = village.actor("root")
    with village.database.write() as session:
        province = session.get_one(Unit, village.cast.units["province"])
        alarm_rules.settle(session, root, province, "second_person", village.clock())
        done = raising.ask(
            session, root, province, Alarm(audience=(to,), text="Nước lũ đang lên.", signal="none"), proof=Proof(""),
            signer=village.signer, settings=village.settings, now=village.clock(),
        )  # fmt: skip
        assert isinstance(done, Waiting)
    with pytest.raises(Conflict, match="waits there to be confirmed"):
        merge(village)
    village.clock.advance(days=1)
    merge(village)


def test_a_merged_commune_is_not_offered_anything_any_more(village: Village):
    merge(village)
    with pytest.raises(Exception, match="Choose units below"):
        send(village, "commune_a")

"""What becomes of messages from sources: on air, waiting, listed, stopped; and only where their source may speak."""

from datetime import timedelta

import pytest
from cap_builder import area, info, pair, reference
from cap_lab import NOWHERE, SENT, SQUARE_A, SQUARE_ALL, Lab, message, speak
from sqlmodel import select

from alerts.cap.trust import GRAVE, Trust
from registry.models import Grant
from scheduler.models import Airing


@pytest.fixture
def lab(village):
    return Lab(village)


def test_a_grave_message_goes_on_air_by_itself_where_it_is_meant_for(lab):
    row = lab.send(lab.source())
    assert (row.state, row.code, row.stations) == ("on_air", "alert", 2)
    (emergency,) = lab.emergencies()
    assert lab.heard_by(emergency) == {"a1", "a1_dyke"}
    assert emergency.source == f"cap:{row.id}"
    assert (emergency.signal, emergency.about, emergency.severity) == ("siren", "flood", "severe")
    assert emergency.raised_by == lab.village.cast.people["approver"]
    assert emergency.until is not None
    assert "Cảnh báo lũ quét" in emergency.said[0]["text"]


def test_it_never_speaks_beyond_the_unit_of_its_source(lab):
    row = lab.send(lab.source("commune_a"), polygon=SQUARE_ALL)
    assert row.state == "on_air"
    assert lab.heard_by(lab.emergencies()[0]) == {"a1", "a1_dyke", "a2", "a_hall"}


def test_what_lies_outside_of_the_unit_is_listed(lab):
    row = lab.send(lab.source("commune_a"), polygon="23.0,104.0 23.0,104.2 23.2,104.2 23.2,104.0 23.0,104.0")
    assert (row.state, row.stations) == ("listed", 0)
    assert "elsewhere" in {each["code"] for each in row.notes}
    assert lab.emergencies() == []


def test_what_reaches_nobody_is_listed_and_what_can_not_be_found_waits(lab):
    source = lab.source()
    assert lab.send(source, "FAR", polygon=NOWHERE).state == "listed"
    waiting = lab.send(source, "LOST", polygon=None, area_desc="Thung lũng Không Tên")
    assert waiting.state == "waiting"
    listing = lab.source(unknown_areas="list")
    assert lab.send(listing, "LOST", polygon=None, area_desc="Thung lũng Không Tên").state == "listed"


def test_what_is_certain_of_an_area_is_told_at_once_and_a_person_looks_at_the_rest(lab):
    block = {
        "area": [
            area(areaDesc="Suối", polygon="22.0,103.0 22.0,103.2 22.2,103.2 22.2,103.0"),
            area(areaDesc="Thung lũng Không Tên", polygon=None),
        ]
    }
    row = lab.send(lab.source(), block=block)
    assert (row.state, row.doubts, row.stations) == ("on_air", True, 2)


def test_the_middle_of_the_scale_waits_and_the_end_is_only_listed(lab):
    source = lab.source()
    assert lab.send(source, "M", block={"severity": "Moderate"}).state == "waiting"
    assert lab.send(source, "L", block={"severity": "Minor"}).state == "listed"
    assert lab.emergencies() == []


@pytest.mark.parametrize("status", ["Exercise", "System", "Test", "Draft"])
def test_what_is_not_real_is_never_on_air(lab, status):
    assert lab.send(lab.source(), status=status).state == "ignored"
    assert lab.emergencies() == []


def test_a_message_that_comes_again_is_counted_and_said_once(lab):
    source = lab.source()
    first, again = lab.send(source), lab.send(source)
    assert (again.id, again.times_seen) == (first.id, 2)
    assert len(lab.emergencies()) == 1


def test_a_cancel_silences_what_it_names(lab):
    source = lab.source()
    lab.send(source, "VN-1")
    cancel = lab.send(
        source, "VN-2", msgType="Cancel", references=reference("VN-1", SENT), sent="2026-11-23T09:40:00+07:00"
    )
    assert cancel.state == "done"
    assert lab.states() == {"VN-1": "cancelled", "VN-2": "done"}
    assert lab.emergencies()[0].stopped_at is not None


def test_a_cancel_that_comes_first_keeps_its_alert_silent(lab):
    source = lab.source()
    lab.send(source, "VN-2", msgType="Cancel", references=reference("VN-1", SENT), sent="2026-11-23T09:40:00+07:00")
    lab.send(source, "VN-1")
    assert lab.states() == {"VN-1": "cancelled", "VN-2": "done"}
    assert lab.emergencies() == []


def test_an_update_with_a_smaller_area_stops_the_stations_that_dropped_out(lab):
    source = lab.source()
    lab.send(source, "VN-1", polygon=SQUARE_A)
    row = lab.send(
        source, "VN-2", msgType="Update", references=reference("VN-1", SENT), sent="2026-11-23T09:40:00+07:00"
    )
    assert row.state == "on_air"
    old, new = lab.emergencies()
    assert new.replaces == [old.id]
    assert lab.heard_by(new) == {"a1", "a1_dyke"}
    for each in new.said:
        lab.village.finish_clip(each["clip"])
        if each["words"]:
            lab.village.finish_clip(each["words"])
    assert old.stopped_at is None  # nobody is left without a word while the new one is being spoken


def test_an_update_that_a_person_decides_on_leaves_the_old_one_on_air_until_then(lab):
    source = lab.source()
    lab.send(source, "VN-1")
    row = lab.send(
        source,
        "VN-2",
        msgType="Update",
        references=reference("VN-1", SENT),
        sent="2026-11-23T09:40:00+07:00",
        block={"severity": "Moderate"},
    )
    old = lab.emergencies()[0]
    assert (row.state, row.ends, old.stopped_at) == ("waiting", [old.id], None)
    assert lab.states() == {"VN-1": "superseded", "VN-2": "waiting"}


def test_an_update_that_is_only_listed_ends_the_old_one(lab):
    source = lab.source()
    lab.send(source, "VN-1")
    lab.send(
        source,
        "VN-2",
        msgType="Update",
        references=reference("VN-1", SENT),
        sent="2026-11-23T09:40:00+07:00",
        block={"severity": "Minor"},
    )
    assert lab.emergencies()[0].stopped_at is not None


def test_the_all_clear_has_no_siren(lab):
    source = lab.source()
    lab.send(source, "VN-1")
    lab.send(
        source,
        "VN-2",
        msgType="Update",
        references=reference("VN-1", SENT),
        sent="2026-11-23T09:40:00+07:00",
        block={"responseType": "AllClear", "urgency": "Past", "severity": "Minor"},
    )
    clear = lab.emergencies()[-1]
    assert (clear.about, clear.signal) == ("all_clear", "chime")


def test_whoever_made_the_rule_and_lost_the_right_lets_it_wait_for_another(lab):
    source = lab.source()
    with lab.village.database.write() as session:
        for grant in session.exec(select(Grant).where(Grant.person_id == lab.village.cast.people["approver"])).all():
            session.delete(grant)
    row = lab.send(source)
    assert row.state == "waiting"
    assert "answers" in {each["code"] for each in row.notes}


def test_each_loudspeaker_hears_its_own_language_once(lab):
    speak(lab.village, a1=["vi"], a1_dyke=["en", "vi"])
    blocks = [
        info(
            expires="2026-11-23T18:00:00+07:00",
            area=area(polygon="22.0,103.0 22.0,103.2 22.2,103.2 22.2,103.0 22.0,103.0"),
        ),
        info(
            language="en-US",
            event="Flash flood",
            headline="Flash flood on the Muong Hoa",
            description="Water rises.",
            instruction="Leave now.",
            expires="2026-11-23T18:00:00+07:00",
            area=None,
        ),
        info(
            language="fr-FR",
            event="Crue",
            headline="Crue",
            description="L'eau monte.",
            instruction="Partez.",
            expires="2026-11-23T18:00:00+07:00",
            area=None,
        ),
    ]
    row = lab.send(lab.source(), info=blocks)
    assert row.state == "on_air"
    (emergency,) = lab.emergencies()
    assert [each["language"] for each in emergency.said] == ["vi", "en"]
    with lab.village.database.read() as session:
        airings = session.exec(select(Airing).where(Airing.emergency_id == emergency.id)).all()
    assert len(airings) == 2


def test_stations_hear_only_the_blocks_about_them(lab):
    blocks = [
        info(
            headline="Lũ ở bản một",
            area=area(polygon="22.0,103.0 22.0,103.2 22.2,103.2 22.2,103.0"),
            expires="2026-11-23T18:00:00+07:00",
        ),
        info(
            headline="Sạt lở ở bản hai",
            area=area(polygon="22.2,103.2 22.2,103.4 22.4,103.4 22.4,103.2"),
            expires="2026-11-23T18:00:00+07:00",
        ),
    ]
    lab.send(lab.source(), info=blocks)
    heard = {frozenset(lab.heard_by(each)): each.said[0]["text"] for each in lab.emergencies()}
    assert set(heard) == {frozenset({"a1", "a1_dyke"}), frozenset({"a2", "a_hall"})}
    assert "bản hai" not in heard[frozenset({"a1", "a1_dyke"})]


def test_what_holds_only_later_goes_on_air_then(lab):
    row = lab.send(lab.source(), block={"effective": "2026-11-23T12:00:00+07:00"})
    assert row.state == "coming"
    assert lab.emergencies() == []
    lab.taker.again(row.id, lab.now + timedelta(hours=2))
    assert lab.row("VN-1").state == "on_air"


def test_one_source_can_not_silence_what_another_says(lab):
    good, bad = lab.source(), lab.source(name="Nguồn khác", trust=Trust(by_itself=None, person=None))
    lab.send(bad, "VN-1")
    lab.send(bad, "VN-2", msgType="Cancel", references=reference("VN-1", SENT), sent="2026-11-23T09:40:00+07:00")
    assert lab.send(good, "VN-1").state == "on_air"
    lab.send(bad, "VN-3", msgType="Cancel", references=reference("VN-1", SENT), sent="2026-11-23T09:41:00+07:00")
    assert lab.sounding() == {"VN-1"}


def test_the_same_message_from_two_sources_is_said_once(lab):
    one, two = lab.source(), lab.source(name="Nguồn khác")
    lab.send(one, "VN-1")
    assert lab.send(two, "VN-1").state == "listed"
    assert len(lab.emergencies()) == 1


def test_geocodes_of_our_own_name_whole_units(lab):
    row = lab.send(
        lab.source("province", by="root"), block={"area": area(polygon=None, geocode=pair("unit", "79.1.1"))}
    )
    assert row.state == "on_air"
    assert lab.emergencies()[0].audience == [f"unit:{lab.village.cast.units['hamlet_a1']}"]


def test_a_source_that_floods_is_stopped_by_a_person(lab):
    source = lab.source(trust=Trust(by_itself=GRAVE))
    states = [lab.send(source, f"VN-{number}").state for number in range(22)]
    assert states.count("on_air") == 20
    assert states[-1] == "waiting"


def test_what_can_not_be_read_is_noted_once_and_stops_nothing(lab):
    source = lab.source()
    for _ in range(2):
        (taken,) = lab.take(source, b"<html>no</html>")
    assert (taken.row.code, taken.row.times_seen, len(lab.rows())) == ("not_cap", 2, 1)
    bad = message("BAD").replace(b"<status>Actual</status>", b"<status>Real</status>").split(b"?>", 1)[1]
    good = message("GOOD").split(b"?>", 1)[1]
    outcomes = lab.take(source, b"<alerts>" + bad + good + b"</alerts>")
    assert [each.row.state for each in outcomes] == ["ignored", "on_air"]

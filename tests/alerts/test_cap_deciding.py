"""What is done with a message: each rule in a table, then what came before and after it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cap_builder import NOW, SENT, Stream, alert, info, one, pair, reference

from alerts.cap.chains import Memory
from alerts.cap.deciding import FUTURE_BOUND, LIFETIME, decide
from alerts.cap.trust import Handling, Threshold, Trust

LATER = "2026-11-23T05:30:00+07:00"
LATEST = "2026-11-23T05:45:00+07:00"

SINGLE = {
    "an alert": ({}, "broadcast", "alert"),
    "an exercise": ({"status": "Exercise"}, "ignore", "status"),
    "a test": ({"status": "Test"}, "ignore", "status"),
    "a system message": ({"status": "System"}, "ignore", "status"),
    "a draft": ({"status": "Draft"}, "ignore", "status"),
    "restricted": ({"scope": "Restricted", "restriction": "staff"}, "ignore", "scope"),
    "private": ({"scope": "Private", "addresses": "a@b"}, "ignore", "scope"),
    "an acknowledgement": ({"msgType": "Ack"}, "ignore", "answer"),
    "an error": ({"msgType": "Error"}, "ignore", "answer"),
    "an update of something unknown": ({"msgType": "Update", "references": reference("VN-0")}, "update", "update_of_unknown"),
    "an update that names nothing": ({"msgType": "Update"}, "update", "update_of_unknown"),
    "a cancel of something unknown": ({"msgType": "Cancel", "references": reference("VN-0"), "info": None}, "cancel", "cancels"),
    "a cancel that has expired": ({"msgType": "Cancel", "references": reference("VN-0"), "info": info(expires=SENT)}, "cancel", "cancels"),
    "a cancel that names nothing": ({"msgType": "Cancel"}, "ignore", "nothing_named"),
    "a cancel of itself": ({"msgType": "Cancel", "references": reference("VN-1")}, "ignore", "nothing_named"),
    "a cancel of another's": ({"msgType": "Cancel", "references": reference("X", sender="c@d")}, "ignore", "foreign"),
    "an exercise's cancel": ({"status": "Exercise", "msgType": "Cancel", "references": reference("VN-0")}, "ignore", "status"),
    "expired": ({"info": info(expires="2026-11-23T05:59:59+07:00")}, "ignore", "expired"),
    "expiring this second": ({"info": info(expires="2026-11-23T06:00:00+07:00")}, "ignore", "expired"),
    "one second left": ({"info": info(expires="2026-11-23T06:00:01+07:00")}, "broadcast", "alert"),
    "expired before it was sent": ({"info": info(expires="2026-11-23T04:00:00+07:00")}, "ignore", "expired_before"),
    "no expiry": ({"info": info(expires=None)}, "broadcast", "alert"),
    "no expiry and old": ({"sent": "2026-11-22T05:59:00+07:00", "info": info(expires=None)}, "ignore", "old"),
    "no expiry, old, but yet to come": ({"sent": "2026-11-20T06:00:00+07:00", "info": info(expires=None, onset="2026-11-23T09:00:00+07:00")}, "broadcast", "alert"),
    "yet to come": ({"info": info(onset="2026-11-23T09:00:00+07:00")}, "broadcast", "alert"),
    "nothing to say": ({"info": None}, "ignore", "nothing_to_say"),
    "sent a moment ahead": ({"sent": "2026-11-23T06:10:00+07:00"}, "broadcast", "alert"),
    "sent hours ahead": ({"sent": "2026-11-23T09:00:00+07:00"}, "ignore", "future"),
    "an update with an all clear": ({"msgType": "Update", "references": reference("VN-0"), "info": info(responseType="AllClear", urgency="Past", severity="Minor")}, "update", "all_clear"),
    "a test by SAME's code": ({"info": info(event="Required Weekly Test", eventCode=pair("SAME", "RWT"))}, "ignore", "drill"),
    "a test by CAP-CP's code": ({"info": info(eventCode=pair("profile:CAP-CP:Event:0.4", "testMessage"))}, "ignore", "drill"),
    "a test by its event": ({"info": info(event="Test Message")}, "ignore", "drill"),
    "a test by its headline": ({"info": info(headline="TEST - Tornado Warning")}, "ignore", "drill"),
    "a drill in Vietnamese": ({"info": info(headline="DIỄN TẬP: sơ tán dân vùng lũ")}, "ignore", "drill"),
    "a test by its text": ({"info": info(description="This is a test of the warning system.")}, "ignore", "drill"),
    "a test by its text, in Vietnamese": ({"info": info(description="Đây là bản tin thử nghiệm.")}, "ignore", "drill"),
    "no test": ({"info": info(headline="EXERCISE CAUTION on roads", description="This is not a test.")}, "broadcast", "alert"),
    "testing of water": ({"info": info(headline="Test results of well water: do not drink")}, "broadcast", "alert"),
    "references on an alert": ({"references": reference("VN-0")}, "broadcast", "alert"),
}  # fmt: skip


@pytest.mark.parametrize("name", SINGLE)
def test_a_message_alone(name):
    changed, action, code = SINGLE[name]
    decision = Stream().send(**changed)
    assert (decision.action, decision.reason.code) == (action, code)
    assert str(decision.reason)
    assert bool(decision.blocks) == (action in ("broadcast", "update"))


def _stream(*messages):
    stream = Stream()
    return [stream.send(**each) for each in messages]


def _first(**changed):
    return {"identifier": "VN-1", **changed}


def _next(identifier, sent, kind, *names, **changed):
    return {"identifier": identifier, "sent": sent, "msgType": kind, "references": " ".join(names), **changed}


ONE = reference("VN-1")
TWO = reference("VN-2", LATER)
STREAMS = {
    "the same twice": ([_first(), _first()], ["alert", "duplicate"]),
    "the same instant in other words": ([_first(), _first(sent="2026-11-22T22:00:00-00:00")], ["alert", "duplicate"]),
    "the same name with other content": ([_first(), _first(note="changed")], ["alert", "changed"]),
    "the same identifier later": ([_first(), _first(sent=LATER)], ["alert", "alert"]),
    "an update": ([_first(), _next("VN-2", LATER, "Update", ONE)], ["alert", "takes_place"]),
    "a cancel": ([_first(), _next("VN-2", LATER, "Cancel", ONE)], ["alert", "cancels"]),
    "a cancel that comes first": ([_next("VN-2", LATER, "Cancel", ONE), _first()], ["cancels", "cancelled"]),
    "an update that comes first": ([_next("VN-2", LATER, "Update", ONE), _first()], ["update_of_unknown", "superseded"]),
    "an exercise ends nothing": ([_next("VN-2", LATER, "Cancel", ONE, status="Exercise"), _first()], ["status", "alert"]),
    "a restricted cancel ends nothing": ([_next("VN-2", LATER, "Cancel", ONE, scope="Restricted"), _first()], ["scope", "alert"]),
    "another sender ends nothing": ([_next("X", LATER, "Cancel", ONE, sender="x@y"), _first()], ["foreign", "alert"]),
    "another instant is another message": ([_next("VN-2", LATER, "Cancel", reference("VN-1", LATER)), _first()], ["cancels", "alert"]),
    "the newest wins": ([_first(), _next("VN-3", LATEST, "Update", ONE), _next("VN-2", LATER, "Update", ONE)], ["alert", "takes_place", "superseded"]),
    "a late update of what was cancelled": ([_first(), _next("VN-3", LATEST, "Cancel", ONE), _next("VN-2", LATER, "Update", ONE)], ["alert", "cancels", "cancelled"]),
    "an update after a cancel": ([_first(), _next("VN-2", LATER, "Cancel", ONE), _next("VN-3", LATEST, "Update", TWO)], ["alert", "cancels", "takes_place"]),
    "one alert divided by area": ([_first(), _next("VN-2", LATER, "Update", ONE), _next("VN-2b", LATER, "Update", ONE)], ["alert", "takes_place", "takes_place"]),
    "an expired update still ends": ([_next("VN-2", LATER, "Update", ONE, info=info(expires=LATER)), _first()], ["expired", "superseded"]),
    "an acknowledgement between": ([_first(), _next("VN-2", LATER, "Ack", ONE), _first()], ["alert", "answer", "duplicate"]),
}  # fmt: skip


@pytest.mark.parametrize("name", STREAMS)
def test_messages_one_after_the_other(name):
    sent, expected = STREAMS[name]
    assert [each.reason.code for each in _stream(*sent)] == expected


def _identifiers(decision):
    return [key.identifier for key in decision.stops]


def test_an_update_stops_what_it_takes_the_place_of():
    assert _identifiers(_stream(_first(), _next("VN-2", LATER, "Update", ONE))[1]) == ["VN-1"]


def test_a_cancel_that_names_the_first_stops_the_later_ones_too():
    sent = [_first(), _next("VN-2", LATER, "Update", ONE), _next("VN-3", LATEST, "Cancel", ONE)]
    assert _identifiers(_stream(*sent)[2]) == ["VN-1", "VN-2"]


def test_an_update_that_has_expired_is_not_aired_but_stops_what_it_names():
    """A warning centre ends a warning with an update that expires as it is sent."""
    decision = _stream(_first(), _next("VN-2", LATER, "Update", ONE, info=info(urgency="Past", expires=LATER)))[1]
    assert (decision.action, _identifiers(decision)) == ("ignore", ["VN-1"])


def test_a_reference_without_time_means_what_was_sent_before():
    decision = _stream(_first(), _next("VN-2", LATER, "Cancel", "kttv@example.vn,VN-1"))[1]
    assert (decision.action, _identifiers(decision)) == ("cancel", ["VN-1"])


def test_an_identifier_alone_means_the_senders_own():
    decision = _stream(_first(), _next("VN-2", LATER, "Cancel", "VN-1"))[1]
    assert (decision.action, _identifiers(decision)) == ("cancel", ["VN-1"])
    assert Stream().send(**_next("VN-2", LATER, "Cancel", "VN-1")).reason.code == "unclear"


def test_a_sender_may_be_allowed_to_speak_for_another():
    stream = Stream(Trust(speaks_for=frozenset({("tw@example.vn", "kttv@example.vn")})))
    stream.send()
    decision = stream.send(**_next("TW-1", LATER, "Cancel", ONE, sender="tw@example.vn"))
    assert (decision.action, _identifiers(decision)) == ("cancel", ["VN-1"])


def test_blocks_that_have_expired_are_left_out():
    decision = Stream().send(info=[info(expires=LATER), info(), info(expires=None)])
    assert decision.blocks == (1, 2)


def test_the_end_without_expiry_is_a_day_after_the_latest_time():
    decision = Stream().send(info=info(expires=None, onset="2026-11-23T10:00:00+07:00"))
    assert decision.ends_at == NOW + timedelta(hours=4) + LIFETIME


def test_what_holds_from_later_on_starts_then():
    decision = Stream().send(info=info(effective="2026-11-23T08:00:00+07:00"))
    assert decision.starts_at == NOW + timedelta(hours=2)


def test_a_message_from_the_future_waits_for_a_person_and_is_looked_at_again():
    decision = Stream().send(sent="2026-11-23T13:00:00+07:00")
    assert decision.handling == Handling.PERSON
    assert decision.again_at == NOW + timedelta(hours=7) - FUTURE_BOUND
    assert not decision.counts
    assert Stream().send(sent="2026-12-23T13:00:00+07:00").handling == Handling.LISTED


HANDLED = {
    ("Severe", "Immediate", "Observed"): Handling.BY_ITSELF,
    ("Extreme", "Expected", "Likely"): Handling.BY_ITSELF,
    ("Extreme", "Immediate", "Possible"): Handling.PERSON,
    ("Severe", "Future", "Likely"): Handling.PERSON,
    ("Moderate", "Immediate", "Observed"): Handling.PERSON,
    ("Unknown", "Unknown", "Unknown"): Handling.PERSON,
    ("Minor", "Immediate", "Observed"): Handling.LISTED,
    ("Extreme", "Past", "Observed"): Handling.LISTED,
    ("Extreme", "Immediate", "Unlikely"): Handling.LISTED,
}


@pytest.mark.parametrize("words", HANDLED)
def test_the_rule_of_the_source_says_what_goes_on_air_by_itself(words):
    block = info(**dict(zip(("severity", "urgency", "certainty"), words, strict=True)))
    assert Stream().send(info=block).handling == HANDLED[words]


def test_what_is_past_never_goes_on_air_by_itself():
    every = Threshold(frozenset({"Severe"}), frozenset({"Past"}), frozenset({"Likely"}))
    assert Stream(Trust(every, every)).send(info=info(urgency="Past")).handling == Handling.PERSON


def test_of_several_blocks_only_those_are_heard_that_may():
    decision = Stream().send(info=[info(severity="Minor"), info()])
    assert (decision.blocks, decision.handling) == ((1,), Handling.BY_ITSELF)


def test_an_all_clear_after_a_known_alert_is_heard_without_siren():
    over = info(responseType="AllClear", urgency="Past", severity="Minor", certainty="Observed")
    decision = _stream(_first(), _next("VN-2", LATER, "Update", ONE, info=over))[1]
    assert decision.all_clear
    assert (decision.handling, decision.blocks) == (Handling.BY_ITSELF, (0,))


def test_a_source_that_is_only_listed_airs_nothing():
    assert Stream(Trust(by_itself=None, person=None)).send().handling == Handling.LISTED


@pytest.mark.parametrize(
    ("signature", "signed", "code"),
    [("failed", False, "signature"), ("failed", True, "signature"), ("none", True, "unsigned"), ("unchecked", True, "unsigned"),
     ("verified", True, "alert"), ("unchecked", False, "alert"), ("none", False, "alert")],
)  # fmt: skip
def test_signatures_count_as_the_source_asks(signature, signed, code):
    decision = Stream(Trust(signed=signed)).take(one(alert()), signature)
    assert decision.reason.code == code


def test_a_source_speaks_for_its_own_senders_only():
    assert Stream(Trust(senders=frozenset({"x@y"}))).send().reason.code == "sender"


def test_an_envelope_that_says_exercise_is_believed():
    message = replace(one(alert()), envelope_status="Exercise")
    assert decide(message, NOW, Memory(), Trust()).reason.code == "status"


def test_an_unreal_message_leaves_no_trace():
    decision = Stream().send(status="Exercise", msgType="Cancel", references=ONE)
    assert not decision.counts
    assert decision.namings == decision.stops == ()

"""`POST /cap`: what a script hands in is told as `loa cap` tells it, and acted on by the right of its person."""

import gzip
import json

import pytest
from cap_builder import alert, info
from cap_lab import SQUARE_A1, SQUARE_ALL, Lab, message

from web.api.cap import MAX_BYTES

PATH = "/cap"
HEADERS = {"Content-Type": "application/cap+xml"}


@pytest.fixture
def lab(village):
    return Lab(village)


@pytest.fixture
def hand_in(callers):
    def call(document, who="approver", path=PATH, **headers):
        return callers[who].call("POST", path, data=document, headers={**HEADERS, **headers})

    return call


def test_a_grave_message_is_told_as_the_command_tells_it_and_goes_on_air(lab, hand_in):
    answer = hand_in(message())
    assert answer.status_code == 200
    told = answer.get_json()
    assert (told["ok"], told["action"], told["handling"], told["state"]) == (True, "broadcast", "by_itself", "on_air")
    assert told["identifier"] == "VN-1"
    assert told["infos"][0]["severity"] == "Severe"
    assert told["messages"][0]["identifier"] == "VN-1"
    (emergency,) = lab.emergencies()
    assert told["emergencies"] == [emergency.id]
    assert emergency.raised_by == lab.village.cast.people["approver"]


def test_it_sounds_only_where_the_person_may_raise_an_alarm(lab, hand_in):
    hand_in(message(polygon=SQUARE_ALL))
    assert lab.heard_by(lab.emergencies()[0]) == {"a1", "a1_dyke", "a2", "a_hall"}


def test_whoever_may_alarm_everywhere_reaches_everybody(lab, hand_in):
    told = hand_in(message(polygon=SQUARE_ALL), who="root").get_json()
    assert told["stations"] == 6
    assert lab.emergencies()[0].audience == [f"unit:{lab.village.cast.units['province']}"]


def test_from_a_person_without_the_right_it_waits_for_one_who_has_it(lab, hand_in):
    told = hand_in(message(), who="writer").get_json()
    assert (told["state"], told["emergencies"]) == ("waiting", [])
    assert lab.emergencies() == []


def test_a_push_source_is_named_or_the_only_one(lab, hand_in):
    source = lab.source(trust=None)
    assert hand_in(message()).get_json()["source"] == source
    lab.source(name="Nguồn khác")
    assert hand_in(message("VN-2")).status_code == 422
    assert hand_in(message("VN-2"), path=f"/cap?source={source}").get_json()["source"] == source
    assert hand_in(message("VN-3"), path="/cap?source=cs_nothing").status_code == 404
    assert hand_in(message("VN-3"), who="stranger", path=f"/cap?source={source}").status_code == 404


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (b"", 422), (b"   ", 422), (b"no xml", 422), (b"<html/>", 422), (b"\xff\xfe\x00", 422),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">&x;</alert>', 422),
        (b"<a>" * 100_000, 422), (b"x" * (MAX_BYTES + 1), 413),
        (b"<alerts>" + b"<alert xmlns='urn:oasis:names:tc:emergency:cap:1.2'/>" * 101 + b"</alerts>", 422),
    ],
    ids=["empty", "blank", "text", "html", "utf-16", "entities", "deep", "large", "many"],
)  # fmt: skip
def test_what_is_no_message_is_refused_with_a_reason(lab, hand_in, document, status):
    answer = hand_in(document)
    assert answer.status_code == status
    assert answer.get_json()["error"]["message"]
    assert lab.emergencies() == []


def test_the_reason_is_in_the_callers_language(lab, hand_in):
    vietnamese = hand_in(b"<html/>", **{"Accept-Language": "vi"}).get_json()["error"]["message"]
    english = hand_in(b"<html/>", **{"Accept-Language": "en"}).get_json()["error"]["message"]
    assert vietnamese != english
    told = hand_in(message(status="Test"), **{"Accept-Language": "vi"}).get_json()
    assert "Test" in told["reason"]
    assert told["reason"] != "Its status is Test; only Actual is real."


def test_compressed_bodies_are_read_within_the_bound(lab, hand_in):
    packed = {"Content-Encoding": "gzip"}
    assert hand_in(gzip.compress(message()), **packed).get_json()["state"] == "on_air"
    assert hand_in(gzip.compress(b"\0" * (MAX_BYTES + 1)), **packed).status_code == 413
    assert hand_in(b"no gzip", **packed).status_code == 422


def test_several_messages_are_told_one_by_one(lab, hand_in):
    one, two = message("A").split(b"?>", 1)[1], message("B", status="Exercise").split(b"?>", 1)[1]
    told = hand_in(b"<alerts>" + one + two + b"</alerts>").get_json()
    assert [(each["identifier"], each["state"]) for each in told["messages"]] == [("A", "on_air"), ("B", "ignored")]


def test_whatever_the_body_calls_itself(lab, callers):
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
        answer = callers["approver"].call(
            "POST", PATH, data=message(kind.replace("/", "-")[:12]), headers={"Content-Type": kind}
        )
        assert answer.get_json()["ok"], kind


def test_a_large_message_is_read_beside_everybody_else(lab, hand_in):
    long = info(expires="2026-11-23T18:00:00+07:00", description="Nước lên. " * 12_000, area=None)
    told = hand_in(alert(info=long, sent="2026-11-23T09:30:00+07:00")).get_json()
    assert told["state"] == "waiting"
    assert json.dumps(told)


def test_only_people_hand_in_messages(lab, callers):
    assert callers.nobody.call("POST", PATH, data=message()).status_code == 401
    assert callers.station("a1").call("POST", PATH, data=message()).status_code == 401
    assert SQUARE_A1

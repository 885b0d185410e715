"""The station protocol over HTTP, as CONTRACT describes it to outside devices."""

import base64
import gzip
import json
import re
import threading
import time
import uuid
from datetime import timedelta

import pytest
from flask import Flask
from sqlmodel import select
from village import NOW, Callers, FakeClock, Village, all_at_once

from core.clock import format_instant, parse_instant
from core.signing import Verifier
from core.wire import Device
from playlists.models import BulletinVersion
from registry import stations
from scheduler.models import Airing, AiringOutcome, PlayReport

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def report(airing: str, **more) -> dict:
    return {
        "id": str(uuid.uuid4()), "airing": airing, "item": 0, "outcome": "played",
        "started_at": format_instant(NOW + timedelta(hours=1)),
        "ended_at": format_instant(NOW + timedelta(hours=1, seconds=20)), "seconds": 20.0, "volume": 70, **more,
    }  # fmt: skip


@pytest.fixture
def airing(village: Village) -> str:
    """Id of an airing for commune A in an hour."""
    village.on_timetable()
    village.roll()
    return village.airings()[0].id


def outcomes(village: Village) -> dict[str, tuple[str, str | None, float]]:
    shorts = {identity: short for short, identity in village.cast.stations.items()}
    with village.database.read() as session:
        rows = session.exec(select(AiringOutcome)).all()
    return {shorts[row.station_id]: (row.outcome, row.reason, row.played_seconds) for row in rows}


# Enrolment


def new_code(callers: Callers) -> tuple[str, str]:
    made = callers["operator"].post("/stations", {"name": "Loa mới", "unit": "79.1.1"})
    assert made.status_code == 201
    return made.get_json()["id"], made.get_json()["enrolment_code"]


def test_a_code_takes_a_station_into_service_and_works_once(callers: Callers):
    station, code = new_code(callers)
    call = {"code": code, "device": {"serial": "S1", "model": "M", "software": "1", "more": 1}}
    answer = callers.nobody.post("/enrol", call)
    assert answer.status_code == 201
    told = answer.get_json()
    assert told["station"] == station
    assert told["unit_path"] == ["79", "79.1", "79.1.1"]
    assert told["name"] == "Loa mới"
    assert all(key["kty"] == "OKP" and "d" not in key for key in told["server_keys"])
    assert callers.with_token(told["token"]).get("/plan").status_code == 200
    again = callers.nobody.post("/enrol", call)
    assert (again.status_code, again.get_json()["error"]["code"]) == (403, "wrong_code")


def test_a_code_may_be_typed_in_small_letters_and_without_hyphen(callers: Callers):
    _, code = new_code(callers)
    assert callers.nobody.post("/enrol", {"code": code.lower().replace("-", " ")}).status_code == 201


def test_a_code_runs_out_after_a_day(callers: Callers, clock: FakeClock):
    _, code = new_code(callers)
    clock.advance(hours=24, seconds=1)
    assert callers.nobody.post("/enrol", {"code": code}).status_code == 403


def test_two_devices_with_one_code_do_not_both_get_in(village: Village):
    with village.database.write() as session:
        _, code = stations.create(
            session, village.actor("operator"), name="x", unit=village.unit("hamlet_a1"), hours=1, now=NOW
        )

    def enrol():
        with village.database.write() as session:
            return stations.enrol(session, code, Device(), NOW)

    taken = all_at_once(*[enrol] * 4)
    assert sum(each is not None for each in taken) == 1


def test_guessing_codes_is_slowed_down_and_says_for_how_long(callers: Callers, clock: FakeClock):
    for _ in range(stations.TRIES_AN_ADDRESS):
        assert callers.nobody.post("/enrol", {"code": "AAAA-BBBB"}).status_code == 403
    answer = callers.nobody.post("/enrol", {"code": "AAAA-BBBB"})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60 + 1
    clock.advance(seconds=int(answer.headers["Retry-After"]))
    _, code = new_code(callers)
    assert callers.nobody.post("/enrol", {"code": code}).status_code == 201


def test_a_fresh_code_leaves_the_device_in_service_until_it_is_used(callers: Callers, village: Village):
    renewed = callers["operator"].post(f"/stations/{village.cast.stations['a1']}/code")
    assert renewed.status_code == 201
    assert INSTANT.fullmatch(renewed.get_json()["enrolment_expires_at"])
    assert callers.station("a1").get("/plan").status_code == 200
    assert callers.nobody.post("/enrol", {"code": renewed.get_json()["enrolment_code"]}).status_code == 201
    assert callers.station("a1").get("/plan").status_code == 401


# Plan


def test_the_plan_is_as_the_contract_says(callers: Callers, airing: str, village: Village):
    answer = callers.station("a1").get("/plan")
    plan = answer.get_json()
    assert plan["plan"] == 1
    assert plan["station"] == village.cast.stations["a1"]
    assert INSTANT.fullmatch(plan["issued_at"])
    assert INSTANT.fullmatch(plan["until"])
    assert set(plan["settings"]) >= {"volume", "max_volume", "quiet_hours", "zone", "codec", "languages"}
    assert plan["settings"]["quiet_hours"] == [["22:00", "05:00"]]
    ticket = village.verifier.verify(plan["airings"][0])
    assert ticket.id == airing
    raw = json.loads(_payload(plan["airings"][0]))
    assert set(raw) >= {"id", "kind", "priority", "starts_at", "ends_at", "late", "volume", "for", "items", "approved_by",
                        "issued_at", "not_after"}  # fmt: skip
    assert raw["for"] == ["unit:79.1"]
    assert INSTANT.fullmatch(raw["starts_at"])
    header = json.loads(_decoded(plan["airings"][0].split(".")[0]))
    assert header["alg"] == "Ed25519"
    assert header["kid"]


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _payload(token: str) -> bytes:
    return _decoded(token.split(".")[1])


def test_a_plan_that_is_held_already_is_not_sent_again(callers: Callers, airing: str, clock: FakeClock):
    station = callers.station("a1")
    tag = station.get("/plan").headers["ETag"]
    clock.advance(hours=3)
    for held in (tag, f"W/{tag}", f'"other", {tag}'):
        answer = station.get("/plan", headers={"If-None-Match": held})
        assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", tag)
    assert station.get("/plan", headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_plan_is_packed_for_who_can_unpack_it(callers: Callers, airing: str):
    plain = callers.station("a1").get("/plan")
    packed = callers.station("a1").get("/plan", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.data)) == plain.get_json()
    assert len(packed.data) < len(plain.data)


def test_a_person_sees_the_plan_the_station_gets(callers: Callers, airing: str, village: Village):
    shown = callers["viewer"].get(f"/stations/{village.cast.stations['a1']}/plan").get_json()
    assert shown == callers.station("a1").get("/plan").get_json()


def test_a_revoked_station_gets_nothing_more(callers: Callers, airing: str, village: Village):
    station = callers.station("a1")
    assert station.get("/plan").status_code == 200
    assert callers["operator"].post(f"/stations/{village.cast.stations['a1']}/revoke").status_code == 200
    for method, path in (("GET", "/plan"), ("GET", "/now"), ("GET", "/time"), ("POST", "/reports"), ("POST", "/heartbeat"),
                         ("GET", f"/media/{'0' * 64}.mp3")):  # fmt: skip
        assert station.call(method, path).status_code == 401, path


# Now


def alarm(callers: Callers, village: Village, **more) -> dict:
    clip = village.bulletin(text="Lũ!")
    with village.database.read() as session:
        ready = session.exec(select(BulletinVersion.clip_id).where(BulletinVersion.bulletin_id == clip)).one()
    made = callers["approver"].post("/emergencies", {"unit": "79.1", "clip": ready, "for": ["unit:79.1"], **more})
    assert made.status_code == 201, made.get_data(as_text=True)
    return made.get_json()


def test_an_emergency_with_ready_audio_is_in_now_at_once(callers: Callers, village: Village):
    assert callers.station("a1").get("/now").get_json()["interrupts"] == []
    made = alarm(callers, village)
    document = callers.station("a1").get("/now").get_json()
    assert set(document) == {"seq", "plan", "interrupts", "withdrawn", "commands"}
    assert village.verifier.verify(document["interrupts"][0]).id == made["airing"]
    assert callers.station("b1").get("/now").get_json()["interrupts"] == []
    assert callers["approver"].post(f"/emergencies/{made['id']}/stop").get_json()["state"] == "stopped"
    document = callers.station("a1").get("/now").get_json()
    assert (document["interrupts"], document["withdrawn"]) == ([], [made["airing"]])


def test_now_answers_304_when_the_wait_is_over_and_nothing_came(callers: Callers):
    station = callers.station("a1")
    tag = station.get("/now").headers["ETag"]
    begun = time.monotonic()
    answer = station.get("/now", headers={"If-None-Match": tag, "Prefer": "wait=1"})
    assert answer.status_code == 304
    assert answer.headers["ETag"] == tag
    assert 0.9 < time.monotonic() - begun < 20


def test_now_does_not_wait_without_being_asked_to_nor_for_who_knows_nothing(callers: Callers):
    station = callers.station("a1")
    begun = time.monotonic()
    tag = station.get("/now", headers={"Prefer": "wait=55"}).headers["ETag"]
    assert station.get("/now", headers={"If-None-Match": tag}).status_code == 304
    for odd in ("wait=", "wait=-1", "respond-async", "wait=x" * 100):
        assert station.get("/now", headers={"If-None-Match": tag, "Prefer": odd}).status_code == 304
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("weak", ["", "W/"])
def test_a_waiting_call_is_answered_at_once_in_an_emergency(app: Flask, callers: Callers, village: Village, weak):
    app.extensions["loa"].room.open()
    try:
        station = callers.station("a1")
        tag = station.get("/now").headers["ETag"]
        answers: list = []

        def wait() -> None:
            answers.append(
                callers.station("a1").get("/now", headers={"If-None-Match": weak + tag, "Prefer": "wait=20"})
            )
            answers.append(time.monotonic())

        thread = threading.Thread(target=wait)
        thread.start()
        village.bulletin(text="Chuẩn bị.")
        assert not answers
        alarm(callers, village)
        raised = time.monotonic()
        thread.join(30)
        assert answers[0].status_code == 200
        assert len(answers[0].get_json()["interrupts"]) == 1
        assert answers[1] - raised < 10
    finally:
        app.extensions["loa"].room.close()


def test_a_waiting_call_of_a_revoked_station_ends_at_once(app: Flask, callers: Callers, village: Village):
    app.extensions["loa"].room.open()
    try:
        tag, answers = callers.station("a1").get("/now").headers["ETag"], []

        def wait() -> None:
            answers.append(callers.station("a1").get("/now", headers={"If-None-Match": tag, "Prefer": "wait=20"}))

        thread = threading.Thread(target=wait)
        thread.start()
        callers["operator"].post(f"/stations/{village.cast.stations['a1']}/revoke")
        revoked = time.monotonic()
        thread.join(30)
        assert time.monotonic() - revoked < 10
        assert answers[0].status_code == 401
    finally:
        app.extensions["loa"].room.close()


# Media


def test_audio_is_served_whole_and_in_pieces_and_never_changes(callers: Callers, airing: str, village: Village):
    (row,) = village.airings()
    for codec, kind in (("mp3", "audio/mpeg"), ("opus", "audio/ogg")):
        file = row.items[0]["clip"][codec]
        path = f"/media/{file['sha256']}.{codec}"
        answer = callers.station("a1").get(path, buffered=True)
        assert (answer.status_code, answer.mimetype, len(answer.data)) == (200, kind, file["bytes"])
        assert "immutable" in answer.headers["Cache-Control"]
        piece = callers.station("a1").get(path, headers={"Range": "bytes=2-5"}, buffered=True)
        assert (piece.status_code, piece.data) == (206, answer.data[2:6])
        beyond = callers.station("a1").get(path, headers={"Range": "bytes=99999-"})
        assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{file['bytes']}")


@pytest.mark.parametrize(
    "name", ["x.mp3", "0" * 64 + ".wav", "0" * 64, "0" * 64 + ".mp3", "..%2f..%2floa.db", "A" * 64 + ".mp3"]
)
def test_nothing_else_is_served_as_audio(callers: Callers, name: str):
    answer = callers.station("a1").get(f"/media/{name}")
    assert answer.status_code == 404
    assert answer.get_json()["error"]["code"] == "not_found"


# Heartbeat and time


def test_a_heartbeat_with_nothing_in_it_still_counts(callers: Callers, village: Village):
    assert callers.station("a1").call("POST", "/heartbeat").status_code == 204
    assert callers.station("a1").post("/heartbeat", {}).status_code == 204
    shown = callers["viewer"].get(f"/stations/{village.cast.stations['a1']}").get_json()
    assert (shown["online"], shown["heard_at"]) == (True, format_instant(NOW))


def test_a_full_heartbeat_is_kept_and_acknowledges(callers: Callers, village: Village):
    given = callers["operator"].post(f"/stations/{village.cast.stations['a1']}/commands", {"do": "volume", "value": 30})
    assert given.status_code == 201
    beat = {
        "playing": None, "item": 0, "volume": 30, "plan": "x", "seq": 3, "acknowledged": [given.get_json()["id"]],
        "clock_offset_ms": -3.5, "free_bytes": 10**11, "temperature_c": 41.5, "uptime_s": 1e6, "software": "loa 0.1",
        "ready_until": format_instant(NOW + timedelta(days=7)), "unknown": [1],
    }  # fmt: skip
    assert callers.station("a1").post("/heartbeat", beat).status_code == 204
    assert callers.station("a1").get("/now").get_json()["commands"] == []
    shown = callers["viewer"].get(f"/stations/{village.cast.stations['a1']}").get_json()
    assert shown["free_bytes"] == 10**11
    assert shown["ready_until"] == beat["ready_until"]


@pytest.mark.parametrize(
    "odd",
    [{"free_bytes": 10**400}, {"seq": 2**80}, {"item": 2**70}, {"item": -1}, {"volume": 101}, {"uptime_s": 1e999},
     {"acknowledged": ["x"] * 501}, {"acknowledged": ["x" * 81]}, {"ready_until": "0001-01-01T00:00:00+14:00"},
     {"ready_until": "2026-11-23T05:00"}, {"temperature_c": [1]}],
)  # fmt: skip
def test_a_heartbeat_that_makes_no_sense_is_refused_with_its_field(callers: Callers, odd: dict):
    answer = callers.station("a1").call("POST", "/heartbeat", data=json.dumps(odd).replace("Infinity", "1e999"))
    assert answer.status_code == 422
    assert callers.station("a1").post("/heartbeat", {}).status_code == 204


def test_time_has_two_stamps_in_order(callers: Callers):
    told = callers.station("a1").get("/time").get_json()
    assert parse_instant(told["received_at"]) <= parse_instant(told["sent_at"])


# Reports


def test_the_same_report_twice_counts_once(callers: Callers, village: Village, airing: str):
    one = report(airing)
    for batch in ([one], [one], [one, one]):
        answer = callers.station("a1").post("/reports", {"reports": batch})
        assert answer.status_code == 200
        assert set(answer.get_json()["accepted"]) == {one["id"]}
    with village.database.read() as session:
        assert len(session.exec(select(PlayReport)).all()) == 1


def test_a_report_sent_by_many_at_once_counts_once(app: Flask, callers: Callers, village: Village, airing: str):
    one = report(airing)
    answers = all_at_once(*[lambda: callers.station("a1").post("/reports", {"reports": [one]})] * 4)
    assert [answer.get_json()["accepted"] for answer in answers] == [[one["id"]]] * 4
    with village.database.read() as session:
        assert len(session.exec(select(PlayReport)).all()) == 1


def test_one_bad_report_blocks_none_of_the_others(callers: Callers, airing: str):
    good, foreign = report(airing), report("air_nothing")
    bad = [
        {**report(airing), "outcome": "exploded"}, {**report(airing), "seconds": -1}, {"id": "x"}, 7, None, [], "x",
        {**report(airing), "started_at": "yesterday"}, {**report(airing), "item": 10**30},
        {**report(airing), "started_at": "0001-01-01T00:00:00+14:00"}, {**report(airing), "peak_db": "loud"},
    ]  # fmt: skip
    answer = callers.station("a1").post("/reports", {"reports": [*bad, foreign, good]}).get_json()
    assert answer["accepted"] == [good["id"]]
    assert len(answer["refused"]) == len(bad) + 1
    assert {"id": foreign["id"], "code": "unknown_airing"} in answer["refused"]


def test_a_report_about_somebody_else_s_airing_is_refused_like_one_about_nothing(
    callers: Callers, village: Village, airing: str
):
    answer = callers.station("b1").post("/reports", {"reports": [report(airing)]}).get_json()
    assert answer["accepted"] == []
    assert answer["refused"][0]["code"] == "unknown_airing"
    with village.database.read() as session:
        assert session.exec(select(PlayReport)).all() == []


def test_a_station_cannot_claim_the_report_of_another(callers: Callers, airing: str):
    one = report(airing)
    assert callers.station("a1").post("/reports", {"reports": [one]}).get_json()["accepted"] == [one["id"]]
    answer = callers.station("a2").post("/reports", {"reports": [one]}).get_json()
    assert (answer["accepted"], answer["refused"][0]["code"]) == ([], "id_taken")


def test_an_item_the_airing_does_not_have_is_refused(callers: Callers, airing: str):
    answer = callers.station("a1").post("/reports", {"reports": [report(airing, item=1)]}).get_json()
    assert answer["refused"][0]["code"] == "unknown_item"


def test_more_than_500_reports_are_refused_as_a_whole(callers: Callers, village: Village, airing: str):
    many = [report(airing) for _ in range(501)]
    assert callers.station("a1").post("/reports", {"reports": many}).status_code == 422
    assert callers.station("a1").post("/reports", {"reports": many[:500]}).status_code == 200
    with village.database.read() as session:
        assert len(session.exec(select(PlayReport)).all()) == 500


def test_a_batch_that_is_no_batch_is_refused(callers: Callers):
    for odd in ({}, [], {"reports": {}}, {"reports": None}, 3, "x", None):
        assert callers.station("a1").call("POST", "/reports", data=json.dumps(odd)).status_code == 422


# Planned against played


@pytest.fixture
def over(village: Village, worker, airing: str) -> str:
    """The airing, half an hour after its end."""
    village.clock.at = NOW + timedelta(hours=1, minutes=30)
    worker.dispatch(village.clock())
    return airing


def test_every_station_is_accounted_for(callers: Callers, village: Village, worker, over: str):
    callers.station("a1").post("/reports", {"reports": [report(over)]})
    callers.station("a2").post("/reports", {"reports": [report(over, outcome="partial", seconds=7.5, reason="power")]})
    callers.station("a_hall").post(
        "/reports", {"reports": [report(over, outcome="missed", seconds=0, reason="no_audio")]}
    )
    assert worker.reconcile(village.clock()) == 1
    assert worker.reconcile(village.clock()) == 0
    assert outcomes(village) == {
        "a1": ("played", None, 20.0), "a2": ("partial", "power", 7.5), "a_hall": ("missed", "no_audio", 0.0),
        "a1_dyke": ("missed", "offline", 0.0),
    }  # fmt: skip


def test_a_late_report_corrects_the_outcome(callers: Callers, village: Village, worker, over: str):
    worker.reconcile(village.clock())
    assert outcomes(village)["a1"] == ("missed", "offline", 0.0)
    village.clock.advance(days=3)
    callers.station("a1").post("/reports", {"reports": [report(over)]})
    assert outcomes(village)["a1"] == ("played", None, 20.0)
    assert outcomes(village)["a2"] == ("missed", "offline", 0.0)


def test_nothing_is_judged_before_the_stations_had_time_to_report(village: Village, worker, airing: str):
    village.clock.at = NOW + timedelta(hours=1, seconds=30)
    worker.dispatch(village.clock())
    assert worker.reconcile(village.clock()) == 0


def test_a_station_out_of_service_is_not_expected_to_play(callers: Callers, village: Village, worker, over: str):
    callers["operator"].post(f"/stations/{village.cast.stations['a2']}/revoke")
    worker.reconcile(village.clock())
    assert "a2" not in outcomes(village)
    assert len(outcomes(village)) == 3


def test_reports_and_airings_are_shown_to_the_commune(callers: Callers, over: str):
    one = report(over)
    callers.station("a1").post("/reports", {"reports": [one]})
    shown = callers["viewer"].get("/reports?unit=79.1.1&from=2026-11-23T03:00:00Z&to=2026-11-23T05:00:00Z").get_json()
    assert [row["id"] for row in shown["items"]] == [one["id"]]
    assert callers["viewer"].get("/reports?unit=79.1.2").get_json()["items"] == []
    listed = callers["viewer"].get("/airings?unit=79.1&from=2026-11-23&to=2026-11-23").get_json()["items"]
    assert [(row["id"], row["state"]) for row in listed] == [(over, "over")]


def test_settings_are_signed_for_the_station_that_gets_them(callers: Callers, village: Village):
    plan = callers.station("a1").get("/plan").get_json()
    signed = village.verifier.settings(plan["signed_settings"])
    assert signed is not None
    assert signed.station == village.cast.stations["a1"]
    assert signed.model_dump(mode="json")["settings"] == plan["settings"]


def test_keys_given_at_enrolment_check_what_is_signed(callers: Callers, airing: str):
    _, code = new_code(callers)
    told = callers.nobody.post("/enrol", {"code": code}).get_json()
    ticket = callers.with_token(told["token"]).get("/plan").get_json()["airings"][0]
    assert Verifier(told["server_keys"]).verify(ticket).id == airing


def test_an_airing_stays_in_the_plan_of_the_day_when_it_is_over(callers: Callers, village: Village, over: str):
    with village.database.read() as session:
        assert session.get_one(Airing, over).state == "over"
    assert len(callers.station("a1").get("/plan").get_json()["airings"]) == 1

"""Devices that a person confirms, tokens that are renewed and revoked, and what a held call hears of it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlmodel import select
from village import Caller, Callers, Village
from werkzeug.test import TestResponse

from core.audit import AuditEntry
from registry import secrets
from registry.models import Station

DEVICE = {"serial": "SN-1", "model": "Loa IP", "software": "loalang 0.1"}


def new_station(callers: Callers, **more: Any) -> tuple[str, str]:
    made = callers["operator"].post("/stations", {"name": "Loa chợ", "unit": "79.1.1", **more})
    assert made.status_code == 201
    return made.get_json()["id"], made.get_json()["enrolment_code"]


def enrol(callers: Callers, code: str, **device: str) -> dict[str, Any]:
    told = callers.nobody.post("/enrol", {"code": code, "device": DEVICE | device})
    assert told.status_code == 201
    return told.get_json()


@contextmanager
def following(app: Flask) -> Iterator[None]:
    room = app.extensions["loa"].room
    room.open()
    try:
        yield
    finally:
        room.close()


def held(caller: Caller, tag: str) -> Callable[[], TestResponse]:
    """A call of /now that waits; returns a question for its answer."""
    found: list[TestResponse] = []
    wait = {"If-None-Match": tag, "Prefer": "wait=55"}
    thread = threading.Thread(target=lambda: found.append(caller.get("/now", headers=wait)))
    began = time.monotonic()
    thread.start()

    def answer() -> TestResponse:
        thread.join(40)
        assert found, "it was not answered"
        assert time.monotonic() - began < 40, "it was answered only when its time was over"
        return found[0]

    while caller_waits(caller) < 1 and time.monotonic() - began < 20:
        time.sleep(0.01)
    return answer


def caller_waits(caller: Caller) -> int:
    return len(caller._client.application.extensions["loa"].room._waiting)


# confirmation


def test_a_station_of_a_script_needs_nobody_s_word_unless_it_asks_for_it(callers: Callers):
    station, code = new_station(callers)
    told = enrol(callers, code)
    assert told["confirmed"] is True
    assert callers["operator"].get(f"/stations/{station}").get_json()["enrolled"] is True


@pytest.fixture
def waiting(callers: Callers, village: Village) -> tuple[str, Caller]:
    """A device that waits for a person's word, with an airing that is for its commune."""
    village.on_timetable(minutes=60)
    village.roll()
    station, code = new_station(callers, confirm=True, latitude=21.03, longitude=105.85)
    told = enrol(callers, code)
    assert (told["station"], told["confirmed"], len(told["server_keys"])) == (station, False, 1)
    return station, callers.with_token(told["token"])


def test_until_it_is_confirmed_a_device_gets_no_airings_and_no_audio(
    callers: Callers, village: Village, waiting: tuple[str, Caller]
):
    station, device = waiting
    plan = device.get("/plan").get_json()
    assert (plan["station"], plan["airings"]) == (station, [])
    assert device.get("/now").get_json()["interrupts"] == []
    item = village.airings()[0].items[0]
    sha256 = item["clip"]["mp3"]["sha256"]
    with callers.station("a1").get(f"/media/{sha256}.mp3") as audio:
        assert (audio.status_code, len(audio.data) > 0) == (200, True)
    assert device.get(f"/media/{sha256}.mp3").status_code == 404
    assert device.get("/time").status_code == 200
    assert device.post("/heartbeat", {"volume": 70}).status_code == 204
    assert device.post("/token").status_code == 409
    one = {
        "id": "0b0f7f8e-3c2b-4f0e-9f0c-7d5d5f5a1c11", "airing": village.airings()[0].id, "item": 0,
        "outcome": "played", "started_at": "2026-11-23T04:00:00Z", "ended_at": "2026-11-23T04:00:20Z", "seconds": 20,
    }  # fmt: skip
    assert device.post("/reports", {"reports": [one]}).get_json()["accepted"] == []
    shown = callers["operator"].get(f"/stations/{station}").get_json()
    assert (shown["enrolled"], shown["confirm"]) == (False, True)
    assert shown["pending"] | {"since": ""} == DEVICE | {"address": "127.0.0.1", "since": ""}


def test_a_confirmed_device_has_its_plan_at_once(callers: Callers, village: Village, waiting: tuple[str, Caller]):
    station, device = waiting
    tag = device.get("/now").headers["ETag"]
    plan_tag = device.get("/plan").headers["ETag"]
    with following(village_app(device)):
        answer = held(device, tag)
        told = callers["operator"].post(f"/stations/{station}/confirm")
        assert (told.status_code, told.get_json()["enrolled"], told.get_json()["pending"]) == (200, True, None)
        heard = answer()
    assert heard.status_code == 200
    assert heard.get_json()["plan"] != plan_tag.strip('"')
    assert len(device.get("/plan", headers={"If-None-Match": plan_tag}).get_json()["airings"]) == 1
    with village.database.read() as session:
        row = session.get_one(Station, station)
        assert (row.serial, row.model, row.pending_hash) == ("SN-1", "Loa IP", None)
    assert callers["operator"].post(f"/stations/{station}/confirm").status_code == 409


def village_app(caller: Caller) -> Flask:
    return caller._client.application


def test_a_device_that_is_sent_away_hears_it_at_once(callers: Callers, waiting: tuple[str, Caller]):
    station, device = waiting
    tag = device.get("/now").headers["ETag"]
    with following(village_app(device)):
        answer = held(device, tag)
        assert callers["operator"].post(f"/stations/{station}/refuse").status_code == 200
        assert answer().status_code == 401
    assert device.get("/plan").status_code == 401


def test_a_stolen_code_does_not_put_the_device_in_service_out_of_it(callers: Callers, village: Village):
    station, code = new_station(callers, confirm=True)
    first = callers.with_token(enrol(callers, code)["token"])
    callers["operator"].post(f"/stations/{station}/confirm")
    code = callers["operator"].post(f"/stations/{station}/code").get_json()["enrolment_code"]
    thief = callers.with_token(enrol(callers, code, serial="THIEF")["token"])
    assert (first.get("/plan").status_code, thief.get("/plan").get_json()["airings"]) == (200, [])
    thief.post("/heartbeat", {"volume": 3})
    first.post("/heartbeat", {"volume": 70})
    assert callers["operator"].get("/stations").status_code == 200
    callers["operator"].post(f"/stations/{station}/refuse")
    assert (first.get("/plan").status_code, thief.get("/plan").status_code) == (200, 401)


def test_only_who_runs_the_stations_there_may_confirm(callers: Callers, waiting: tuple[str, Caller]):
    station, _ = waiting
    for path in ("confirm", "refuse", "renew-token"):
        assert callers["stranger"].post(f"/stations/{station}/{path}").status_code == 404
        assert callers["writer"].post(f"/stations/{station}/{path}").status_code == 403


# tokens


def test_a_renewed_token_takes_over_when_it_is_used_and_not_before(callers: Callers, village: Village):
    old = callers.station("a1")
    first = old.post("/token").get_json()["token"]  # an answer that never arrived
    second = old.post("/token").get_json()["token"]
    assert old.get("/plan").status_code == 200
    assert callers.with_token(first).get("/plan").status_code == 401
    assert callers.with_token(second).get("/plan").status_code == 200
    assert old.get("/plan").status_code == 401
    assert callers.with_token(second).post("/heartbeat", {}).status_code == 204
    with village.database.read() as session:
        row = session.get_one(Station, village.cast.stations["a1"])
        assert (row.token_hash, row.next_token_hash) == (secrets.digest(second), None)
        stored = session.exec(select(AuditEntry.action).where(AuditEntry.subject == row.id)).all()
        assert "station.token" in stored
        kept = str(row.model_dump())
    assert second not in kept
    assert first not in kept


def test_the_server_orders_a_renewal_and_sees_when_it_is_done(callers: Callers, app: Flask, village: Village):
    station, device = village.cast.stations["a1"], callers.station("a1")
    tag = device.get("/now").headers["ETag"]
    with following(app):
        answer = held(device, tag)
        assert callers["operator"].post(f"/stations/{station}/renew-token").status_code == 200
        assert answer().get_json()["renew_token"] is True
        token = device.post("/token").get_json()["token"]
        later = held(device, device.get("/now").headers["ETag"])
        assert callers.with_token(token).get("/time").status_code == 200
        assert later().status_code == 401  # the call that the old token held
    assert "renew_token" not in callers.with_token(token).get("/now").get_json()


def test_a_revoked_token_ends_the_call_that_is_held(callers: Callers, app: Flask, village: Village):
    station, device = village.cast.stations["a1"], callers.station("a1")
    renewed = device.post("/token").get_json()["token"]
    with following(app):
        answer = held(device, device.get("/now").headers["ETag"])
        callers["operator"].post(f"/stations/{station}/revoke")
        assert answer().status_code == 401
    assert callers.with_token(renewed).get("/plan").status_code == 401


def test_a_new_device_ends_the_call_that_the_former_held(callers: Callers, app: Flask, village: Village):
    station, device = village.cast.stations["a1"], callers.station("a1")
    code = callers["operator"].post(f"/stations/{station}/code").get_json()["enrolment_code"]
    with following(app):
        answer = held(device, device.get("/now").headers["ETag"])
        enrol(callers, code)
        assert answer().status_code == 401

"""Everybody sees their own and nothing else: over every route there is, so that a new one can't be forgotten."""

import json
import re
from dataclasses import replace

import pytest
from flask import Flask
from sqlmodel import select
from village import NOW, Callers, Village

from alerts import drills, pending, raising
from audio import lexicon, voicing
from audio.models import Clip
from playlists import offers
from playlists.programmes import Entry
from registry import sessions, tokens
from registry.models import Person
from registry.rights import system_actor
from scheduler import dayparts, emergencies, live, prepared, reservations
from scheduler.concern_models import Contact
from scheduler.models import Airing, SlotOrder
from web.access import Caller, callers_of
from web.app import create_app

PREFIX = "/api/v1"
NOBODYS = "zz_nothing"


@pytest.fixture
def things(village: Village) -> dict[str, str]:
    """One of everything in commune A, by the part of the address that names it."""
    bulletin, slot = village.on_timetable(rrule="FREQ=DAILY")
    village.roll()
    group = village.group("commune_a", "a1")
    with village.database.write() as session:
        clip = session.exec(select(Clip.id)).first()
        alarm = emergencies.Alarm(signal="none", audience=["unit:79.1"], text="Lũ lên!")
        emergency, _ = emergencies.raise_alarm(
            session, village.actor("approver"), village.unit("commune_a"), alarm, signer=village.signer,
            default_zone="Asia/Ho_Chi_Minh", max_chars=1000, now=NOW,
        )  # fmt: skip
        airing = session.exec(select(Airing.id)).first()
        voicing.put(session, village.actor("administrator"), village.unit("commune_a"), "vi", voicing.Manner(), NOW)
        word = lexicon.put(session, village.actor("writer"), village.unit("commune_a"), "NVH", "nhà văn hóa", NOW).id
        kept = reservations.create(
            session, village.actor("approver"), village.unit("commune_a"), name="Tiếp sóng", starts="2026-12-24T06:00",
            minutes=5, default_zone="Asia/Ho_Chi_Minh", now=NOW,
        ).id  # fmt: skip
        kept_ready = prepared.add(
            session, village.actor("approver"), village.unit("commune_a"), kind="flood", title="Lũ", valid_until=None,
            said=[prepared.Source(bulletin=bulletin)], signer=village.signer, now=NOW,
        ).id  # fmt: skip
        whom, zone = drills.Content("spoken", ["unit:79.1"]), "Asia/Ho_Chi_Minh"
        drill = drills.set_up(
            session, village.actor("approver"), village.unit("commune_a"), whom, starts="2026-11-28T09:00",
            rrule=drills.MONTHLY, default_zone=zone, now=NOW,
        )  # fmt: skip
        held = drills.order(
            session,
            village.actor("approver"),
            village.unit("commune_a"),
            replace(whom, kind="silent"),
            NOW,
            default_zone=zone,
        )
        talk, _ = live.begin(
            session, village.actor("administrator"), village.unit("commune_a"), live.Wish(["unit:79.1"]),
            signer=village.signer, settings=village.settings, now=NOW,
        )  # fmt: skip
        windows = [{"from": "05:00", "to": "05:30"}]
        dayparts.put(session, village.actor("approver"), village.unit("commune_a"), "sang", "Sáng", windows, NOW)
    ordered = SlotOrder(
        id="or_1", unit_id=village.cast.units["commune_a"], first_slot=slot, then_slot=slot, decided_by="x", decided_at=NOW
    )  # fmt: skip
    with village.database.write() as session:
        mine = tokens.make(session, system_actor(), "administrator", "x", NOW)[1].id
    with village.database.write() as session:
        session.add(ordered)
        told = Contact(
            id="ct_1", unit_id=village.cast.units["commune_a"], way="webhook", address="https://example.org/x",
            kinds=["silent"], created_by="x", created_at=NOW,
        )  # fmt: skip
        session.add(told)
        waiting = pending.add(
            session, village.actor("root"), village.unit("commune_a"), alarm, NOW, NOW + raising.WAITS
        ).id
    with village.database.write() as session:
        below = [village.cast.units["hamlet_a1"]]
        sent = offers.offer(session, village.actor("approver"), bulletin, below, "", NOW).id
    return {
        "pending": waiting, "offers": sent,
        "contacts": "ct_1", "reservations": kept, "orders": "or_1", "prepared": kept_ready,
        "bulletins": bulletin, "clips": str(clip), "programmes": village.slots()[0].programme_id, "slots": slot,
        "emergencies": emergency.id, "stations": village.cast.stations["a1"], "groups": group, "airings": str(airing),
        "units": village.cast.units["commune_a"], "word": word, "drills": drill.id, "drill-runs": held.id, "tokens": mine, "live": talk.id,
    }  # fmt: skip


def bodies(things: dict[str, str], own: bool) -> dict[str, dict]:
    """A good body for each call that needs one, naming things of commune A, or things that are nowhere."""

    def name(kind: str) -> str:
        return things[kind] if own else NOBODYS

    unit = "79.1" if own else NOBODYS
    draft = {"title": "x", "text": "xin chào", "field": "general"}
    return {
        "create_unit": {"name": "x", "code": "79.9", "parent": unit},
        "create_stations": {"name": "x", "unit": unit},
        "create_group": {"name": "x", "unit": unit},
        "create_bulletin": {"unit": unit, **draft},
        "edit_bulletin": draft,
        "reject_bulletin": {"reason": "x"},
        "command_station": {"do": "sync"},
        "create_offer": {"bulletin": name("bulletins"), "for": [f"unit:{unit}.2" if own else f"unit:{unit}"]},
        "take_offer": {"unit": f"{unit}.1" if own else unit},
        "decline_offer": {"unit": f"{unit}.1" if own else unit, "reason": "x"},
        "order_offer": {"unit": f"{unit}.1" if own else unit, "after_own": True},
        "create_programme": {"unit": unit, "title": "x", "items": [{"newest": {"count": 1}}]},
        "edit_programme": {"unit": unit, "title": "x", "items": [{"newest": {"count": 1}}]},
        "create_slot": {"programme": name("programmes"), "starts": "2026-11-24T06:00", "for": [f"unit:{unit}"]},
        "preview_slot": {"programme": name("programmes"), "starts": "2026-11-24T06:00", "for": [f"unit:{unit}"]},
        "create_live": {"unit": unit, "for": [f"unit:{unit}"]},
        "create_emergency": {"unit": unit, "text": "x y", "for": [f"unit:{unit}"]},
        "create_prepared": {"unit": unit, "kind": "flood", "title": "x", "bulletin": name("bulletins")},
        "create_drill": {"unit": unit, "kind": "spoken", "for": [f"unit:{unit}"], "starts": "2026-11-28T09:00"},
        "create_drill_run": {"unit": unit, "kind": "silent", "for": [f"unit:{unit}"]},
        "create_person": {"username": "new", "name": "x", "unit": unit, "role": "viewer"},
        "put_word": {"written": "HTX", "spoken": "hợp tác xã"},
        "put_quota": {"quota_mb": 100},
        "put_radio": {"public": True},
        "put_page": {"public": True},
        "edit_station": {"name": "x"},
        "move_unit": {"parent": "79" if own else NOBODYS},
        "merge_unit": {"into": "79.1.1" if own else NOBODYS},
        "recode_unit": {"code": "79.1"},
        "move_station": {"unit": "79.1.1" if own else NOBODYS},
        "recode_station": {"code": "x"},
        "edit_slot": {"programme": name("programmes"), "starts": "2026-11-24T06:00", "for": [f"unit:{unit}"]},
        "hurry_slot": {"reason": "x"},
        "change_occurrence": {"at": "2026-11-25T11:00", "skip": True},
        "restore_occurrence": {"at": "2026-11-25T11:00"},
        "put_daypart": {"name": "x", "windows": [{"from": "05:00", "to": "05:30"}]},
        "put_limits": {"limits": {"sessions_a_day": 9}},
        "create_order": {"first": name("slots"), "then": name("slots")},
        "create_reservation": {"name": "x", "starts": "2026-11-24T06:00", "minutes": 5},
        "create_contact": {"way": "webhook", "address": "https://example.org/x", "kinds": ["silent"]},
        "put_unit_voices": {"voices": ["espeak"], "speed": 0.9},
    }


def address(path: str, things: dict[str, str]) -> str:
    """The path with the ids of commune A's things in it."""
    return re.sub(
        r"<\w+>",
        things.get(path.split("/")[1], ""),
        path.replace("<word>", things["word"]).replace("<language>", "vi").replace("<code>", "sang"),
    )


def script_routes(app: Flask) -> list[tuple[str, str, str]]:
    return sorted(
        (method, rule.rule.removeprefix(PREFIX), rule.endpoint.removeprefix("api."))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.") and Caller.SCRIPT in callers_of(app.view_functions[rule.endpoint])
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    )


def test_a_stranger_gets_the_answer_of_things_that_do_not_exist(app: Flask, callers: Callers, things: dict[str, str]):
    stranger = callers["stranger"]
    seen = 0
    for method, path, endpoint in script_routes(app):
        kind = path.split("/")[1]
        if kind == "media":
            continue
        if "<" not in path and endpoint not in bodies(things, own=True):
            continue
        real = stranger.call(method, address(path, things), json=bodies(things, own=True).get(endpoint))
        none = stranger.call(method, re.sub(r"<\w+>", NOBODYS, path), json=bodies(things, own=False).get(endpoint))
        assert (real.status_code, real.get_json()) == (404, none.get_json()), (method, path)
        assert none.status_code == 404, (method, path)
        seen += 1
    assert seen >= 26


def test_the_same_calls_work_or_are_explained_for_people_of_the_commune(
    app: Flask, callers: Callers, things: dict[str, str]
):
    """Guards the test above: its calls are good ones, only the caller is wrong."""
    administrator = callers["administrator"]
    for method, path, endpoint in script_routes(app):
        kind = path.split("/")[1]
        if kind != "media":
            answer = administrator.call(method, address(path, things), json=bodies(things, own=True).get(endpoint))
            if endpoint in {"put_quota", "move_unit", "merge_unit"}:  # that is for the level above
                assert answer.status_code == 403
                answer = callers["root"].call(method, address(path, things), json=bodies(things, own=True)[endpoint])
            assert answer.status_code in {200, 201, 409, 422}, (method, path, answer.get_data(as_text=True))
            assert answer.status_code != 422 or endpoint in {"create_clip", "take_cap"}, (
                method,
                path,
                answer.get_data(as_text=True),
            )


def test_no_list_shows_a_stranger_anything_of_the_commune(app: Flask, callers: Callers, things: dict[str, str]):
    secret = [*things.values(), "79.1", "hamlet_a1"]
    lists = [path for method, path, _ in script_routes(app) if method == "GET" and "<" not in path]
    assert len(lists) >= 9
    for path in lists:
        answer = callers["stranger"].get(path)
        assert answer.status_code == 200
        shown = [item for item in answer.get_json()["items"] if not item.get("action", "").startswith("token.")]
        told = json.dumps(shown, ensure_ascii=False)
        assert not [each for each in secret if re.search(rf'"{re.escape(each)}["/@]', told)], path
    everything = json.dumps([callers["administrator"].get(path).get_json() for path in lists])
    assert all(
        each in everything
        for kind, each in things.items()
        if kind not in {"emergencies", "clips", "orders", "contacts"}
    )


@pytest.mark.parametrize("path", ["/airings?unit=79.1", "/reports?unit=79.1"])
def test_a_stranger_cannot_ask_for_the_lists_of_the_commune(callers: Callers, path: str):
    answer = callers["stranger"].get(path)
    assert answer.status_code == 404
    assert answer.get_json() == callers["stranger"].get(path.replace("79.1", NOBODYS)).get_json()


def test_a_stranger_cannot_put_things_of_the_commune_into_their_own(
    callers: Callers, village: Village, things: dict[str, str]
):
    own = village.programme(unit="commune_b", entries=[Entry(bulletin=village.bulletin("commune_b"))])
    stranger = callers["stranger"]
    calls = (
        [
            ("/programmes", {"unit": "79.2", "title": "x", "items": [{"bulletin": things["bulletins"]}]}),
            ("/programmes", {"unit": "79.2", "title": "x", "items": [{"clip": things["clips"]}]}),
            ("/bulletins", {"unit": "79.2", "title": "x", "clip": things["clips"]}),
            ("/emergencies", {"unit": "79.2", "clip": things["clips"], "for": ["unit:79.2"]}),
            ("/groups", {"unit": "79.2", "name": "x", "stations": [things["stations"]]}),
            ("/prepared", {"unit": "79.2", "kind": "fire", "title": "x", "bulletin": things["bulletins"]}),
            ("/prepared", {"unit": "79.2", "kind": "fire", "title": "x", "versions": [{"clip": things["clips"]}]}),
        ]
        + [
            ("/slots", {"programme": own, "starts": "2026-11-24T06:00", "for": [name]})
            for name in ("unit:79.1", "unit:79", f"group:{things['groups']}", f"station:{things['stations']}")
        ]
        + [("/emergencies", {"unit": "79.2", "text": "x y", "for": ["unit:79.2", "unit:79.1"]})]
    )
    for path, content in calls:
        assert stranger.post(path, content).status_code == 404, (path, content)


@pytest.mark.parametrize(
    ("username", "forbidden"),
    [
        ("viewer", {"move_unit", "merge_unit", "recode_unit", "move_station", "recode_station", "create_unit", "create_offer", "take_offer", "decline_offer", "order_offer", "remind_offer", "create_stations", "create_group", "create_bulletin", "edit_bulletin", "submit_bulletin",
                    "approve_bulletin", "reject_bulletin", "withdraw_bulletin", "create_programme", "edit_programme", "create_slot",
                    "preview_slot", "withdraw_slot", "create_live", "end_live", "create_emergency", "stop_emergency", "confirm_emergency", "decline_emergency", "create_prepared", "retire_prepared", "create_drill", "renew_drill", "end_drill", "create_drill_run", "create_person", "renew_code",
                    "revoke_station", "command_station", "put_word", "remove_word", "put_unit_voices", "remove_unit_voices", "put_quota",
                    "edit_station", "put_limits", "put_radio", "put_page", "edit_slot", "hurry_slot", "change_occurrence", "restore_occurrence", "put_daypart", "remove_daypart",
                    "create_reservation", "withdraw_reservation", "create_order", "withdraw_order",
                    "confirm_device", "refuse_device", "ask_renewal", "create_contact", "take_cap", "revoke_token"}),
        ("writer", {"move_unit", "merge_unit", "recode_unit", "move_station", "recode_station", "create_unit", "create_offer", "take_offer", "decline_offer", "order_offer", "remind_offer", "create_stations", "create_group", "approve_bulletin", "reject_bulletin", "withdraw_bulletin",
                    "create_slot", "preview_slot", "withdraw_slot", "create_live", "end_live", "create_emergency", "stop_emergency", "confirm_emergency", "decline_emergency", "create_prepared", "retire_prepared", "create_drill", "renew_drill", "end_drill", "create_drill_run", "create_person", "renew_code",
                    "revoke_station", "command_station", "put_unit_voices", "remove_unit_voices", "put_quota",
                    "edit_station", "put_limits", "put_radio", "put_page", "edit_slot", "hurry_slot", "change_occurrence", "restore_occurrence", "put_daypart", "remove_daypart",
                    "create_reservation", "withdraw_reservation", "create_order", "withdraw_order",
                    "confirm_device", "refuse_device", "ask_renewal", "create_contact", "revoke_token"}),
        ("approver", {"move_unit", "merge_unit", "recode_unit", "move_station", "recode_station", "create_unit", "create_stations", "create_group", "create_person", "renew_code", "revoke_station",
                      "command_station", "put_unit_voices", "remove_unit_voices", "put_quota", "edit_station", "put_limits", "put_radio", "put_page",
                      "confirm_device", "refuse_device", "ask_renewal", "create_contact", "revoke_token"}),
        ("operator", {"create_offer", "take_offer", "decline_offer", "remind_offer", "move_unit", "merge_unit", "recode_unit", "create_unit", "create_bulletin", "edit_bulletin", "submit_bulletin", "approve_bulletin", "reject_bulletin",
                      "withdraw_bulletin", "create_live", "end_live", "create_emergency", "stop_emergency", "confirm_emergency", "decline_emergency", "create_prepared", "retire_prepared", "create_drill", "renew_drill", "end_drill", "create_person", "put_word", "remove_word",
                      "put_unit_voices", "remove_unit_voices", "put_quota", "put_limits", "put_radio", "put_page", "take_cap", "revoke_token"}),
    ],
)  # fmt: skip
def test_each_role_is_refused_what_is_not_its_own(
    app: Flask, callers: Callers, things: dict[str, str], username, forbidden
):
    refused = set()
    for method, path, endpoint in script_routes(app):
        kind = path.split("/")[1]
        if method in {"POST", "PUT", "DELETE"} and kind not in {"media", "clips"}:
            answer = callers[username].call(method, address(path, things), json=bodies(things, own=True).get(endpoint))
            if answer.status_code == 403:
                refused.add(endpoint)
    assert refused == forbidden


def test_every_route_says_who_may_call_it(app: Flask):
    for rule in app.url_map.iter_rules():
        assert callers_of(app.view_functions[rule.endpoint]), rule.rule


def test_a_route_that_does_not_say_who_may_call_it_stops_the_application(settings, database, monkeypatch):
    from web.api import blueprint

    monkeypatch.setattr(blueprint, "deferred_functions", list(blueprint.deferred_functions))
    monkeypatch.setattr(blueprint, "_got_registered_once", False)
    blueprint.add_url_rule("/forgotten", "forgotten", lambda: "x")
    with pytest.raises(RuntimeError, match=r"api\.forgotten"):
        create_app(settings, database)


def test_a_station_cannot_use_the_script_api_nor_a_person_the_station_protocol(
    app: Flask, callers: Callers, things: dict[str, str]
):
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("api."):
            continue
        allowed = callers_of(app.view_functions[rule.endpoint])
        path = re.sub(r"<\w+>", "x", rule.rule.removeprefix(PREFIX))
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            if allowed == {Caller.SCRIPT}:
                assert callers.station("a1").call(method, path, json={}).status_code == 401, path
            if allowed == {Caller.STATION}:
                assert callers["root"].call(method, path, json={}).status_code == 401, path
            if Caller.ANYONE not in allowed:
                for caller in (callers.nobody, callers.with_token("loa_wrong"), callers.with_token("sta_wrong")):
                    answer = caller.call(method, path, json={})
                    assert answer.status_code == 401, path
                    assert answer.get_json()["error"]["code"] == "not_signed_in"
                    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_browser_s_session_does_not_open_the_script_api(app: Flask, village: Village):
    client = app.test_client()
    with village.database.write() as writing:
        person = writing.get_one(Person, village.cast.people["root"])
        name = sessions.begin(writing, person, agent="", address="127.0.0.1", now=NOW)
    with client.session_transaction() as session:
        session["session"] = name
    assert client.get("/").status_code == 200
    assert client.get("/api/v1/units").status_code == 401


def test_a_token_ends_with_its_person(callers: Callers, village: Village):
    assert callers["writer"].get("/units").status_code == 200
    with village.database.write() as session:
        session.get_one(Person, village.cast.people["writer"]).active = False
    assert callers["writer"].get("/units").status_code == 401


def test_a_station_sees_only_its_own_plan(callers: Callers, village: Village, things: dict[str, str]):
    assert len(callers.station("a1").get("/plan").get_json()["airings"]) > 0
    assert callers.station("b1").get("/plan").get_json()["airings"] == []

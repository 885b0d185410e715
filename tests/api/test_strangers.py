"""Everybody sees their own and nothing else: over every route there is, so that a new one can't be forgotten."""

import json
import re

import pytest
from flask import Flask
from sqlmodel import select
from village import NOW, Callers, Village

from audio import lexicon
from audio.models import Clip
from playlists.programmes import Entry
from scheduler import emergencies
from scheduler.models import Airing
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
        alarm = emergencies.Alarm(audience=["unit:79.1"], text="Lũ lên!")
        emergency, _ = emergencies.raise_alarm(
            session, village.actor("approver"), village.unit("commune_a"), alarm, signer=village.signer,
            default_zone="Asia/Ho_Chi_Minh", max_chars=1000, now=NOW,
        )  # fmt: skip
        airing = session.exec(select(Airing.id)).first()
        word = lexicon.put(session, village.actor("writer"), village.unit("commune_a"), "NVH", "nhà văn hóa", NOW).id
    return {
        "bulletins": bulletin, "clips": str(clip), "programmes": village.slots()[0].programme_id, "slots": slot,
        "emergencies": emergency.id, "stations": village.cast.stations["a1"], "groups": group, "airings": str(airing),
        "units": village.cast.units["commune_a"], "word": word,
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
        "create_programme": {"unit": unit, "title": "x", "items": [{"newest": {"count": 1}}]},
        "edit_programme": {"unit": unit, "title": "x", "items": [{"newest": {"count": 1}}]},
        "create_slot": {"programme": name("programmes"), "starts": "2026-11-24T06:00", "for": [f"unit:{unit}"]},
        "preview_slot": {"programme": name("programmes"), "starts": "2026-11-24T06:00", "for": [f"unit:{unit}"]},
        "create_emergency": {"unit": unit, "text": "x y", "for": [f"unit:{unit}"]},
        "create_person": {"username": "new", "name": "x", "unit": unit, "role": "viewer"},
        "put_word": {"written": "HTX", "spoken": "hợp tác xã"},
    }


def address(path: str, things: dict[str, str]) -> str:
    """The path with the ids of commune A's things in it."""
    return re.sub(r"<\w+>", things.get(path.split("/")[1], ""), path.replace("<word>", things["word"]))


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
            assert answer.status_code in {200, 201, 409, 422}, (method, path, answer.get_data(as_text=True))
            assert answer.status_code != 422 or endpoint == "create_clip", (method, path, answer.get_data(as_text=True))


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
        each in everything for each in things.values() if each != things["emergencies"] and each != things["clips"]
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
        ("viewer", {"create_unit", "create_stations", "create_group", "create_bulletin", "edit_bulletin", "submit_bulletin",
                    "approve_bulletin", "reject_bulletin", "withdraw_bulletin", "create_programme", "edit_programme", "create_slot",
                    "preview_slot", "withdraw_slot", "create_emergency", "stop_emergency", "create_person", "renew_code",
                    "revoke_station", "command_station", "put_word", "remove_word"}),
        ("writer", {"create_unit", "create_stations", "create_group", "approve_bulletin", "reject_bulletin", "withdraw_bulletin",
                    "create_slot", "preview_slot", "withdraw_slot", "create_emergency", "stop_emergency", "create_person", "renew_code",
                    "revoke_station", "command_station"}),
        ("approver", {"create_unit", "create_stations", "create_group", "create_person", "renew_code", "revoke_station",
                      "command_station"}),
        ("operator", {"create_unit", "create_bulletin", "edit_bulletin", "submit_bulletin", "approve_bulletin", "reject_bulletin",
                      "withdraw_bulletin", "create_emergency", "stop_emergency", "create_person", "put_word", "remove_word"}),
    ],
)  # fmt: skip
def test_each_role_is_refused_what_is_not_its_own(
    app: Flask, callers: Callers, things: dict[str, str], username, forbidden
):
    refused = set()
    for method, path, endpoint in script_routes(app):
        kind = path.split("/")[1]
        if method in {"POST", "PUT"} and kind not in {"media", "clips"}:
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
    with client.session_transaction() as session:
        session["person"], session["version"] = village.cast.people["root"], 1
    assert client.get("/api/v1/units").status_code == 401


def test_a_token_ends_with_its_person(callers: Callers, village: Village):
    from registry.models import Person

    assert callers["writer"].get("/units").status_code == 200
    with village.database.write() as session:
        session.get_one(Person, village.cast.people["writer"]).active = False
    assert callers["writer"].get("/units").status_code == 401


def test_a_station_sees_only_its_own_plan(callers: Callers, village: Village, things: dict[str, str]):
    assert len(callers.station("a1").get("/plan").get_json()["airings"]) > 0
    assert callers.station("b1").get("/plan").get_json()["airings"] == []

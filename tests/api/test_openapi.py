"""The description of the interface is valid, whole and true."""

import re

from flask import Flask
from openapi_spec_validator import validate
from village import Callers, Village

from web.access import Caller, callers_of


def test_the_document_is_valid_openapi(callers: Callers):
    answer = callers.nobody.get("/openapi.json")
    assert answer.status_code == 200
    document = answer.get_json()
    assert document["openapi"].startswith("3.")
    validate(document)


def test_every_route_is_in_it_and_nothing_else(app: Flask, callers: Callers):
    paths = callers.nobody.get("/openapi.json").get_json()["paths"]
    written = {(method.upper(), path) for path, calls in paths.items() for method in calls}
    known = {
        (method, re.sub(r"<(\w+)>", r"{\1}", rule.rule.removeprefix("/api/v1")))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert written == known


def test_it_says_who_may_call_what(app: Flask, callers: Callers):
    paths = callers.nobody.get("/openapi.json").get_json()["paths"]
    names = {Caller.STATION: "station", Caller.SCRIPT: "person"}
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("api."):
            calls = paths[re.sub(r"<(\w+)>", r"{\1}", rule.rule.removeprefix("/api/v1"))]
            wanted = {names[c] for c in callers_of(app.view_functions[rule.endpoint]) if c in names}
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                assert {name for each in calls[method.lower()]["security"] for name in each} == wanted


def test_answers_have_the_fields_it_promises(callers: Callers, village: Village):
    village.on_timetable()
    village.roll()
    document = callers.nobody.get("/openapi.json").get_json()
    for path in ("/units", "/stations", "/bulletins", "/programmes", "/slots", "/airings", "/audit", "/people"):
        schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        name = schema["properties"]["items"]["items"]["$ref"].rpartition("/")[2]
        item = callers["root"].get(path).get_json()["items"][0]
        assert set(item) == set(document["components"]["schemas"][name]["properties"]), path

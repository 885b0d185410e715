"""The OpenAPI 3.1 document, made from the routes of the blueprint and the models that check the calls."""

import inspect
import re
from functools import cache
from typing import Any

from flask import current_app
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from core import wire
from web.access import Caller, callers_of
from web.api import bodies

_PREFIX = "/api/v1"
# A field may go by other names in what is sent than in what comes back.
_SENT: JsonSchemaMode = "validation"
_BACK: JsonSchemaMode = "serialization"
_Names = dict[tuple[type[BaseModel], JsonSchemaMode], str]
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
# Endpoint → (what is sent, what comes back, status).
_CALLS: dict[str, tuple[type[BaseModel] | None, type[BaseModel] | None, int]] = {
    "enrol": (wire.Enrolment, wire.Enrolled, 201),
    "plan": (None, wire.PlanDocument, 200),
    "now": (None, wire.NowDocument, 200),
    "media": (None, None, 200),
    "report": (wire.ReportBatch, wire.Accepted, 200),
    "heartbeat": (wire.Heartbeat, None, 204),
    "time": (None, wire.TimeAnswer, 200),
    "create_unit": (bodies.UnitBody, bodies.UnitAnswer, 201),
    "list_units": (None, bodies.UnitAnswer, 200),
    "create_stations": (bodies.StationBody, bodies.StationCreated, 201),
    "list_stations": (None, bodies.StationAnswer, 200),
    "show_station": (None, bodies.StationAnswer, 200),
    "station_plan": (None, wire.PlanDocument, 200),
    "renew_code": (None, None, 201),
    "revoke_station": (None, None, 200),
    "command_station": (bodies.CommandBody, wire.Command, 201),
    "create_group": (bodies.GroupBody, bodies.GroupAnswer, 201),
    "list_groups": (None, bodies.GroupAnswer, 200),
    "create_bulletin": (bodies.BulletinBody, bodies.BulletinAnswer, 201),
    "edit_bulletin": (bodies.BulletinEdit, bodies.BulletinAnswer, 200),
    "list_bulletins": (None, bodies.BulletinAnswer, 200),
    "show_bulletin": (None, bodies.BulletinAnswer, 200),
    "submit_bulletin": (None, bodies.BulletinAnswer, 200),
    "approve_bulletin": (None, bodies.BulletinAnswer, 200),
    "reject_bulletin": (bodies.ReasonBody, bodies.BulletinAnswer, 200),
    "withdraw_bulletin": (None, bodies.BulletinAnswer, 200),
    "create_clip": (None, bodies.ClipAnswer, 202),
    "show_clip": (None, bodies.ClipAnswer, 200),
    "create_programme": (bodies.ProgrammeBody, bodies.ProgrammeAnswer, 201),
    "edit_programme": (bodies.ProgrammeBody, bodies.ProgrammeAnswer, 200),
    "list_programmes": (None, bodies.ProgrammeAnswer, 200),
    "show_programme": (None, bodies.ProgrammeAnswer, 200),
    "create_slot": (bodies.SlotBody, bodies.SlotAnswer, 201),
    "preview_slot": (bodies.SlotBody, bodies.PreviewAnswer, 200),
    "list_slots": (None, bodies.SlotAnswer, 200),
    "withdraw_slot": (None, bodies.SlotAnswer, 200),
    "list_airings": (None, bodies.AiringAnswer, 200),
    "create_emergency": (bodies.EmergencyBody, bodies.EmergencyAnswer, 201),
    "show_emergency": (None, bodies.EmergencyAnswer, 200),
    "stop_emergency": (None, bodies.EmergencyAnswer, 200),
    "list_reports": (None, bodies.ReportAnswer, 200),
    "list_audit": (None, bodies.AuditAnswer, 200),
    "create_person": (bodies.PersonBody, bodies.PersonAnswer, 201),
    "list_people": (None, bodies.PersonAnswer, 200),
    "list_words": (None, bodies.WordAnswer, 200),
    "put_word": (bodies.WordBody, bodies.WordAnswer, 201),
    "remove_word": (None, None, 200),
    "openapi": (None, None, 200),
}
_FILTERS = {
    "list_airings": ("unit", "from", "to"),
    "list_reports": ("unit", "from", "to"),
    "list_bulletins": ("state",),
}
_SCHEMES = {Caller.STATION: "station", Caller.SCRIPT: "person"}
_UPLOAD = {"multipart/form-data": {"schema": {
    "type": "object", "required": ["file"],
    "properties": {"file": {"type": "string", "format": "binary"}, "unit": {"type": "string"}},
}}}  # fmt: skip


def document() -> dict[str, Any]:
    """The whole description; raises KeyError when a route was forgotten in the table above."""
    names, schemas = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for rule in sorted(current_app.url_map.iter_rules(), key=lambda each: each.rule):
        if not rule.endpoint.startswith("api."):
            continue
        path = _PARAMETER.sub(r"{\1}", rule.rule.removeprefix(_PREFIX))
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            paths.setdefault(path, {})[method.lower()] = _operation(rule.endpoint, rule.rule, names)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Loa Làng", "version": "1", "license": {"name": "AGPL-3.0-or-later"}},
        "servers": [{"url": _PREFIX}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "station": {"type": "http", "scheme": "bearer", "description": "token of a station"},
                "person": {"type": "http", "scheme": "bearer", "description": "token of a person, from `loa token`"},
            },
        },
    }


def _operation(endpoint: str, rule: str, names: _Names) -> dict[str, Any]:
    name = endpoint.partition(".")[2]
    view = current_app.view_functions[endpoint]
    sent, back, status = _CALLS[name]
    about = (inspect.getdoc(view) or name).split("\n")[0]
    good: dict[str, Any] = {"description": "done"}
    if back is not None:
        schema: dict[str, Any] = {"$ref": f"#/components/schemas/{names[back, _BACK]}"}
        if name.startswith("list_"):
            schema = {
                "type": "object", "required": ["items", "cursor"],
                "properties": {"items": {"type": "array", "items": schema}, "cursor": {"type": ["string", "null"]}},
            }  # fmt: skip
        good["content"] = {"application/json": {"schema": schema}}
    wrong = {"$ref": f"#/components/schemas/{names[wire.ErrorAnswer, _BACK]}"}
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": about,
        "parameters": [
            {"name": each, "in": "path", "required": True, "schema": {"type": "string"}}
            for each in _PARAMETER.findall(rule)
        ],
        "responses": {
            str(status): good,
            "4XX": {"description": "refused, with a reason", "content": {"application/json": {"schema": wrong}}},
        },
        "security": [{_SCHEMES[caller]: []} for caller in sorted(callers_of(view)) if caller in _SCHEMES],
    }  # fmt: skip
    if name.startswith("list_"):
        for each in (*_FILTERS.get(name, ()), "cursor", "limit"):
            operation["parameters"].append({"name": each, "in": "query", "schema": {"type": "string"}})
    if name == "create_clip":
        operation["requestBody"] = {"required": True, "content": _UPLOAD}
    elif sent is not None:
        one: dict[str, Any] = {"$ref": f"#/components/schemas/{names[sent, _SENT]}"}
        if name == "create_stations":
            one = {"oneOf": [one, {"type": "array", "maxItems": 1000, "items": one}]}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": one}}}
    return operation


@cache
def _schemas() -> tuple[_Names, dict[str, Any]]:
    sent = {(model, _SENT) for model, _, _ in _CALLS.values() if model}
    back = {(model, _BACK) for _, model, _ in _CALLS.values() if model} | {(wire.ErrorAnswer, _BACK)}
    ordered = sorted(sent | back, key=lambda each: (each[0].__name__, each[1]))
    references, definitions = models_json_schema(ordered, ref_template="#/components/schemas/{model}", by_alias=True)
    names = {each: references[each]["$ref"].rpartition("/")[2] for each in ordered}
    return names, dict(definitions["$defs"])

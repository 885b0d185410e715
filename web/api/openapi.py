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
from web.api import (
    account_bodies,
    alarm_bodies,
    board_bodies,
    bodies,
    cap_bodies,
    drill_bodies,
    live_bodies,
    offer_bodies,
    relocation_bodies,
    station_bodies,
    timetable_bodies,
)

_PREFIX = "/api/v1"
# A field may go by other names in what is sent than in what comes back.
_SENT: JsonSchemaMode = "validation"
_BACK: JsonSchemaMode = "serialization"
_Names = dict[tuple[type[BaseModel], JsonSchemaMode], str]
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
# Endpoint → (what is sent, what comes back, status).
_CALLS: dict[str, tuple[type[BaseModel] | None, type[BaseModel] | None, int]] = {
    "enrol": (wire.Enrolment, wire.Enrolled, 201),
    "renew_token": (None, wire.RenewedToken, 200),
    "plan": (None, wire.PlanDocument, 200),
    "now": (None, wire.NowDocument, 200),
    "media": (None, None, 200),
    "report": (wire.ReportBatch, wire.Accepted, 200),
    "heartbeat": (wire.Heartbeat, None, 204),
    "time": (None, wire.TimeAnswer, 200),
    "broker": (None, wire.BrokerAnswer, 200),
    "create_unit": (bodies.UnitBody, bodies.UnitAnswer, 201),
    "list_units": (None, bodies.UnitAnswer, 200),
    "show_unit": (None, relocation_bodies.UnitDetail, 200),
    "move_unit": (relocation_bodies.UnitMoveBody, relocation_bodies.ShiftAnswer, 200),
    "merge_unit": (relocation_bodies.MergeBody, relocation_bodies.MergeAnswer, 200),
    "recode_unit": (relocation_bodies.RecodeBody, relocation_bodies.UnitDetail, 200),
    "move_station": (relocation_bodies.StationMoveBody, relocation_bodies.ShiftAnswer, 200),
    "recode_station": (relocation_bodies.RecodeBody, relocation_bodies.StationCodeAnswer, 200),
    "create_stations": (station_bodies.StationBody, station_bodies.StationCreated, 201),
    "list_stations": (None, station_bodies.StationAnswer, 200),
    "show_station": (None, station_bodies.StationAnswer, 200),
    "edit_station": (station_bodies.StationEdit, station_bodies.StationAnswer, 200),
    "station_plan": (None, wire.PlanDocument, 200),
    "renew_code": (None, None, 201),
    "revoke_station": (None, None, 200),
    "confirm_device": (None, station_bodies.StationAnswer, 200),
    "refuse_device": (None, station_bodies.StationAnswer, 200),
    "ask_renewal": (None, None, 200),
    "list_contacts": (None, station_bodies.ContactAnswer, 200),
    "create_contact": (station_bodies.ContactBody, station_bodies.ContactAnswer, 201),
    "remove_contact": (None, None, 200),
    "test_contact": (None, None, 201),
    "command_station": (station_bodies.CommandBody, wire.Command, 201),
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
    "cancel_clip": (None, bodies.ClipAnswer, 200),
    "show_storage": (None, bodies.StorageAnswer, 200),
    "put_quota": (bodies.QuotaBody, bodies.StorageAnswer, 200),
    "show_radio": (None, bodies.RadioAnswer, 200),
    "put_radio": (bodies.RadioBody, bodies.RadioAnswer, 200),
    "show_page": (None, bodies.PageAnswer, 200),
    "put_page": (bodies.RadioBody, bodies.PageAnswer, 200),
    "show_statistics": (None, None, 200),
    "list_prepared": (None, alarm_bodies.PreparedAnswer, 200),
    "create_prepared": (alarm_bodies.PreparedBody, alarm_bodies.PreparedAnswer, 201),
    "retire_prepared": (None, alarm_bodies.PreparedAnswer, 200),
    "create_programme": (bodies.ProgrammeBody, bodies.ProgrammeAnswer, 201),
    "edit_programme": (bodies.ProgrammeBody, bodies.ProgrammeAnswer, 200),
    "list_programmes": (None, bodies.ProgrammeAnswer, 200),
    "show_programme": (None, bodies.ProgrammeAnswer, 200),
    "create_slot": (timetable_bodies.SlotBody, timetable_bodies.SlotAnswer, 201),
    "preview_slot": (timetable_bodies.SlotBody, timetable_bodies.PreviewAnswer, 200),
    "list_slots": (None, timetable_bodies.SlotAnswer, 200),
    "withdraw_slot": (None, timetable_bodies.SlotAnswer, 200),
    "show_slot": (None, timetable_bodies.SlotAnswer, 200),
    "edit_slot": (timetable_bodies.SlotEdit, timetable_bodies.SlotAnswer, 200),
    "hurry_slot": (bodies.ReasonBody, timetable_bodies.SlotAnswer, 200),
    "list_occurrences": (None, timetable_bodies.OccurrenceAnswer, 200),
    "change_occurrence": (timetable_bodies.OccurrenceBody, timetable_bodies.OccurrenceAnswer, 200),
    "restore_occurrence": (timetable_bodies.RestoreBody, timetable_bodies.SlotAnswer, 200),
    "list_dayparts": (None, timetable_bodies.DayPartAnswer, 200),
    "put_daypart": (timetable_bodies.DayPartBody, timetable_bodies.DayPartAnswer, 200),
    "remove_daypart": (None, None, 200),
    "show_limits": (None, timetable_bodies.LimitsAnswer, 200),
    "put_limits": (timetable_bodies.LimitsBody, timetable_bodies.LimitsAnswer, 200),
    "list_reservations": (None, timetable_bodies.ReservationAnswer, 200),
    "create_reservation": (timetable_bodies.ReservationBody, timetable_bodies.ReservationAnswer, 201),
    "withdraw_reservation": (None, timetable_bodies.ReservationAnswer, 200),
    "list_orders": (None, timetable_bodies.OrderAnswer, 200),
    "create_order": (timetable_bodies.OrderBody, timetable_bodies.OrderAnswer, 201),
    "withdraw_order": (None, timetable_bodies.OrderAnswer, 200),
    "list_airings": (None, bodies.AiringAnswer, 200),
    "explain_station": (None, None, 200),
    "station_week": (None, None, 200),
    "unit_week": (None, None, 200),
    "unit_calendar": (None, None, 200),
    "create_calendar": (None, bodies.CalendarAnswer, 201),
    "revoke_calendar": (None, None, 200),
    "create_emergency": (alarm_bodies.EmergencyBody, alarm_bodies.EmergencyAnswer, 201),
    "list_emergencies": (None, board_bodies.RaisedAnswer, 200),
    "show_emergency": (None, board_bodies.BoardAnswer, 200),
    "list_emergency_stations": (None, board_bodies.BoardLine, 200),
    "stop_emergency": (None, alarm_bodies.EmergencyAnswer, 200),
    "list_pending": (None, alarm_bodies.PendingAlarmAnswer, 200),
    "show_pending": (None, alarm_bodies.PendingAlarmAnswer, 200),
    "confirm_emergency": (None, alarm_bodies.EmergencyAnswer, 201),
    "decline_emergency": (bodies.ReasonBody, alarm_bodies.PendingAlarmAnswer, 200),
    "create_live": (live_bodies.LiveBody, live_bodies.LiveAnswer, 201),
    "list_live": (None, live_bodies.LiveAnswer, 200),
    "show_live": (None, live_bodies.LiveAnswer, 200),
    "send_live": (None, live_bodies.SoundAnswer, 200),
    "end_live": (None, live_bodies.LiveAnswer, 200),
    "create_offer": (offer_bodies.OfferBody, offer_bodies.OfferAnswer, 201),
    "list_offers": (None, offer_bodies.OfferedAnswer, 200),
    "show_offer": (None, offer_bodies.OfferAnswer, 200),
    "take_offer": (offer_bodies.OfferTakeBody, offer_bodies.OfferedAnswer, 200),
    "decline_offer": (offer_bodies.OfferDeclineBody, offer_bodies.OfferedAnswer, 200),
    "order_offer": (offer_bodies.OfferOrderBody, offer_bodies.OfferedAnswer, 200),
    "remind_offer": (None, offer_bodies.OfferAnswer, 200),
    "list_drills": (None, drill_bodies.DrillAnswer, 200),
    "create_drill": (drill_bodies.DrillBody, drill_bodies.DrillAnswer, 201),
    "renew_drill": (None, drill_bodies.DrillAnswer, 200),
    "end_drill": (None, drill_bodies.DrillAnswer, 200),
    "list_drill_runs": (None, drill_bodies.DrillRunAnswer, 200),
    "create_drill_run": (drill_bodies.DrillContent, drill_bodies.DrillRunAnswer, 201),
    "show_drill_run": (None, drill_bodies.DrillRunAnswer, 200),
    "list_drill_checks": (None, drill_bodies.DrillCheckAnswer, 200),
    "list_reports": (None, bodies.ReportAnswer, 200),
    "list_audit": (None, bodies.AuditAnswer, 200),
    "create_person": (bodies.PersonBody, bodies.PersonAnswer, 201),
    "list_people": (None, bodies.PersonAnswer, 200),
    "list_tokens": (None, account_bodies.TokenAnswer, 200),
    "revoke_token": (None, account_bodies.TokenAnswer, 200),
    "list_words": (None, bodies.WordAnswer, 200),
    "put_word": (bodies.WordBody, bodies.WordAnswer, 201),
    "remove_word": (None, None, 200),
    "list_voices": (None, bodies.VoiceAnswer, 200),
    "list_unit_voices": (None, bodies.VoicesAnswer, 200),
    "put_unit_voices": (bodies.VoicesBody, bodies.VoicesAnswer, 200),
    "remove_unit_voices": (None, None, 200),
    "take_cap": (None, cap_bodies.CapAnswer, 200),
    "openapi": (None, None, 200),
}
_FILTERS = {
    "list_emergency_stations": ("state",),
    "list_airings": ("unit", "from", "to"),
    "list_reports": ("unit", "from", "to"),
    "list_bulletins": ("state",),
    "list_offers": ("state",),
    "list_prepared": ("unit",),
    "list_drill_checks": ("verdict",),
}
_ASKED = {
    "take_cap": ("source",), "send_live": ("at",),
    "explain_station": ("at",), "station_week": ("from",), "unit_week": ("from",),
    "show_statistics": ("from", "to"),
}  # fmt: skip
_SCHEMES = {Caller.STATION: "station", Caller.SCRIPT: "person"}
_UPLOAD = {"multipart/form-data": {"schema": {
    "type": "object", "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary"}, "unit": {"type": "string"}, "preset": {"type": "string"},
    },
}}}  # fmt: skip
# Bodies that are not JSON.
_CONTENTS: dict[str, dict[str, Any]] = {
    "create_clip": _UPLOAD,
    "send_live": {"application/octet-stream": {}},
    "take_cap": {"application/cap+xml": {}, "application/xml": {}},
}


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
    for each in _ASKED.get(name, ()):
        operation["parameters"].append({"name": each, "in": "query", "schema": {"type": "string"}})
    if name in _CONTENTS:
        operation["requestBody"] = {"required": True, "content": _CONTENTS[name]}
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

"""`/api/v1`: the station protocol and the script API."""

from flask import Blueprint

from web.access import anyone
from web.api import (
    alarms,
    boards,
    broker,
    cap,
    clips,
    contacts,
    content,
    devices,
    drills,
    explaining,
    live,
    logs,
    offers,
    people,
    prepared,
    radio,
    registry,
    relocations,
    rules,
    stations,
    statistics,
    timetable,
    tokens,
    voices,
    words,
)
from web.api.openapi import document

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
for _room in (
    stations, broker, devices, contacts, registry, relocations,
    content, clips, timetable, rules, explaining, alarms, boards, cap, prepared, live, drills, logs, people, tokens,
    words, voices, radio, statistics, offers,
):  # fmt: skip
    _room.register(blueprint)


@blueprint.get("/openapi.json")
@anyone
def openapi() -> dict[str, object]:
    """This interface as an OpenAPI 3 document, made from the models that check the calls."""
    return document()

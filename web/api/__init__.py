"""`/api/v1`: the station protocol and the script API."""

from flask import Blueprint

from web.access import anyone
from web.api import alarms, content, logs, people, registry, stations, timetable, words
from web.api.openapi import document

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
for _room in (stations, registry, content, timetable, alarms, logs, people, words):
    _room.register(blueprint)


@blueprint.get("/openapi.json")
@anyone
def openapi() -> dict[str, object]:
    """This interface as an OpenAPI 3 document, made from the models that check the calls."""
    return document()

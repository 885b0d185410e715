"""Addresses of the panel in which a code stands that a unit or a station had before: they lead on to those of today."""

from flask import Blueprint, g, redirect, request, url_for
from werkzeug.wrappers import Response

from registry import former_codes
from registry.models import Unit
from registry.rights import Actor, Permission
from web.app import house

_UNITS, _STATIONS = {"units", "told", "times", "voices"}, {"stations"}
_IDS = ("un_", "st_")


def register(blueprint: Blueprint) -> None:
    blueprint.before_request(lead_on)


def lead_on() -> Response | None:
    """Lead whoever sees the thing on for good, to the address with its id; for everybody else there is nothing.

    No browser keeps the answer: after five years the code may be given to another.
    """
    name = (request.view_args or {}).get("identity", "")
    if request.method not in {"GET", "HEAD"} or not name or name.startswith(_IDS) or request.url_rule is None:
        return None
    room, who = request.url_rule.rule.split("/")[1], g.actor
    if who is None or room not in _UNITS | _STATIONS or request.endpoint is None:
        return None
    identity = _unit(who, name) if room in _UNITS else _station(who, name)
    if identity is None:
        return None
    address = url_for(request.endpoint, **{**(request.view_args or {}), "identity": identity})
    asked = request.query_string.decode("ascii", "ignore")
    response = redirect(address + (f"?{asked}" if asked else ""), 301)
    response.headers["Cache-Control"] = "no-store"
    return response


def _unit(who: Actor, code: str) -> str | None:
    with house().database.read() as reading:
        unit = former_codes.unit(reading, code)
        return unit.id if unit is not None and unit.code != code and who.may(Permission.SEE, unit) else None


def _station(who: Actor, code: str) -> str | None:
    with house().database.read() as reading:
        station = former_codes.station(reading, code)
        if station is None or station.code == code:
            return None
        return station.id if who.may(Permission.SEE, reading.get_one(Unit, station.unit_id)) else None

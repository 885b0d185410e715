"""What every page has around it: who is signed in, what they may do, in which language, and how values are written."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, g, request
from flask_babel import format_decimal

from alerts import pending
from alerts.sources import deciding
from registry.rights import Actor, Permission
from web import addresses
from web.app import house
from web.messages import LANGUAGES, language
from web.panel import labels, navigation, times, tongues

_MOST_WAITING = 5


def register(blueprint: Blueprint) -> None:
    blueprint.app_context_processor(_around)


def _around() -> dict[str, Any]:
    viewer: Actor | None = g.get("actor")
    return {
        "viewer": viewer,
        "language": language(),
        "other_language": next(each for each in LANGUAGES if each != language()),
        "here": request.full_path.rstrip("?") if request.method == "GET" else request.path,
        "may": lambda name, unit=None: _may(viewer, name, unit),
        "label": labels.label,
        "tone": labels.tone,
        "choices": lambda kind, codes: [(code, labels.label(kind, code)) for code in codes],
        "when": times.shown,
        "lasting": times.lasting,
        "tongue": tongues.name,
        "voice_title": tongues.voice_title,
        "spoken_by": tongues.spoken_by,
        "figure": format_decimal,
        "waiting_alarms": lambda: _waiting_alarms(viewer),
        "alerts_waiting": lambda: _alerts_waiting(viewer),
        "way": lambda: navigation.way(viewer),
        "has_page": navigation.is_there,
        "address_known": addresses.known,
        "whole_address": addresses.whole,
    }


def _alerts_waiting(viewer: Actor | None) -> int:
    """How many alerts of other agencies wait for the person; asked when a page is drawn."""
    if viewer is None or not viewer.may_somewhere(Permission.ALARM):
        return 0
    with house().database.read() as reading:
        return deciding.count(reading, viewer)


def _may(viewer: Actor | None, name: str, unit: Any) -> bool:
    if viewer is None:
        return False
    permission = Permission(name)
    return viewer.may_somewhere(permission) if unit is None else viewer.may(permission, unit)


def _waiting_alarms(viewer: Actor | None) -> Sequence[pending.Row]:
    """The emergencies that wait for somebody like the viewer: shown on every page of theirs."""
    if viewer is None or not viewer.may_somewhere(Permission.ALARM) or (request.endpoint or "").endswith("_pending"):
        return ()
    with house().database.read() as reading:
        rows = pending.waiting_for(reading, viewer, house().clock(), limit=_MOST_WAITING)
        reading.expunge_all()  # so that what was read stays readable after the session
    return rows

"""What every page has around it: who is signed in, what they may do, in which language, and how values are written."""

from typing import Any

from flask import Blueprint, g, request

from registry.rights import Actor, Permission
from web.messages import LANGUAGES, language
from web.panel import labels, times


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
    }


def _may(viewer: Actor | None, name: str, unit: Any) -> bool:
    if viewer is None:
        return False
    permission = Permission(name)
    return viewer.may_somewhere(permission) if unit is None else viewer.may(permission, unit)

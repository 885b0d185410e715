"""Light or dark: as the device is set, or as somebody chose on this device.

The choice is in a cookie of its own, so that it also holds where nobody is signed in, and the server writes it into
the page: the first thing painted has the right colours already, without a script.
"""

from typing import Any

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from core.errors import NotFound
from web.access import anyone
from web.app import house
from web.panel.account import local_path

THEMES = ("auto", "light", "dark")
_COOKIE = "theme"
_SECONDS = 365 * 24 * 3600
_LIGHT, _DARK = "#0b5d57", "#0d3a36"  # --top of web/static/colours.css, for the frame that phones draw around a page


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/theme/<name>", view_func=choose_theme, methods=["GET"])
    blueprint.app_context_processor(_around)


@anyone
def choose_theme(name: str) -> Response:
    """Keep the choice on this device for a year, and go back to the page it was made on."""
    if name not in THEMES:
        raise NotFound
    answer = redirect(local_path(request.args.get("next")), 303)
    if name == "auto":
        answer.delete_cookie(_COOKIE, samesite="Lax")
    else:
        answer.set_cookie(
            _COOKIE, name, max_age=_SECONDS, httponly=True, samesite="Lax", secure=house().settings.trust_proxy
        )
    return answer


def _around() -> dict[str, Any]:
    chosen = request.cookies.get(_COOKIE) if request else None
    if chosen == "light":
        return {"theme": "light", "theme_colours": [(_LIGHT, "")]}
    if chosen == "dark":
        return {"theme": "dark", "theme_colours": [(_DARK, "")]}
    dark = (_DARK, "(prefers-color-scheme: dark)")
    return {"theme": "auto", "theme_colours": [(_LIGHT, "(prefers-color-scheme: light)"), dark]}

"""Whether a unit has a page for everybody: the switch on its page."""

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from core.errors import N_
from registry import public_pages, units
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms

_WISHES = {"everybody": True, "nobody": False}


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/units/<identity>/page", endpoint="unit_page", view_func=opened, methods=["POST"])


@for_browsers
def opened(identity: str) -> Response:
    """Give the unit a page for everybody, none, or take over from above."""

    def act() -> None:
        with house().database.write() as writing:
            unit = units.find(writing, actor(), identity)
            wanted = _WISHES.get(request.form.get("public_page", ""))
            public_pages.open_page(writing, actor(), unit, wanted, house().clock())

    return forms.acted(
        act,
        N_("The public page is set. It holds here and below."),
        url_for("panel.unit_settings", identity=identity),
    )

"""Whether everybody may listen to a unit over the Internet: the switch on its page."""

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from core.errors import N_
from registry import units
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms

_WISHES = {"everybody": True, "members": False}


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/units/<identity>/radio", endpoint="unit_radio", view_func=opened, methods=["POST"])


@for_browsers
def opened(identity: str) -> Response:
    """Open the unit's Internet radio to everybody, keep it to people with an account, or take over from above."""

    def act() -> None:
        with house().database.write() as writing:
            unit = units.find(writing, actor(), identity)
            wanted = _WISHES.get(request.form.get("public_radio", ""))
            units.open_radio(writing, actor(), unit, wanted, house().clock())

    return forms.acted(
        act,
        N_("The Internet radio is set. It holds here and below."),
        url_for("panel.unit_settings", identity=identity),
    )

"""How emergencies of a unit are confirmed: the switch on its page."""

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from alerts import alarm_rules
from core.errors import N_
from registry import units
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/units/<identity>/alarms", endpoint="unit_alarms", view_func=settle, methods=["POST"])


@for_browsers
def settle(identity: str) -> Response:
    """Set how an emergency is confirmed here and below, or take over from above."""

    def act() -> None:
        with house().database.write() as writing:
            unit = units.find(writing, actor(), identity)
            wanted = request.form.get("alarm_rule", "")
            rule = None if wanted == "above" else wanted
            alarm_rules.settle(writing, actor(), unit, rule, house().clock())

    return forms.acted(
        act,
        N_("How emergencies are confirmed is set. It holds here and below."),
        url_for("panel.unit_settings", identity=identity),
    )

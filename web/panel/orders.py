"""The commune puts programmes with priority in order where they meet."""

from typing import Any

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from core.errors import N_
from core.ordering import slot_of
from registry import units
from scheduler import ordering
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/units/<identity>/order", endpoint="unit_order", view_func=decide, methods=["POST"])
    blueprint.add_url_rule(
        "/units/<identity>/order/<row>/back", endpoint="unit_order_back", view_func=take_back, methods=["POST"]
    )


def _back(identity: str) -> str:
    more: dict[str, Any] = {"from": request.form["from"]} if request.form.get("from") else {}
    return url_for("panel.week", unit=identity, **more)


@for_browsers
def decide(identity: str) -> Response:
    """Of the occurrences `one` and `other` let the first go first, or (`pair` 1) the second; `always`: their slots."""

    def act() -> None:
        names = [forms.text(each) for each in ("one", "other")]
        if forms.text("pair") == "1":
            names.reverse()
        if request.form.get("scope") == "always":
            names = [slot_of(each) for each in names]
        with house().database.write() as writing:
            unit = units.find(writing, actor(), identity)
            ordering.decide(writing, actor(), unit, names[0], names[1], house().clock())

    return forms.acted(act, N_("The order is decided. Stations hear of it with their next look."), _back(identity))


@for_browsers
def take_back(identity: str, row: str) -> Response:
    """Let the two go by their starts again."""

    def act() -> None:
        with house().database.write() as writing:
            units.find(writing, actor(), identity)
            ordering.take_back(writing, actor(), row, house().clock())

    return forms.acted(act, N_("The order is taken back: what begins earlier goes first again."), _back(identity))

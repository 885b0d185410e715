"""Choosing one of very many units: typed in part, found while typing, understood also without a script."""

from collections.abc import Iterable

from flask import Blueprint, Response, jsonify, request

from registry import unit_choices
from registry.models import Unit
from registry.unit_choices import Choice
from web.access import actor, for_browsers
from web.app import house


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/units/names", endpoint="unit_names", view_func=names)
    blueprint.add_app_template_global(written, "written_unit")


@for_browsers
def names() -> Response:
    """Units that the person sees, by what they have typed so far: `[{"written", "above"}]`."""
    with house().database.read() as reading:
        found = unit_choices.found(reading, actor(), request.args.get("q", "")[:200])
        above = unit_choices.above(reading, found)
    return jsonify([{"written": each.written, "above": above.get(each.id, "")} for each in found])


def written(units: Iterable[Unit | Choice], value: str) -> str:
    """What stands in the field for the unit with this id; what was typed and is no id stays as it was."""
    return next((f"{unit.name} ({unit.code})" for unit in units if unit.id == value), value)

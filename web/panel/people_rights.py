"""Who may do what where, as people understand it; and which roles need a second factor there."""

from flask import Blueprint, render_template, request, url_for
from werkzeug.wrappers import Response

from core.errors import N_
from registry import factor_rules, overview, unit_choices, units
from registry.rights import PERMISSIONS, Permission, Role
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms
from web.panel.units import administrators_only


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/people/rights", endpoint="people_rights", view_func=rights)
    blueprint.add_url_rule(
        "/people/rights/<identity>/rule", endpoint="unit_factor_rule", view_func=settle, methods=["POST"]
    )


@for_browsers
def rights() -> str:
    administrators_only()
    with house().database.read() as reading:
        asked = request.args.get("unit") or next(
            (each.id for each in unit_choices.offered(reading, actor(), Permission.ADMINISTER)), ""
        )
        unit = units.find(reading, actor(), asked) if asked else None
        seen = unit_choices.offered(reading, actor(), Permission.ADMINISTER, unit.id if unit else "")
        rule, source = factor_rules.at(reading, unit) if unit else (frozenset(), None)
        return render_template(
            "panel/people_rights.html",
            roles=list(Role),
            asked=overview.ASKED,
            permissions=PERMISSIONS,
            unit=unit,
            units=seen,
            lines=overview.at(reading, actor(), unit) if unit else [],
            rule=rule,
            source=source,
        )


@for_browsers
def settle(identity: str) -> Response:
    """Which roles need a second factor at a unit and below."""

    def act() -> None:
        with house().database.write() as writing:
            unit = units.find(writing, actor(), identity)
            wanted = None if forms.text("of") == "above" else request.form.getlist("roles")
            factor_rules.put(writing, actor(), unit, wanted, house().clock())

    done = N_("The rule is saved. It holds from each person's next sign-in.")
    return forms.acted(act, done, url_for("panel.people_rights", unit=identity))

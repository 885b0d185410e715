"""What a unit allows of programmes, on its page: sessions a day, minutes a session, weekdays, earliest and latest."""

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from registry import limits, units
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms
from web.panel import units as unit_pages


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/units/<identity>/limits", endpoint="unit_limits", view_func=limit, methods=["POST"])


@for_browsers
@forms.keeps_text
def limit(identity: str) -> unit_pages.Answer:
    """Set the unit's own limits; they hold here and below."""
    with house().database.read() as reading:
        unit = units.find(reading, actor(), identity)
        actor().require(Permission.ADMINISTER, unit)
    done = forms.attempt(lambda: _save(identity))
    if isinstance(done, forms.Problem):
        return unit_pages.page(unit, unit_pages.present(unit), None, limited=request.form, limit_problem=done)
    return done


def _save(identity: str) -> Response:
    wanted: dict[str, Any] = {
        "sessions_a_day": forms.number("sessions_a_day"),
        "session_minutes": forms.decimal("session_minutes"),
        "earliest": forms.text("earliest") or None,
        "latest": forms.text("latest") or None,
    }
    days = [day for day in limits.WEEKDAYS if day in request.form.getlist("weekdays")]
    # No day ticked means none is ruled out: a place where nothing may ever sound is nobody's wish.
    wanted["weekdays"] = days if 0 < len(days) < len(limits.WEEKDAYS) else None
    with house().database.write() as writing:
        unit = units.find(writing, actor(), identity)
        units.limit(writing, actor(), unit, wanted, house().clock())
    flash(gettext("The limits are saved. They hold here and below."), "success")
    return redirect(url_for("panel.unit_settings", identity=identity), 303)

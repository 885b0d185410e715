"""Limits of a unit: as its form holds them, and in words."""

from flask_babel import gettext
from werkzeug.datastructures import MultiDict

from registry import limits
from registry.limits import Limits
from registry.models import Unit
from web.panel import labels

_FIELDS = ("sessions_a_day", "session_minutes", "earliest", "latest")


def typed_of(unit: Unit) -> MultiDict[str, str]:
    """The unit's own limits as its form holds them."""
    own = limits.read(unit.limits).written()
    form: MultiDict[str, str] = MultiDict(
        {name: f"{own[name]:g}" if isinstance(own[name], float) else str(own[name]) for name in _FIELDS if name in own}
    )
    form.setlist("weekdays", list(own.get("weekdays", limits.WEEKDAYS)))
    return form


def said(held: Limits) -> list[str]:
    """Limits as sentences, in the language of this request; empty where nothing is limited."""
    found = []
    if held.sessions_a_day is not None:
        found.append(gettext("at most %(count)s sessions a day", count=held.sessions_a_day))
    if held.session_minutes is not None:
        found.append(gettext("at most %(minutes)s minutes a session", minutes=f"{held.session_minutes:g}"))
    if len(held.weekdays) < len(limits.WEEKDAYS):
        days = ", ".join(labels.label("day", limits.WEEKDAYS[day]) for day in sorted(held.weekdays))
        found.append(gettext("only on %(days)s", days=days) if days else gettext("on no day of the week"))
    if held.earliest:
        found.append(gettext("not before %(hour)s", hour=held.earliest))
    if held.latest:
        found.append(gettext("not after %(hour)s", hour=held.latest))
    return found

"""Deputies: who approves in somebody's stead, from which day until which."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request, url_for
from sqlmodel import Session, col, func, select
from werkzeug.wrappers import Response

from core.errors import N_, Forbidden, InvalidInput
from registry import deputies, unit_choices, units
from registry.models import Unit
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms, times

_ONLY = N_("Only who approves bulletins sees this page.")
_MOST_UNITS = 200
_DAY = "%Y-%m-%d"


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/deputies", endpoint="deputies", view_func=listed, methods=["GET", "POST"])
    blueprint.add_url_rule("/deputies/<identity>/end", endpoint="deputy_end", view_func=end, methods=["POST"])


@for_browsers
@forms.keeps_text
def listed() -> Response | str | tuple[str, int]:
    """Who is, was and will be; and the form to name one."""
    if not actor().may_somewhere(Permission.APPROVE):
        raise Forbidden(_ONLY)
    problem = None
    if request.method == "POST":
        done = forms.attempt(_name)
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    now = house().clock()
    with house().database.read() as reading:
        own = _places(reading)
        chosen = _chosen(reading) or (own[0] if own else None)
        rows = deputies.visible(reading, actor(), now)
        today = now.astimezone(times.zone_of(reading, chosen) if chosen else times.home_zone())
        page = render_template(
            "panel/deputies.html",
            rows=rows,
            zones=times.zones_of(reading, (row.unit for row in rows)),
            units=own,
            chosen=chosen,
            people=deputies.candidates(reading, chosen, actor().id) if chosen else [],
            form=request.form or {"unit": chosen.id if chosen else "", "begins": today.strftime(_DAY)},
            today=today.strftime(_DAY),
            problem=problem,
            ends_day=lambda row, zone: times.shown(row.ends_at - timedelta(seconds=1), zone, "%d/%m/%Y"),
        )
    return page, problem.status if problem else 200


def _places(reading: Session) -> list[Unit]:
    """Where the viewer may name a deputy, the highest units first; a bounded number."""
    query = select(Unit).where(actor().within(Permission.APPROVE, col(Unit.path)))
    rows = reading.exec(query.order_by(func.length(Unit.path), col(Unit.name)).limit(_MOST_UNITS)).all()
    return [unit for unit in rows if actor().holds(Permission.APPROVE, unit)]


def _chosen(reading: Session) -> Unit | None:
    """The unit that was chosen, or named by typing it, where the viewer may name a deputy."""
    picked = unit_choices.picked(reading, actor(), request.values.get("unit", ""), Permission.APPROVE)
    unit = units.find(reading, actor(), picked.id) if picked else None
    return unit if unit is not None and actor().holds(Permission.APPROVE, unit) else None


def _name() -> Response:
    def act() -> None:
        with house().database.write() as writing:
            unit = units.find(writing, actor(), forms.text("unit"))
            zone = times.zone_of(writing, unit)
            begins, ends = _day("begins", zone), _day("ends", zone)
            deputies.name(
                writing, actor(), unit, person_id=forms.text("person"), begins_at=begins,
                ends_at=_next_day(ends, zone), now=house().clock(),
            )  # fmt: skip

    act()
    return forms.acted(
        lambda: None, N_("Named. It begins and ends by itself on these days."), url_for("panel.deputies")
    )


def _day(field: str, zone: ZoneInfo) -> datetime:
    """The first instant of a day of the form. Raises InvalidInput."""
    try:
        return datetime.strptime(forms.text(field), _DAY).replace(tzinfo=zone)
    except ValueError:
        raise InvalidInput(N_("Choose a day."), fields={field: "form"}) from None


def _next_day(day: datetime, zone: ZoneInfo) -> datetime:
    return (day.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)


@for_browsers
def end(identity: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            deputies.end(writing, actor(), identity, house().clock())

    return forms.acted(
        act, N_("Ended. From now on they don't approve in your stead any more."), url_for("panel.deputies")
    )

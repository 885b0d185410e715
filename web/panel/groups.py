"""Groups of stations: the list and making one."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from registry import groups, unit_choices, units
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms

Answer = Response | str | tuple[str, int]
MOST_STATIONS = 200


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/groups", endpoint="groups", view_func=listed)
    blueprint.add_url_rule("/groups/new", view_func=group_new, methods=["GET", "POST"])


@for_browsers
def listed() -> str:
    with house().database.read() as reading:
        seen = groups.visible(reading, actor())
        members = groups.members(reading, actor(), [group.id for group, _ in seen])
        rows = [(group, unit, *members.get(group.id, (0, []))) for group, unit in seen]
        return render_template("panel/groups.html", rows=rows, may_make=actor().may_somewhere(Permission.OPERATE))


@for_browsers
@forms.keeps_text
def group_new() -> Answer:
    """A form that lists the stations of the unit that was chosen, or of all units of somebody who runs few."""
    problem = None
    if request.method == "POST" and forms.text("step") != "show":
        done = forms.attempt(_create)
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    with house().database.read() as reading:
        asked = request.values.get("unit", "")
        picked = unit_choices.picked(reading, actor(), asked, Permission.OPERATE)
        unit = units.find(reading, actor(), picked.id) if picked else None
        form: MultiDict[str, str] = MultiDict(request.form)
        form["unit"] = unit.id if unit else asked
        listed = groups.candidates(reading, actor(), unit, MOST_STATIONS + 1)
        page = render_template(
            "panel/group_form.html",
            form=form,
            problem=problem,
            units=unit_choices.offered(reading, actor(), Permission.OPERATE, form["unit"]),
            stations=listed[:MOST_STATIONS],
            cut=len(listed) > MOST_STATIONS,
        )
    return page, problem.status if problem else 200


def _create() -> Response:
    with house().database.write() as writing:
        unit = units.find(writing, actor(), forms.text("unit"))
        groups.create(
            writing, actor(), name=request.form.get("name", ""), unit=unit,
            members=request.form.getlist("members"), now=house().clock(),
        )  # fmt: skip
    flash(gettext("The group is made. Slots and emergencies can be for it now."), "success")
    return redirect(url_for("panel.groups"), 303)

"""Who approves what at a unit: its own rules, with those from above that hold besides. For administrators."""

from flask import Blueprint, render_template, request, url_for
from sqlmodel import Session, col, select
from werkzeug.wrappers import Response

from core.errors import N_
from playlists import approval_rules, subjects
from playlists.approval_rules import Line, Rule
from registry import deputies, naming, units
from registry.models import Person, Unit
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms

SPARE = 1  # lines that stand empty at the end of the form, to be filled in


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule(
        "/units/<identity>/approval", endpoint="unit_approval", view_func=page, methods=["GET", "POST"]
    )


@for_browsers
@forms.keeps_text
def page(identity: str) -> Response | str | tuple[str, int]:
    """Show the rule of a unit, and take a new one."""
    problem = None
    if request.method == "POST":
        done = forms.attempt(lambda: _settle(identity))
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    with house().database.read() as reading:
        unit = units.find(reading, actor(), identity)
        actor().require(Permission.ADMINISTER, unit)
        chain = units.ancestors(reading, unit)
        own = _typed() if problem else approval_rules.own(reading, unit)
        above = approval_rules.held(reading, chain[-2]) if len(chain) > 1 else Rule()
        found = render_template(
            "panel/unit_approval.html",
            unit=unit,
            chain=[each for each in chain if actor().may(Permission.SEE, each)],
            own=own,
            above=above,
            lines=[*own.lines, *[Line()] * SPARE],
            priorities=approval_rules.PRIORITIES,
            roles=[role.value for role in approval_rules.ROLES],
            people=_people(reading, unit, own),
            names=naming.by_id(reading, {each for line in above.lines for each in line.people}),
            subjects=subjects.every(reading),
            people_names=naming.by_id(reading, {each for line in own.lines for each in line.people}),
            problem=problem,
        )
    return found, problem.status if problem else 200


def _people(reading: Session, unit: Unit, own: Rule) -> list[Person]:
    """Who can be named: everybody with a role at the unit or below, and who is named already."""
    there = list(deputies.candidates(reading, unit, ""))
    named = {each for line in own.lines for each in line.people} - {each.id for each in there}
    return there + list(reading.exec(select(Person).where(col(Person.id).in_(named)).order_by(Person.name)).all())


def _typed() -> Rule:
    """The rule as the form holds it; lines that name nobody are left out."""
    lines = []
    for number in range(min(forms.number("lines") or 0, approval_rules.MOST_LINES)):
        line = Line(
            *(
                frozenset(request.form.getlist(f"{number}-{name}"))
                for name in ("fields", "priorities", "roles", "people")
            )
        )
        if line != Line():
            lines.append(line)
    return Rule(
        frozenset(request.form.getlist("two_persons")), request.form.get("never_own") == "1", tuple(lines)
    )  # fmt: skip


def _settle(identity: str) -> Response:
    with house().database.write() as writing:
        unit = units.find(writing, actor(), identity)
        approval_rules.settle(writing, actor(), unit, _typed(), house().clock())
    done = N_("Saved. It holds here and below, besides what the units above ask.")
    return forms.acted(lambda: None, done, url_for("panel.unit_approval", identity=identity))

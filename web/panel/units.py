"""Units: the tree, adding one, and what holds there (quiet hours, volume, codec, zone). For administrators."""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from alerts import alarm_rules
from audio import quotas
from core.errors import N_, Forbidden
from registry import limits, unit_choices, units
from registry.models import Unit
from registry.rights import EVERYWHERE, Permission
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms, limit_words, unit_moves

Answer = Response | str | tuple[str, int]
_ONLY = N_("Only administrators see this page.")


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/units", endpoint="units", view_func=tree)
    blueprint.add_url_rule("/units/new", view_func=unit_new, methods=["GET", "POST"])
    blueprint.add_url_rule("/units/<identity>", endpoint="unit_settings", view_func=settle, methods=["GET", "POST"])
    blueprint.add_url_rule("/units/<identity>/quota", endpoint="unit_quota", view_func=bound, methods=["POST"])


def administrators_only() -> None:
    """Raises Forbidden for anybody who administers nothing."""
    if not actor().may_somewhere(Permission.ADMINISTER):
        raise Forbidden(_ONLY)


@for_browsers
def tree() -> str:
    """All units where they fit a list; of more, one level at a time, and a field to find any of them."""
    administrators_only()
    with house().database.read() as reading:
        every = unit_choices.offered(reading, actor(), Permission.ADMINISTER)
        if len(every) <= unit_choices.LISTED:
            return render_template("panel/units.html", units=every, level=None)
        asked = request.args.get("unit", "").strip()
        picked = unit_choices.picked(reading, actor(), asked, Permission.ADMINISTER)
        above = units.find(reading, actor(), picked.id) if picked else None
        level = unit_choices.level(reading, actor(), Permission.ADMINISTER, above)
        if above is None and len(level) == 1:
            above = units.find(reading, actor(), level[0][0].id)
            level = unit_choices.level(reading, actor(), Permission.ADMINISTER, above)
        line = units.ancestors(reading, above) if above else []
        return render_template(
            "panel/units.html",
            units=every,
            level=level,
            above=above,
            unknown=asked if asked and not picked else "",
            line=[unit for unit in line if actor().may(Permission.ADMINISTER, unit)],
        )


@for_browsers
@forms.keeps_text
def unit_new() -> Answer:
    administrators_only()
    problem = None
    if request.method == "POST":
        done = forms.attempt(_create)
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    with house().database.read() as reading:
        parent = request.values.get("parent", "")
        page = render_template(
            "panel/unit_form.html",
            form=request.form or MultiDict({"parent": parent}),
            problem=problem,
            units=unit_choices.offered(reading, actor(), Permission.ADMINISTER, parent),
            everywhere=EVERYWHERE in actor().paths(Permission.ADMINISTER),
        )
    return page, problem.status if problem else 200


def _create() -> Response:
    parent = forms.text("parent") or None
    # A top unit inherits from nobody: let its nights be quiet until somebody decides otherwise.
    hours = None if parent else units.USUAL_QUIET_HOURS
    with house().database.write() as writing:
        unit = units.create(
            writing, actor(), name=request.form.get("name", ""), code=forms.text("code"), parent=parent,
            zone=forms.text("zone") or None, quiet_hours=hours, now=house().clock(),
        )  # fmt: skip
    if hours:
        flash(
            gettext("The unit is added. It is quiet there from 22:00 to 05:00; change that here if need be."), "success"
        )
        return redirect(url_for("panel.unit_settings", identity=unit.id), 303)
    flash(gettext("The unit is added."), "success")
    return redirect(url_for("panel.units"), 303)


@for_browsers
@forms.keeps_text
def settle(identity: str) -> Answer:
    problem = None
    with house().database.read() as reading:
        unit = units.find(reading, actor(), identity)
        actor().require(Permission.ADMINISTER, unit)
    if unit.merged_into:
        return unit_moves.merged_page(unit)
    if request.method == "POST":
        done = forms.attempt(lambda: _settle(unit.id))
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    return page(unit, request.form or present(unit), problem)


def page(
    unit: Unit,
    form: Mapping[str, str],
    problem: forms.Problem | None,
    *,
    limited: MultiDict[str, str] | None = None,
    limit_problem: forms.Problem | None = None,
) -> Answer:
    """The unit's page, with what was typed into one of its forms and why that was not taken."""
    with house().database.read() as reading:
        chain = units.ancestors(reading, unit)
        storage = [quotas.held(reading, each) for each in chain if each.quota_mb is not None or each.id == unit.id]
        may_bound = quotas.may_put(reading, actor(), unit)
    above = units.inherited(chain[:-1], house().settings.zone)
    held = units.inherited(chain, house().settings.zone)
    found = render_template(
        "panel/unit.html",
        unit=unit,
        may_take=EVERYWHERE in actor().paths(Permission.ADMINISTER)
        if len(chain) == 1
        else actor().may(Permission.ADMINISTER, chain[-2]),
        chain=chain,
        form=form,
        problem=problem,
        above=above,
        held=held,
        limited=limit_words.typed_of(unit) if limited is None else limited,
        limit_problem=limit_problem,
        limits_above=limit_words.said(above.limits),
        limits_here=limit_words.said(held.limits),
        weekdays=limits.WEEKDAYS,
        storage=[each for each in storage if actor().may(Permission.SEE, each.unit)],
        may_bound=may_bound,
        listeners=house().radio.listening_to(unit.id),
        alarm_rules=alarm_rules.RULES,
        alarm_rule=alarm_rules.of_chain(chain),
        alarm_rule_above=alarm_rules.of_chain(chain[:-1]),
    )
    told = problem or limit_problem
    return found, told.status if told else 200


def present(unit: Unit) -> dict[str, str]:
    """What is set at the unit itself, as the form holds it."""
    hours = unit.quiet_hours
    return {
        "hours": "own" if hours else "above",
        "quiet_hours": ", ".join(f"{start}-{end}" for start, end in hours or []),
        "max_volume": "" if unit.max_volume is None else str(unit.max_volume),
        "zone": unit.zone or "",
        "codec": unit.codec or "",
    }


def _settle(identity: str) -> Response:
    hours = request.form.get("hours", "above")
    pairs = [
        [hour.strip() for hour in part.replace("–", "-").split("-")]
        for part in request.form.get("quiet_hours", "").split(",") if part.strip()
    ]  # fmt: skip
    if hours == "own" and not pairs:
        pairs = [[""]]  # nothing written where hours were announced: refused by the service, in its words
    with house().database.write() as writing:
        unit = units.find(writing, actor(), identity)
        units.settle(
            writing, actor(), unit, quiet_hours={"above": None, "none": []}.get(hours, pairs),
            max_volume=forms.number("max_volume"), zone=forms.text("zone") or None, codec=forms.text("codec") or None,
            now=house().clock(),
        )  # fmt: skip
    flash(gettext("The settings are saved. They hold here and below."), "success")
    return redirect(url_for("panel.unit_settings", identity=identity), 303)


@for_browsers
def bound(identity: str) -> Response:
    """Set how much the unit and all below it may store."""

    def act() -> None:
        with house().database.write() as writing:
            unit = units.find(writing, actor(), identity)
            quotas.put_quota(writing, actor(), unit, forms.number("quota_mb"), house().clock())

    return forms.acted(act, N_("The bound is saved."), url_for("panel.unit_settings", identity=identity))

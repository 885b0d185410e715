"""Emergencies that wait for another person: the page that says what would sound, and the two buttons."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from alerts import pending, raising
from core.errors import N_
from registry.models import Person
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.panel import alarm_forms, forms, times
from web.panel.emergencies import landing

Answer = Response | str | tuple[str, int]


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/emergencies/pending/<identity>", endpoint="emergency_pending", view_func=show)
    for name, view in (("confirm", confirm), ("decline", decline)):
        blueprint.add_url_rule(
            f"/emergencies/pending/<identity>/{name}", endpoint=f"emergency_{name}", view_func=view, methods=["POST"]
        )


@for_browsers
def show(identity: str) -> Answer:
    """What waits, and who asked for it; once it is decided, what became of it."""
    return _page(identity, None)


def _page(identity: str, problem: forms.Problem | None) -> Answer:
    now = house().clock()
    with house().database.read() as reading:
        found, unit = pending.find(reading, actor(), identity)
        actor().require(Permission.ALARM, unit)
        state = pending.state(found, now)
        if state == "confirmed" and found.emergency_id:
            return redirect(landing(found.emergency_id), 303)
        alarm = pending.alarm_of(found)
        page = render_template(
            "panel/emergency_pending.html",
            found=found, state=state, problem=problem, mine=found.asked_by == actor().id,
            person=reading.get(Person, found.asked_by),
            decider=reading.get(Person, found.decided_by) if found.decided_by else None,
            sheet=alarm_forms.sheet(reading, unit, alarm) if state == pending.WAITING else None,
            zone=times.zone_of(reading, unit), form=request.form,
        )  # fmt: skip
    return page, problem.status if problem else 200


@for_browsers
@forms.keeps_text
def confirm(identity: str) -> Answer:
    """Put it on air: both people answer for it."""

    def act() -> Response:
        with house().database.write(urgent=True) as writing:
            done = raising.confirm(
                writing, actor(), identity, signer=house().signer, settings=house().settings, now=house().clock()
            )
            made = done.emergency.id
        house().room.catch_up()
        flash(gettext("The emergency is raised. It sounds as soon as its audio is there."), "success")
        return redirect(landing(made), 303)

    done = forms.attempt(act)
    return _page(identity, done) if isinstance(done, forms.Problem) else done


@for_browsers
def decline(identity: str) -> Response:
    """Turn it down, or take one's own back."""

    def act() -> None:
        with house().database.write(urgent=True) as writing:
            raising.decline(writing, actor(), identity, request.form.get("reason", ""), house().clock())

    return forms.acted(
        act, N_("Declined. It will not sound."), url_for("panel.emergency_pending", identity=identity)
    )  # fmt: skip

"""Prepared messages: kept ready for the day they are needed, on the emergency page and at the stations."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from core.errors import N_, Forbidden, InvalidInput
from core.standing import KINDS
from playlists import bulletins
from registry import unit_choices, units
from registry.rights import Permission
from scheduler import prepared
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms, times

Answer = Response | str | tuple[str, int]
_MOST_BULLETINS = 100


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/emergencies/prepared", endpoint="prepared", view_func=board, methods=["GET", "POST"])
    blueprint.add_url_rule(
        "/emergencies/prepared/<identity>/retire", endpoint="prepared_retire", view_func=retire, methods=["POST"]
    )


@for_browsers
@forms.keeps_text
def board() -> Answer:
    """What is kept, and a form for one more."""
    if not actor().may_somewhere(Permission.ALARM):
        raise Forbidden(N_("Only those who may raise an alarm see this page."))
    problem = None
    if request.method == "POST":
        done = forms.attempt(_add)
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    now = house().clock()
    with house().database.read() as reading:
        rows = prepared.visible(reading, actor())
        said = bulletins.visible(reading, actor(), state="approved", limit=_MOST_BULLETINS)
        page = render_template(
            "panel/prepared.html",
            form=request.form,
            problem=problem,
            rows=[(each, each.state(now), actor().may(Permission.ALARM, each.unit)) for each in rows],
            zones=times.zones_of(reading, (each.unit for each in rows)),
            units=unit_choices.offered(reading, actor(), Permission.ALARM, forms.text("unit")),
            kinds=KINDS,
            bulletins=[(bulletin.id, f"{version.title} · {unit.name}") for bulletin, unit, version, _ in said],
        )
    return page, problem.status if problem else 200


def _add() -> Response:
    bulletin = forms.text("bulletin")
    if not bulletin:
        raise InvalidInput(N_("Choose the approved bulletin that is said."), fields={"bulletin": "empty"})
    if not request.form.get("sure"):
        raise InvalidInput(
            N_("Tick that you answer for it: it can be started at once, also without you."), fields={"sure": "empty"}
        )
    with house().database.write() as writing:
        unit = units.find(writing, actor(), forms.text("unit"))
        prepared.add(
            writing, actor(), unit, kind=forms.text("kind"), title=request.form.get("title", ""),
            said=[prepared.Source(bulletin=bulletin)],
            valid_until=times.from_input(forms.text("valid_until"), times.zone_of(writing, unit)),
            signer=house().signer, now=house().clock(),
        )  # fmt: skip
    flash(gettext("Kept. Stations fetch it with their next plan."), "success")
    return redirect(url_for("panel.prepared"), 303)


@for_browsers
def retire(identity: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            prepared.retire(writing, actor(), identity, house().clock())

    return forms.acted(act, N_("Retired. Stations drop it with their next plan."), url_for("panel.prepared"))

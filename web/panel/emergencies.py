"""Emergencies: raising one with a clear confirmation, seeing which stations have it, stopping it."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from core.errors import N_, Forbidden, InvalidInput
from playlists import desk
from registry import units
from registry.rights import Permission
from scheduler import audience, commands, emergencies
from scheduler.emergencies import Alarm
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms, targets, times

Answer = Response | str | tuple[str, int]
SHOWN = 20
_ONLY = N_("Only those who may raise an alarm see this page.")


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/emergencies", endpoint="emergencies", view_func=board, methods=["GET", "POST"])
    blueprint.add_url_rule("/emergencies/<identity>/stop", endpoint="emergency_stop", view_func=stop, methods=["POST"])


@for_browsers
@forms.keeps_text
def board() -> Answer:
    if not actor().may_somewhere(Permission.ALARM):
        raise Forbidden(_ONLY)
    problem = None
    if request.method == "POST":
        done = forms.attempt(_raise)
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    with house().database.read() as reading:
        rows = emergencies.visible(reading, actor(), limit=SHOWN)
        page = render_template(
            "panel/emergencies.html",
            form=MultiDict(request.form or {"times": "1", "every": "60"}),
            problem=problem,
            rows=[
                (
                    emergency, airing, unit, person, emergencies.stated(airing),
                    len(commands.acknowledged_by(reading, airing.id)),
                    len(audience.station_ids(reading, airing.audience)),
                )
                for emergency, airing, unit, person in rows
            ],
            zones=times.zones_of(reading, (unit for _, _, unit, _ in rows)),
            units=units.visible(reading, actor(), Permission.ALARM),
            tree=targets.tree(reading, actor(), Permission.ALARM),
            recorded=[
                (clip.id, f"{clip.title or clip.id} · {home.name}")
                for clip, home in desk.recordings(reading, actor(), Permission.SEE)
            ],
            may_stop=lambda unit: actor().may(Permission.ALARM, unit),
        )  # fmt: skip
    return page, problem.status if problem else 200


def _raise() -> Response:
    if not request.form.get("sure"):
        raise InvalidInput(N_("Tick that you mean it: this sounds at once, over everything."), fields={"sure": "empty"})
    alarm = Alarm(
        audience=request.form.getlist("for"),
        text=request.form.get("text", ""),
        clip=forms.text("clip") or None,
        every_s=float(forms.number("every") or 0),
        times=forms.number("times") or 1,
        volume=forms.number("volume"),
    )
    settings = house().settings
    with house().database.write() as writing:
        unit = units.find(writing, actor(), forms.text("unit"))
        emergencies.raise_alarm(
            writing, actor(), unit, alarm, signer=house().signer, default_zone=settings.zone,
            max_chars=settings.max_text_chars, now=house().clock(),
        )  # fmt: skip
    flash(gettext("The emergency is raised. It sounds as soon as its audio is there."), "success")
    return redirect(url_for("panel.emergencies"), 303)


@for_browsers
def stop(identity: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            emergencies.stop(writing, actor(), identity, house().clock())

    return forms.acted(act, N_("Stopped. Stations fall silent with their next look."), url_for("panel.emergencies"))

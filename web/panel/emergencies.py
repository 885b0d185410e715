"""Emergencies: what is on air, and raising one: choose, see in words what it will do, confirm."""

from datetime import datetime

from flask import Blueprint, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlmodel import Session
from werkzeug.wrappers import Response

from alerts import drawn, pending, raising
from alerts.raising import Proof, Raised
from core.errors import N_, Forbidden, InvalidInput, NotFound
from core.standing import KINDS, SEVERITIES, SIGNALS
from playlists import desk, hearing
from registry import unit_choices, units
from registry.rights import Permission
from scheduler import audience, commands, emergencies, withdrawals
from web.access import actor, for_browsers
from web.app import house
from web.panel import alarm_forms, forms, sounds, targets, times, tongues
from web.panel.alarm_forms import Typed

Answer = Response | str | tuple[str, int]
SHOWN = 20
_ONLY = N_("Only those who may raise an alarm see this page.")
_BOARD = "panel.emergency_board"


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/emergencies", endpoint="emergencies", view_func=board, methods=["GET", "POST"])
    blueprint.add_url_rule("/emergencies/fragment", endpoint="emergencies_fragment", view_func=fragment)
    blueprint.add_url_rule("/emergencies/points", endpoint="emergency_points", view_func=points)
    blueprint.add_url_rule("/emergencies/<identity>/stop", endpoint="emergency_stop", view_func=stop, methods=["POST"])


@for_browsers
@forms.keeps_text
def board() -> Answer:
    """The page: what is raised, and the form; `step` of what was sent is `check`, `edit` or `raise`."""
    if not actor().may_somewhere(Permission.ALARM):
        raise Forbidden(_ONLY)
    if request.method == "GET":
        return _form(None, None)
    form: Typed = Typed(request.form)
    step = request.form.get("step") or ("raise" if request.form.get("sure") else "check")
    shown: list[str] = []

    def act() -> Response:
        nonlocal form
        form = alarm_forms.typed()
        if step == "edit":
            return _AGAIN
        if step == "raise":
            return _raise(form)
        shown.append(_sheet(form))
        return _AGAIN

    done = forms.attempt(act)
    if isinstance(done, forms.Problem):
        if step == "raise" and done.fields & {"code", "sure"}:
            return _sheet(form, done), done.status
        return _form(form, done)
    if done is not _AGAIN:
        return done
    return shown[0] if shown else _form(form, None)


_AGAIN = Response()


def _form(form: Typed | None, problem: forms.Problem | None) -> Answer:
    now, settings = house().clock(), house().settings
    with house().database.read() as reading:
        if form is None:
            form = alarm_forms.begun(reading, actor(), unit_choices.offered(reading, actor(), Permission.ALARM))
        page = render_template(
            "panel/emergencies.html",
            form=form,
            problem=problem,
            **_raised(reading, now),
            units=unit_choices.offered(reading, actor(), Permission.ALARM, form.get("unit", "")),
            tree=targets.tree(reading, actor(), Permission.ALARM),
            messages=alarm_forms.ready_messages(reading, actor(), now),
            points=drawn.has_points(reading, actor()),
            recorded=[
                (clip.id, f"{clip.title or clip.id} · {home.name}")
                for clip, home in desk.recordings(reading, actor(), Permission.SEE)
            ],
            replaced=[emergencies.find(reading, actor(), each)[0].title for each in form.getlist("replaces")],
            sound=_recording(reading, form),
            kinds=KINDS, signals=SIGNALS, severities=SEVERITIES,
            how_often=alarm_forms.TIMES, minutes=alarm_forms.MINUTES,
            languages=tongues.groups(tongues.voices(), form.get("language", "vi")),
            max_bytes=settings.max_upload_bytes, limit_seconds=settings.max_clip_seconds,
            max_chars=settings.max_text_chars,
        )  # fmt: skip
    return page, problem.status if problem else 200


def _recording(reading: Session, form: Typed) -> sounds.Sound | None:
    try:
        return sounds.sound(reading, hearing.find(reading, actor(), form.get("clip", "")))
    except NotFound:
        return None


def _sheet(form: Typed, problem: forms.Problem | None = None) -> str:
    """The confirmation sheet; the audio is made while the person reads it."""
    with house().database.write(urgent=True) as writing:
        unit, alarm = alarm_forms.read(writing, form)
        alarm = raising.ready(writing, actor(), unit, alarm, settings=house().settings, now=house().clock())
        unit_id = unit.id
    with house().database.read() as reading:
        told = alarm_forms.sheet(reading, units.find(reading, actor(), unit_id), alarm)
        return render_template(
            "panel/emergency_check.html", sheet=told, kept=alarm_forms.kept(form), problem=problem, form=form
        )


def _raise(form: Typed) -> Response:
    now = house().clock()
    with house().database.write(urgent=True) as writing:
        unit, alarm = alarm_forms.read(writing, form)
        if not request.form.get("sure") and raising.rule_for(writing, actor(), unit, alarm) == "tick":
            raise InvalidInput(
                N_("Tick that you mean it: this sounds at once, over everything."), fields={"sure": "empty"}
            )
        done = raising.ask(
            writing, actor(), unit, alarm, proof=Proof(forms.text("code", request.form)), signer=house().signer,
            settings=house().settings, now=now,
        )  # fmt: skip
        made = done.emergency.id if isinstance(done, Raised) else done.pending.id
    house().room.catch_up()
    if isinstance(done, Raised):
        flash(gettext("The emergency is raised. It sounds as soon as its audio is there."), "success")
        return redirect(landing(made), 303)
    flash(gettext("Another person must confirm it now. Nothing sounds until then."), "success")
    return redirect(url_for("panel.emergency_pending", identity=made), 303)


def landing(identity: str) -> str:
    """Where one sees what becomes of an emergency."""
    if _BOARD in current_app.view_functions:
        return url_for(_BOARD, identity=identity)
    return url_for("panel.emergencies")


@for_browsers
def points() -> Response:
    """The stations that can be drawn around, for the map: `[id, name, latitude, longitude]` of each."""
    if not actor().may_somewhere(Permission.ALARM):
        raise Forbidden(_ONLY)
    with house().database.read() as reading:
        return jsonify(drawn.points(reading, actor()))


@for_browsers
def fragment() -> str:
    """What was raised, for a page that is open."""
    if not actor().may_somewhere(Permission.ALARM):
        raise Forbidden(_ONLY)
    with house().database.read() as reading:
        return render_template("panel/_emergencies.html", **_raised(reading, house().clock()))


def _raised(reading: Session, now: datetime) -> dict[str, object]:
    rows = emergencies.visible(reading, actor(), limit=SHOWN)
    by_id = emergencies.airings_of(reading, [emergency.id for emergency, *_ in rows])
    known = commands.acknowledged(reading, [each.id for airings in by_id.values() for each in airings])
    meant = audience.counts(reading, [tuple(emergency.audience) for emergency, *_ in rows])
    withdrawn = {
        emergency.id: withdrawals.one(reading, actor(), airing.id)
        for emergency, *_ in rows
        for airing in by_id[emergency.id]
        if airing.state == "withdrawn" and airing.ticket
    }
    return {
        "rows": [
            (
                emergency, airing, unit, person, emergencies.stated(*by_id[emergency.id]),
                sum(known[each.id] for each in by_id[emergency.id]), meant[tuple(emergency.audience)],
            )
            for emergency, airing, unit, person in rows
        ],
        "stops": {by_id[identity][0].id: each for identity, each in withdrawn.items()},
        "zones": times.zones_of(reading, (unit for _, _, unit, _ in rows)),
        "may_stop": lambda unit: actor().may(Permission.ALARM, unit),
        "landing": landing,
        "unheard": pending.lately(reading, actor(), now),
    }  # fmt: skip


@for_browsers
def stop(identity: str) -> Response:
    def act() -> None:
        with house().database.write(urgent=True) as writing:
            emergencies.stop(writing, actor(), identity, house().clock())
        house().room.catch_up()

    return forms.acted(act, N_("Stopped. Stations fall silent with their next look."), url_for("panel.emergencies"))

"""Speaking live from the browser: the page, and what its script sends and asks for."""

from flask import jsonify, render_template, request, url_for
from flask.blueprints import Blueprint
from sqlalchemy import ColumnElement
from sqlmodel import Session, col
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from core.errors import N_, Forbidden, InvalidInput
from registry import unit_choices
from registry.models import Unit
from registry.rights import Actor, Permission
from scheduler import live
from scheduler.live import DEFAULT_MINUTES, Wish
from web.access import actor, for_browsers
from web.app import house
from web.live import desk
from web.panel import forms, targets, times

_ONLY = N_("Only those who may approve and plan, or raise emergencies, may speak live.")
_SURE = N_("Tick that you mean it: this sounds at once, over everything.")
_LENGTHS = (2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720)
_SHOWN = 10
# What is said of the end of a talk, by why it has ended.
ENDS = {
    "stopped": N_("Ended."),
    "limit": N_("Ended: the time was up."),
    "lost": N_("Ended: nothing came from the microphone any more. The network of the speaker was gone."),
    "unbegun": N_("Ended: nobody began to speak."),
    "again": N_("Ended: the same person began another talk."),
    "no_right": N_("Ended: the speaker may not speak here any more."),
}


def register(blueprint: Blueprint) -> None:
    for method, path, view, name in (
        ("GET", "/live", page, "live"),
        ("GET", "/live/fragment", fragment, "live_fragment"),
        ("POST", "/live/talks", begin, "live_begin"),
        ("GET", "/live/talks/<identity>", show, "live_show"),
        ("POST", "/live/talks/<identity>/sound", sound, "live_sound"),
        ("POST", "/live/talks/<identity>/end", end, "live_end"),
        ("POST", "/live/talks/<identity>/stop", stop, "live_stop"),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=name)


def _speaker() -> Actor:
    if not live.may_speak_somewhere(actor()):
        raise Forbidden(_ONLY)
    return actor()


@for_browsers
def page() -> str:
    """Where somebody speaks."""
    who = _speaker()
    most = house().settings.live_max_minutes
    lengths = [each for each in _LENGTHS if each <= most] or [most]
    usual = DEFAULT_MINUTES if DEFAULT_MINUTES in lengths else lengths[-1]
    with house().database.read() as reading:
        # Who raises emergencies may speak everywhere they may do that; others where they both approve and plan.
        permission = Permission.ALARM if who.may_somewhere(Permission.ALARM) else Permission.APPROVE
        return render_template(
            "panel/live.html",
            form=MultiDict({"minutes": str(usual), "chime": "1"}),
            problem=None,
            lengths=lengths,
            units=unit_choices.offered(reading, who, _may_speak(who)),
            tree=targets.tree(reading, who, permission),
            may_alarm=who.may_somewhere(Permission.ALARM),
            **_talks(reading, who),
        )


def _may_speak(who: Actor) -> ColumnElement[bool]:
    """Where somebody may speak: the rule of `scheduler.live.may_speak`, as a condition on units."""
    alarm, approve, schedule = (
        who.within(each, col(Unit.path)) for each in (Permission.ALARM, Permission.APPROVE, Permission.SCHEDULE)
    )
    return alarm | (approve & schedule)


def _talks(reading: Session, who: Actor) -> dict[str, object]:
    told = live.visible(reading, who, limit=_SHOWN)
    now = house().clock()
    return {
        "running": [
            (each, desk.standing(reading, each.talk, each.airing, now), live.may_speak(who, each.unit))
            for each in told if each.talk.ended_at is None
        ],
        "over": [each for each in told if each.talk.ended_at is not None],
        "ends": ENDS,
        "zones": times.zones_of(reading, (each.unit for each in told)),
    }  # fmt: skip


@for_browsers
def fragment() -> str:
    """The talks, for a page that is open."""
    who = _speaker()
    with house().database.read() as reading:
        return render_template("panel/_live_talks.html", **_talks(reading, who))


@for_browsers
def begin() -> Response:
    """Put a talk on air."""
    who, form = _speaker(), request.form
    emergency = bool(form.get("emergency"))
    if emergency and not form.get("sure"):
        raise InvalidInput(_SURE, fields={"sure": "empty"})
    wish = Wish(
        audience=form.getlist("for"), title=forms.text("title"), minutes=forms.decimal("minutes") or DEFAULT_MINUTES,
        emergency=emergency, chime=bool(form.get("chime")),
    )  # fmt: skip
    response = jsonify(desk.begin(who, forms.text("unit"), wish, forms.text("code")))
    response.status_code = 201
    return response


@for_browsers
def show(identity: str) -> Response:
    """How a talk stands."""
    return jsonify(desk.show(actor(), identity))


@for_browsers
def sound(identity: str) -> Response:
    """Take sound of a talk."""
    return jsonify(desk.take_sound(actor(), identity))


@for_browsers
def end(identity: str) -> Response:
    """End a talk, told by the page's script."""
    return jsonify(desk.end(actor(), identity))


@for_browsers
def stop(identity: str) -> Response:
    """End a talk with a button: one's own after a page was closed, or somebody else's."""
    who = actor()
    back = url_for("panel.live")
    return forms.acted(lambda: desk.end(who, identity), N_("Stopped. The stations go on with the programme."), back)

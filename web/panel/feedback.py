"""What citizens say is wrong: the list, one note with its answer, and the bulletin made of the answer."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from core.errors import N_
from playlists import desk, feedback
from registry import naming, trail
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms, times
from web.panel.feedback_words import KINDS

PAGE = 25
STATES = {"open": N_("waits for an answer"), "answered": N_("answered"), "closed": N_("closed")}
Answer = Response | str | tuple[str, int]


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/feedback", endpoint="feedback", view_func=listed)
    blueprint.add_url_rule(
        "/feedback/<identity>", endpoint="feedback_note", view_func=note, methods=["GET", "POST"]
    )  # fmt: skip
    for name, view in (("close", close), ("reopen", reopen), ("bulletin", bulletin)):
        blueprint.add_url_rule(
            f"/feedback/<identity>/{name}", endpoint=f"feedback_{name}", view_func=view, methods=["POST"]
        )


@for_browsers
def listed() -> str:
    """Notes to the units that the person sees; those that wait for an answer unless others are asked for."""
    asked = request.args.get("state", "open")
    state = asked if asked in feedback.STATES else None
    with house().database.read() as reading:
        rows = feedback.visible(
            reading, actor(), state=state, before=request.args.get("before") or "zz", limit=PAGE + 1
        )  # fmt: skip
        return render_template(
            "panel/feedback.html", rows=rows[:PAGE], more=rows[PAGE - 1][0].id if len(rows) > PAGE else None,
            state=state, states=STATES, kinds=KINDS, shown=feedback.shown,
            zones=times.zones_of(reading, (unit for _, unit in rows)),
        )  # fmt: skip


@for_browsers
@forms.keeps_text
def note(identity: str) -> Answer:
    """One note; what is sent is its answer."""
    problem = None
    if request.method == "POST":
        done = forms.attempt(lambda: _answer(identity))
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    with house().database.read() as reading:
        ticket, unit = feedback.find(reading, actor(), identity)
        linked = [each for each in (ticket.about, ticket.bulletin_id) if each]
        history = trail.about(reading, ticket.id)
        page = render_template(
            "panel/feedback_note.html", ticket=ticket, unit=unit, problem=problem, kinds=KINDS, states=STATES,
            form=request.form if problem else {"answer": ticket.answer}, shown=feedback.shown,
            contact=feedback.contact_for(actor(), ticket, unit), may_answer=actor().may(Permission.WRITE, unit),
            titles=desk.titles(reading, actor(), linked), zone=times.zone_of(reading, unit), history=history,
            names=naming.by_username(reading, {entry.actor for entry in history}), limit=feedback.MAX_ANSWER,
        )  # fmt: skip
    return page, problem.status if problem else 200


def _answer(identity: str) -> Response:
    with house().database.write() as writing:
        feedback.answer(writing, actor(), identity, request.form.get("answer", ""), house().clock())
    flash(gettext("Answered. Who wrote reads it with number and code."), "success")
    return redirect(_back(identity), 303)


def _back(identity: str) -> str:
    return url_for("panel.feedback_note", identity=identity)


@for_browsers
def close(identity: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            feedback.close(writing, actor(), identity, house().clock())

    return forms.acted(act, N_("Closed."), _back(identity))


@for_browsers
def reopen(identity: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            feedback.reopen(writing, actor(), identity, house().clock())

    return forms.acted(act, N_("Open again."), _back(identity))


@for_browsers
def bulletin(identity: str) -> Response:
    """Make a draft bulletin of the answer, and open it for writing."""
    made: list[str] = []

    def act() -> None:
        house().check_room()
        with house().database.write() as writing:
            limit = house().settings.max_text_chars
            made.append(feedback.draft_of(writing, actor(), identity, max_chars=limit, now=house().clock()))

    answer = forms.acted(
        act, N_("A draft is made of the answer. Read it through, listen to it, then submit it for approval."),
        _back(identity),
    )  # fmt: skip
    return redirect(url_for("panel.bulletin_edit", identity=made[0]), 303) if made else answer

"""“Say what is wrong”: the form for everybody, the number it gives, and the page with the answer."""

from flask import Blueprint, Response, redirect, request, url_for
from flask_babel import gettext
from sqlmodel import Session
from werkzeug.wrappers import Response as AnyResponse

from core.clock import zone as known_zone
from core.errors import N_, Forbidden, InvalidInput, LoaError, NotFound, TooMany
from playlists import feedback
from registry import public_pages
from registry.models import Unit
from scheduler import public_log
from web.access import anyone
from web.app import house
from web.failures import status_of
from web.messages import language, said
from web.panel.feedback_words import KINDS
from web.panel.forms import Problem
from web.public import shell

STATES = {
    "open": N_("It has come in and waits for an answer."),
    "answered": N_("It has been answered."),
    "closed": N_("It is closed."),
}
# A field that people don't see and programs fill in.
TRAP = "website"
_TRAPPED = N_("This was not sent: a field that must stay empty was filled in. Empty it, and send it again.")
_ELSEWHERE = N_("Send it from the page itself.")
_WRONG = N_("No note has this number and code. Look at them again: both are needed.")


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/<code>/feedback", endpoint="feedback", view_func=form, methods=["GET", "POST"])
    blueprint.add_url_rule("/<code>/ticket", endpoint="ticket", view_func=ticket)


@anyone
def form(code: str) -> AnyResponse:
    """The form; what was typed survives every error. Sent, it leads to the page that will show the answer."""
    problem: Problem | None = None
    if request.method == "POST":
        try:
            return _receive(code)
        except NotFound:
            raise
        except LoaError as error:
            problem = Problem(said(error), frozenset(error.fields), status_of(error), error)
    with house().database.read() as session:
        place = shell.place(session, code)
        about = _about(session, place.unit, request.values.get("about", ""))
        response = shell.render(
            "public/feedback.html", problem.status if problem else 200, place=place, unit=place.unit, problem=problem,
            form=request.form, kinds=KINDS, hamlets=public_pages.below(session, place.unit), about=about, trap=TRAP,
            days=house().settings.feedback_contact_days, limits=feedback,
        )  # fmt: skip
    response.headers["Cache-Control"] = "no-store"
    if problem is not None and isinstance(problem.error, TooMany):
        response.headers["Retry-After"] = str(problem.error.retry_after)
    return response


def _receive(code: str) -> AnyResponse:
    here, now = house(), house().clock()
    with here.database.read() as session:
        unit = shell.place(session, code).unit
        if request.headers.get("Sec-Fetch-Site", "") == "cross-site":
            raise Forbidden(_ELSEWHERE)
        if request.form.get(TRAP):
            raise InvalidInput(_TRAPPED, fields={TRAP: "filled"})
        feedback.check(session, unit, request.remote_addr or "?", now)  # before anybody takes the lock
        about = _about(session, unit, request.form.get("about", ""))
    here.check_room()
    note = feedback.Note(
        kind=request.form.get("kind", ""), text=request.form.get("text", ""), place=request.form.get("place", ""),
        contact=request.form.get("contact", ""), about=about.id if about else None, language=language(),
    )  # fmt: skip
    with here.database.write() as session:
        receipt = feedback.receive(session, unit, note, address=request.remote_addr or "?", now=now)
    there = url_for(
        "public.ticket", code=code, number=feedback.shown(receipt.number), secret=feedback.shown(receipt.code)
    )  # fmt: skip
    response = redirect(there, 303)
    response.headers["Cache-Control"] = "no-store"
    return response


def _about(session: Session, unit: Unit, identity: str) -> public_log.Told | None:
    """The bulletin the note is about, if it was heard there."""
    try:
        return public_log.one(session, unit, identity[:40]) if identity else None
    except NotFound:
        return None


@anyone
def ticket(code: str) -> Response:
    """A note with its answer, for who has number and code; else the form that asks for them."""
    here, now = house(), house().clock()
    number, secret = request.args.get("number", "")[:40], request.args.get("secret", "")[:40]
    found, problem = None, ""
    with here.database.read() as session:
        place = shell.place(session, code)
    if number or secret:
        with here.database.write() as session:  # a wrong try is counted
            found = feedback.look_up(
                session, place.unit, number, secret, address=request.remote_addr or "?", now=now
            )  # fmt: skip
        problem = "" if found else gettext(_WRONG)
    response = shell.render(
        "public/ticket.html", 404 if problem else 200, place=place, unit=place.unit, ticket=found, problem=problem,
        number=number, secret=secret, kinds=KINDS, states=STATES, shown=feedback.shown,
        zone=known_zone(place.held.zone), days=here.settings.feedback_contact_days,
    )  # fmt: skip
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    return response

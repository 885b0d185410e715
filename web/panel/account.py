"""Signing in (in two steps where there is a second factor) and out, one's own password, the language of the pages."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask_babel import gettext, refresh
from sqlmodel import Session
from werkzeug.wrappers import Response

from core.clock import zone
from core.errors import N_, InvalidInput, NotFound
from registry import account_notices, factor_rules, passwords, people, second_factor, sessions
from registry.models import Person
from web.access import actor, anyone, for_browsers, remember, session_name
from web.app import house
from web.messages import LANGUAGES
from web.panel import forms

Answer = Response | str | tuple[str, int]
_MAX_NEXT = 2_000
_HALFWAY = "halfway"  # in the cookie: whose password was right, until when the code is awaited
_SECOND_STEP = timedelta(minutes=5)


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/sign-in", view_func=sign_in, methods=["GET", "POST"])
    blueprint.add_url_rule("/sign-in/code", endpoint="sign_in_code", view_func=second_step, methods=["GET", "POST"])
    blueprint.add_url_rule("/sign-out", view_func=sign_out, methods=["POST"])
    blueprint.add_url_rule("/password", view_func=password, methods=["GET", "POST"])
    blueprint.add_url_rule("/language/<code>", view_func=choose_language, methods=["GET"])


def local_path(wanted: str | None) -> str:
    """`wanted` if it is a path of this site, else the first page: a link must not lead people elsewhere."""
    home = url_for("panel.today")
    if not wanted or len(wanted) > _MAX_NEXT or not wanted.startswith("/") or wanted.startswith("//"):
        return home
    if "\\" in wanted or not wanted.isprintable():
        return home
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return home
    return home if parts.scheme or parts.netloc else wanted


@anyone
@forms.keeps_text
def sign_in() -> Answer:
    following = local_path(request.values.get("next"))
    if g.actor is not None and request.method == "GET":
        return redirect(following, 303)
    problem = None
    if request.method == "POST":
        done = forms.attempt(lambda: _signed_in(following))
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    page = render_template("panel/sign_in.html", form=request.form, problem=problem, following=following)
    return page, problem.status if problem else 200


def _signed_in(following: str) -> Response:
    with house().database.write() as writing:
        person = people.sign_in(
            writing, forms.text("username"), request.form.get("password", ""), request.remote_addr or "?",
            house().clock(),
        )  # fmt: skip
        # A failure is counted in this transaction, so it has to end well before anything is raised.
        if person is not None and not second_factor.is_set_up(writing, person.id):
            return _let_in(writing, person, following)
    if person is None:
        raise people.wrong_password()
    chosen = session.get("language")
    session.clear()
    session[_HALFWAY] = [person.id, person.session_version, int((house().clock() + _SECOND_STEP).timestamp())]
    session["language"] = chosen if chosen in LANGUAGES else person.language
    return redirect(url_for("panel.sign_in_code", next=following), 303)


def _let_in(writing: Session, person: Person, following: str, *, factor: bool = False) -> Response:
    """Begin the session, in the transaction that has checked who it is; tell what happened to the account meanwhile."""
    now = house().clock()
    name = sessions.begin(
        writing, person, agent=request.headers.get("User-Agent", ""), address=request.remote_addr or "?", now=now,
        second_factor=factor,
    )  # fmt: skip
    notices = account_notices.take(writing, person.id)
    lacks = not factor and factor_rules.lacking(writing, person.id)
    chosen = session.get("language")
    remember(name, lacks_factor=lacks)
    session["language"] = chosen if chosen in LANGUAGES else person.language
    refresh()
    for each in notices:
        day = each.at.astimezone(zone(house().settings.zone)).strftime("%d/%m/%Y")
        flash(gettext(account_notices.SENTENCES[each.kind], by=each.by, day=day), "warning")
    return redirect(url_for("panel.second_factor") if lacks else following, 303)


@anyone
def second_step() -> Answer:
    following = local_path(request.values.get("next"))
    halfway = _halfway()
    if halfway is None:
        if g.actor is None and _HALFWAY in session:
            flash(gettext("That took too long. Sign in with your password again."), "warning")
            session.pop(_HALFWAY)
        return redirect(following if g.actor is not None else url_for("panel.sign_in", next=following), 303)
    problem = None
    if request.method == "POST":
        done = forms.attempt(lambda: _second_step(*halfway, following))
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    page = render_template("panel/sign_in_code.html", problem=problem, following=following)
    return page, problem.status if problem else 200


def _halfway() -> tuple[str, int] | None:
    kept: Any = session.get(_HALFWAY)
    if not isinstance(kept, list) or kept[2] < house().clock().timestamp():
        return None
    return kept[0], kept[1]


def _second_step(person_id: str, version: int, following: str) -> Response:
    with house().database.write() as writing:
        person = people.second_step(
            writing, person_id, version, forms.text("code")[: passwords.MAX], request.remote_addr or "?",
            house().clock(),
        )  # fmt: skip
        return _let_in(writing, person, following, factor=True)


@for_browsers
def sign_out() -> Answer:
    chosen = session.get("language")
    with house().database.write() as writing:
        sessions.forget(writing, session_name())
    if g.actor is not None:
        house().events.doubt(g.actor.id)
    session.clear()
    if chosen in LANGUAGES:
        session["language"] = chosen
    return redirect(url_for("panel.sign_in"), 303)


@for_browsers
@forms.keeps_text
def password() -> Answer:
    problem = None
    if request.method == "POST":
        done = forms.attempt(_change_password)
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    return render_template("panel/password.html", form={}, problem=problem), problem.status if problem else 200


def _change_password() -> Response:
    new = request.form.get("new", "")
    if new != request.form.get("again", ""):
        raise InvalidInput(N_("The new password was not typed the same twice."), fields={"again": "differs"})
    with house().database.write() as writing:
        factor = second_factor.is_set_up(writing, actor().id)
        person = people.change_password(writing, actor().id, request.form.get("old", ""), new, house().clock())
        _let_in(writing, person, "/", factor=factor)
    flash(gettext("Your password has been changed. Other devices have been signed out."), "success")
    return redirect(url_for("panel.today"), 303)


@anyone
def choose_language(code: str) -> Answer:
    if code not in LANGUAGES:
        raise NotFound
    session["language"] = code
    session.permanent = True
    return redirect(local_path(request.args.get("next")), 303)

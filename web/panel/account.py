"""Signing in and out, one's own password, and the language of the pages."""

from urllib.parse import urlsplit

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from core.errors import N_, InvalidInput, NotFound
from registry import people
from web.access import actor, anyone, for_browsers, remember
from web.app import house
from web.messages import LANGUAGES
from web.panel import forms

Answer = Response | str | tuple[str, int]
_MAX_NEXT = 2_000


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/sign-in", view_func=sign_in, methods=["GET", "POST"])
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
    if person is None:
        raise people.wrong_password()
    chosen = session.get("language")
    remember(person.id, person.session_version)
    session["language"] = chosen if chosen in LANGUAGES else person.language
    return redirect(following, 303)


@for_browsers
def sign_out() -> Answer:
    chosen = session.get("language")
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
        person = people.change_password(writing, actor().id, request.form.get("old", ""), new, house().clock())
    chosen = session.get("language")
    remember(person.id, person.session_version)
    session["language"] = chosen
    flash(gettext("Your password has been changed. Other devices have been signed out."), "success")
    return redirect(url_for("panel.today"), 303)


@anyone
def choose_language(code: str) -> Answer:
    if code not in LANGUAGES:
        raise NotFound
    session["language"] = code
    session.permanent = True
    return redirect(local_path(request.args.get("next")), 303)

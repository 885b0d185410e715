"""My account: where I am signed in, the tokens of my scripts, what secures my account."""

from flask import Blueprint, Response, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from core.errors import N_
from registry import second_factor, sessions, tokens
from web.access import actor, for_browsers, session_name
from web.app import house
from web.panel import forms

Answer = AnyResponse | str | tuple[str, int]
_SOON_SECONDS = 600


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/account", view_func=account)
    blueprint.add_url_rule("/account/sessions/others/end", view_func=end_others, methods=["POST"])
    blueprint.add_url_rule(
        "/account/sessions/<identity>/end", endpoint="session_end", view_func=end_session, methods=["POST"]
    )
    blueprint.add_url_rule("/account/tokens/new", view_func=token_new, methods=["GET", "POST"])
    blueprint.add_url_rule(
        "/account/tokens/<identity>/revoke", endpoint="token_revoke", view_func=revoke, methods=["POST"]
    )


@for_browsers
def account() -> str:
    now = house().clock()
    with house().database.read() as reading:
        return render_template(
            "panel/account.html",
            sessions=sessions.of(reading, actor().id),
            this_one=session_name(),
            tokens=[(row, tokens.words_of(row)) for row in tokens.of(reading, actor().id, now)],
            factor=second_factor.is_set_up(reading, actor().id),
            left=second_factor.codes_left(reading, actor().id),
            seen=lambda row: (now - row.seen_at).total_seconds() < _SOON_SECONDS,
        )


@for_browsers
def end_session(identity: str) -> AnyResponse:
    with house().database.write() as writing:
        sessions.end(writing, actor(), identity, house().clock())
    house().events.doubt(actor().id)
    if identity == session_name():
        chosen = session.get("language")
        session.clear()
        session["language"] = chosen
        return redirect(url_for("panel.sign_in"), 303)
    flash(gettext("That browser is signed out."), "success")
    return redirect(url_for("panel.account"), 303)


@for_browsers
def end_others() -> AnyResponse:
    with house().database.write() as writing:
        sessions.end_others(writing, actor(), session_name(), house().clock())
    house().events.doubt(actor().id)
    flash(gettext("You are signed out everywhere else."), "success")
    return redirect(url_for("panel.account"), 303)


@for_browsers
@forms.keeps_text
def token_new() -> Answer:
    problem = None
    if request.method == "POST":
        done = forms.attempt(_token)
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    page = render_template(
        "panel/token_form.html", form=request.form or {"days": "90"}, problem=problem, scopes=tokens.SCOPES,
        chosen=request.form.getlist("scope"),
    )  # fmt: skip
    return page, problem.status if problem else 200


def _token() -> Response:
    with house().database.write() as writing:
        token, row = tokens.make(
            writing, actor(), actor().username, forms.text("label"), house().clock(),
            scope=request.form.getlist("scope") if forms.text("what") != "all" else (), days=forms.number("days"),
        )  # fmt: skip
    page = render_template("panel/token_once.html", token=token, row=row)
    return Response(page, status=201, mimetype="text/html")


@for_browsers
def revoke(identity: str) -> AnyResponse:
    def act() -> None:
        with house().database.write() as writing:
            tokens.revoke(writing, actor(), identity, house().clock())

    back = request.form.get("person", "")
    place = url_for("panel.person", identity=back) if back else url_for("panel.account")
    return forms.acted(act, N_("The token is ended. Scripts with it get no further."), place)

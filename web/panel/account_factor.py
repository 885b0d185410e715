"""My account: the second factor. Set up with a QR code and a first code, new recovery codes, switched off."""

import io

import segno
from flask import Blueprint, Response, flash, g, redirect, render_template, request, session, url_for
from flask_babel import gettext
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from core.errors import NotFound
from registry import factor_rules, second_factor
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms

Answer = AnyResponse | str | tuple[str, int]


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/account/second-factor", view_func=second_factor_page, methods=["GET", "POST"],
                           endpoint="second_factor")  # fmt: skip
    for name, view in (("codes", codes), ("off", off)):
        blueprint.add_url_rule(
            f"/account/second-factor/{name}", endpoint=f"second_factor_{name}", view_func=view, methods=["POST"]
        )


@for_browsers
@forms.keeps_text
def second_factor_page() -> Answer:
    """Set one up; or, once there is one, what can be done with it."""
    problem = None
    if request.method == "POST":
        done = forms.attempt(_confirm)
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    return _page(problem)


def _page(problem: forms.Problem | None, *, about: str = "confirm") -> Answer:
    me = actor().id
    with house().database.read() as reading:
        on = second_factor.is_set_up(reading, me)
        waits = None if on else second_factor.waiting(reading, me)
        left = second_factor.codes_left(reading, me) if on else 0
        demanded = not on and factor_rules.lacking(reading, me)
    if not on and waits is None:
        with house().database.write() as writing:
            waits = second_factor.begin(writing, me, house().clock())
    page = render_template(
        "panel/second_factor.html",
        on=on,
        waits=waits,
        picture=_picture(waits.address) if waits else "",
        left=left,
        demanded=demanded,
        problem=problem,
        about=about,
    )
    return page, problem.status if problem else 200


def _picture(address: str) -> Markup:
    """The address as a QR code: SVG within the page, so that the secret is in no file and no other request."""
    out = io.BytesIO()
    segno.make(address, error="m").save(
        out, kind="svg", xmldecl=False, svgns=True, scale=5, border=4, svgclass="qr", lineclass=None, omitsize=True,
        title=gettext("QR code for the authenticator app"), light="#fff",
    )  # fmt: skip
    return Markup(out.getvalue().decode())  # noqa: S704 - made here of a picture


def _confirm() -> Response:
    with house().database.write() as writing:
        paper = second_factor.confirm(writing, actor().id, forms.text("code"), house().clock())
    session.pop("lacks_factor", None)
    g.pop("stale", None)
    return _paper(paper, first=True)


def _paper(paper: list[str], *, first: bool) -> Response:
    """The one page that shows recovery codes; they are kept as hashes only."""
    page = render_template("panel/recovery_codes.html", paper=paper, first=first)
    return Response(page, status=201, mimetype="text/html")


@for_browsers
@forms.keeps_text
def codes() -> Answer:
    """New recovery codes, for a code."""
    if g.get("stale") is None:
        _must_be_on()

    def act() -> AnyResponse:
        with house().database.write() as writing:
            paper = second_factor.new_recovery_codes(writing, actor().id, forms.text("code"), house().clock())
        return _paper(paper, first=False)

    done = forms.attempt(act)
    return _page(done, about="codes") if isinstance(done, forms.Problem) else done


@for_browsers
@forms.keeps_text
def off() -> Answer:
    """Switch it off, for password and code."""
    if g.get("stale") is None:
        _must_be_on()

    def act() -> AnyResponse:
        with house().database.write() as writing:
            second_factor.switch_off(
                writing, actor().id, request.form.get("password", ""), forms.text("code"), house().clock()
            )
        flash(gettext("The second factor is switched off."), "success")
        return redirect(url_for("panel.account"), 303)

    done = forms.attempt(act)
    return _page(done, about="off") if isinstance(done, forms.Problem) else done


def _must_be_on() -> None:
    with house().database.read() as reading:
        if not second_factor.is_set_up(reading, actor().id):
            raise NotFound

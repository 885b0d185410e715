"""Links handed over by an administrator: an invitation, a new password; and the page such a link opens."""

from collections.abc import Callable

from flask import Blueprint, Response, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from core.errors import N_, InvalidInput
from registry import invitations, people, unit_choices, units
from registry.account_models import Invitation
from registry.rights import Permission, Role
from web.access import actor, anyone, for_browsers
from web.app import house
from web.panel import forms
from web.panel.people import role_of
from web.panel.units import administrators_only

Answer = AnyResponse | str | tuple[str, int]


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/people/invite", endpoint="people_invite", view_func=invite, methods=["GET", "POST"])
    blueprint.add_url_rule(
        "/people/invitations/<identity>/revoke", endpoint="invitation_revoke", view_func=revoke, methods=["POST"]
    )
    blueprint.add_url_rule(
        "/people/<identity>/password-link", endpoint="person_password_link", view_func=password_link, methods=["POST"]
    )
    blueprint.add_url_rule("/welcome/<token>", view_func=welcome, methods=["GET", "POST"])


def address_of(token: str) -> str:
    """The link as it is handed over: below `public_url`, else a path; never made of the host a request names."""
    return house().settings.public_url.rstrip("/") + url_for("panel.welcome", token=token)


@for_browsers
@forms.keeps_text
def invite() -> Answer:
    administrators_only()
    problem = None
    if request.method == "POST":
        done = forms.attempt(_invite)
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    with house().database.read() as reading:
        form = MultiDict(request.form or {"role": "writer", "unit": request.args.get("unit", "")})
        page = render_template(
            "panel/invite.html",
            form=form,
            problem=problem,
            units=unit_choices.offered(reading, actor(), Permission.ADMINISTER, form["unit"]),
            roles=[role.value for role in Role],
        )
    return page, problem.status if problem else 200


def _invite() -> Response:
    with house().database.write() as writing:
        unit = units.find(writing, actor(), forms.text("unit"))
        row, token = invitations.invite(
            writing, actor(), unit=unit, role=role_of(forms.text("role")), name=request.form.get("name", ""),
            email=forms.text("email"), phone=forms.text("phone"), now=house().clock(),
        )  # fmt: skip
    return _link_page(row, token, url_for("panel.people"))


def _link_page(row: Invitation, token: str, back: str) -> Response:
    """The one page that shows a link; its token is kept nowhere."""
    page = render_template("panel/link_once.html", row=row, address=address_of(token), back=back)
    return Response(page, status=201, mimetype="text/html")


@for_browsers
def password_link(identity: str) -> Response:
    with house().database.write() as writing:
        person, _ = people.find(writing, actor(), identity)
        row, token = invitations.for_password(writing, actor(), person, house().clock())
    return _link_page(row, token, url_for("panel.person", identity=identity))


@for_browsers
def revoke(identity: str) -> AnyResponse:
    def act() -> None:
        with house().database.write() as writing:
            invitations.revoke(writing, actor(), identity, house().clock())

    return forms.acted(
        act, N_("The invitation is taken back. Its link opens nothing any more."), url_for("panel.people")
    )


@anyone
@forms.keeps_text
def welcome(token: str) -> Answer:
    """What a link opens: the choice of sign-in name and password."""
    with house().database.read() as reading:
        found = invitations.opened(reading, token, house().clock())
    problem = None
    if request.method == "POST":
        done = forms.attempt(_accepting(token))
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    page = render_template("panel/welcome.html", found=found, form=request.form, problem=problem, token=token)
    return page, problem.status if problem else 200


def _accepting(token: str) -> Callable[[], AnyResponse]:
    def accept() -> AnyResponse:
        new = request.form.get("new", "")
        if new != request.form.get("again", ""):
            raise InvalidInput(N_("The new password was not typed the same twice."), fields={"again": "differs"})
        with house().database.write() as writing:
            invitations.accept(
                writing, token, username=forms.text("username").lower(), password=new, now=house().clock()
            )
        session.clear()  # whoever was signed in here before is somebody else
        flash(gettext("Done. Now sign in with it."), "success")
        return redirect(url_for("panel.sign_in"), 303)

    return accept

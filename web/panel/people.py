"""People: adding them, their roles, a new password. For administrators."""

from flask import Blueprint, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from core.errors import N_, InvalidInput, NotFound
from registry import invitations, people, people_lists, second_factor, tokens, unit_choices, units
from registry.models import Person
from registry.rights import Permission, Role
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms
from web.panel.units import administrators_only

Answer = Response | str | tuple[str, int]


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/people", endpoint="people", view_func=listed)
    blueprint.add_url_rule("/people/new", view_func=person_new, methods=["GET", "POST"])
    blueprint.add_url_rule("/people/<identity>", endpoint="person", view_func=detail)
    for name, view in (
        ("grant", grant), ("revoke", revoke), ("password", new_password), ("reset_factor", reset_factor),
    ):  # fmt: skip
        blueprint.add_url_rule(
            f"/people/<identity>/{name.replace('_', '-')}", endpoint=f"person_{name}", view_func=view, methods=["POST"]
        )


def role_of(text: str) -> Role:
    """The role of a form. Raises InvalidInput."""
    try:
        return Role(text)
    except ValueError:
        raise InvalidInput(N_("There is no role “%(role)s”."), fields={"role": "unknown"}, role=text[:20]) from None


@for_browsers
def listed() -> str:
    """Who holds a role where the person administers, a page at a time; `q` finds somebody among very many."""
    administrators_only()
    typed = request.args.get("q", "").strip()[:200]
    with house().database.read() as reading:
        everybody, more = people_lists.found(reading, actor(), typed, request.args.get("after", "")[:100])
        return render_template(
            "panel/people.html",
            everybody=everybody,
            typed=typed,
            more=everybody[-1].person.username if more else "",
            secured=second_factor.with_one(reading, [each.person.id for each in everybody]),
            invited=invitations.standing(reading, actor(), house().clock()),
        )


@for_browsers
@forms.keeps_text
def person_new() -> Answer:
    administrators_only()
    problem = None
    if request.method == "POST":
        done = forms.attempt(_create)
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    with house().database.read() as reading:
        page = render_template(
            "panel/person_form.html",
            form=MultiDict(request.form or {"role": "writer"}),
            problem=problem,
            units=unit_choices.offered(reading, actor(), Permission.ADMINISTER, forms.text("unit")),
            roles=[role.value for role in Role],
        )
    return page, problem.status if problem else 200


def _create() -> Response:
    with house().database.write() as writing:
        unit = units.find(writing, actor(), forms.text("unit"))
        person, password = people.create(
            writing, actor(), username=forms.text("username").lower(), name=request.form.get("name", ""), unit=unit,
            role=role_of(forms.text("role")), now=house().clock(),
        )  # fmt: skip
    return _password_page(person, password)


def _password_page(person: Person, password: str) -> Response:
    """The one page that shows a generated password; it is kept nowhere."""
    page = render_template("panel/person_password.html", person=person, password=password)
    return Response(page, status=201, mimetype="text/html")


@for_browsers
def detail(identity: str) -> str:
    with house().database.read() as reading:
        person, roles = people.find(reading, actor(), identity)
        administrators_only()
        roles = [(unit, role) for unit, role in roles if actor().may(Permission.ADMINISTER, unit)]
        if not roles and person.id != actor().id:
            raise NotFound
        return render_template(
            "panel/person.html",
            person=person,
            granted=roles,
            units=unit_choices.offered(reading, actor(), Permission.ADMINISTER),
            roles=[role.value for role in Role],
            form=MultiDict({"role": "writer"}),
            factor=second_factor.is_set_up(reading, person.id),
            tokens=[(row, tokens.words_of(row)) for row in tokens.of(reading, person.id, house().clock())],
        )


@for_browsers
def grant(identity: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            person, _ = people.find(writing, actor(), identity)
            unit = units.find(writing, actor(), forms.text("unit"))
            people.grant(writing, actor(), person, unit, role_of(forms.text("role")), house().clock())

    return forms.acted(act, N_("The role is given."), url_for("panel.person", identity=identity))


@for_browsers
def revoke(identity: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            person, _ = people.find(writing, actor(), identity)
            unit = units.find(writing, actor(), forms.text("unit"))
            people.revoke(writing, actor(), person, unit, role_of(forms.text("role")), house().clock())

    return forms.acted(act, N_("The role is taken away."), url_for("panel.people"))


@for_browsers
def new_password(identity: str) -> Response:
    with house().database.write() as writing:
        person, _ = people.find(writing, actor(), identity)
        password = people.reset_password(writing, actor(), person, house().clock())
    return _password_page(person, password)


@for_browsers
def reset_factor(identity: str) -> Response:
    """Take away the second factor of somebody whose telephone is lost."""

    def act() -> None:
        with house().database.write() as writing:
            person, _ = people.find(writing, actor(), identity)
            second_factor.reset(writing, actor(), person, house().clock())

    done = N_("The second factor is taken away. The person is told at their next sign-in.")
    return forms.acted(act, done, url_for("panel.person", identity=identity))

"""Who is told when something is wrong with stations: a list for each unit, and a form to add somebody."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from core.errors import N_
from registry import naming, unit_choices, units
from registry.rights import Permission
from scheduler import concerns, contacts, mail
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms, times

Answer = Response | str | tuple[str, int]


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/told", endpoint="told", view_func=chosen)
    blueprint.add_url_rule("/told/<identity>", endpoint="told_unit", view_func=of_unit, methods=["GET", "POST"])
    blueprint.add_url_rule("/contacts/<identity>/remove", endpoint="contact_remove", view_func=remove, methods=["POST"])
    blueprint.add_url_rule("/contacts/<identity>/test", endpoint="contact_test", view_func=test, methods=["POST"])


@for_browsers
def chosen() -> Answer:
    """The units whose stations the person runs."""
    with house().database.read() as reading:
        seen = unit_choices.offered(reading, actor(), Permission.OPERATE)
        picked = unit_choices.picked(reading, actor(), request.args.get("unit", ""), Permission.OPERATE)
    if picked:
        return redirect(url_for("panel.told_unit", identity=picked.id), 303)
    return render_template("panel/told_units.html", units=seen, asked=request.args.get("unit", ""))


@for_browsers
@forms.keeps_text
def of_unit(identity: str) -> Answer:
    problem = secret = None
    if request.method == "POST":
        done = forms.attempt(lambda: _add(identity))
        if not isinstance(done, forms.Problem):
            if done.status_code != 201:  # noqa: PLR2004
                return done
            secret = done.get_data(as_text=True)
        else:
            problem = done
    with house().database.read() as reading:
        unit = units.find(reading, actor(), identity)
        rows = contacts.of_unit(reading, actor(), unit)
        page = render_template(
            "panel/told.html", unit=unit, rows=rows, kinds=concerns.KINDS, problem=problem, secret=secret,
            form=request.form if problem else {}, chosen=request.form.getlist("kinds") if problem else concerns.KINDS,
            mail=mail.is_set_up(house().settings), zone=times.zone_of(reading, unit), ways=contacts.WAYS,
            people=[(each.id, each.name) for each in contacts.who_may_be(reading, actor(), unit)],
            names=naming.by_id(reading, [row.person_id for row, _ in rows]),
        )  # fmt: skip
    return page, problem.status if problem else 201 if secret else 200


def _add(identity: str) -> Response:
    with house().database.write() as writing:
        unit = units.find(writing, actor(), identity)
        made = contacts.add(
            writing, actor(), unit, way=forms.text("way"), address=forms.text("address"),
            kinds=request.form.getlist("kinds"), settings=house().settings, now=house().clock(),
            name=forms.text("name"), phone=forms.text("phone"), person=forms.text("person"),
        )  # fmt: skip
    if made.secret:
        return Response(made.secret, status=201)  # shown once, on the page itself
    if made.way == "phone":
        flash(gettext("Noted: %(name)s is called where an emergency was not heard.", name=made.name), "success")
    else:
        flash(gettext("From now on messages go to %(address)s.", address=made.address), "success")
    return redirect(url_for("panel.told_unit", identity=identity), 303)


@for_browsers
def remove(identity: str) -> Response:
    with house().database.read() as reading:
        _, unit = contacts.find(reading, actor(), identity)

    def act() -> None:
        with house().database.write() as writing:
            contacts.remove(writing, actor(), identity, house().clock())

    return forms.acted(act, N_("Removed. Nothing more is sent there."), url_for("panel.told_unit", identity=unit.id))


@for_browsers
def test(identity: str) -> Response:
    with house().database.read() as reading:
        _, unit = contacts.find(reading, actor(), identity)

    def act() -> None:
        with house().database.write() as writing:
            contacts.test(writing, actor(), identity, house().clock())

    return forms.acted(
        act, N_("A test message is on its way. Below it shows how that went."),
        url_for("panel.told_unit", identity=unit.id),
    )  # fmt: skip

"""Templates of common notices: what a unit keeps, what it has from above, and what comes with the program."""

from collections.abc import Callable, Sequence

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlmodel import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from core.errors import N_, Forbidden
from playlists import subjects, templates
from playlists.templates import Notice
from playlists.writing_models import NoticeTemplate
from registry import unit_choices, units
from registry.models import Unit
from registry.rights import Permission
from registry.unit_choices import Choice
from web.access import actor, for_browsers
from web.app import house
from web.messages import language
from web.panel import forms, times

Answer = Response | str | tuple[str, int]
_ONLY = N_("Only who may write bulletins sees the templates.")


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/templates", endpoint="templates", view_func=listed)
    blueprint.add_url_rule("/templates/new", endpoint="template_new", view_func=new, methods=["GET", "POST"])
    blueprint.add_url_rule("/templates/<identity>", endpoint="template", view_func=edit, methods=["GET", "POST"])
    for name, view in (("remove", remove), ("restore", restore)):
        blueprint.add_url_rule(
            f"/templates/<identity>/{name}", endpoint=f"template_{name}", view_func=view, methods=["POST"]
        )


def _chosen(reading: Session) -> tuple[Sequence[Choice], Unit]:
    """Units to choose from where the person may write, and the one whose templates are asked for. Raises Forbidden."""
    wanted = unit_choices.picked(reading, actor(), request.values.get("unit", ""), Permission.WRITE)
    mine = unit_choices.offered(reading, actor(), Permission.WRITE, wanted.id if wanted else "")
    if not mine:
        raise Forbidden(_ONLY)
    return mine, units.find(reading, actor(), (wanted or mine[0]).id)


@for_browsers
def listed() -> str:
    """What may be chosen at one unit, by where it comes from, and what was deleted lately."""
    with house().database.read() as reading:
        mine, unit = _chosen(reading)
        found = templates.offered(reading, unit)
        return render_template(
            "panel/templates.html",
            units=mine,
            unit=unit,
            own=[each for each in found if each.unit is not None and each.unit.id == unit.id],
            above=[each for each in found if each.unit is not None and each.unit.id != unit.id],
            starters=[each for each in found if each.unit is None],
            deleted=templates.deleted(reading, unit, house().clock()),
            zone=times.zone_of(reading, unit),
            subjects={each.code: each for each in subjects.every(reading)},
        )


@for_browsers
@forms.keeps_text
def new() -> Answer:
    """One more template; `from` begins with another one, of the unit, from above, or of the program."""
    with house().database.read() as reading:
        mine, unit = _chosen(reading)
        typed: MultiDict[str, str] = MultiDict(request.form or {"field": "general", "priority": "ordinary"})
        begin = request.args.get("from", "")
        if begin and not request.form:
            typed = _typed(templates.chosen(reading, actor(), unit, begin), translated=begin.startswith("starter-"))
        typed.setdefault("unit", unit.id)
        fields = _fields(reading)

    def save() -> Response:
        with house().database.write() as writing:
            home = units.find(writing, actor(), forms.text("unit"))
            templates.create(writing, actor(), home, _notice(typed), house().clock())
        flash(gettext("The template is kept. It can be chosen when a bulletin is written."), "success")
        return redirect(url_for("panel.templates", unit=forms.text("unit")), 303)

    return _form(save, typed, None, mine, fields)


@for_browsers
@forms.keeps_text
def edit(identity: str) -> Answer:
    """Rewrite a template of one's own unit."""
    with house().database.read() as reading:
        row, unit = templates.find(reading, actor(), identity)
        typed: MultiDict[str, str] = (
            MultiDict(request.form) if request.method == "POST" else _typed(_stored(row), translated=False)
        )
        typed["unit"] = unit.id
        fields = _fields(reading)

    def save() -> Response:
        with house().database.write() as writing:
            templates.change(writing, actor(), identity, _notice(typed), house().clock())
        flash(gettext("The template is kept. It can be chosen when a bulletin is written."), "success")
        return redirect(url_for("panel.templates", unit=unit.id), 303)

    return _form(save, typed, row, [unit], fields)


def _form(
    save: Callable[[], Response], typed: MultiDict[str, str], row: NoticeTemplate | None, mine: Sequence[Choice | Unit],
    fields: list[tuple[str, str]],
) -> Answer:  # fmt: skip
    problem = None
    if request.method == "POST":
        done = forms.attempt(save)
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    page = render_template(
        "panel/template_form.html", form=typed, problem=problem, template=row, units=mine, fields=fields
    )
    return page, problem.status if problem else 200


def _notice(typed: MultiDict[str, str]) -> Notice:
    return Notice(
        name=typed.get("name", ""), title=typed.get("title", ""), text=typed.get("text", ""),
        field=forms.text("field", typed) or "general", priority=forms.text("priority", typed) or "ordinary",
    )  # fmt: skip


def _stored(row: NoticeTemplate) -> Notice:
    return Notice(row.name, row.title, row.text, row.field, row.priority)


def _typed(notice: Notice, *, translated: bool) -> MultiDict[str, str]:
    name = gettext(notice.name) if translated else notice.name
    return MultiDict(
        {"name": name, "title": notice.title, "text": notice.text, "field": notice.field, "priority": notice.priority}
    )


def _fields(reading: Session) -> list[tuple[str, str]]:
    vietnamese = language() == "vi"
    return [(each.code, each.name_vi if vietnamese else each.name_en) for each in subjects.every(reading)]


@for_browsers
def remove(identity: str) -> Response:
    """Take a template out of the lists; the list then has a button that brings it back."""
    return _moved(identity, templates.remove, N_("The template is deleted. Below it can be brought back for 30 days."))


@for_browsers
def restore(identity: str) -> Response:
    """Bring a deleted template back."""
    return _moved(identity, templates.restore, N_("The template is back."))


def _moved(identity: str, act: Callable[..., NoticeTemplate], done: str) -> Response:
    with house().database.read() as reading:
        _, unit = templates.find(reading, actor(), identity)
        back = url_for("panel.templates", unit=unit.id)

    def acted() -> None:
        with house().database.write() as writing:
            act(writing, actor(), identity, house().clock())

    return forms.acted(acted, done, back)

"""The dictionary of a unit: how words of that place are to be said, and trying out how a text will be read."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from audio import lexicon
from audio.reading import spoken
from core.errors import N_, Forbidden
from registry import unit_choices, units
from registry.models import Unit
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms

Answer = Response | str | tuple[str, int]
_MOST_TRIED = 2_000
_ONLY = N_("Only who may write bulletins sees the dictionary.")


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/words", endpoint="words", view_func=first)
    blueprint.add_url_rule("/words/<identity>", endpoint="unit_words", view_func=listed, methods=["GET", "POST"])
    blueprint.add_url_rule(
        "/words/<identity>/remove/<word>", endpoint="word_remove", view_func=remove, methods=["POST"]
    )


@for_browsers
def first() -> Answer:
    """The dictionary of the unit that was chosen, or of the first where the actor may write."""
    with house().database.read() as reading:
        mine = unit_choices.offered(reading, actor(), Permission.WRITE)
        chosen = unit_choices.picked(reading, actor(), request.args.get("unit", ""), Permission.WRITE)
    if not mine:
        raise Forbidden(_ONLY)
    return listed((chosen or mine[0]).id)


@for_browsers
@forms.keeps_text
def listed(identity: str) -> Answer:
    """Own words, inherited ones, and how a text would be read with them."""
    problem = None
    if request.method == "POST":
        done = forms.attempt(lambda: _put(identity))
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    with house().database.read() as reading:
        unit = _writable(units.find(reading, actor(), identity))
        own = lexicon.entries(reading, unit)
        held = lexicon.held(reading, unit)
        mine = unit_choices.offered(reading, actor(), Permission.WRITE, unit.id)
    tried = request.args.get("tried", "")[:_MOST_TRIED]
    page = render_template(
        "panel/words.html", unit=unit, units=mine, own=own, form=request.form, problem=problem, tried=tried,
        above=sorted((w, s) for w, s in held.items() if w not in {each.written for each in own}),
        read=spoken(tried, "vi", lexicon.relevant(held, tried)) if tried else "",
    )  # fmt: skip
    return page, problem.status if problem else 200


def _writable(unit: Unit) -> Unit:
    actor().require(Permission.WRITE, unit)
    return unit


def _put(identity: str) -> Response:
    with house().database.write() as writing:
        unit = units.find(writing, actor(), identity)
        lexicon.put(writing, actor(), unit, forms.text("written"), forms.text("spoken"), house().clock())
    flash(gettext("The word is in the dictionary. It holds for what is written from now on."), "success")
    return redirect(url_for("panel.unit_words", identity=identity), 303)


@for_browsers
def remove(identity: str, word: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            unit = units.find(writing, actor(), identity)
            lexicon.remove(writing, actor(), unit, word, house().clock())

    return forms.acted(act, gettext("The word is taken out."), url_for("panel.unit_words", identity=identity))

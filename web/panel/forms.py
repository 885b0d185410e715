"""Forms: what was typed survives every error, and the error stands beside its field."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from flask import flash, g, redirect, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from core.errors import N_, Conflict, InvalidInput, LoaError, NotFound
from web.failures import KEEPS_TEXT, status_of
from web.messages import said

View = TypeVar("View", bound=Callable[..., object])
_NUMBER = N_("“%(text)s” is not a whole number.")


@dataclass(frozen=True)
class Problem:
    """Why a form was not taken: the sentence, the fields it stands beside, and the HTTP status."""

    message: str
    fields: frozenset[str]
    status: int
    error: LoaError


def keeps_text(view: View) -> View:
    """Declare that the view saves only through `attempt`: a form that came too late is then shown again, filled in."""
    setattr(view, KEEPS_TEXT, True)
    return view


def attempt(save: Callable[[], Response]) -> Response | Problem:
    """Do what the form asks for, or say why not; for a form whose page was open for too long, don't even try."""
    try:
        if g.get("stale") is not None:
            raise g.stale
        return save()
    except LoaError as error:
        return Problem(said(error), frozenset(error.fields), status_of(error), error)


def acted(act: Callable[[], object], done: str, back: str) -> Response:
    """Do what a button asks for and go `back`; a refusal that the person can act on is told there."""
    try:
        act()
    except NotFound:
        raise
    except (InvalidInput, Conflict) as error:
        flash(said(error), "danger")
    else:
        flash(gettext(done), "success")
    return redirect(back, 303)


def told(act: Callable[[], str], back: str) -> Response:
    """As `acted`, where what is to be said depends on what came of it: `act` returns the sentence."""
    try:
        done = act()
    except NotFound:
        raise
    except (InvalidInput, Conflict) as error:
        flash(said(error), "danger")
    else:
        flash(gettext(done), "success")
    return redirect(back, 303)


def text(name: str, form: Mapping[str, str] | None = None) -> str:
    """A field of the form, without white space around it."""
    return (request.form if form is None else form).get(name, "").strip()


def number(name: str, form: Mapping[str, str] | None = None) -> int | None:
    """A whole number of the form; None for an empty field. Raises InvalidInput."""
    typed = text(name, form)
    if not typed:
        return None
    try:
        return int(typed[:20])
    except ValueError:
        raise InvalidInput(_NUMBER, fields={name: "form"}, text=typed[:20]) from None


def decimal(name: str, form: Mapping[str, str] | None = None) -> float | None:
    """A number of the form, with point or comma; None for an empty field. Raises InvalidInput."""
    typed = text(name, form).replace(",", ".")
    if not typed:
        return None
    try:
        return float(typed[:30])
    except ValueError:
        raise InvalidInput(N_("“%(text)s” is not a number."), fields={name: "form"}, text=typed[:30]) from None

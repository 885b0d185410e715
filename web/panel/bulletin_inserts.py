"""What is put into the form of a bulletin from elsewhere: a template, or the text of a document."""

from dataclasses import dataclass

from flask import flash, request
from flask_babel import gettext
from sqlmodel import Session
from werkzeug.datastructures import MultiDict

from core.errors import N_, InvalidInput, TooLarge
from playlists import documents, templates
from registry.models import Unit
from web.access import actor
from web.panel import forms

Typed = MultiDict[str, str]


@dataclass(frozen=True)
class Choice:
    """A template in the list: its id, its name in the language of the page, and the heading it stands under."""

    id: str
    name: str
    group: str


def choices(reading: Session, unit: Unit | None) -> list[Choice]:
    """The templates for bulletins of `unit`; before a unit is chosen, those that come with the program."""
    found = templates.offered(reading, unit) if unit else templates.starting()
    return [
        Choice(each.id, each.notice.name, each.unit.name) if each.unit
        else Choice(each.id, gettext(each.notice.name), gettext("For every commune"))
        for each in found
    ]  # fmt: skip


def put_template(reading: Session, unit: Unit, typed: Typed) -> None:
    """Fill the form from the chosen template; what was typed stays, with the template's text below it.

    Raises NotFound; InvalidInput while none is chosen.
    """
    identity = forms.text("template", typed)
    if not identity:
        raise InvalidInput(N_("Choose a template first."), fields={"template": "empty"})
    notice = templates.chosen(reading, actor(), unit, identity)
    _put(typed, notice.title, notice.text)
    typed["field"], typed["priority"] = notice.field, notice.priority


def put_document(typed: Typed) -> None:
    """Fill the form from the document that came along. Raises InvalidInput and TooLarge beside the field `word`."""
    file = request.files.get("word")
    if file is None or not file.filename:
        raise InvalidInput(N_("Choose a Word file first."), fields={"word": "empty"})
    try:
        taken = documents.take(file.stream.read(documents.MOST_BYTES + 1))
    except TooLarge as error:
        error.fields = {"word": "large"}
        raise
    _put(typed, taken.title, taken.text)
    flash(gettext("The text of “%(file)s” is in the form. Look it over.", file=file.filename[:80]), "info")
    if taken.left_out:
        flash(gettext("The letterhead and the list of recipients were left out: they are not read aloud."), "info")
    if taken.cut:
        flash(gettext("The document is very long: only its first part was taken over."), "warning")


def _put(typed: Typed, title: str, text: str) -> None:
    if not forms.text("title", typed):
        typed["title"] = title
    before = typed.get("text", "").rstrip()
    typed["text"] = f"{before}\n\n{text}" if before else text

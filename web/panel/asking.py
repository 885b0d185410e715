"""“Are you sure?”, asked by the server: no act of `questions.QUESTIONS` is done without the answer.

1. A form without the answer (no script, or an old page) is not passed on to its view: the page `sure.html` is shown
   instead, with what was sent in hidden fields, and a way back that comes first.
2. Its button sends the same form again, with the field `agreed`.
3. Where scripts run, `loa.js` asks in a dialog beforehand and adds the field itself, so that nobody is asked twice.

The question stands before every view of the panel, after the gate (who is it?) and the form token: no view can
forget it.
"""

from urllib.parse import urlsplit

from flask import Blueprint, current_app, render_template, request
from flask_babel import gettext
from werkzeug.exceptions import HTTPException

from web.access import actor
from web.app import house
from web.panel.account import local_path
from web.panel.questions import QUESTIONS, Question

FIELD = "agreed"
_YES = "yes"
_OURS = {FIELD, "csrf_token"}


def register(blueprint: Blueprint) -> None:
    blueprint.before_request(ask)
    blueprint.add_app_template_global(question_of, "question_of")
    blueprint.add_app_template_global(sure_of, "sure_of")


def question_of(endpoint: str, do: str = "") -> Question | None:
    """What is asked before the act of this endpoint (and of this order, where it depends); None for nothing."""
    found = QUESTIONS.get(endpoint)
    return None if found is None or (found.only and do not in found.only) else found


def sure_of(address: str) -> str:
    """What the dialog of `loa.js` says before a form is sent to this address of ours; empty where nothing is asked."""
    try:
        endpoint, _ = current_app.url_map.bind("").match(address.partition("?")[0], method="POST")
    except HTTPException:
        return ""
    found = question_of(str(endpoint))
    return f"{gettext(found.asked)} {gettext(found.then)}" if found else ""


def ask() -> str | None:
    """The page that asks, instead of an act that has not been agreed to. Raises NotFound for what is out of sight."""
    question = question_of(request.endpoint or "", request.form.get("do", "")) if request.method == "POST" else None
    if question is None or request.form.get(FIELD) == _YES:
        return None
    with house().database.read() as reading:
        name = question.named(reading, actor(), {key: str(each) for key, each in (request.view_args or {}).items()})
    return render_template(
        "panel/sure.html",
        question=question,
        name=name,
        sent=[(key, text) for key, text in request.form.items(multi=True) if key not in _OURS],
        field=FIELD,
        yes=_YES,
        back=_back(),
    )


def _back() -> str:
    """The page somebody came from, never on another host: the browser's own word, cut down to a path."""
    try:
        came = urlsplit(request.referrer or "")
    except ValueError:
        return local_path(None)
    return local_path(f"{came.path}?{came.query}" if came.query else came.path)

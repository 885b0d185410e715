"""Every failure as an answer a person or a program can act on: JSON under /api, a page elsewhere. Never a bare 500."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from flask import Flask, Response, current_app, flash, g, jsonify, redirect, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from core import errors
from core.clock import format_instant
from core.errors import N_, LoaError
from core.files import FULL
from web.messages import said

log = logging.getLogger(__name__)
KEEPS_TEXT = "loa_keeps_text"  # marks views that show their form again, filled in
STATUS: dict[type[LoaError], int] = {
    errors.InvalidInput: 422,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.NotSignedIn: 401,
    errors.Forbidden: 403,
    errors.TooMany: 429,
    errors.TooLarge: 413,
    errors.Busy: 503,
    errors.NoSpace: 507,
    errors.EngineFailed: 503,
}
_BY_STATUS: dict[int, tuple[str, str]] = {
    400: ("bad_request", N_("The request can't be understood.")),
    404: ("not_found", N_("There is nothing under this name, or not for you.")),
    405: ("method_not_allowed", N_("This address does not take this kind of call.")),
    408: ("too_slow", N_("The recording came too slowly and was cut off. Send it again over a better connection.")),
    413: ("too_large", N_("What was sent is larger than allowed.")),
    416: ("bad_range", N_("The file is shorter than the piece that was asked for.")),
    415: ("wrong_type", N_("Send JSON with “Content-Type: application/json”.")),
}
_KEPT_HEADERS = ("Allow", "Content-Range")
_UNEXPECTED = N_("Something went wrong on our side. It has been noted; try again.")
_FULL_DISK = N_("The disk is full or read-only. Make room and try again; nothing was lost.")
_STALE = N_("The page was open for too long. Nothing was changed: please send it again.")


def install(app: Flask) -> None:
    app.register_error_handler(LoaError, _ours)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(HTTPException, _werkzeug)
    app.register_error_handler(Exception, _unexpected)


def wants_json() -> bool:
    """Whether a program asked: one that calls the API, or a script of a page that says so."""
    return request.path.startswith("/api/") or request.headers.get("Accept") == "application/json"


def status_of(error: LoaError) -> int:
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 400)


def instants_written(rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """Rows for JSON, with their instants as RFC 3339."""
    return [{k: format_instant(v) if isinstance(v, datetime) else v for k, v in row.items()} for row in rows]


def _answer(status: int, error: LoaError) -> AnyResponse:
    if wants_json():
        body: dict[str, object] = {"code": error.code, "message": said(error)}
        if error.fields:
            body["fields"] = error.fields
        if isinstance(error, errors.Conflict) and error.clashes:
            body["clashes"] = instants_written(error.clashes)
        response: Response = jsonify({"error": body})
        response.status_code = status
    else:
        response = Response(render_template("error.html", status=status, message=said(error)), status=status)
    if isinstance(error, errors.TooMany):
        response.headers["Retry-After"] = str(error.retry_after)
    elif isinstance(error, errors.Busy):
        response.headers["Retry-After"] = "1"
    elif status == 401 and wants_json():  # noqa: PLR2004
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _ours(error: LoaError) -> AnyResponse:
    return _answer(status_of(error), error)


def _stale_form(_error: CSRFError) -> AnyResponse:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is not None and getattr(view, KEEPS_TEXT, False):
        g.stale = LoaError(_STALE, code="stale_form")
        try:
            return current_app.make_response(current_app.ensure_sync(view)(**(request.view_args or {})))
        except LoaError as error:  # an error handler's own errors are handled by nobody
            return _ours(error)
    flash(said(LoaError(_STALE)), "warning")
    return redirect(request.full_path if request.method == "GET" else request.path)


def _werkzeug(error: HTTPException) -> AnyResponse:
    status = error.code or 400
    if status < 400 or error.response is not None:  # noqa: PLR2004
        return error.get_response()
    code, message = _BY_STATUS.get(status, _BY_STATUS[400])
    answer = _answer(status, LoaError(message, code=code))
    theirs = error.get_response().headers
    for name in _KEPT_HEADERS:
        if name in theirs:
            answer.headers[name] = theirs[name]
    return answer


def _unexpected(error: Exception) -> AnyResponse:
    if isinstance(error, OSError) and error.errno in FULL:  # a form on its way to the disk
        return _ours(errors.NoSpace(_FULL_DISK))
    log.error("unexpected failure in %s %s", request.method, request.path, exc_info=error)
    return _answer(500, LoaError(_UNEXPECTED, code="unexpected"))

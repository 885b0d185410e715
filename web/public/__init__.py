"""The page of a unit for everybody: no account, no cookie, no script, a few kilobytes.

What it shows is decided in `scheduler.public_log`, whether there is one in `registry.public_pages`.
"""

import gzip

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from core.errors import LoaError, TooMany
from registry import former_codes, public_pages
from web.app import house
from web.failures import status_of
from web.messages import said
from web.public import feedback, feeds, page, shell

blueprint = Blueprint("public", __name__, url_prefix="/x")
MAX_BODY_BYTES = 32 * 1024
_POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_PERMISSIONS = "microphone=(), camera=(), geolocation=(), display-capture=(), payment=(), usb=()"
_PACKED = {"text/html", "application/rss+xml", "text/calendar"}
_WORTH_PACKING = 1_000
_SECONDS = 30

for _room in (page, feeds, feedback):
    _room.register(blueprint)


@blueprint.before_request
def bound_body() -> None:
    """Nobody outside has a large body to send."""
    request.max_content_length = MAX_BODY_BYTES


@blueprint.before_request
def lead_on() -> AnyResponse | None:
    """An address with a former code leads for good to the one with the code of today."""
    values = dict(request.view_args or {})
    code = values.get("code")
    if not code or request.method not in {"GET", "HEAD"} or request.endpoint is None:
        return None
    with house().database.read() as session:
        unit = former_codes.unit(session, code)
        if unit is None or unit.code == code or not public_pages.is_open(session, unit, house().settings.zone):
            return None
    values["code"] = unit.code
    asked = request.query_string.decode("ascii", "ignore")  # not through url_for, which has words of its own
    return redirect(url_for(request.endpoint, **values) + (f"?{asked}" if asked else ""), 301)


@blueprint.url_defaults
def keep_language(_endpoint: str, values: dict[str, object]) -> None:
    """Links lead to pages in the language of this one."""
    if shell.language_asked() == "en":
        values.setdefault("lang", "en")


@blueprint.errorhandler(LoaError)
def say(error: LoaError) -> AnyResponse:
    """A failure as a page as light as the others."""
    response = shell.render("public/error.html", status_of(error), error=error, said=said)
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.retry_after)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.after_request
def finish(response: Response) -> Response:
    """Headers of pages for everybody; HTML, feeds and calendars are packed, which phones on 2G feel."""
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Permissions-Policy"] = _PERMISSIONS
    # Whoever is signed in gets their cookie renewed: that answer belongs to nobody else.
    if "Cache-Control" not in response.headers:
        keeps = response.status_code == 200 and not request.cookies  # noqa: PLR2004
        response.headers["Cache-Control"] = f"public, max-age={_SECONDS}" if keeps else "no-store"
    secret = response.headers["Cache-Control"] == "no-store"
    if response.mimetype in _PACKED and response.status_code == 200 and not secret:  # noqa: PLR2004
        response.headers["Vary"] = "Accept-Encoding, Cookie"
        content = response.get_data()
        if len(content) > _WORTH_PACKING and request.accept_encodings["gzip"] > 0:
            response.set_data(gzip.compress(content, compresslevel=6, mtime=0))
            response.headers["Content-Encoding"] = "gzip"
    return response

"""The Flask application: panel, script API and station protocol in one process."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, cast

from flask import Flask, Request, Response, current_app, request
from flask.typing import ResponseReturnValue
from flask_bootstrap import Bootstrap5
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from audio.store import MediaStore
from core.clock import utc_now
from core.database import Database
from core.settings import Settings, session_secret
from core.signing import Signer
from scheduler import keys
from web import access, failures, messages
from web.waiting import WaitingRoom

MAX_BODY_BYTES = 2 * 1024 * 1024
_FORM_OVERHEAD = 1024 * 1024
UPLOADS = {"api.create_clip", "panel.bulletin_new", "panel.bulletin_edit"}
_POLICY = (
    "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'self'"
)


@dataclass
class House:
    """What the views work with; made once, found again with `house()`."""

    settings: Settings
    database: Database
    signer: Signer
    store: MediaStore
    room: WaitingRoom
    clock: Callable[[], datetime]


class _StreamingRequest(Request):
    """Files from forms go straight to the disk of the installation, not into memory."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        del total_content_length, content_type, filename, content_length
        folder = house().settings.uploads
        folder.mkdir(parents=True, exist_ok=True)
        return cast("IO[bytes]", tempfile.TemporaryFile("wb+", dir=folder))


def create_app(
    settings: Settings, database: Database, *, clock: Callable[[], datetime] = utc_now, testing: bool = False
) -> Flask:
    """Make the application. Raises RuntimeError when a route does not say who may call it."""
    from web.api import blueprint as api
    from web.panel import blueprint as panel

    app = Flask("web", static_folder="static", template_folder="templates")
    app.request_class = _StreamingRequest
    app.config.update(
        SECRET_KEY=session_secret(settings),
        TESTING=testing,
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_BODY_BYTES,
        TRUSTED_HOSTS=settings.trusted_hosts or None,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=settings.session_hours),
        SESSION_COOKIE_NAME="loa",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.trust_proxy,
        WTF_CSRF_TIME_LIMIT=settings.session_hours * 3600,
        BOOTSTRAP_SERVE_LOCAL=True,
        SEND_FILE_MAX_AGE_DEFAULT=86_400,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    if settings.trust_proxy:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=0)  # type: ignore[method-assign]
    app.extensions["loa"] = House(
        settings, database, keys.signer(settings), MediaStore(settings.media),
        WaitingRoom(database, settings.zone, clock), clock,
    )  # fmt: skip

    @app.before_request
    def allow_uploads() -> None:
        if request.endpoint in UPLOADS:
            request.max_content_length = settings.max_upload_bytes + _FORM_OVERHEAD

    access.install(app, database)
    csrf = CSRFProtect(app)
    Bootstrap5(app)
    messages.install(app)
    failures.install(app)
    app.register_blueprint(api)
    app.register_blueprint(panel)
    csrf.exempt(api)  # it takes tokens only, never the browser's cookie
    for endpoint in ("static", "bootstrap.static"):
        _open_to_anyone(app, endpoint)
    access.check_every_route(app)

    @app.after_request
    def harden(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        if not request.path.startswith(("/static/", "/bootstrap/", "/api/v1/media/")):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return app


def _open_to_anyone(app: Flask, endpoint: str) -> None:
    """Static files, whose views are methods of Flask's that can't be marked themselves."""
    send = app.view_functions[endpoint]

    @access.anyone
    def file(**values: str) -> ResponseReturnValue:
        return app.ensure_sync(send)(**values)  # type: ignore[no-any-return]

    app.view_functions[endpoint] = file


def house() -> House:
    """The parts of this application."""
    return cast(House, current_app.extensions["loa"])

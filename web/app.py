"""The Flask application: panel, script API and station protocol in one process."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, cast

from flask import Flask, Request, Response, current_app, g, request
from flask_bootstrap import Bootstrap5
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from audio.store import MediaStore
from audio.uploads import Incoming
from core.clock import utc_now
from core.database import Database
from core.files import check_room
from core.outside import Outside
from core.settings import Settings, session_secret
from core.signing import Signer
from scheduler import keys
from web import access, failures, map_files, messages, packing, static_files
from web.events import EventRoom
from web.live.room import LiveRoom
from web.progress import ProgressBoard
from web.radio.room import RadioRoom
from web.reception import Reception
from web.waiting import WaitingRoom

MAX_BODY_BYTES = 2 * 1024 * 1024
_FORM_OVERHEAD = 1024 * 1024
UPLOADS = {"api.create_clip", "panel.bulletin_new", "panel.bulletin_edit", "panel.clip_new"}
_POLICY = (
    "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; style-src 'self'; "
    "script-src 'self'; object-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'self'"
)
# Recording a bulletin needs the microphone; nothing here needs anything else of the device.
_PERMISSIONS = "microphone=(self), camera=(), geolocation=(), display-capture=(), payment=(), usb=()"


@dataclass
class House:
    """What the views work with; made once, found again with `house()`."""

    settings: Settings
    database: Database
    signer: Signer
    store: MediaStore
    room: WaitingRoom
    progress: ProgressBoard
    reception: Reception
    radio: RadioRoom
    live: LiveRoom
    clock: Callable[[], datetime]
    outside: Outside
    events: EventRoom

    def check_room(self) -> None:
        """Raise NoSpace when new work would take from the space that is kept for the timetable and its reports."""
        check_room(self.settings.home, self.settings.reserve_bytes)


class _StreamingRequest(Request):
    """Recordings from forms go straight to where they stay, other files into memory (bodies are small there)."""

    _arriving: tuple[Incoming, ...] = ()

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        del total_content_length, content_type, filename, content_length
        if self.endpoint not in UPLOADS:
            return io.BytesIO()
        place = house().reception.open(access.actor().id)
        self._arriving += (place,)
        return cast("IO[bytes]", place)

    def close(self) -> None:
        """Called when the request is over; what nobody kept is removed, also when the caller broke off."""
        super().close()
        for place in self._arriving:
            place.close()


def create_app(
    settings: Settings, database: Database, *, clock: Callable[[], datetime] = utc_now, testing: bool = False
) -> Flask:
    """Make the application. Raises RuntimeError when a route does not say who may call it."""
    from web.api import blueprint as api
    from web.live.stream import blueprint as live_streams
    from web.offering import blueprint as offering
    from web.panel import blueprint as panel
    from web.public import blueprint as public
    from web.radio.views import blueprint as radio

    app = Flask("web", static_folder="static", template_folder="templates")
    app.request_class = _StreamingRequest
    app.session_interface = static_files.Sessions()
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
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    if settings.trust_proxy:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=0)  # type: ignore[method-assign]
    live = LiveRoom(database, settings, clock)
    app.extensions["loa"] = House(
        settings, database, keys.signer(settings), MediaStore(settings.media),
        WaitingRoom(database, settings.zone, clock), ProgressBoard(database), Reception(settings),
        RadioRoom(database, settings, clock, live.follow), live, clock, Outside(settings.outside_hosts),
        EventRoom(database),
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
    app.register_blueprint(radio)
    app.register_blueprint(offering)
    app.register_blueprint(public)
    app.register_blueprint(live_streams)
    csrf.exempt(api)  # it takes tokens only, never the browser's cookie
    csrf.exempt(public)  # nobody is anybody there, and nothing is done in anybody's name
    map_files.install(app)
    static_files.install(app)
    access.check_every_route(app)

    @app.after_request
    def harden(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", _policy())
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", _PERMISSIONS)
        if not request.path.startswith(("/static/", "/bootstrap/", "/api/v1/media/")):
            response.headers.setdefault("Cache-Control", "no-store")
        return packing.packed(response)

    return app


def _policy() -> str:
    """What this page may ask for: of other hosts only pictures, and only from the one that its view has named."""
    images = g.get("images_from")
    return _POLICY.replace("img-src 'self'", f"img-src 'self' {images}") if images else _POLICY


def house() -> House:
    """The parts of this application."""
    return cast(House, current_app.extensions["loa"])

"""The one gate that every request passes: who is asking, and may this kind of caller use this route at all.

A route without a declared kind of caller stops the application from starting. What a person may do in which
unit is decided by `registry.rights`, in the services; a station may only ever ask for what is its own.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar, cast

from flask import Flask, current_app, g, redirect, request, session, url_for
from werkzeug.wrappers import Response

from core.database import Database
from core.errors import N_, Busy, NoSpace, NotFound, NotSignedIn
from registry import devices, sessions, tokens
from registry.rights import Actor

View = TypeVar("View", bound=Callable[..., object])
_NEEDED = N_("Sign in first: this call needs “Authorization: Bearer TOKEN”.")
_ATTRIBUTE = "loa_callers"
_FILE = "loa_file"
_BEARER = "bearer "
# All that a device may call before somebody has confirmed it; there it gets what there is for nobody.
_FOR_PENDING = {f"api.{name}" for name in ("plan", "now", "report", "heartbeat", "time", "renew_token")}


# Where somebody whose role needs a second factor may go before they have set one up.
_BEFORE_FACTOR = {"panel.second_factor", "panel.sign_out", "panel.password"}


class Caller(StrEnum):
    ANYONE = "anyone"
    STATION = "station"  # a device with its token
    SCRIPT = "script"  # a person's API token
    BROWSER = "browser"  # a person's session


def open_to(*callers: Caller) -> Callable[[View], View]:
    """Declare who may call a view."""

    def mark(view: View) -> View:
        setattr(view, _ATTRIBUTE, frozenset(callers))
        return view

    return mark


def file_for_anyone(view: View) -> View:
    """Declare a view that sends a file to anyone: who asks is not even looked up."""
    setattr(view, _FILE, True)
    return open_to(Caller.ANYONE)(view)


def callers_of(view: Callable[..., object]) -> frozenset[Caller]:
    """Who may call a view, as declared."""
    return getattr(view, _ATTRIBUTE, frozenset())


anyone = open_to(Caller.ANYONE)
for_stations = open_to(Caller.STATION)
for_scripts = open_to(Caller.SCRIPT)
for_browsers = open_to(Caller.BROWSER)


def install(app: Flask, database: Database) -> None:
    """Put the gate before every request of `app`."""

    @app.before_request
    def gate() -> Response | None:
        if request.endpoint is None:
            return None  # no such route: answered with 404
        callers = callers_of(app.view_functions[request.endpoint])
        g.actor, g.station_id = None, None
        if getattr(app.view_functions[request.endpoint], _FILE, False):
            return None
        if Caller.BROWSER in callers or callers == {Caller.ANYONE}:
            g.actor = _from_session(database)
        by_token = Caller.ANYONE not in callers or "Authorization" in request.headers
        if g.actor is None and by_token and callers & {Caller.STATION, Caller.SCRIPT}:
            _from_token(database, callers)
        if callers == {Caller.BROWSER} and session.get("lacks_factor") and request.endpoint not in _BEFORE_FACTOR:
            return redirect(url_for("panel.second_factor"))
        if Caller.ANYONE in callers or g.actor is not None or g.station_id is not None:
            return None
        if callers == {Caller.BROWSER}:
            session.clear()
            return redirect(url_for("panel.sign_in", next=_here()))
        raise NotSignedIn(_NEEDED)


def check_every_route(app: Flask) -> None:
    """Raise RuntimeError if a route does not say who may call it. Called when the application is made."""
    silent = [name for name, view in app.view_functions.items() if not getattr(view, _ATTRIBUTE, None)]
    if silent:
        raise RuntimeError(f"routes that do not say who may call them: {', '.join(sorted(silent))}")


def actor() -> Actor:
    """The signed-in person of this request."""
    if g.actor is None:
        raise NotSignedIn(_NEEDED)
    return cast(Actor, g.actor)


def station_id() -> str:
    """The station of this request."""
    if g.station_id is None:
        raise NotSignedIn(_NEEDED)
    return cast(str, g.station_id)


def is_pending() -> bool:
    """Whether the device of this request still waits to be confirmed: then nothing is for it."""
    return bool(g.get("pending"))


def shown_token() -> str:
    """The token that the station of this request has shown."""
    return cast(str, g.token)


def remember(name: str, *, lacks_factor: bool = False) -> None:
    """Start the browser session of this name (`registry.sessions`); the old cookie's content is dropped.

    With `lacks_factor` it leads nowhere but to setting up a second factor.
    """
    session.clear()
    session["session"] = name
    if lacks_factor:
        session["lacks_factor"] = True
    session.permanent = True


def session_name() -> str:
    """The name of this browser's session; empty without one."""
    name = session.get("session")
    return name if isinstance(name, str) else ""


def _here() -> str | None:
    return request.full_path.rstrip("?") if request.method == "GET" else None


def _from_session(database: Database) -> Actor | None:
    name = session_name()
    if not name:
        return None
    here = current_app.extensions["loa"]
    now, lasts = here.clock(), cast(timedelta, current_app.config["PERMANENT_SESSION_LIFETIME"])
    with database.read() as reading:
        found = sessions.known(reading, name, now, lasts)
    if found is None:
        return None
    if sessions.is_stale(found[1], now):
        # A convenience for who looks at their sessions: no page waits for it or fails of it.
        with suppress(Busy, NoSpace), database.write_if_free() as writing:
            sessions.seen(writing, name, request.remote_addr or "?", now)
    return found[0]


def again() -> Actor | None:
    """Who the person of this request is by now, looked up anew; None when their session has ended meanwhile."""
    return _from_session(current_app.extensions["loa"].database)


def _from_token(database: Database, callers: frozenset[Caller]) -> None:
    header = request.headers.get("Authorization", "")
    if Caller.ANYONE in callers and request.authorization is not None and request.authorization.type == "basic":
        # Players know names and passwords only. Nothing that changes anything is open to anyone and to tokens, or
        # other sites could make a browser send this.
        token = request.authorization.password or ""
    elif header.lower().startswith(_BEARER):
        token = header[len(_BEARER) :].strip()
    else:
        raise NotSignedIn(_NEEDED)
    if Caller.STATION in callers and (token.startswith("sta_") or callers == {Caller.STATION}):
        _from_device(database, token)
        return
    now = current_app.extensions["loa"].clock()
    with database.read() as reading:
        g.actor, row = tokens.by_token(reading, token, now)
    if tokens.is_stale(row, now):
        with suppress(Busy, NoSpace), database.write_if_free() as writing:
            tokens.used(writing, row.id, now)


def _from_device(database: Database, token: str) -> None:
    with database.read() as reading:
        found = devices.known(reading, token)
    if found.kind == "pending" and request.endpoint not in _FOR_PENDING:
        raise NotFound
    if found.kind == "next":
        with database.write() as writing:
            devices.take_over(writing, token, current_app.extensions["loa"].clock())
    g.station_id, g.pending, g.token = found.station_id, found.kind == "pending", token

"""The one gate that every request passes: who is asking, and may this kind of caller use this route at all.

A route without a declared kind of caller stops the application from starting. What a person may do in which
unit is decided by `registry.rights`, in the services; a station may only ever ask for what is its own.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar, cast

from flask import Flask, g, redirect, request, session, url_for
from werkzeug.wrappers import Response

from core.database import Database
from core.errors import N_, NotSignedIn
from registry import people, stations
from registry.rights import Actor

View = TypeVar("View", bound=Callable[..., object])
_NEEDED = N_("Sign in first: this call needs “Authorization: Bearer TOKEN”.")
_ATTRIBUTE = "loa_callers"
_BEARER = "bearer "


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
        if Caller.BROWSER in callers or callers == {Caller.ANYONE}:
            g.actor = _from_session(database)
        if g.actor is None and callers & {Caller.STATION, Caller.SCRIPT}:
            _from_token(database, callers)
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


def remember(person_id: str, version: int) -> None:
    """Start a browser session; the old cookie's content is dropped."""
    session.clear()
    session["person"], session["version"] = person_id, version
    session.permanent = True


def _here() -> str | None:
    return request.full_path.rstrip("?") if request.method == "GET" else None


def _from_session(database: Database) -> Actor | None:
    person_id, version = session.get("person"), session.get("version")
    if not isinstance(person_id, str) or not isinstance(version, int):
        return None
    with database.read() as reading:
        return people.by_session(reading, person_id, version)


def _from_token(database: Database, callers: frozenset[Caller]) -> None:
    header = request.headers.get("Authorization", "")
    if not header.lower().startswith(_BEARER):
        raise NotSignedIn(_NEEDED)
    token = header[len(_BEARER) :].strip()
    with database.read() as reading:
        if Caller.STATION in callers and (token.startswith("sta_") or callers == {Caller.STATION}):
            g.station_id = stations.by_token(reading, token)
        else:
            g.actor = people.by_token(reading, token)

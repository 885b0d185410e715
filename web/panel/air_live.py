"""The air for everybody who looks: one picture a process, one view for all who see the same units.

A page comes whole, with a mark of how new it is. From then on its stream says only what is new since that mark: counts
of lines as `counts`, or `again` where lines came, went or changed their words, upon which the page fetches its part
anew. What time changes second by second the browser works out by itself.
"""

import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from flask import current_app

from core.database import Database
from registry.rights import Actor, Permission
from scheduler import air_folds
from scheduler.air_folds import Fold, Line, Paths, Scope
from scheduler.air_now import AirPicture, Home
from scheduler.air_reading import AirReader
from web.app import House, house
from web.waiting import WaitingRoom

FRESH_SECONDS = 0.9  # while it is followed, nobody looks more often
_FORGOTTEN_SECONDS = 120.0
_MOST_VIEWS = 2_000
_MOST_DIFFERENCES = 8
_EXTENSION = "loa_air"
_making = threading.Lock()


@dataclass
class View:
    """What people with one scope see. `version` rises with every change, `shaped` is that of the last other shape."""

    scope: Scope
    first: list[Fold] = field(default_factory=list)
    later: list[Fold] = field(default_factory=list)
    version: int = 0
    shaped: int = 0
    used_at: float = 0.0
    counts: dict[str, tuple[int, ...]] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    parts: dict[tuple[str, ...], tuple[int, float, str]] = field(
        default_factory=dict
    )  # of which version, when, and what
    _shape: object = None
    _seen: tuple[int, int] = (-1, -1)
    _differences: dict[int, str] = field(default_factory=dict)

    def refresh(self, picture: AirPicture, now: datetime) -> None:
        """Follow the picture; where nothing in the scope has changed this is a look at two numbers a unit."""
        structure, stamp = self._seen
        moved = picture.moved
        if structure == picture.structure and all(moved.get(unit, 0) <= stamp for unit in self.scope.homes):
            return
        if self.scope.registry != picture.registry:
            self.scope = air_folds.scope(picture, self.scope.paths)
        self._seen = picture.structure, picture.stamp
        self.first, self.later = air_folds.folds(picture, self.scope, now)
        every = [*self.first, *self.later]
        counts = {fold.key: fold.counts for fold in every}
        shape = [_shape_of(fold, now) for fold in every]
        if shape == self._shape and counts == self.counts:
            return
        self.version += 1
        self._differences = {}
        if shape != self._shape:
            self.shaped, self._shape, self.changed = self.version, shape, {}
        for key, count in counts.items():
            if self.counts.get(key) != count:
                self.changed[key] = self.version
        self.counts = counts

    def since(self, version: int, now: datetime, epoch: str) -> str:
        """The event for a page that has `version`; empty when there is nothing new."""
        if version == self.version:
            return ""
        if version < self.shaped or version > self.version:
            return f"event: again\nid: {epoch}.{self.version}\ndata: .\n\n"
        if version not in self._differences:
            if len(self._differences) >= _MOST_DIFFERENCES:
                self._differences = {}
            news = {key: self.counts[key] for key, at in self.changed.items() if at > version}
            body = json.dumps({"t": milliseconds(now), "c": news}, separators=(",", ":"))
            self._differences[version] = f"event: counts\nid: {epoch}.{self.version}\ndata: {body}\n\n"
        return self._differences[version]

    def fold(self, key: str) -> Fold | None:
        return next((fold for fold in (*self.first, *self.later) if fold.key == key), None)


def _shape_of(fold: Fold, now: datetime) -> object:
    phase = (fold.starts_at <= now) + (fold.ends_at <= now)
    return (
        fold.key, fold.title, fold.ends_at, fold.items, fold.states, fold.reasons, fold.gives_way, fold.units, phase,
        fold.planned,
    )  # fmt: skip


def milliseconds(instant: datetime) -> int:
    """An instant as scripts in a page count it."""
    return round(instant.timestamp() * 1000)


class AirRoom:
    """The picture of this process and its views. Safe under threads."""

    def __init__(
        self, database: Database, room: WaitingRoom, silent_after_seconds: int, clock: Callable[[], datetime],
        followed: Callable[[], int] = lambda: 0,
    ) -> None:  # fmt: skip
        """`followed` says how many pages listen: while some do, what is shown is never older than a second."""
        self._database, self._room, self._clock, self._followed = database, room, clock, followed
        self.picture = AirPicture(silent_after_seconds)
        self._reader = AirReader(self.picture, room.board.answering, lambda: room.board.plans)
        self._lock = threading.RLock()
        self._views: dict[Paths, View] = {}
        self._looked: datetime | None = None
        self._looked_at = 0.0
        self.epoch = secrets.token_hex(3)

    def view(self, actor: Actor) -> View:
        """What the actor sees now."""
        return self.view_of(paths_of(actor))

    def view_of(self, paths: Paths) -> View:
        """What is seen now by whoever sees these paths."""
        with self._lock:
            now = self._look()
            view = self._views.get(paths)
            if view is None:
                self._forget()
                view = self._views[paths] = View(air_folds.scope(self.picture, paths))
            view.used_at = time.monotonic()
            view.refresh(self.picture, now)
            return view

    def version(self, paths: Paths) -> int:
        """Rises whenever something changed for who sees these paths."""
        return self.view_of(paths).version

    def lines(self, view: View, fold: Fold, base: str) -> list[Line]:
        with self._lock:
            return air_folds.lines(self.picture, view.scope, fold, base)

    def standings(self, view: View, fold: Fold, path: str) -> list[tuple[str, str, int]]:
        with self._lock:
            return air_folds.standings(self.picture, view.scope, fold, path)

    def home(self, unit: str) -> Home | None:
        return self.picture.units.get(unit)

    def event(self, paths: Paths, mark: str) -> tuple[str, str]:
        """The event for a page with this mark, and its mark after it."""
        with self._lock:
            view = self._views.get(paths)
            if view is None:
                return "", mark
            epoch, _, number = mark.partition(".")
            known = int(number) if epoch == self.epoch and number.isdecimal() and len(number) < 12 else -1  # noqa: PLR2004
            return view.since(known, self._clock(), self.epoch), f"{self.epoch}.{view.version}"

    def mark_of(self, view: View) -> str:
        return f"{self.epoch}.{view.version}"

    def _look(self) -> datetime:
        """Read what is new; while pages listen, once a second for all of them."""
        now, at = self._clock(), time.monotonic()
        if self._looked is not None and self._followed() and at - self._looked_at < FRESH_SECONDS:
            return self._looked
        if not self._room.is_followed:
            self._room.catch_up()
        with self._database.read() as session:
            self._reader.look(session, now)
        self._looked, self._looked_at = now, at
        return now

    def _forget(self) -> None:
        """Let go of views that nobody uses any more."""
        limit = time.monotonic() - _FORGOTTEN_SECONDS
        if len(self._views) >= _MOST_VIEWS:
            self._views.clear()
        self._views = {paths: view for paths, view in self._views.items() if view.used_at > limit}


def paths_of(actor: Actor) -> Paths:
    """The topmost units that the actor sees, as a scope is known by."""
    return tuple(actor.paths(Permission.SEE))


def air() -> AirRoom:
    """The room of this application, made when it is first asked for."""
    with _making:
        found = current_app.extensions.get(_EXTENSION)
        if found is None:
            found = current_app.extensions[_EXTENSION] = _made(house())
    assert isinstance(found, AirRoom)  # noqa: S101
    return found


def _made(here: House) -> AirRoom:
    return AirRoom(
        here.database, here.room, here.settings.silent_after_seconds, here.clock, lambda: here.events.listening
    )

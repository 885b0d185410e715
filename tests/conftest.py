"""Fixtures of every area: an installation copied from one template, its people, its clock, and the application."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from village import NOW, Callers, Cast, FakeClock, Village, settle

from core.database import Database, connect
from core.settings import Settings, load
from scheduler import keys
from scheduler.worker import Worker


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Cast]:
    """A home folder with everybody in it, made once; tests work on copies."""
    home = tmp_path_factory.mktemp("template") / "home"
    return home, settle(load(home, gtts_enabled=False))


@pytest.fixture
def cast(template: tuple[Path, Cast]) -> Cast:
    return template[1]


@pytest.fixture
def settings(template: tuple[Path, Cast], tmp_path: Path) -> Settings:
    """An installation of this test's own, without the Internet's voices."""
    shutil.copytree(template[0], tmp_path / "home")
    return load(tmp_path / "home", gtts_enabled=False, lock_timeout_seconds=2)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    made = connect(settings)
    yield made
    made.dispose()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def village(database: Database, settings: Settings, cast: Cast, clock: FakeClock) -> Village:
    return Village(database, settings, cast, clock)


@pytest.fixture
def worker(database: Database, settings: Settings, clock: FakeClock) -> Worker:
    """A worker that was not started: each of its jobs can be called."""
    return Worker(database, settings, keys.signer(settings), clock)


@pytest.fixture
def app(settings: Settings, database: Database, clock: FakeClock) -> Flask:
    from web.app import create_app

    return create_app(settings, database, clock=clock, testing=True)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def callers(app: Flask, cast: Cast) -> Callers:
    return Callers(app, cast)

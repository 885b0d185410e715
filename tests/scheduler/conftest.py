"""The same village on both backends."""

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from postgres_server import PostgresServer, skip_unless_there
from village import Cast, FakeClock, Village, settle

from core.database import connect
from core.settings import Settings, load

_numbers = count()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server = PostgresServer(skip_unless_there(), tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Cast]:
    home = tmp_path_factory.mktemp("postgres_home") / "home"
    url = postgres.create("template_loa")
    return home, settle(load(home, gtts_enabled=False, database_url=url))


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def either(backend: str, request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Village]:
    """The village on SQLite, then on PostgreSQL."""
    if backend == "sqlite":
        yield request.getfixturevalue("village")
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    template, cast = request.getfixturevalue("postgres_template")
    name = f"test_{next(_numbers)}"
    shutil.copytree(template, tmp_path / "pg_home")
    settings: Settings = load(
        tmp_path / "pg_home",
        gtts_enabled=False,
        lock_timeout_seconds=2,
        database_url=server.create(name, "template_loa"),
    )
    database = connect(settings)
    yield Village(database, settings, cast, clock)
    database.dispose()
    server.drop(name)

"""The same village on both backends: SQLite, and a private PostgreSQL that the run starts once."""

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from postgres_server import PostgresServer, skip_unless_there
from village import Cast, FakeClock, Village, settle

from core.database import connect
from core.settings import Settings, load

_TEMPLATE = "template_loa"
_numbers = count()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server = PostgresServer(skip_unless_there(), tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Cast]:
    home = tmp_path_factory.mktemp("postgres_home") / "home"
    return home, settle(load(home, gtts_enabled=False, database_url=postgres.create(_TEMPLATE)))


@pytest.fixture
def on_postgres(
    postgres: PostgresServer, postgres_template: tuple[Path, Cast], tmp_path: Path, clock: FakeClock
) -> Iterator[Village]:
    template, cast = postgres_template
    name = f"test_{next(_numbers)}"
    shutil.copytree(template, tmp_path / "pg_home")
    url = postgres.create(name, _TEMPLATE)
    settings: Settings = load(tmp_path / "pg_home", gtts_enabled=False, lock_timeout_seconds=2, database_url=url)
    database = connect(settings)
    yield Village(database, settings, cast, clock)
    database.dispose()
    postgres.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest) -> Village:
    """The village on SQLite, then on PostgreSQL."""
    village: Village = request.getfixturevalue("village" if request.param == "sqlite" else "on_postgres")
    return village

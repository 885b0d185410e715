"""Fixtures of every area: an installation copied from one template, its people, its clock, and the application."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from backends import either, on_postgres, postgres, postgres_template  # noqa: F401 - fixtures
from chromium import browser  # noqa: F401 - a fixture
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from stillness import Witness, measured
from village import NOW, Callers, Cast, FakeClock, Village, settle
from werkzeug.routing import Rule

from core.database import Database, connect
from core.settings import Settings, load
from scheduler import keys
from scheduler.worker import Worker

WITNESS = pytest.StashKey[Witness]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """What listens by the clock is measured again when it failed while the machine stood still."""
    if item.get_closest_marker("realtime") is None or not isinstance(item, pytest.Function):
        return None
    if WITNESS not in item.config.stash:
        folder = tempfile.mkdtemp(prefix="loa-witness-")
        item.config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
        item.config.stash[WITNESS] = seen = Witness(Path(folder) / "stood-still")
        item.config.add_cleanup(seen.close)
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = measured(
        lambda: runtestprotocol(item, log=False, nextitem=nextitem), item._initrequest, item.config.stash[WITNESS],
        item.nodeid,
    )  # fmt: skip
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


class CompiledOnce(BytecodeCache):
    """Compiled templates, kept for all applications of a run: compiling them anew takes longer than most tests."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """Templates and the builders of addresses, which every application of a run has in common."""
    compile_builder = Rule._compile_builder
    builders: dict[tuple[str, str, bool], Callable[..., tuple[str, str]]] = {}

    def builder(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = (rule.rule, repr(rule.defaults), append_unknown)
        if key not in builders:
            builders[key] = compile_builder(rule, append_unknown)
        return builders[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", builder)
        patch.setattr(Flask, "jinja_options", {**Flask.jinja_options, "bytecode_cache": CompiledOnce()})
        yield


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
def app(settings: Settings, database: Database, clock: FakeClock) -> Iterator[Flask]:
    from web.app import create_app

    made = create_app(settings, database, clock=clock, testing=True)
    yield made
    made.extensions["loa"].live.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def callers(app: Flask, cast: Cast) -> Callers:
    return Callers(app, cast)

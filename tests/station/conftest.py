from collections.abc import Iterator
from pathlib import Path

import pytest
from station_lab import Clips, FakeServer, Player, enrol


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer()
    yield fake
    if fake.up:
        fake.stop()


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def player(server: FakeServer, tmp_path: Path) -> Iterator[Player]:
    """An enrolled station that is not running yet."""
    assert enrol(server, tmp_path / "home").returncode == 0
    made = Player(tmp_path / "home", f"wav:{tmp_path / 'wav'}")
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait(10)

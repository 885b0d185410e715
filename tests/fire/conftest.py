"""Battles: real workers as processes, and everything that can go wrong about them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from battle import Battle
from village import Village


@pytest.fixture
def battle(tmp_path: Path) -> Iterator[Callable[..., Battle]]:
    """Begins a battle in a village; no process of it is left afterwards."""
    begun: list[Battle] = []

    def begin(village: Village, *, tempo: float = 60.0, seed: int = 0) -> Battle:
        village.database.lock_timeout_seconds = 20  # people wait for what workers hold
        print(f"seed {seed}")  # noqa: T201 - so that a failure can be repeated
        begun.append(Battle(village, tmp_path, tempo=tempo, seed=seed))
        return begun[-1]

    yield begin
    for each in begun:
        each.close()

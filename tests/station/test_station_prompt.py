"""A station tells at once that an emergency begins to sound, and thousands of them do not tell in one moment."""

import threading
from dataclasses import dataclass

import pytest

from station.prompt import MOST_SECONDS, Prompt, delay_seconds


@dataclass
class Sounding:
    """What is asked of a ticket here."""

    id: str
    kind: str = "emergency"


class Host:
    def __init__(self, spread_s: float | None = 0.0) -> None:
        self.now, self.told = 1_000.0, threading.Semaphore(0)
        self.prompt = Prompt("st_1", self.told.release, lambda: spread_s, lambda: self.now)

    def has_told(self, seconds: float = 0.0) -> bool:
        return self.told.acquire(timeout=seconds)


def test_in_a_small_network_it_tells_at_once():
    host = Host()
    host.prompt.began(Sounding("air_1"))
    assert host.has_told()


def test_an_ordinary_programme_is_told_with_the_heartbeat_of_the_minute():
    host = Host()
    host.prompt.began(Sounding("air_1", "programme"))
    assert not host.has_told()


def test_the_items_of_one_round_are_told_once_and_the_next_round_again():
    host = Host()
    for seconds in (0, 5, 9, 60, 65):
        host.now = 1_000.0 + seconds
        host.prompt.began(Sounding("air_1"))
    assert [host.has_told() for _ in range(3)] == [True, True, False]


def test_what_interrupts_it_is_told_too():
    host = Host()
    host.prompt.began(Sounding("air_1"))
    host.prompt.began(Sounding("air_2"))
    assert [host.has_told() for _ in range(3)] == [True, True, False]


def test_in_a_large_network_it_waits_its_moment():
    host = Host(spread_s=90.0)
    host.prompt.began(Sounding("air_1"))
    assert host.has_told(20)


@pytest.mark.parametrize(
    ("spread_s", "window"), [(0.0, 0.0), (900.0, 1.0), (3_600.0, 4.0), (86_400.0, 4.0), (None, 2.0)]
)
def test_ten_thousand_stations_spread_over_the_whole_window_and_never_beyond(spread_s: float | None, window: float):
    delays = sorted(delay_seconds(f"st_{number} air_1", spread_s) for number in range(10_000))
    assert delays[-1] <= window <= MOST_SECONDS
    if window:
        busiest = max(
            sum(at <= each < at + window / 10 for each in delays) for at in (window * n / 10 for n in range(10))
        )
        assert busiest < 1_200
    assert delay_seconds("st_1 air_1", spread_s) == delay_seconds("st_1 air_1", spread_s)

"""When stations fetch: not all at once, and each in time."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.spreading import SLOW_BYTES_A_SECOND, SPARE_SECONDS, fetch_from, window_seconds

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
STATIONS = [f"st_{number:05}" for number in range(10_000)]
BYTES = 400_000


def instants(lead: timedelta, spread_s: float | None) -> list[float]:
    """Seconds after they learned of an airing at which ten thousand stations begin to fetch it."""
    return [
        (fetch_from(f"{station} air_1", NOW, NOW + lead, BYTES, spread_s=spread_s) - NOW).total_seconds()
        for station in STATIONS
    ]


@pytest.mark.parametrize(("lead", "window"), [(timedelta(hours=12), 3600.0), (timedelta(minutes=30), 900.0)])
def test_ten_thousand_stations_come_evenly_over_the_window(lead, window):
    chosen = instants(lead, 3600)
    assert 0 <= min(chosen) < 0.01 * window
    assert 0.99 * window < max(chosen) <= window
    tenths = Counter(int(10 * each / window) for each in chosen)
    assert all(900 < tenths[tenth] < 1100 for tenth in range(10)), tenths
    a_second = Counter(int(each) for each in chosen)
    assert max(a_second.values()) <= 12 * len(STATIONS) / window + 10  # never a crowd within one second


def test_each_has_the_time_that_a_slow_link_needs():
    for lead in (timedelta(minutes=3), timedelta(minutes=20), timedelta(hours=9)):
        needs = SPARE_SECONDS + BYTES / SLOW_BYTES_A_SECOND
        assert max(instants(lead, 6 * 3600)) <= lead.total_seconds() - needs


def test_what_is_needed_soon_or_by_few_stations_is_fetched_at_once():
    assert set(instants(timedelta(seconds=60), 3600)) == {0.0}
    assert set(instants(timedelta(hours=9), 0)) == {0.0}
    assert set(instants(timedelta(minutes=14), None)) == {0.0}  # a server that says nothing


def test_without_a_word_from_the_server_an_hour_is_used_where_there_is_time():
    assert 3500 < max(instants(timedelta(hours=12), None)) <= 3600


@given(st.floats(-1e6, 1e7), st.integers(0, 10**9), st.one_of(st.none(), st.floats(0, 86_400)), st.text(max_size=20))
def test_nobody_waits_longer_than_half_the_time_nor_than_the_link_allows(lead, waiting, spread, who):
    window = window_seconds(lead, waiting, spread)
    assert 0 <= window <= max(0.0, lead / 2)
    assert window == 0 or window + SPARE_SECONDS + waiting / SLOW_BYTES_A_SECOND <= lead
    at = fetch_from(who, NOW, NOW + timedelta(seconds=lead), waiting, spread_s=spread)
    assert at == fetch_from(who, NOW, NOW + timedelta(seconds=lead), waiting, spread_s=spread)
    assert NOW <= at <= NOW + timedelta(seconds=window)

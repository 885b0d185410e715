"""Where blocks of a week lie: hours are folded where nothing sounds, and no block covers another."""

import itertools
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from web.panel import week_layout
from web.panel.week_layout import DAY, LANES, LEAST_ROWS

STRETCH = st.tuples(st.integers(0, DAY - 1), st.integers(1, 400)).map(
    lambda each: (each[0], min(each[0] + each[1], DAY))
)
SPANS = st.lists(STRETCH, max_size=25)


def test_hours_in_which_nothing_sounds_are_folded():
    axis = week_layout.axis([(5 * 60, 5 * 60 + 30), (17 * 60, 18 * 60)])
    assert [(each.start // 60, each.end // 60, each.folded) for each in axis.segments] == [
        (0, 5, True), (5, 6, False), (6, 17, True), (17, 18, False), (18, 24, True),
    ]  # fmt: skip


def test_a_single_empty_hour_is_not_worth_folding():
    axis = week_layout.axis([(5 * 60, 6 * 60), (7 * 60, 8 * 60)])
    assert [each.start // 60 for each in axis.segments if not each.folded] == [5, 6, 7]


def test_an_empty_week_shows_the_usual_hours():
    assert [each.start // 60 for each in week_layout.axis([]).segments if not each.folded] == [5, 6, 17]


def test_a_whole_day_has_every_hour():
    assert week_layout.axis([], whole=True).rows == 288


@given(SPANS, st.booleans())
def test_the_axis_covers_the_day_without_a_gap_and_every_span_is_shown(spans, whole):
    axis = week_layout.axis(spans, whole=whole)
    edges = [(each.start, each.end) for each in axis.segments]
    assert [edges[0][0], edges[-1][1]] == [0, DAY]
    assert all(before[1] == after[0] for before, after in itertools.pairwise(edges))
    rows = [(each.row, each.row + each.rows) for each in axis.segments]
    assert rows[0][0] == 1
    assert all(before[1] == after[0] for before, after in itertools.pairwise(rows))
    for start, end in spans:
        assert not any(each.folded for each in axis.segments if each.start < end and start < each.end)


@given(SPANS)
def test_rows_never_go_back_and_every_place_lies_within_the_sheet(spans):
    axis = week_layout.axis(spans)
    ordered = [axis.row(minute) for minute in range(0, DAY, 5)]
    assert ordered == sorted(ordered)
    for start, end in spans:
        row, rows = axis.place(start, end, LEAST_ROWS)
        assert row >= 1
        assert row + rows - 1 <= axis.rows
        assert rows >= LEAST_ROWS
        assert rows >= (end - start) // 5


@given(st.lists(st.tuples(st.integers(1, 280), st.integers(1, 40)), max_size=40))
def test_no_block_covers_another(places):
    found = week_layout.lanes(places)
    assert [(each.row, each.rows) for each in found] == places
    for n, one in enumerate(found):
        assert 0 <= one.lane < one.lanes
        for other in found[n + 1 :]:
            meet = one.row < other.row + other.rows and other.row < one.row + one.rows
            assert not meet or (one.lane != other.lane and one.lanes == other.lanes)


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 10)), max_size=40))
def test_what_has_no_room_is_counted_and_nothing_else(places):
    found = week_layout.lanes(places)
    hidden = [each for each in found if each.hidden]
    more = week_layout.behind(found)
    assert sum(each.count for each in more) == len(hidden)
    assert all(each.lane >= LANES - 1 for each in hidden)
    shown = [each for each in found if not each.hidden and each.lanes > LANES]
    assert all(each.lane < LANES - 1 for each in shown)


def test_hours_over_midnight_are_two_stretches():
    assert week_layout.stretches([("22:00", "05:00"), ("12:00", "13:30")]) == [(0, 300), (720, 810), (1320, 1440)]
    assert week_layout.covers([(0, 300), (300, 400)], 60, 400)
    assert not week_layout.covers([(0, 300), (301, 400)], 60, 400)


def test_the_style_sheet_of_places_is_as_the_script_writes_it(tmp_path):
    here = Path(__file__).resolve().parents[2]
    script = "import runpy, sys; sys.stdout.write(runpy.run_path(sys.argv[1])['written']())"
    written = subprocess.run(
        [sys.executable, "-c", script, str(here / "scripts/make-week-grid")], capture_output=True, text=True,
        check=True, timeout=120,
    ).stdout  # fmt: skip
    assert (here / "web/static/week-grid.css").read_text() == written

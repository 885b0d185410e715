"""A folded week: what clashes is marked and listed; what sounds at different stations is not."""

from datetime import UTC, datetime, timedelta

from scheduler.week_folded import Line
from web.panel import week_blocks

NOON = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


def line(title, minute, *, unit="", units=1, whole=False, lasts=10, state="issued"):
    starts = NOON + timedelta(minutes=minute)
    return Line(
        title, "ordinary", "slot", state, starts, starts + timedelta(minutes=lasts), "below", units, units, unit, unit,
        whole=whole,
    )  # fmt: skip


def pairs(*lines, most=20):
    return [tuple(clash["titles"]) for clash in week_blocks.clashes_of_lines(lines, most)]


def test_two_airings_of_one_unit_at_the_same_time_clash():
    assert pairs(line("a", 0, unit="un_1"), line("b", 5, unit="un_1")) == [("a", "b")]


def test_airings_of_different_units_do_not_clash():
    assert pairs(line("a", 0, unit="un_1"), line("b", 5, unit="un_2")) == []
    assert pairs(line("a", 0, units=40), line("b", 5, units=30)) == []


def test_what_is_for_the_whole_place_clashes_with_whatever_sounds_then():
    assert pairs(line("a", 0, whole=True), line("b", 5, units=30), line("c", 30, units=30)) == [("a", "b")]


def test_what_comes_right_after_and_what_failed_does_not_clash():
    assert pairs(line("a", 0, unit="un_1"), line("b", 10, unit="un_1")) == []
    assert pairs(line("a", 0, unit="un_1"), line("b", 5, unit="un_1", state="failed")) == []


def test_no_more_are_listed_than_asked_for():
    assert len(pairs(*(line(str(n), n, unit="un_1", lasts=60) for n in range(12)), most=7)) == 7

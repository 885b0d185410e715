import pytest

from loa.__main__ import main

WINDOW = ["--from", "2026-11-22", "--to", "2026-12-10"]


def test_it_prints_the_instants_in_utc_one_a_line(capsys):
    rule = ["--start", "2026-11-23T05:00", "--rrule", "FREQ=WEEKLY;BYDAY=MO,WE", "--exdate", "2026-11-30"]
    assert main(["occurrences", *rule, "--exdate", "2026-12-02T05:00", "--rdate", "2026-12-06T17:00:30", *WINDOW]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2026-11-22T22:00:00.000Z", "2026-11-24T22:00:00.000Z", "2026-12-06T10:00:30.000Z",
        "2026-12-06T22:00:00.000Z", "2026-12-08T22:00:00.000Z",
    ]  # fmt: skip


@pytest.mark.parametrize(("begin", "end"), [
    ("2026-11-23T22:00:00.000Z", "2026-11-25T22:00:00Z"),
    ("2026-11-24T05:00", "2026-11-26T05:00"),
    ("2026-11-24T05:00:00+07:00", "2026-11-26"),
])  # fmt: skip
def test_the_window_is_given_in_instants_local_times_or_dates_and_is_half_open(capsys, begin, end):
    assert (
        main(["occurrences", "--start", "2026-11-23T05:00", "--rrule", "FREQ=DAILY", "--from", begin, "--to", end]) == 0
    )
    assert capsys.readouterr().out.splitlines() == ["2026-11-23T22:00:00.000Z", "2026-11-24T22:00:00.000Z"]


def test_another_zone_keeps_its_wall_clock(capsys):
    rule = ["--start", "2026-10-24T06:00", "--zone", "Europe/Paris", "--rrule", "FREQ=DAILY"]
    assert main(["occurrences", *rule, "--from", "2026-10-24", "--to", "2026-10-26"]) == 0
    assert capsys.readouterr().out.splitlines() == ["2026-10-24T04:00:00.000Z", "2026-10-25T05:00:00.000Z"]


@pytest.mark.parametrize("arguments", [
    ["--start", "2026-11-23T05:00", "--rrule", "FREQ=NEVER", *WINDOW],
    ["--start", "yesterday", "--rrule", "FREQ=DAILY", *WINDOW],
    ["--start", "2026-11-23T05:00", "--rrule", "FREQ=DAILY", "--zone", "Asia/Atlantis", *WINDOW],
    ["--start", "2026-11-23T05:00", "--rrule", "FREQ=DAILY", "--from", "2026-12-01", "--to", "2026-11-01"],
    ["--start", "2026-11-23T05:00", "--rrule", "FREQ=MINUTELY", "--from", "2026-11-23", "--to", "2027-11-23"],
])  # fmt: skip
def test_what_cannot_be_answered_is_one_line_of_error_and_nothing_else(capsys, arguments):
    assert main(["occurrences", *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert printed.err.startswith("loa: ")


def test_a_missing_argument_is_wrong_usage(capsys):
    with pytest.raises(SystemExit) as left:
        main(["occurrences", "--start", "2026-11-23T05:00"])
    assert left.value.code == 2
    assert "--from" in capsys.readouterr().err

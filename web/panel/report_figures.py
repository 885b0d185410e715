"""Figures of a report as pictures: bars drawn by the server as SVG, beside the table that says the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from scheduler.statistics import Row

WIDTH = 640
_LEFT, _RIGHT = 150, 110
_BAR, _GAP = 18, 12
_LONG = 22
_MOST = 14


@dataclass(frozen=True)
class Bar:
    """One line of a picture: lengths in its own units, the lighter bar planned and the darker one played."""

    name: str
    figure: str
    y: int
    planned: float
    played: float


@dataclass(frozen=True)
class Picture:
    """What the template draws; `more` rows have no bar."""

    width: int
    height: int
    left: int
    bar: int
    bars: list[Bar]
    more: int


def picture(rows: Sequence[Row], minutes: Sequence[str]) -> Picture | None:
    """Bars of minutes planned and played, with `minutes` written behind each; None where there is nothing to draw."""
    most = max((max(row.planned, row.played) for row in rows), default=0.0)
    if not most:
        return None
    room = WIDTH - _LEFT - _RIGHT
    bars = [
        Bar(
            row.name if len(row.name) <= _LONG else f"{row.name[: _LONG - 1]}…", figure, number * (_BAR + _GAP),
            round(room * row.planned / most, 1), round(room * row.played / most, 1),
        )
        for number, (row, figure) in enumerate(zip(rows[:_MOST], minutes, strict=False))
    ]  # fmt: skip
    return Picture(WIDTH, len(bars) * (_BAR + _GAP), _LEFT, _BAR, bars, max(0, len(rows) - _MOST))

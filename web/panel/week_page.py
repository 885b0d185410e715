"""A week as its page shows it: days with their blocks laid out, what is hatched, and what each block says."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from registry.units import Inherited
from scheduler.calendar import holiday_name
from scheduler.week import DAYS
from web.panel import calendar_words, week_layout
from web.panel.week_layout import Axis, Place, Segment

_MINUTE = 60
_NOWHERE = Place(1, 1, 0, 1)


@dataclass
class Block:
    """What is shown of one airing, or of several that are alike.

    `look` is how it went or stands (a code of `week_labels`), `level` whose it is. `href` leads to what is behind it,
    `move` to where it can be moved, if the person may. `units` is more than 1 where it stands for several.
    """

    title: str
    place: str
    look: str
    level: str
    priority: str
    kind: str
    starts_at: datetime
    ends_at: datetime
    href: str = ""
    move: str = ""
    explain: str = ""
    units: int = 1
    clash: bool = False
    lost: str = ""
    lost_to: str = ""
    reason: str = ""
    moved_from: datetime | None = None
    tally: str = ""
    name: str = ""
    begins: int = 0
    lasts: int = 0
    at: Place = _NOWHERE


@dataclass(frozen=True)
class Hatched:
    """Time that is kept free or forbidden: rows of a day, and the words in it."""

    row: int
    rows: int
    kind: str
    words: str
    hours: str


@dataclass
class Column:
    """A day: its date in words, its blocks by start, what is hatched in it, the numbers of hidden blocks."""

    date: date
    weekday: str
    lunar: str
    kept: bool
    holiday: str
    today: bool
    chosen: bool
    over: Sequence[str] = ()
    blocks: list[Block] = field(default_factory=list)
    hatched: list[Hatched] = field(default_factory=list)
    more: list[week_layout.More] = field(default_factory=list)
    now: int | None = None


@dataclass(frozen=True)
class Stripe:
    """A stretch of the axis with its words; `quiet` says that all of it is, or part of it (`partly`: rows)."""

    segment: Segment
    words: str
    quiet: bool


@dataclass(frozen=True)
class Laid:
    """The whole sheet."""

    axis: Axis
    stripes: list[Stripe]
    columns: list[Column]
    quiet: list[Hatched]

    @property
    def tight(self) -> bool:
        """Whether so many hours are shown that rows have to be low."""
        return self.axis.rows > 10 * week_layout.HOUR_ROWS

    @property
    def height(self) -> int:
        """Rows in steps of ten, for paper."""
        return min(max(-(-self.axis.rows // 10) * 10, 20), 280)


@dataclass(frozen=True)
class Frame:
    """What a sheet is made within."""

    zone: ZoneInfo
    held: Inherited
    first: date
    chosen: date
    now: datetime
    whole: bool
    weekday: Callable[[int], str]


def laid_out(
    frame: Frame,
    blocks: Sequence[Block],
    reserved: Iterable[Mapping[str, object]],
    over: Mapping[date, Sequence[str]],
    words: Mapping[str, str],
) -> Laid:
    """Lay blocks out. `reserved` as `scheduler.week.Week.reserved`; `words` name what is hatched."""
    days = [frame.first + timedelta(days=n) for n in range(DAYS)]
    for block in blocks:
        start = block.starts_at.astimezone(frame.zone)
        block.begins = start.hour * _MINUTE + start.minute
        block.lasts = max(-(-int((block.ends_at - block.starts_at).total_seconds()) // _MINUTE), 1)
    kept = [piece for row in reserved for piece in _pieces(row, days, frame.zone)]
    spans = [(block.begins, min(block.begins + block.lasts, week_layout.DAY)) for block in blocks]
    axis = week_layout.axis(
        [*spans, *((start, end) for _, start, end, _ in kept if end - start < week_layout.DAY)], whole=frame.whole
    )
    quiet = week_layout.stretches(frame.held.quiet_hours)
    closed = week_layout.stretches(frame.held.limits.closed_hours)
    today = frame.now.astimezone(frame.zone)
    columns = []
    for day in days:
        mine = [block for block in blocks if block.starts_at.astimezone(frame.zone).date() == day]
        _place(axis, mine)
        column = Column(
            day, frame.weekday(day.weekday()), calendar_words.lunar_words(day), calendar_words.is_kept(day),
            holiday_name(day), day == today.date(), day == frame.chosen, over.get(day, ()), mine,
            more=week_layout.behind([block.at for block in mine]),
            now=axis.row(today.hour * _MINUTE + today.minute) if day == today.date() else None,
        )  # fmt: skip
        if day.weekday() not in frame.held.limits.weekdays:
            column.hatched.append(Hatched(1, axis.rows, "closed", words["weekdays"], ""))
        column.hatched += [
            Hatched(*axis.place(start, end), "kept", name, hours_of(start, end))
            for that, start, end, name in kept if that == day
        ]  # fmt: skip
        columns.append(column)
    hatched = [*_hatched(axis, quiet, "quiet", words), *_hatched(axis, closed, "closed", words)]
    silent = sorted([*quiet, *closed])
    stripes = [Stripe(each, _stripe(each), week_layout.covers(silent, each.start, each.end)) for each in axis.segments]
    return Laid(axis, stripes, columns, hatched)


def _place(axis: Axis, blocks: Sequence[Block]) -> None:
    rows = [
        axis.place(each.begins, min(each.begins + each.lasts, week_layout.DAY), week_layout.LEAST_ROWS)
        for each in blocks
    ]
    for block, place in zip(blocks, week_layout.lanes(rows), strict=True):
        block.at = place


def _stripe(segment: Segment) -> str:
    return hours_of(segment.start, segment.end) if segment.folded else f"{segment.start // _MINUTE:02d}:00"


def _hatched(axis: Axis, stretch: Iterable[tuple[int, int]], kind: str, words: Mapping[str, str]) -> list[Hatched]:
    """The hours shown that lie in a stretch; what lies in folded hours is said on the axis."""
    found = []
    for start, end in stretch:
        shown = [each for each in axis.segments if not each.folded and each.start < end and start < each.end]
        for run in _runs(shown):
            first, last = max(start, run[0].start), min(end, run[-1].end)
            found.append(Hatched(*axis.place(first, last), kind, words[kind], hours_of(start, end)))
    return found


def _runs(segments: Sequence[Segment]) -> list[list[Segment]]:
    runs: list[list[Segment]] = []
    for each in segments:
        if runs and runs[-1][-1].end == each.start:
            runs[-1].append(each)
        else:
            runs.append([each])
    return runs


def _pieces(row: Mapping[str, object], days: Sequence[date], zone: ZoneInfo) -> list[tuple[date, int, int, str]]:
    """A reserved stretch cut at midnights: day, minutes from and to, its name."""
    start, end = row["starts_at"], row["ends_at"]
    assert isinstance(start, datetime) and isinstance(end, datetime)  # noqa: S101, PT018 – what the week gives
    found = []
    for day in days:
        midnight = datetime.combine(day, time(), zone)
        first = max((start - midnight).total_seconds() / 60, 0)
        last = min((end - midnight).total_seconds() / 60, week_layout.DAY)
        if first < last:
            found.append((day, int(first), int(-(-last // 1)), str(row["name"])))
    return found


def hours_of(start: int, end: int) -> str:
    """Minutes of the day as 05:00–06:30."""
    return "–".join(f"{each // _MINUTE:02d}:{each % _MINUTE:02d}" for each in (start, end))


def folded(blocks: Iterable[Block], together: Callable[[int], str]) -> list[Block]:
    """Blocks that are alike (title, hours, whose) but for their unit as one; `together` says of how many units.

    One that clashes, is lost or was moved stays by itself, and so does all of a single unit.
    """
    alike: dict[object, list[Block]] = {}
    for block in blocks:
        apart = block.name if block.clash or block.lost or block.moved_from or block.level != "below" else ""
        key = (block.title, block.starts_at, block.ends_at, block.look, block.level, block.priority, apart)
        alike.setdefault(key, []).append(block)
    found = []
    for group in alike.values():
        first = group[0]
        places = {block.place for block in group}
        if len(places) > 1:
            first.units, first.place, first.move, first.tally = len(places), together(len(places)), "", ""
            found.append(first)
        else:
            found += group
    return sorted(found, key=lambda block: (block.starts_at, block.title, block.name))

"""A slot as its form holds it: what was typed as a wish, and a slot that exists as what would have been typed."""

from datetime import datetime

from werkzeug.datastructures import MultiDict

from core.clock import zone as known_zone
from scheduler.models import Slot
from scheduler.recurrence import local_instant
from scheduler.slots import Wish
from web.panel import forms, repeats, times

Typed = MultiDict[str, str]
LUNAR = ("1", "15")  # mùng một and rằm: what most people keep
_DATE = len("2026-11-23")
_MIDNIGHT = "00:00"


def wish(typed: Typed, slot: Slot | None = None) -> Wish:
    """What was typed, as the timetable understands it; `slot` is the one that it changes. Raises InvalidInput."""
    daypart = forms.text("daypart", typed)
    starts = f"{forms.text('date', typed)}T{_clock(slot) if daypart else forms.text('time', typed)}"
    # Read once here, so that a missing date is told before anything is built on it.
    times.from_input(starts, times.home_zone())
    return Wish(
        programme=forms.text("programme", typed),
        starts=starts,
        audience=typed.getlist("for"),
        zone=slot.zone if slot else None,
        rrule=repeats.rule(typed.get("repeat", "once"), typed.getlist("days"), typed.get("rrule", ""), starts),
        exdates=slot.exdates if slot else (),
        rdates=slot.rdates if slot else (),
        until=_until(typed, slot),
        volume=forms.number("volume", typed),
        late=typed.get("late", "join"),
        days=_days(typed),
        daypart=daypart or None,
        after_minutes=(forms.number("after_minutes", typed) or 0) if daypart else 0,
        max_minutes=forms.decimal("max_minutes", typed),
        short=typed.get("short", "end"),
        lift=forms.text("lift", typed) or None,
    )


def _clock(slot: Slot | None) -> str:
    """The time of day of the rule behind a day part: an existing one stays, and with it its names."""
    return _local(slot).strftime("%H:%M:%S") if slot else _MIDNIGHT


def _days(typed: Typed) -> dict[str, object] | None:
    others = [each.strip() for each in forms.text("lunar-other", typed).replace(";", ",").split(",") if each.strip()]
    lunar = list(dict.fromkeys([*(each for each in typed.getlist("lunar") if each in LUNAR), *others]))
    holidays = forms.text("holidays", typed)
    wanted: dict[str, object] = {}
    if holidays:
        wanted["holidays"] = holidays
    if lunar:
        wanted["lunar"] = lunar
    return wanted or None


def _until(typed: Typed, slot: Slot | None) -> str | None:
    """The last day. One that was not touched stays the instant it was."""
    day = forms.text("until", typed)
    return slot.until if slot and day and day == last_day(slot) else day or None


def last_day(slot: Slot) -> str:
    """The last local day that the rule may reach, as YYYY-MM-DD; empty for one without end."""
    if not slot.until or len(slot.until) <= _DATE:
        return slot.until or ""
    where = known_zone(slot.zone)
    return local_instant(slot.until, where).astimezone(where).strftime("%Y-%m-%d")


def _local(slot: Slot) -> datetime:
    where = known_zone(slot.zone)
    return local_instant(slot.starts, where).astimezone(where)


def typed_of(slot: Slot, start: datetime | None = None) -> Typed:
    """The form of a slot as it stands; with `start`, of its part from that occurrence on."""
    where = known_zone(slot.zone)
    begins = _local(slot)
    day = start.astimezone(where) if start else begins
    repeat, days = repeats.choice_of(slot.rrule)
    lunar = [str(each) for each in (slot.days or {}).get("lunar", [])]
    form: Typed = MultiDict(
        {
            "programme": slot.programme_id,
            "date": day.strftime("%Y-%m-%d"),
            "time": "" if slot.daypart else clock_of(begins),
            "daypart": slot.daypart or "",
            "after_minutes": str(slot.offset_s // 60) if slot.offset_s else "",
            "repeat": repeat,
            "rrule": (slot.rrule or "") if repeat == "own" else "",
            "until": last_day(slot),
            "holidays": (slot.days or {}).get("holidays", ""),
            "lunar-other": ", ".join(each for each in lunar if each not in LUNAR),
            "volume": "" if slot.volume is None else str(slot.volume),
            "late": slot.late,
            "max_minutes": f"{slot.max_seconds / 60:g}" if slot.max_seconds else "",
            "short": slot.short,
            "lift": slot.lifted_reason,
        }
    )
    form.setlist("days", days)
    form.setlist("lunar", [each for each in lunar if each in LUNAR])
    form.setlist("for", list(slot.audience))
    return form


def clock_of(instant: datetime) -> str:
    """The time of day as an `input type=time` wants it; seconds only where there are some."""
    return instant.strftime("%H:%M:%S" if instant.second else "%H:%M")

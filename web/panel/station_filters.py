"""What the list of stations, its table and its map are narrowed to: the same words in every address."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from flask import request
from sqlmodel import Session

from registry import station_list, units
from registry.station_list import Frame, Wanted
from web.access import actor
from web.app import house
from web.panel import forms, times

NAMES = ("q", "unit", "group", "state", "lang")


@dataclass(frozen=True)
class Asked:
    """What an address asks for: `kept` are its filters that say something, `sort` and its direction."""

    wanted: Wanted
    kept: dict[str, str]
    sort: str
    descending: bool

    @property
    def sort_word(self) -> str:
        return f"-{self.sort}" if self.descending else self.sort


def asked(reading: Session, given: Mapping[str, str] | None = None) -> Asked:
    """Read the filters of the address, or of a form. Raises NotFound for a unit out of sight."""
    source = request.args if given is None else given
    kept = {name: forms.text(name, source)[:200] for name in NAMES}
    if kept["state"] not in station_list.STATES:
        kept["state"] = ""
    unit = units.find(reading, actor(), kept["unit"]) if kept["unit"] else None
    sort = forms.text("sort", source)
    plain = sort.removeprefix("-") if sort.removeprefix("-") in station_list.SORTS else "name"
    return Asked(
        Wanted(unit, kept["group"], kept["state"], kept["lang"], kept["q"]),
        {name: text for name, text in kept.items() if text},
        plain,
        sort.startswith("-") and sort.removeprefix("-") == plain,
    )


def frame() -> Frame:
    """What states are held against in this request."""
    now = house().clock()
    month = now.astimezone(times.home_zone()).strftime("%Y-%m")
    return Frame(now, house().settings.silent_after_seconds, month, _software())


@cache
def _software() -> str:
    """The software of stations that is as new as this server's."""
    try:
        return f"loalang {version('loalang')}"
    except PackageNotFoundError:
        return "loalang"


def choices(reading: Session, found: Asked) -> dict[str, Any]:
    """What the form of filters offers, in a few queries."""
    return {
        "asked": found,
        "branches": station_list.units_around(reading, actor(), found.wanted.unit),
        "groups": station_list.groups(reading, actor()),
        "languages": station_list.languages(reading, actor()),
        "counts": station_list.counts(reading, actor(), found.wanted, frame()),
        "states": station_list.STATES,
    }

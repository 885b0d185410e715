"""`loa explain`: what plays at a station at an instant, and why this over everything else."""

import argparse
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry.models import Station
    from scheduler.explanation import Candidate, Explanation
    from scheduler.reasons import Because


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `explain`."""
    command = subparsers.add_parser(
        "explain",
        help="what plays at a station at an instant, and why this over everything else",
        description="Say what plays at STATION at INSTANT, why, and what else wanted that instant and lost.",
    )
    command.add_argument("station", metavar="STATION", help="id of a station, or its exact name")
    command.add_argument(
        "instant", metavar="INSTANT", help="such as 2026-11-23T22:05:00Z, or local time where the station stands"
    )
    command.add_argument("--home", type=Path, help="folder of the installation")
    command.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    command.set_defaults(run=run_explain)


def run_explain(options: argparse.Namespace) -> int:
    """Print the explanation."""
    import json

    from core.clock import utc_now, zone
    from core.settings import load
    from loa.installation import opened
    from registry import stations, units
    from registry.rights import system_actor
    from scheduler import explaining
    from scheduler.explanation import written
    from scheduler.recurrence import local_instant

    settings = load(options.home)
    database = opened(settings)
    with database.read() as session:
        station = _find(stations.named(session, system_actor(), options.station), options.station)
        place = stations.place(session, station.id)
        where = zone(units.inherited(place.units, settings.zone).zone)
        at = local_instant(options.instant, where)
        told = explaining.explain(session, system_actor(), station.id, at, default_zone=settings.zone, now=utc_now())
    if options.json:
        print(json.dumps(written(told, str), ensure_ascii=False, indent=2))
    else:
        for line in lines(told):
            print(line)
    return 0


def _find(found: "list[Station]", name: str) -> "Station":
    from core.errors import N_, Conflict, NotFound

    if not found:
        raise NotFound(N_("There is no station “%(name)s”."), name=name[:80])
    if len(found) > 1:
        ids = ", ".join(station.id for station in found[:10])
        raise Conflict(N_("Several stations have this name. Name one by its id: %(ids)s."), ids=ids)
    return found[0]


def lines(told: "Explanation") -> "list[str]":
    """The explanation as people read it on a terminal, in English, on the station's wall clock."""
    from scheduler.reasons import said

    def when(instant: datetime | None) -> str:
        return instant.astimezone(told.zone).strftime("%d/%m/%Y %H:%M:%S") if instant else "?"

    def reason(each: "Because") -> str:
        return said(each, str, when)

    text = [f"{told.station.name} ({told.unit.name}), {when(told.at)} {told.zone.key}"]
    if told.winner is None:
        text.append("Nothing plays.")
        text += [f"  because: {reason(each)}" for each in told.why]
    else:
        text.append(f"Plays: {_about(told.winner, when)}")
        if told.item is not None:
            language = f" [{told.item.language}]" if told.item.language else ""
            text.append(f"  item: {told.item.title}{language}, {when(told.item.since)} to {when(told.item.until)}")
        text.append(f"  sounds from {when(told.since)} until {when(told.until)}")
        text += _details(told.winner, reason)
    for each in told.lost:
        text.append(f"Lost: {_about(each, when)}")
        text += _details(each, reason)
    for report in told.reported:
        why = f", {report.reason}" if report.reason else ""
        text.append(
            f"Reported: {report.title}: {report.outcome}{why}, {when(report.started_at)} to {when(report.ended_at)}"
        )
    if told.following is not None:
        text.append(f"Next: {_about(told.following, when)}")
    return text


def _about(found: "Candidate", when: "Callable[[datetime | None], str]") -> str:
    return f"“{found.title}” of {found.unit}, {found.priority}, {when(found.starts_at)} to {when(found.ends_at)}"


def _details(found: "Candidate", reason: "Callable[[Because], str]") -> "list[str]":
    facts: dict[str, Any] = {
        "airing": found.airing, "slot": found.slot, "programme": found.programme, "approved by": found.approved_by,
        "languages": found.languages,
    }  # fmt: skip
    told = "; ".join(f"{name} {value}" for name, value in facts.items() if value)
    return ([f"  {told}"] if told else []) + [f"  because: {reason(each)}" for each in found.why]

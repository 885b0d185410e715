"""`loa rehearse`: a network of stations in virtual time, with everything going wrong that can."""

import argparse
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loa.rehearsal.run import Result
    from loa.rehearsal.wishes import Wishes

_SHOWN = 20
_MB = 1_000_000
_WORTH_IT = 1_500  # stations × days: below, starting processes takes longer than they save
_MOST_PROCESSES = 64


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `rehearse`."""
    command = subparsers.add_parser(
        "rehearse",
        help="simulate a network in virtual time, with faults, against the real planner and station logic",
        description=(
            "Play a network's days in virtual time, with faults, against the real planner and the real station logic. "
            "Prints what became of every planned item; the same seed gives the same result."
        ),
    )
    command.add_argument("--stations", type=int, default=60, metavar="N", help="default: %(default)s")
    command.add_argument("--days", type=int, default=3, metavar="D", help="1 to 13 (default: %(default)s)")
    command.add_argument("--seed", type=int, default=1, metavar="S", help="default: %(default)s")
    command.add_argument(
        "--faults", default="all", metavar="LIST",
        help="all, none, or of network,power,clock,links,files,server,relays,alarms,edits, perhaps with =HOW_OFTEN",
    )  # fmt: skip
    command.add_argument(
        "--processes", type=int, metavar="N",
        help="play the stations in so many processes (default: as many as there are processors; 1 for a small network)",
    )  # fmt: skip
    command.set_defaults(run=run_rehearsal)


def run_rehearsal(options: argparse.Namespace) -> int:
    """Rehearse, print the result; 1 when something happened that never may."""
    import logging

    from rich.console import Console
    from rich.progress import Progress

    from loa.rehearsal.run import rehearse
    from loa.rehearsal.wishes import checked

    wishes = checked(options.stations, options.days, options.seed, options.faults)
    if not options.verbose:
        logging.disable(logging.ERROR)  # hundreds of stations tell of their faults, all of them wanted
    try:
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("rehearsing", total=1.0)
            processes = _processes(wishes, options.processes)
            result = rehearse(wishes, lambda share: progress.update(task, completed=share), processes=processes)
    finally:
        logging.disable(logging.NOTSET)
    for line in lines(result):
        print(line)
    return 1 if result.violation_count else 0


def _processes(wishes: "Wishes", wanted: int | None) -> int:
    """In how many processes the stations play. Raises InvalidInput."""
    from core.errors import N_, InvalidInput

    if wanted is None:
        return len(os.sched_getaffinity(0)) if wishes.stations * wishes.days >= _WORTH_IT else 1
    if not 1 <= wanted <= _MOST_PROCESSES:
        raise InvalidInput(N_("A rehearsal plays in 1 to %(limit)s processes."), limit=_MOST_PROCESSES)
    return wanted


def lines(result: "Result") -> list[str]:
    """The result as it is printed."""
    tally, wishes = result.tally, result.wishes
    told = [
        f"{wishes.stations} stations in {wishes.communes} communes, {wishes.days} days, seed {wishes.seed}",
        f"planned    {tally.planned:9,}  items at all stations together, of {tally.airings:,} airings",
        f"played     {tally.played:9,}",
    ]
    for name, by_reason in (("partial", tally.partial), ("missed", tally.missed), ("refused", tally.refused)):
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(by_reason.items()))
        told.append(f"{name:10} {by_reason.total():9,}  {reasons}".rstrip())
    told.append(f"withdrawn  {tally.withdrawn:9,}")
    told.append("data of a station, MB: least, median, most")
    told += [
        f"  {kind:10} {least / _MB:9.3f} {median / _MB:9.3f} {most / _MB:9.3f}"
        for kind, (least, median, most) in result.traffic.items()
    ]
    told.append("faults: " + ", ".join(f"{count:,} {name}" for name, count in result.faults.items()))
    done = ", ".join(f"{count:,} × {name}" for name, count in sorted(result.edits.items())) or "nothing"
    refused = ", ".join(f"{count:,} × {name}" for name, count in sorted(result.refused_edits.items())) or "nothing"
    told += [f"people did: {done}", f"refused to people: {refused}"]
    told.append(f"{result.events:,} events in {result.seconds:.1f} s ({result.cpu_seconds:.1f} s of one core)")
    told.append(f"violations {result.violation_count:9,}")
    told += [str(each) for each in result.violations[:_SHOWN]]
    if result.violation_count > _SHOWN:
        told.append(f"… and {result.violation_count - _SHOWN:,} more")
    return told

"""`loa bench fleet`: thousands of stations on this machine against a web process of their own."""

import argparse
import sys
from pathlib import Path
from typing import Any

# What is asked of it (issue 5): each figure by its path, the bound, and whether more or less is better.
_ASKED = (
    ("emergencies.last", 2.0, "seconds until the last station has the emergency"),
    ("emergencies.p99", 1.5, "seconds until 99 of 100 have it"),
    ("memory_mb", 350.0, "MB of memory of the web process"),
    ("pages.p95_ms", 300.0, "ms for a page of the panel meanwhile (95 of 100)"),
    ("restart.since_end_seconds", 30.0, "seconds from the end of the old server until all wait again"),
    ("plan_revalidations_per_second", -1_500.0, "plans revalidated a second (at least)"),
)


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `bench fleet`."""
    command = subparsers.add_parser("bench", help="try out what this machine can carry")
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    fleet = actions.add_parser("fleet", help="many stations that wait on one server")
    fleet.add_argument("--stations", type=int, default=10_000, metavar="N", help="default: %(default)s")
    fleet.add_argument("--home", type=Path, metavar="DIR", help="an empty folder (default: a temporary one)")
    fleet.add_argument("--rounds", type=int, default=3, metavar="N", help="emergencies (default: %(default)s)")
    fleet.set_defaults(run=run_fleet)


def run_fleet(options: argparse.Namespace) -> int:
    """Run the trial and print its figures; 1 when something went wrong that never may."""
    import tempfile

    from rich.console import Console
    from rich.table import Table

    from core.errors import N_, InvalidInput
    from loa.fleet.trial import files_for, trial

    if options.stations < 1 or options.rounds < 1:
        raise InvalidInput(N_("Try at least one station and one emergency."))
    if (possible := files_for(options.stations)) < options.stations:
        print(f"loa: open files are limited here: {possible} stations instead of {options.stations}", file=sys.stderr)

    def say(text: str) -> None:
        if sys.stderr.isatty():
            print(text, file=sys.stderr)

    with tempfile.TemporaryDirectory() as folder:
        figures = trial(options.home or Path(folder) / "home", options.stations, say, options.rounds)
    table = Table("what", "figure", "asked", title=f"{figures['stations']} stations", title_justify="left")
    for path, bound, words in _ASKED:
        value = _figure(figures, path)
        good = value <= bound if bound > 0 else value >= -bound
        table.add_row(words, f"{value:,.2f}", f"{abs(bound):g}", style="" if good else "red")
    Console().print(table)
    for name, count in sorted(figures["counted"].items()):
        print(f"{name}: {count}")
    wrong = [name for name in figures["counted"] if "_" in name and not name.endswith("_broken")]
    return 1 if wrong or figures["pages"]["wrong"] else 0


def _figure(figures: dict[str, Any], path: str) -> float:
    """The figure of this path; of several rounds the worst."""
    here: Any = figures
    for part in path.split("."):
        here = max(each[part] for each in here) if isinstance(here, list) else here[part]
    return float(here)

"""`python -m benchmarks [NAME …]`: run what measures, print a table, keep the figures as JSON.

Every module beside this one that has a `run() -> dict` is a benchmark. A nested mapping becomes one row per
inner mapping. One that fails is shown as failed, and the exit status is 1; the others still run.
"""

import argparse
import importlib
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
RESULTS = HERE / "results"


def benchmarks() -> list[str]:
    """Names of the modules that measure, in order."""
    found = (path for path in HERE.glob("*.py") if not path.stem.startswith("_"))
    return sorted(path.stem for path in found if "\ndef run(" in path.read_text("utf-8"))


def machine() -> dict[str, Any]:
    """What the figures depend on: absolute times don't travel from one machine to another."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "python": platform.python_version(), "machine": platform.machine(), "system": platform.system(),
        "cores": len(os.sched_getaffinity(0)), "memory_mb": memory // 1024**2,
    }  # fmt: skip


def measure(name: str) -> dict[str, Any]:
    """Run one benchmark. `failed` holds the reason when it raised."""
    started = time.perf_counter()
    try:
        figures: dict[str, Any] = {"figures": importlib.import_module(f"benchmarks.{name}").run()}
    except Exception as error:  # noqa: BLE001 - the others are still to run
        traceback.print_exc()
        figures = {"failed": f"{type(error).__name__}: {error}"}
    return {"name": name, **figures, "took_seconds": round(time.perf_counter() - started, 2)}


def rows(figures: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """The figures as lines of a table: `daily · ratio`, `48.9`."""
    for key, value in figures.items():
        here = (*path, str(key))
        if isinstance(value, dict):
            yield from rows(value, here)
        elif isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            for number, each in enumerate(value):
                yield from rows(each, (*here, str(number)))
        else:
            yield " · ".join(here), _figure(value)


def _figure(value: object) -> str:
    """Four digits that count; more would only be noise."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,.4g}" if abs(value) < 10_000 and isinstance(value, float) else f"{value:,.0f}"


def show(console: Console, result: dict[str, Any]) -> None:
    title = f"{result['name']} ({result['took_seconds']} s)"
    table = Table("what", "figure", title=title, title_justify="left")
    table.columns[1].justify = "right"
    if "failed" in result:
        table.add_row("failed", result["failed"], style="red")
    for what, figure in rows(result.get("figures", {})):
        table.add_row(what, figure)
    console.print(table)


def main() -> int:
    known = benchmarks()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=f"Benchmarks: {', '.join(known)}")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these (default: all)")
    chosen = parser.parse_args().names or known
    if unknown := [name for name in chosen if name not in known]:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    console = Console()
    at = datetime.now(UTC)
    results = []
    for name in chosen:
        results.append(measure(name))
        show(console, results[-1])
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{at:%Y%m%dT%H%M%SZ}.json"
    content = {"at": at.isoformat(timespec="seconds"), "machine": machine(), "results": results}
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    console.print(f"written to {file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file}")
    return 1 if any("failed" in result for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())

"""The power of a station is cut 300 times at random instants of fetching, playing and reporting: what comes of it?

The real `loa station run`, killed by SIGKILL, against a server on loopback (that of the tests). After each cut the
files are looked at; in the end every item must have been reported once, and no part of one heard twice.
`python -m benchmarks.power_cuts [CUTS] [SEED]` runs it by itself.
"""

import secrets
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LAB = Path(__file__).parents[1] / "tests" / "station"
CUTS = 300


def run(cuts: int = CUTS, seed: int | None = None) -> dict[str, Any]:
    """What was met and broken, and how soon (s, and s of processor time) it asked the server after each start."""
    sys.path.insert(0, str(LAB))
    from power_lab import Findings, power_cuts  # type: ignore[import-not-found]

    seed = secrets.randbelow(10**6) if seed is None else seed
    print(f"seed {seed}", file=sys.stderr, flush=True)

    def tell(found: Findings) -> None:
        if found.cuts % 10 == 0 or (found.wrong and found.wrong[-1].startswith(f"cut {found.cuts}:")):
            latest = found.wrong[-1] if found.wrong else ""
            print(f"{found.cuts} cuts, {len(found.wrong)} wrong {latest}", file=sys.stderr, flush=True)

    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = power_cuts(Path(folder), cuts, seed, tell)
    return {
        "seed": seed, "cuts": found.cuts, "wrong": len(found.wrong), "what": "; ".join(found.wrong[:20]) or "nothing",
        "killed while": dict(found.met), "items": found.items, "reports": found.reports,
        "outcomes": dict(found.outcomes), "stretches heard": found.pieces,
        "most said again s": round(found.most_overlap_s, 3),
        "start to first call s": _spread(found.starts_s), "processor s until then": _spread(found.starts_cpu_s),
        "took s": round(time.monotonic() - began),
    }  # fmt: skip


def _spread(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    ordered = sorted(values)
    return {
        "median": round(statistics.median(ordered), 2), "p99": round(ordered[int(0.99 * (len(ordered) - 1))], 2),
        "most": round(ordered[-1], 2),
    }  # fmt: skip


if __name__ == "__main__":
    import json

    wanted = [int(each) for each in sys.argv[1:]]
    print(json.dumps(run(*wanted), indent=1, ensure_ascii=False))

"""10,000 stations wait on one server: an emergency, the panel meanwhile, a restart; and the bare server beside it.

The bare server is gevent's own, in the same run, with the same stations, which send it no heartbeats and no reports.
"""

import json
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from loa.fleet.trial import Crowds, files_for, free_port, process, told, trial

STATIONS = 10_000


def bare(stations: int, size: int) -> dict[str, float]:
    """First, 99th percentile and last answer of the bare server, in seconds after its event."""
    port = free_port()
    with ExitStack() as stack:
        server = stack.enter_context(process("loa.fleet.bare", str(port), str(size)))
        assert server.stdout is not None
        server.stdout.readline()
        crowds = Crowds(port, [str(number) for number in range(stations)], 0, stack)
        crowds.wait("held")
        time.sleep(3)
        begun = time.time()
        urllib.request.urlopen(f"http://127.0.0.1:{port}/go", timeout=60).close()
        return told(crowds, begun)


def run(stations: int = STATIONS) -> dict[str, Any]:
    """Seconds to the first, 99th and last station, memory, pages, restart; and the ratio to the bare server."""
    possible = files_for(stations)
    with tempfile.TemporaryDirectory() as folder:
        mine = trial(Path(folder) / "home", possible, lambda text: print(text, file=sys.stderr))
    best = min(mine["emergencies"], key=lambda each: each["last"])
    peer = bare(mine["stations"], best["bytes"])
    return {**mine, "bare": peer, "ratio_to_bare": best["last"] / peer["last"]}


if __name__ == "__main__":
    json.dump(run(int(sys.argv[1]) if len(sys.argv) > 1 else STATIONS), sys.stdout, indent=2)
    print()

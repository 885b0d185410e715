"""Audio from the built-in server beside nginx: the same file, the same client, in turn in the same run.

The client takes the other core, and is the same for both.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import _nginx, _province
from core.clock import utc_now
from loa.fleet.seeding import units
from loa.fleet.trial import free_port, hammered, processor_seconds, web

SIZES = {"1 minute of Opus": 180_000, "1 minute of MP3": 480_000, "30 minutes of MP3": 14_400_000}
CONNECTIONS = 16
SECONDS = 1.5
ROUNDS = 7


def run() -> dict[str, Any]:
    """For each size files and megabytes a second, ours and nginx's (best), and the median of the rounds' ratios."""
    if _nginx.program() is None:
        return {"skipped": "nginx is not installed"}
    with tempfile.TemporaryDirectory() as folder:
        settings, database, _ = _province.installation(Path(folder) / "home")
        (token,) = units(database, 1, 1, utc_now())
        database.dispose()
        port, figures = free_port(), {}
        inside = f"location / {{ root {settings.media}; default_type audio/ogg; }}"
        with web(settings.home, port) as server, _nginx.running(inside) as nginx:
            for number, (what, size) in enumerate(SIZES.items()):
                name = f"{number:064x}"
                (settings.media / name[:2]).mkdir(parents=True, exist_ok=True)
                (settings.media / name[:2] / f"{name}.opus").write_bytes(os.urandom(size))
                asked = _ask(f"/api/v1/media/{name}.opus", token)
                beside = _ask(f"/{name[:2]}/{name}.opus", token)
                used = processor_seconds(server.pid)
                rounds = [
                    (_files(port, asked, size), _files(nginx.port, beside, size)) for _ in range(ROUNDS)
                ]  # fmt: skip
                used = processor_seconds(server.pid) - used
                ours, peer = (max(each[side] for each in rounds) for side in (0, 1))
                figures[what] = {
                    "files_per_second": ours, "mb_per_second": ours * size / 1e6, "nginx_files_per_second": peer,
                    "ratio_to_nginx": sorted(mine / theirs for mine, theirs in rounds)[ROUNDS // 2],
                    "server_core_percent": 100 * used / (ROUNDS * SECONDS),
                }  # fmt: skip
    return figures


def _ask(path: str, token: str) -> str:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"


def _files(port: int, request: str, size: int) -> float:
    said = hammered(port, CONNECTIONS, SECONDS, [request])
    assert set(said["answers"]) == {"200"}, said
    return float(said["bytes"] / size / said["seconds"])


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=2)
    print()

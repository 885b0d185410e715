"""Ten recordings handed in at once: how quick is the panel meanwhile, for somebody who opens a page?

One real `loa web`. Somebody asks for the sign-in page twenty times a second, first alone, then while ten others (a
process of their own) each send recordings one after the other as fast as the machine takes them. Run:
python -m benchmarks uploads
"""

import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks import _province
from benchmarks.waiting import process
from core.clock import utc_now

UPLOADS = 10
MB_EACH = 60
SECONDS = 12.0
_EVERY = 0.05
_SENDER = """
import http.client, json, os, sys, threading, time
port, token, megabytes, seconds = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
piece = os.urandom(1 << 20)
head = b'--x\\r\\nContent-Disposition: form-data; name="file"; filename="a.wav"\\r\\n\\r\\n'
tail = b"\\r\\n--x--\\r\\n"
until, sent, statuses = time.monotonic() + seconds, [], []
def send():
    while time.monotonic() < until:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        connection.putrequest("POST", "/api/v1/clips")
        connection.putheader("Authorization", "Bearer " + token)
        connection.putheader("Content-Type", "multipart/form-data; boundary=x")
        connection.putheader("Content-Length", str(len(head) + megabytes * len(piece) + len(tail)))
        connection.endheaders()
        connection.send(head)
        for _ in range(megabytes):
            connection.send(piece)
        connection.send(tail)
        statuses.append(connection.getresponse().status)
        connection.close()
        sent.append(megabytes)
threads = [threading.Thread(target=send) for _ in range(int(sys.argv[5]))]
begun = time.monotonic()
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps({"mb": sum(sent), "seconds": time.monotonic() - begun, "statuses": sorted(set(statuses))}))
"""


def ask(port: int, until: threading.Event, most_seconds: float) -> list[float]:
    """Open the page every 50 ms, each time on a connection of its own; seconds each took. A slow one delays none."""
    took: list[float] = []
    threads = []

    def once() -> None:
        begun = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/sign-in")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert answer.status == 200, answer.status
        took.append(time.perf_counter() - begun)

    begun = time.monotonic()
    while not until.wait(_EVERY) and time.monotonic() - begun < most_seconds:
        threads.append(threading.Thread(target=once))
        threads[-1].start()
    for thread in threads:
        thread.join(60)
    assert len(took) == len(threads), f"{len(threads) - len(took)} pages never came"
    return sorted(took)


def figures(took: list[float]) -> dict[str, float]:
    """Milliseconds."""
    return {
        "pages": len(took),
        "p50_ms": round(1000 * took[len(took) // 2], 1),
        "p95_ms": round(1000 * took[len(took) * 95 // 100], 1),
        "worst_ms": round(1000 * took[-1], 1),
    }


def run(uploads: int = UPLOADS, megabytes: int = MB_EACH, seconds: float = SECONDS) -> dict[str, Any]:
    """Latency of a page with no and with ten uploads, their ratio, and what the uploads got through."""
    with tempfile.TemporaryDirectory() as name:
        settings, database, token = _province.installation(Path(name) / "home")
        _province.units(database, 1, 1, utc_now())
        database.dispose()
        with process("loa", "web", "--home", str(settings.home), "--port", "0") as server:
            assert server.stdout is not None
            port = int(server.stdout.readline().strip().rstrip("/").rpartition(":")[2])
            ask(port, threading.Event(), 1.0)  # the first pages of a process are compiled
            quiet = ask(port, threading.Event(), 6.0)
            over = threading.Event()
            command = [sys.executable, "-c", _SENDER, str(port), token, str(megabytes), str(seconds), str(uploads)]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as senders:
                threading.Timer(seconds, over.set).start()
                busy = ask(port, over, seconds + 60)
                assert senders.stdout is not None
                sent = json.loads(senders.stdout.read())
            left = [path.name for path in settings.uploads.iterdir() if path.name.startswith(".")]
    assert sent["statuses"] == [202], sent
    assert not left, left
    alone, meanwhile = figures(quiet), figures(busy)
    return {
        "uploads_at_once": uploads,
        "mb_each": megabytes,
        "alone": alone,
        "meanwhile": meanwhile,
        "p50_ratio": round(meanwhile["p50_ms"] / alone["p50_ms"], 1),
        "p95_ratio": round(meanwhile["p95_ms"] / alone["p95_ms"], 1),
        "uploaded_mb_per_second": round(sent["mb"] / sent["seconds"], 1),
    }

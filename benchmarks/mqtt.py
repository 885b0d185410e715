"""10,000 stations listen by MQTT; one emergency is raised: how long until the last has it?

Bare is the broker itself: somebody who is connected already publishes a message of the same size on the same topic to
the same subscribers, in turn with ours in the same run. Ours begins with the call of the script API.
"""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import insert

from audio.models import Clip
from benchmarks import _mosquitto, _province
from core.clock import utc_now
from core.topics import now_of, now_of_unit
from loa.fleet.seeding import units
from loa.fleet.trial import CROWDS, files_for, free_port, process, resident_mb, share, web

STATIONS = 10_000
ROUNDS = 4


class Subscribers:
    """Processes full of them."""

    def __init__(self, port: int, count: int, stack: ExitStack) -> None:
        self.processes = []
        for each in range(CROWDS):
            what = ("loa.fleet.subscribers", str(port), str(count // CROWDS), now_of_unit(["79"]))
            self.processes.append(stack.enter_context(process(*what, now_of(f"st_{each}_%d"), stdin=subprocess.PIPE)))

    def wait(self, event: str) -> list[dict[str, Any]]:
        found = []
        for running in self.processes:
            assert running.stdout is not None
            timer = threading.Timer(120, running.kill)
            timer.start()
            said: dict[str, Any] = {}
            while said.get("event") != event:
                line = running.stdout.readline()
                assert line, "subscribers ended"
                said = json.loads(line)
            timer.cancel()
            found.append(said)
        return found

    def round(self, act: Any) -> dict[str, float]:
        for running in self.processes:
            assert running.stdin is not None
            running.stdin.write("go\n")
            running.stdin.flush()
        self.wait("listening")
        begun = time.time()
        act()
        said = self.wait("emergency")
        times = [at - begun for each in said for at in each["times"]]
        return {"first": min(times), "p99": share(times, 0.99), "last": max(times), "bytes": said[0]["bytes"]}


def run(stations: int = STATIONS) -> dict[str, Any]:
    """Seconds to the first, 99th and last subscriber, ours and bare (best of the rounds each), and their ratio."""
    if _mosquitto.program() is None:
        return {"skipped": "mosquitto is not installed"}
    stations = files_for(stations)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        port = stack.enter_context(_mosquitto.running())
        settings, database, token = _province.installation(Path(folder) / "home")
        now = utc_now()
        units(database, 200, stations // 200, now)
        with database.write() as session:
            session.execute(insert(Clip), [_province.clip("cl_alarm", "un_p", 20.0, now)])
        database.dispose()
        (settings.home / "settings.toml").write_text(f'mqtt_url = "mqtt://127.0.0.1:{port}"\n', "utf-8")
        http_port = free_port()
        server = stack.enter_context(web(settings.home, http_port))
        publisher = stack.enter_context(process("loa", "mqtt", "run", "--home", str(settings.home)))
        subscribers = Subscribers(port, stations, stack)
        subscribers.wait("held")
        peer = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv311)
        peer.connect("127.0.0.1", port)
        peer.loop_start()
        time.sleep(20)  # until every station's own document is there
        ours, bare, size = [], [], 2_000
        for _ in range(ROUNDS):
            ours.append(subscribers.round(lambda: _emergency(http_port, token)))
            size = int(ours[-1]["bytes"])
            time.sleep(2)
            bare.append(
                subscribers.round(lambda: peer.publish(now_of_unit(["79"]), os.urandom(size), qos=1, retain=True))  # noqa: B023
            )
            time.sleep(2)
        peer.disconnect()
        peer.loop_stop()
        memory = {"web_memory_mb": resident_mb(server.pid), "publisher_memory_mb": resident_mb(publisher.pid)}
    best, least = (min(rounds, key=lambda each: each["last"]) for rounds in (ours, bare))
    ratios = sorted(one["last"] / other["last"] for one, other in zip(ours, bare, strict=True))
    return {
        "subscribers": stations, "ours": best, "bare": least, "ratio_to_bare": best["last"] / least["last"],
        "ratio_of_rounds_median": ratios[len(ratios) // 2], **memory,
    }  # fmt: skip


def _emergency(port: int, token: str) -> None:
    body = json.dumps({"unit": "79", "clip": "cl_alarm", "for": ["unit:79"]})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST", "/api/v1/emergencies", body, headers)
    answer = connection.getresponse()
    assert answer.status == 201, answer.read()
    connection.close()


if __name__ == "__main__":
    json.dump(run(int(sys.argv[1]) if len(sys.argv) > 1 else STATIONS), sys.stdout, indent=2)
    print()

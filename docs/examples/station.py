"""A whole station in one file, from docs/station-protocol.md alone. Needs Python 3.11, `cryptography` and a player.

python station.py SERVER FOLDER [CODE]: the enrolment code is needed the first time only.
"""

import base64, contextlib, hashlib, json, os, shlex, subprocess, sys, threading, time, uuid
import urllib.error, urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PLAYER = os.environ.get("PLAYER", "mpv --no-video --really-quiet --volume={volume} --start={into} {file}")
RANKS, instant, lock = {"emergency": 0, "priority": 1, "ordinary": 2}, datetime.fromisoformat, threading.Lock()


class Station:
    def __init__(self, server, folder, code=None):
        self.server, self.file = server, Path(folder, "station.json")
        self.kept = {"me": {}, "plan": {}, "done": [], "obeyed": [], "reports": []}  # survives a power cut
        self.orders, self.airings, self.playing, self.volume, self.stopped = {}, [], None, None, False
        self.offset, self.clock_is_right, self.revoked = timedelta(), False, False
        if self.file.exists():
            self.kept |= json.loads(self.file.read_text())
        else:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            status, _, body = self.call("POST", "/enrol", {"code": code, "device": {"software": "example 1"}})
            sys.exit(body.decode() or "no answer") if status != 201 else self.keep(me=json.loads(body))

    def keep(self, **values):
        with lock:  # written beside, then renamed: there is always a whole file
            self.kept |= values
            self.file.with_suffix(".new").write_text(json.dumps(self.kept))
            self.file.with_suffix(".new").replace(self.file)

    def call(self, method, path, body=None, **headers):
        """One request: (status, ETag, content). No network, or an answer that breaks off, is status 0."""
        headers = {"Content-Type": "application/json"} | {n.replace("_", "-"): v for n, v in headers.items() if v}
        data = None if body is None else json.dumps(body).encode()
        try:
            request = urllib.request.Request(f"{self.server}/api/v1{path}", data, headers, method=method)
            request.add_unredirected_header("Authorization", f"Bearer {self.kept['me'].get('token')}")  # stays with us
            with urllib.request.urlopen(request, timeout=70) as answer:
                return answer.status, answer.headers.get("ETag", ""), answer.read()
        except (OSError, ValueError) as error:
            return (error.code, "", error.read()) if isinstance(error, urllib.error.HTTPError) else (0, "", b"")

    def now(self):
        return datetime.now(UTC) + self.offset

    def sync(self):
        """Clock and plan. Of five answers about the time, the quickest is believed."""
        tries = []
        for _ in range(5):
            asked, (status, _, body), had = datetime.now(UTC), self.call("GET", "/time"), datetime.now(UTC)
            if status == 200:
                there = {name: instant(text) for name, text in json.loads(body).items()}
                tries.append((had - asked, (there["received_at"] - asked + (there["sent_at"] - had)) / 2))
        self.offset, self.clock_is_right = (min(tries)[1], True) if tries else (self.offset, self.clock_is_right)
        status, tag, body = self.call("GET", "/plan", If_None_Match=self.kept["plan"].get("tag"))
        self.keep(plan={**json.loads(body), "tag": tag} if status == 200 else self.kept["plan"])
        self.learn(self.kept["plan"].get("keys", []))

    def opened(self, jws, kind=None):
        """What is in a JWS that the server signed, or nothing; a set of keys says in its `typ` that it is one."""
        with contextlib.suppress(ValueError, KeyError, TypeError, InvalidSignature):
            header, content, signature = (base64.urlsafe_b64decode(part + "==") for part in jws.split("."))
            header, keys = json.loads(header), {key["kid"]: key["x"] for key in self.kept["me"]["server_keys"]}
            public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(keys[header["kid"]] + "=="))
            public.verify(signature, jws.rpartition(".")[0].encode())
            return json.loads(content) if (header["alg"], header.get("typ")) == ("Ed25519", kind) else None

    def read(self, tokens):
        """The airings in these JWS that the server signed for this station."""
        mine = {*self.kept["plan"].get("settings", {}).get("audience", ())}
        return [airing for airing in map(self.opened, tokens) if airing and {*airing["for"]} & mine]

    def learn(self, sets):
        """Keys may change: a set that a known key has signed, newer than the last, is trusted from now on."""
        for new in filter(None, (self.opened(jws, "loa-keys+jws") for jws in sets * len(sets))):
            new["version"] > self.kept["me"].get("version", 0) and self.keep(me=self.kept["me"] | new)

    def path(self, item):
        return self.file.with_name(f"{item['clip']['mp3']['sha256']}.mp3")

    def fetch(self, item):
        """Get a file, whole and checked, unless it lies here; go on where the last try broke off."""
        path, part = self.path(item), self.path(item).with_suffix(".part")
        had = part.read_bytes() if part.exists() else b""
        status, _, body = self.call("GET", f"/media/{path.name}", Range=f"bytes={len(had)}-")
        data = (had if status == 206 else b"") + (body if status in {200, 206} else b"")
        part.write_bytes(data if len(data) < item["clip"]["mp3"]["bytes"] else b"")
        if hashlib.sha256(data).hexdigest() == path.stem:
            path.with_suffix(".new").write_bytes(data)
            path.with_suffix(".new").replace(path)

    def look_after(self):
        """Check what was signed, tell how things stand, hand in reports, fetch what is missing: nearest first."""
        alarms, planned = self.read(self.orders.get("interrupts", [])), self.read(self.kept["plan"].get("airings", []))
        self.airings = [*alarms, *sorted(planned, key=lambda airing: airing["starts_at"])]
        has = [one["id"] for one in self.airings if one["kind"] == "emergency"] + self.orders.get("withdrawn", [])
        has += [order["id"] for order in self.orders.get("commands", [])]
        state = {"playing": self.playing, "keys": [key["kid"] for key in self.kept["me"]["server_keys"]]}
        self.call("POST", "/heartbeat", {"acknowledged": has[:500], "software": "example 1", **state})
        status, _, body = self.call("POST", "/reports", {"reports": self.kept["reports"][:500]})
        answer = json.loads(body) if status == 200 else {"accepted": [], "refused": []}
        over = {*answer["accepted"], *(one["id"] for one in answer["refused"])}
        [self.kept["reports"].remove(report) for report in [*self.kept["reports"]] if report["id"] in over]
        for item in (item for airing in self.airings for item in airing["items"] if item["clip"]):
            self.path(item).exists() or self.fetch(item)

    def follow(self):
        """Wait for what must happen now, obey it, and say so at once."""
        tag, synced = "", -1e9
        while True:
            status, new, body = self.call("GET", "/now", If_None_Match=tag, Prefer="wait=55")
            self.revoked = status == 401 or (self.revoked and status == 0)  # then nothing sounds any more
            tag, self.orders = (new, json.loads(body)) if status == 200 else (tag, self.orders)
            for order in (one for one in self.orders.get("commands", []) if one["id"] not in self.kept["obeyed"]):
                self.kept["obeyed"].append(order["id"])
                self.volume = order["value"] if order["do"] == "volume" else self.volume
                self.stopped = self.stopped or order["do"] == "stop"
            if time.monotonic() - synced > 600 or self.orders.get("plan", "") not in self.kept["plan"].get("tag", ""):
                self.sync()
                synced = time.monotonic()
            self.look_after()
            time.sleep(0 if status in {200, 304} else 5)

    def choose(self):
        """What should sound now: (rank, start, airing, its item's number, item, seconds into it), or None."""
        plan, now, found = self.kept["plan"], self.now(), []
        if not plan or not self.clock_is_right or self.revoked or now < instant(plan["issued_at"]):
            return None
        wall = now.astimezone(ZoneInfo(plan["settings"]["zone"])).strftime("%H:%M")
        quiet = any(a <= wall < b if a < b else wall >= a or wall < b for a, b in plan["settings"]["quiet_hours"])
        for airing, number, item in ((one, *pair) for one in self.airings for pair in enumerate(one["items"])):
            rank = 0 if airing["kind"] == "emergency" else RANKS[airing["priority"]]
            start = instant(airing["starts_at"]) + timedelta(seconds=item["at"])
            late, known = (now - start).total_seconds(), self.kept["done"] + self.orders.get("withdrawn", [])
            if late < 0 or not item["clip"] or {*self.names(airing, number), airing["id"]} & {*known}:
                continue
            end = {"join": item["seconds"], "skip": 2, "play": 1e9}[airing["late"]] if rank else 1e9
            if late >= end or now > instant(airing["not_after"]):
                why = "quiet_hours" if quiet and rank else "late" if self.path(item).exists() else "no_audio"
                self.report(airing, number, now, outcome="missed", reason=why)
            elif self.path(item).exists() and not (quiet and rank):
                joins = rank and airing["late"] == "join" and late > 1
                found.append((rank, start, airing, number, item, late if joins else 0))
        return min(found, key=lambda each: each[:2], default=None)

    def names(self, airing, number):
        return [f"{name}#{number}" for name in (airing["id"], airing["occurrence"]) if name]

    def play(self, rank, _, airing, number, item, into):
        began, rules, why, self.stopped = self.now(), self.kept["plan"]["settings"], None, False
        wanted = next(one for one in (airing["volume"], self.volume, rules["volume"]) if one is not None)
        words = {"volume": min(wanted, rules["max_volume"]), "into": into, "file": self.path(item)}
        self.keep(done=self.kept["done"] + self.names(airing, number))  # before it sounds: never twice after a cut
        player, self.playing = subprocess.Popen([word.format(**words) for word in shlex.split(PLAYER)]), airing["id"]
        while player.poll() is None and not why:
            time.sleep(0.05)
            better, gone = self.choose(), airing["id"] in self.orders.get("withdrawn", [])
            why = "preempted" if better and better[0] < rank else None
            why = "withdrawn" if gone or self.stopped or self.revoked else why
        player.terminate() if why else None
        why, self.playing = why or ("player_error" if player.wait(10) else "late" if into else None), None
        self.report(airing, number, began, outcome="partial" if why else "played", reason=why, volume=words["volume"])

    def report(self, airing, number, began, **told):
        told |= {"started_at": began.isoformat(), "ended_at": self.now().isoformat(), "id": str(uuid.uuid4())}
        seconds = (self.now() - began).total_seconds()
        self.kept["reports"].append(told | {"airing": airing["id"], "item": number, "seconds": seconds})
        self.keep(done=(self.kept["done"] + self.names(airing, number))[-20_000:])


if __name__ == "__main__":
    station = Station(*sys.argv[1:])
    threading.Thread(target=station.follow, daemon=True).start()
    while True:
        due = station.choose()
        station.play(*due) if due else time.sleep(0.02)

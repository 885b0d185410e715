"""From the press to the first sample: 100 real stations; prepared, recorded and typed emergencies; idle and under load.

A real `loa serve` and 100 real `loa station run` on this machine. Pressing is `POST /emergencies`; when each station
had the ticket, its audio and its first sample stands in its own folder. Under load, 20 recordings of several minutes
wait to be mastered and the slots of 300 communes are planned anew again and again. The first sample is that of the
siren, which stations hold; what is said follows when it is over, and must lie there by then ("audio").
`python -m benchmarks.emergencies [STATIONS [ROUNDS [OUTPUT [CASES]]]]`.

Bare costs in the same run: espeak-ng and one ffmpeg that encodes both files of the same text, and a gevent server that
answers 100 waiting connections.
"""

import io
import json
import random
import sys
import tempfile
import threading
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import update

from audio import ffmpeg
from audio.deadline import Deadline
from audio.engines.espeak import EspeakEngine
from audio.reading import sentences, spoken
from benchmarks import _province
from benchmarks._valley import Heard, Valley, beside, until, valley
from benchmarks.waiting import bare as bare_server
from core import changes
from core.clock import utc_now
from registry.models import Unit
from scheduler.models import Slot

STATIONS = 100
ROUNDS = 3
UPLOADS = 20
UPLOAD_SECONDS = 240
COMMUNES = 300
_PLACES = ("Hạ", "Trung", "Thượng", "Bến Đò", "Đình Chùa", "Gò Dưa", "Cồn Nổi", "Rạch Sậy", "Cây Đa", "Vườn Xoài")
_RATE = 16_000
_MOST_SECONDS = 60


def words(number: int) -> str:
    """Sixty words that nobody has said before."""
    first, second = _PLACES[number % 10], _PLACES[number // 10 % 10]
    return (
        f"Thông báo khẩn số {number} của Ủy ban nhân dân xã. Nước sông đang lên rất nhanh và sẽ vượt mức báo động ba "
        f"trong hai giờ tới. Bà con thôn {first} và thôn {second} khẩn trương đưa người già, trẻ em lên trường trung "
        "học ngay bây giờ, mang theo nước uống, thuốc men, đèn pin và giấy tờ cần thiết."
    )


def recording(seconds: float, seed: int) -> bytes:
    """A WAV that masters like speech: noise in syllables, with pauses."""
    made = np.random.default_rng(seed)
    at = np.arange(int(seconds * _RATE)) / _RATE
    syllables = np.clip(np.sin(2 * np.pi * 3.7 * at), 0, 1) * (np.sin(2 * np.pi * 0.17 * at) > -0.8)
    sound = np.convolve(made.standard_normal(len(at)), np.ones(6) / 6, "same") * syllables
    file = io.BytesIO()
    with wave.open(file, "wb") as target:
        target.setparams((1, 2, _RATE, 0, "NONE", ""))
        target.writeframes((np.clip(sound * 0.35, -1, 1) * 32_000).astype("<i2").tobytes())
    return file.getvalue()


def elsewhere(here: Valley, first: int) -> None:
    """More communes, without stations, and their timetable: its audio is named, and not there."""
    now = utc_now()
    communes = [
        Unit(
            id=f"un_{each:05}", code=f"79.{each}", name=f"Xã {each}", parent_id="un_p", path=f"/un_p/un_{each:05}/",
            created_at=now,
        )
        for each in range(first, first + COMMUNES)
    ]  # fmt: skip
    with here.database.write() as session:
        session.add_all(communes)
    _province.timetable(here.database, COMMUNES, now, first=first)


def press(here: Valley, body: dict[str, object]) -> dict[str, Any]:
    """Raise one, see it sound everywhere, stop it; seconds after the press."""
    pressed_at = time.time()
    made = here.call("POST", "/emergencies", {"unit": "79", "for": ["unit:79"], **body})
    answered = time.time() - pressed_at
    found = here.heard(made["airing"], pressed_at)
    signed = here.signed_at(made["airing"]) - pressed_at
    here.call("POST", f"/emergencies/{made['id']}/stop")
    here.wait_until_quiet()
    return {"answered": answered, "signed": signed, "heard": found}


def told(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of all rounds together: each step's median and most, and of the first sample also the 95 % in between."""
    heard: list[Heard] = [each for one in rounds for each in one["heard"]]
    first = sorted(each.sounded for each in heard)
    fetched = sorted(each.fetched for each in heard if each.fetched is not None)
    had = sorted(each.told for each in heard)
    return {
        "answered_most": max(one["answered"] for one in rounds),
        "signed_most": max(one["signed"] for one in rounds),
        "ticket_median": had[len(had) // 2], "ticket_most": had[-1],
        **({"audio_median": fetched[len(fetched) // 2], "audio_most": fetched[-1]} if fetched else {}),
        "sample_first": first[0], "sample_median": first[len(first) // 2],
        "sample_p95": first[min(len(first) - 1, len(first) * 95 // 100)], "sample_most": first[-1],
    }  # fmt: skip


class Cases:
    """The kinds of emergency, each round with words or a recording that are new."""

    def __init__(self, here: Valley) -> None:
        self._here, self._number = here, random.randrange(10_000)
        kept = here.upload(recording(20, 0))
        here.ready(kept)
        made = here.call(
            "POST", "/prepared", {"unit": "79", "kind": "flood", "title": "Lũ về", "versions": [{"clip": kept}]}
        )
        held = here.ready(kept)["clip"]["opus"]["sha256"]
        until(lambda: all((home / "audio" / f"{held}.opus").exists() for home in here.homes), "all hold it")
        self._prepared = kept
        self.message = made["id"]

    def prepared(self) -> dict[str, object]:
        """What stands by at every station."""
        return {"clip": self._prepared}

    def recorded(self) -> dict[str, object]:
        """A recording that the server has ready, and no station."""
        self._number += 1
        clip = self._here.upload(recording(20, self._number))
        self._here.ready(clip)
        return {"clip": clip}

    def just_recorded(self) -> dict[str, object]:
        """A recording that has come in this moment and is not mastered."""
        self._number += 1
        return {"clip": self._here.upload(recording(20, self._number))}

    def typed(self) -> dict[str, object]:
        """Sixty words for the built-in voice."""
        self._number += 1
        return {"text": words(self._number)}

    def all(self) -> dict[str, Callable[[], dict[str, object]]]:
        return {
            "prepared": self.prepared, "recorded": self.recorded, "just_recorded": self.just_recorded,
            "typed": self.typed,
        }  # fmt: skip


@contextmanager
def load(here: Valley, uploads: int, seconds: float) -> Iterator[None]:
    """Recordings that wait to be mastered, never fewer than a few, and a province that is planned anew all the time."""
    over = threading.Event()
    content = recording(seconds, 1)

    def hand_in() -> None:
        given = 0
        while not over.is_set():
            if waiting(here) < uploads:
                given += 1
                here.upload(content + bytes(2 * given))  # each is another
            else:
                over.wait(1.0)

    def plan() -> None:
        volume = 50
        while not over.wait(0.5):
            volume = 50 + (volume + 1) % 40
            with here.database.write() as session:
                session.execute(update(Slot).values(volume=volume))
                changes.announce(session, "timetable", [], utc_now())
            over.wait(3.0)

    with beside([threading.Thread(target=hand_in), threading.Thread(target=plan)], over):
        until(lambda: waiting(here) >= uploads, "the recordings wait")
        yield


def waiting(here: Valley) -> int:
    """How many clips wait, or are being rendered."""
    with here.database.read() as session:
        return int(session.connection().exec_driver_sql(
            "SELECT count(*) FROM clip WHERE state IN ('queued', 'rendering')"
        ).scalar() or 0)  # fmt: skip


def bare_speech() -> float:
    """Seconds that espeak-ng and one ffmpeg with both encoders take for the sixty words, nothing else."""
    best = 1e9
    for number in range(3):
        with tempfile.TemporaryDirectory() as name:
            begun, limit, engine = time.perf_counter(), Deadline(60), EspeakEngine()
            pieces = [each.text for each in sentences(spoken(words(number), "vi"), limit=1_000, language="vi")]
            voice = next(each for each in engine.voices(limit) if each.language == "vi")
            said = engine.speak(pieces, voice, limit)
            targets = {"mp3": Path(name) / "a.mp3", "opus": Path(name) / "a.opus"}
            ffmpeg.encode(said.phrases, said.rate, targets, limit)  # type: ignore[arg-type]
            best = min(best, time.perf_counter() - begun)
    return best


def measured(here: Valley, chosen: dict[str, Callable[[], dict[str, object]]], rounds: int, how: str) -> dict[str, Any]:
    """Each of these kinds so many times; told at once, for it takes minutes."""
    found = {}
    for case, make in chosen.items():
        found[case] = told([press(here, make()) for _ in range(rounds)])
        print(how, case, json.dumps({what: round(each, 2) for what, each in found[case].items()}), file=sys.stderr)
    return found


def run(stations: int = STATIONS, rounds: int = ROUNDS, output: str = "null", only: str = "") -> dict[str, Any]:
    """Seconds after the press for each kind, idle and under load, and ratios to the bare costs."""
    with tempfile.TemporaryDirectory() as name, valley(Path(name), stations, output=output) as here:
        elsewhere(here, stations)
        cases = Cases(here)
        chosen = {case: make for case, make in cases.all().items() if not only or case in only.split(",")}
        press(here, cases.prepared())  # what is made at the first use, such as the siren, is there afterwards
        idle = measured(here, chosen, rounds, "idle")
        with load(here, UPLOADS, UPLOAD_SECONDS):
            busy = measured(here, chosen, rounds, "load")
    speech, server = bare_speech(), bare_server(stations, 2_000)["last"]
    ratios = {
        f"{case}_to_bare": idle[case]["sample_median"] / (speech if case == "typed" else server)
        for case in ("prepared", "typed")
        if case in idle
    }
    return {
        "stations": stations, "idle": idle, "load": busy, "bare_speech_seconds": speech,
        "bare_server_seconds": server, **ratios,
    }  # fmt: skip


if __name__ == "__main__":
    json.dump(run(*(int(each) for each in sys.argv[1:3]), *sys.argv[3:5]), sys.stdout, indent=2)
    print()

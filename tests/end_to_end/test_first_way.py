"""From the keyboard to the loudspeaker, with every part real and in a process of its own."""

import io
import wave
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from loopback import eventually

from core.clock import format_instant, parse_instant, zone

pytestmark = pytest.mark.realtime

VILLAGE = zone("Asia/Ho_Chi_Minh")
SENTENCES = (
    "Ủy ban nhân dân xã thông báo lịch tiêm chủng mở rộng tháng này tại trạm y tế",
    "Đề nghị bà con đưa trẻ em dưới năm tuổi đến đúng giờ và mang theo sổ tiêm chủng",
    "Chiều thứ bảy, hợp tác xã nông nghiệp mở lớp hướng dẫn phòng trừ rầy nâu trên lúa",
    "Ban quản lý thôn mời các gia đình họp bàn việc sửa chữa đường giao thông nông thôn",
    "Công an xã nhắc nhở mọi người tắt thiết bị điện và khóa cửa cẩn thận khi ra khỏi nhà",
)


def two_hundred_words() -> str:
    words: list[str] = []
    number = 0
    while len(words) < 200:
        words += (SENTENCES[number % len(SENTENCES)] + ".").split()
        number += 1
    return " ".join(words[:200]).rstrip(".,") + "."


def local(instant: datetime) -> str:
    return instant.astimezone(VILLAGE).strftime("%Y-%m-%dT%H:%M:%S")


def whole_second(seconds_ahead: float) -> datetime:
    return (datetime.now(UTC) + timedelta(seconds=seconds_ahead)).replace(microsecond=0)


def bulletin(api: Any, unit: str, title: str, text: str) -> dict[str, Any]:
    """A bulletin that is written, submitted, approved and ready."""
    made = api.call("POST", "/bulletins", {"unit": unit, "title": title, "text": text, "field": "general"}, 201)
    api.call("POST", f"/bulletins/{made['id']}/submit", {}, 200)
    api.call("POST", f"/bulletins/{made['id']}/approve", {}, 200)
    return made


def ready(api: Any, clip: str) -> dict[str, Any]:
    shown: dict[str, Any] = eventually(
        lambda: (found := api.call("GET", f"/clips/{clip}", status=200))["state"] in {"ready", "failed"} and found,
        "rendered",
    )
    assert shown["state"] == "ready", shown
    return shown


def on_slot(api: Any, unit: str, bulletin_id: str, title: str, starts: datetime, **more: Any) -> dict[str, Any]:
    programme = api.call(
        "POST", "/programmes", {"unit": unit, "title": title, "items": [{"bulletin": bulletin_id}]}, 201
    )
    body = {"programme": programme["id"], "starts": local(starts), "for": [f"unit:{unit}"], **more}
    made: dict[str, Any] = api.call("POST", "/slots", body, 201)
    assert made["next"] == [format_instant(starts)]
    return made


def on_air(api: Any) -> Callable[[], str | None]:
    """Asks for the id of the one airing that is marked as on air."""

    def ask() -> str | None:
        rows = api.call("GET", "/airings", status=200)["items"]
        return next((str(row["id"]) for row in rows if row["state"] == "on_air"), None)

    return ask


def issued(api: Any, instants: list[datetime]) -> list[str]:
    """The ids of the airings that start at these instants, once all of them are signed."""

    def airings() -> Any:
        rows = api.call("GET", "/airings", status=200)["items"]
        signed = {row["starts_at"]: str(row["id"]) for row in rows if row["state"] in {"issued", "on_air"}}
        found = [signed.get(format_instant(instant)) for instant in instants]
        return all(found) and found

    issued: list[str] = eventually(airings, "the airings are issued")
    return issued


def holds_everything(api: Any, station: str, until: datetime) -> bool:
    row = api.call("GET", f"/stations/{station}", status=200)
    return bool(row["online"] and row["ready_until"] and parse_instant(row["ready_until"]) > until)


def lag_seconds(recording: Path, clip: bytes) -> float:
    """Seconds from the first sample of `recording` to where `clip` begins in it, by cross-correlation."""
    with wave.open(str(recording)) as heard:
        rate = heard.getframerate()
        samples = np.frombuffer(heard.readframes(heard.getnframes()), "<i2").astype(np.float64)
    wanted, clip_rate = soundfile.read(io.BytesIO(clip), dtype="float64")
    if clip_rate != rate:
        places = np.arange(0, len(wanted), clip_rate / rate)
        wanted = np.interp(places, np.arange(len(wanted)), wanted)
    wanted = wanted[: 8 * rate]
    size = 1 << (len(samples) + len(wanted)).bit_length()
    spectrum = np.fft.rfft(samples, size) * np.conj(np.fft.rfft(wanted, size))
    correlation = np.fft.irfft(spectrum, size)
    best = int(np.argmax(correlation))
    shift = best if best < size // 2 else best - size
    heard_part = samples[max(shift, 0) : max(shift, 0) + len(wanted)]
    likeness = np.corrcoef(heard_part, wanted[: len(heard_part)])[0, 1]
    assert likeness > 0.9, f"the clip is not in the recording (correlation {likeness:.2f})"
    return shift / rate


def recording_of(folder: Path, airing: str) -> Path:
    found: Path = eventually(lambda: next(folder.glob(f"{airing}-0-*.wav"), None), f"a recording of {airing}")
    return found


def start_of(recording: Path) -> datetime:
    return parse_instant(recording.stem.split("-", 2)[2])


@pytest.mark.timeout(900)
def test_a_notice_is_heard_on_time_also_when_the_server_dies(network: Any, tmp_path: Path) -> None:
    api, processes = network.api, network.processes
    api.call("POST", "/units", {"name": "Tỉnh Sông Lam", "code": "79"}, 201)
    api.call("POST", "/units", {"name": "Xã Tân Hòa", "code": "79.101", "parent": "79"}, 201)
    made = api.call("POST", "/stations", {"name": "Loa chợ", "unit": "79.101"}, 201)
    station_home, sound = tmp_path / "station", tmp_path / "sound"
    processes.loa(
        "station", "enrol", "--server", network.address, "--code", made["enrolment_code"], "--home", station_home
    )
    processes.start("station", "station", "run", "--home", station_home, "--output", f"wav:{sound}")

    text = two_hundred_words()
    assert len(text.split()) == 200
    long = bulletin(api, "79.101", "Bản tin chiều", text)
    short = bulletin(api, "79.101", "Tin ngắn", "Mời bà con đến nhà văn hóa họp thôn.")
    long_clip, short_clip = ready(api, long["clip"]), ready(api, short["clip"])
    audio = {
        name: api.media(clip["clip"]["mp3"]["sha256"], "mp3")
        for name, clip in (("long", long_clip), ("short", short_clip))
    }

    for lead in (7, 20, 45):  # a busy machine may need longer until the station holds everything; then once more
        first = whole_second(lead)
        second = (first + timedelta(seconds=long_clip["seconds"] + 4)).replace(microsecond=0)
        slots = [
            on_slot(api, "79.101", long["id"], "Chương trình chiều", first)["id"],
            on_slot(api, "79.101", short["id"], "Chương trình tiếp theo", second)["id"],
        ]
        ids = issued(api, [first, second])
        eventually(partial(holds_everything, api, made["id"], second), "the station says that it holds all audio")
        if datetime.now(UTC) < first - timedelta(seconds=1):
            break
        for slot in slots:
            api.call("POST", f"/slots/{slot}/withdraw", {}, 200)
    else:
        pytest.fail("the station never held everything before its time")
    clash = api.call(
        "POST", "/slots",
        {"programme": api.call("GET", "/programmes", status=200)["items"][0]["id"], "starts": local(first), "for": ["unit:79"]},
        409,
    )  # fmt: skip
    assert clash["error"]["clashes"]

    eventually(lambda: on_air(api)() == ids[0], "the long bulletin is on air")
    network.kill_server()

    long_recording, short_recording = (
        eventually(lambda: next(sound.glob(f"{ids[0]}-0-*.wav"), None), "the long bulletin was heard", 150),
        recording_of(sound, ids[1]),
    )
    for recording, name, instant in ((long_recording, "long", first), (short_recording, "short", second)):
        began = start_of(recording) + timedelta(seconds=lag_seconds(recording, audio[name]))
        off_by = abs((began - instant).total_seconds())
        assert off_by < 0.1, f"{name}: {off_by * 1000:.0f} ms beside its instant"
    with wave.open(str(long_recording)) as heard:
        assert heard.getnframes() / heard.getframerate() == pytest.approx(long_clip["seconds"], abs=0.2)

    network.serve()

    def of_these(what: str) -> list[dict[str, Any]]:
        rows = api.call("GET", f"/{what}?unit=79.101", status=200)["items"]
        return [row for row in rows if row["id" if what == "airings" else "airing"] in ids]

    def reported() -> Any:
        rows = of_these("reports")
        return rows if {row["airing"] for row in rows} == set(ids) else None

    rows = eventually(reported, "both reports are there")
    assert [(row["airing"], row["item"], row["outcome"]) for row in rows] == [
        (ids[0], 0, "played"),
        (ids[1], 0, "played"),
    ]
    eventually(lambda: all(row["state"] == "over" for row in of_these("airings")), "over")
    assert len(of_these("reports")) == 2


@pytest.mark.timeout(600)
def test_an_emergency_takes_over_what_plays_and_the_programme_is_joined_again(network: Any, tmp_path: Path) -> None:
    api, processes = network.api, network.processes
    api.call("POST", "/units", {"name": "Xã Tân Hòa", "code": "79.101"}, 201)
    made = api.call("POST", "/stations", {"name": "Loa chợ", "unit": "79.101"}, 201)
    station_home, sound = tmp_path / "station", tmp_path / "sound"
    processes.loa(
        "station", "enrol", "--server", network.address, "--code", made["enrolment_code"], "--home", station_home
    )
    processes.start("station", "station", "run", "--home", station_home, "--output", f"wav:{sound}")
    text = " ".join(f"{sentence}." for sentence in SENTENCES)
    programme = bulletin(api, "79.101", "Bản tin", text)
    alarm_text = bulletin(api, "79.101", "Nước lũ", "Nước lũ đang lên, bà con khẩn trương lên cao.")
    clip, alarm_clip = ready(api, programme["clip"]), ready(api, alarm_text["clip"])
    assert clip["seconds"] > 18
    starts = whole_second(6)
    on_slot(api, "79.101", programme["id"], "Bản tin", starts, late="join")

    airing = eventually(on_air(api), "the programme is on air")
    eventually(lambda: datetime.now(UTC) > starts + timedelta(seconds=4), "it has played for a while")
    raised = api.call(
        "POST", "/emergencies", {"unit": "79.101", "clip": alarm_text["clip"], "for": ["unit:79.101"]}, 201
    )
    asked = datetime.now(UTC)
    alarm = recording_of(sound, raised["airing"])
    waited = (start_of(alarm) - asked).total_seconds()
    assert waited < 3, f"the alarm sounded {waited:.1f} s after it was raised"
    assert lag_seconds(alarm, api.media(alarm_clip["clip"]["mp3"]["sha256"], "mp3")) == pytest.approx(0, abs=0.1)
    stretches = eventually(
        lambda: len(found := sorted(sound.glob(f"{airing}-0-*.wav"), key=start_of)) == 2 and found, "joined again"
    )
    cut, joined = stretches
    # Joined where it would have been by then: the rest of the clip, not the part that was missed.
    missing = (start_of(joined) - starts).total_seconds()
    with wave.open(str(joined)) as heard:
        assert heard.getnframes() / heard.getframerate() == pytest.approx(clip["seconds"] - missing, abs=0.3)
    with wave.open(str(cut)) as heard:
        end_of_cut = start_of(cut) + timedelta(seconds=heard.getnframes() / heard.getframerate())
    assert end_of_cut <= start_of(alarm) + timedelta(seconds=0.2)
    rows = eventually(
        lambda: len(found := api.call("GET", "/reports", status=200)["items"]) >= 2 and found, "reports of both"
    )
    outcomes = {row["airing"]: (row["outcome"], row["reason"]) for row in rows}
    assert outcomes[raised["airing"]][0] == "played"
    assert outcomes[airing] == ("partial", "preempted")

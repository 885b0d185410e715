"""Streams and HLS folders of a real encoder, over HTTP on loopback."""

import time
from pathlib import Path

import numpy as np
import pytest
from relay_lab import FORMS, RATE, Broadcaster, encoded, eventually, hls_folder, likeness, live, noise

from audio.relays.pull import Pull, probe
from audio.relays.sources import kind_of
from core.errors import InvalidInput, LoaError
from core.outside import Outside, OutsideFailed

SOUND = noise(14.0)
LONG = noise(60.0, 2)


def heard_of(outside: Outside, url: str, seconds: float = 3.0) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    pull = Pull(outside, url)
    pull.start()
    try:
        eventually(lambda: pull.held_seconds() >= seconds, f"{seconds} s of sound ({pull.why})")
        return pull.take(round(seconds * RATE))
    finally:
        pull.stop()


@pytest.mark.parametrize("form", FORMS)
def test_a_stream_is_recognised_by_its_bytes_and_heard(outside: Outside, broadcaster: Broadcaster, form: str) -> None:
    broadcaster.pages["/live"] = encoded(SOUND, *FORMS[form])
    broadcaster.headers["/live"] = {"Content-Type": "text/plain", "icy-name": "Đài Tân Hòa".encode().decode("latin-1")}
    found = probe(outside, broadcaster.url("/live"), seconds=3)
    assert found.seconds == pytest.approx(3, abs=0.2)
    assert found.level_db == pytest.approx(-20, abs=1.5)
    assert (found.title, found.is_silent) == ("Đài Tân Hòa", False)
    assert likeness(heard_of(outside, broadcaster.url("/live")), SOUND)[1] > 0.9


def test_playlists_lead_to_the_stream(outside: Outside, broadcaster: Broadcaster) -> None:
    broadcaster.pages["/live"] = encoded(SOUND, *FORMS["mp3"])
    broadcaster.pages["/a.m3u"] = b"#EXTM3U\n#EXTINF:-1,VOV1\nb.pls\n"
    broadcaster.pages["/b.pls"] = f"[playlist]\nFile1={broadcaster.url('/live')}\n".encode()
    assert probe(outside, broadcaster.url("/a.m3u"), seconds=2).url == broadcaster.url("/live")
    broadcaster.pages["/round"] = b"#EXTM3U\nround\n"
    with pytest.raises(InvalidInput, match="one playlist to the next"):
        probe(outside, broadcaster.url("/round"))


@pytest.mark.parametrize(
    "options",
    [(), ("-hls_segment_type", "fmp4"), ("-hls_flags", "single_file"), ("-hls_enc", "1", "-hls_enc_key", "0123456789abcdef")],
    ids=["ts", "fmp4", "ranges", "aes-128"],
)  # fmt: skip
def test_an_hls_folder_is_heard(
    outside: Outside, broadcaster: Broadcaster, tmp_path: Path, options: tuple[str, ...]
) -> None:
    folder = hls_folder(SOUND, tmp_path / "hls", *options)
    for file in folder.iterdir():
        broadcaster.pages[f"/{file.name}"] = file
    broadcaster.pages["/master"] = b'#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=70000,CODECS="mp4a.40.2"\nlist.m3u8\n'
    sound = heard_of(outside, broadcaster.url("/master"), 10.0)
    at, alike = likeness(sound[: 8 * RATE], SOUND)
    assert alike > 0.9
    assert at < 1


def test_a_live_hls_folder_goes_on_where_it_was_and_a_lost_piece_is_left_out(
    outside: Outside, broadcaster: Broadcaster, tmp_path: Path
) -> None:
    folder = hls_folder(LONG, tmp_path / "hls")
    files = sorted(folder.glob("list*.ts"), key=lambda path: int(path.stem.removeprefix("list")))
    for file in files:
        broadcaster.pages[f"/{file.name}"] = file
    del broadcaster.pages[f"/{files[7].name}"]
    begun = time.monotonic()

    def window(handler: object) -> None:
        """Five pieces, a new one every 0.4 s: five times as quick as it sounds."""
        first = min(int((time.monotonic() - begun) / 0.4), len(files) - 5)
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
        lines += [line for file in files[first : first + 5] for line in ("#EXTINF:0.4,", file.name)]
        handler.begin("/list.m3u8")  # type: ignore[attr-defined]
        handler.wfile.write("\n".join(lines).encode())  # type: ignore[attr-defined]

    broadcaster.pages["/list.m3u8"] = window
    sound = heard_of(outside, broadcaster.url("/list.m3u8"), 14.0)
    began, alike = likeness(sound[: 2 * RATE], LONG)
    assert alike > 0.9
    assert 3.5 < began < 10.5  # not from the beginning of what is there
    after, alike = likeness(sound[-2 * RATE :], LONG)
    assert alike > 0.9
    assert after - began == pytest.approx(12 + 2, abs=0.3)  # twelve seconds, and the two that were lost
    asked = [path for path in broadcaster.asked if path.endswith(".ts")]
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<html><body>" + b"x" * 20_000, "no sound"), (b"", "no sound"), (b"\x7fELF" + bytes(20_000), "no sound"),
        (b"PK\x03\x04" + bytes(20_000), "no sound"), (b"#EXTM3U\n", "names no stream"),
    ],
)  # fmt: skip
def test_what_is_no_sound_is_refused_with_the_reason(
    outside: Outside, broadcaster: Broadcaster, content: bytes, why: str
) -> None:
    broadcaster.pages["/live"] = content
    with pytest.raises(LoaError, match=why):
        probe(outside, broadcaster.url("/live"))
    with pytest.raises(OutsideFailed, match="404"):
        probe(outside, broadcaster.url("/nothing"))


def test_a_playlist_is_no_way_into_the_inner_network(broadcaster: Broadcaster) -> None:
    door = Outside(["radio.example"], lookup=lambda _host, _port: ["127.0.0.1"])
    port = broadcaster.server_address[1]
    broadcaster.pages["/a.m3u"] = broadcaster.url("/secret").encode()
    broadcaster.pages["/hls"] = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{broadcaster.url('/secret')}\n".encode()
    for path in ("/a.m3u", "/hls"):
        with pytest.raises(LoaError):
            probe(door, f"http://radio.example:{port}{path}")
    assert "/secret" not in broadcaster.asked


def test_silence_is_known_as_such(outside: Outside, broadcaster: Broadcaster) -> None:
    broadcaster.pages["/live"] = encoded(np.zeros(RATE * 10, np.float32), *FORMS["mp3"])
    assert probe(outside, broadcaster.url("/live"), seconds=2).is_silent


@pytest.mark.realtime
def test_a_stream_that_breaks_off_is_pulled_again_and_nothing_grows(outside: Outside, broadcaster: Broadcaster) -> None:
    content = encoded(LONG, *FORMS["mp3"])
    broadcaster.pages["/live"] = live(content[:40_000], burst=24_000)
    pull = Pull(outside, broadcaster.url("/live"))
    pull.start()
    try:
        eventually(lambda: pull.state() == "sounding", "it sounds")
        eventually(lambda: pull.times_lost >= 1, "it broke off")
        broadcaster.pages["/live"] = live(content, burst=len(content), ends=False)
        eventually(lambda: len(broadcaster.asked) >= 2, "it was asked for again")
        eventually(lambda: pull.held_seconds() > 19, "it goes on")
        assert pull.held_seconds() <= 20.1
        eventually(lambda: pull.state() == "stalled", "the stall is noticed")
    finally:
        begun = time.monotonic()
        pull.stop()
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("form", ["mp3", "aac", "ts"])
def test_a_stream_that_is_entered_in_the_middle_of_a_frame_is_recognised(form: str) -> None:
    content = encoded(SOUND, *FORMS[form])
    kinds = {kind_of(content[at : at + 16_384]) for at in range(4_000, 9_000, 97)}
    assert kinds == {{"ts": "mpegts"}.get(form, form)}


def test_what_is_no_sound_is_not_taken_for_a_stream_that_was_entered() -> None:
    chance = np.random.default_rng(5)
    assert {kind_of(chance.bytes(16_384)) for _ in range(200)} == {None}
    assert kind_of(b"\xff" * 16_384) is None

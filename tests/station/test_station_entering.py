"""A stream is entered where a frame begins, wherever the broadcaster's bytes begin."""

import os

import pytest
from relay_lab import FORMS, encoded, noise

from station.decoding import StreamDecoder
from station.entering import MOST_BYTES, entered, first_frame

FORM = {
    "44.1": FORMS["mp3"],
    "24": ("-ar", "24000", *FORMS["mp3"]),
    "128": ("-c:a", "libmp3lame", "-b:a", "128k", "-f", "mp3"),
}


def pieces(content: bytes, size: int = 700) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


def decodes(content: bytes) -> int:
    """Bytes of sound that come out when these come through a pipe."""
    reading, writing = os.pipe()
    os.write(writing, content[:60_000])
    os.close(writing)
    decoder = StreamDecoder(reading)
    try:
        return len(decoder.read(decoder.rate))
    finally:
        decoder.close()


@pytest.mark.parametrize("form", FORM)
@pytest.mark.parametrize("cut", [1, 97, 5_003, 12_345])
def test_a_stream_that_begins_within_a_frame_can_be_decoded(form: str, cut: int) -> None:
    content = encoded(noise(8.0), *FORM[form])[cut:]
    whole = b"".join(entered(pieces(content)))
    assert content.endswith(whole)
    assert len(content) - len(whole) < 1_100  # no more than a frame is lost
    assert decodes(whole) > 40_000


def test_what_begins_with_a_frame_or_a_mark_is_left_as_it_is() -> None:
    for form in ("mp3", "ogg"):
        content = encoded(noise(3.0), *FORMS[form])
        assert b"".join(entered(pieces(content))) == content


def test_what_is_no_mp3_is_passed_on_whole_and_a_bounded_part_of_it_is_held() -> None:
    content = bytes(range(256)) * 1_000
    asked = 0

    def coming():
        nonlocal asked
        for piece in pieces(content, 4_096):
            asked += 1
            yield piece

    taken = entered(coming())
    assert len(next(taken)) == MOST_BYTES
    assert asked == MOST_BYTES // 4_096
    assert b"".join(entered([])) == b""
    assert first_frame(b"\xff" * 5_000) is None

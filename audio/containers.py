"""What kind of sound file this is, by its first bytes alone; the name never counts.

The answer is the demuxer that ffmpeg is then told to use. What is not listed is refused here, before ffmpeg sees it:
playlists, subtitles, pictures, programs and archives have nothing to fetch or to misread.
"""

from collections.abc import Callable
from typing import IO

_HEAD_BYTES = 64
_SEARCHED_BYTES = 256 * 1024
_FRAMES_IN_A_ROW = 4
_UNKNOWN_SIZE = 0xFFFFFFFF  # written by programs that stream
_MOST_PAGE_BYTES, _LAST_PAGE = 65_307, 4  # RFC 3533, section 6
_ONES, _SYNC = 0xFF, 0xE0  # eleven bits set start a frame
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_W64 = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
_EBML = b"\x1a\x45\xdf\xa3"
_PLAIN = (
    (b"OggS", "ogg"), (b"fLaC", "flac"), (b"#!AMR", "amr"), (_ASF, "asf"), (_EBML, "matroska"), (b"caff", "caf"),
    (_W64, "w64"), (b".snd", "au"),
)  # fmt: skip

# MPEG audio: bit rates (kbit/s) by (version 1?, layer), and rates (Hz) by version bits.
_BIT_RATES = {
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
}
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def _mpeg_frame(data: bytes, at: int) -> int:
    """Length of the MPEG audio frame at `at`, or 0 (ISO 11172-3, 2.4.1.3; version 2.5 as everybody reads it)."""
    if at + 4 > len(data) or data[at] != _ONES or data[at + 1] & _SYNC != _SYNC:
        return 0
    version, layer = data[at + 1] >> 3 & 3, 4 - (data[at + 1] >> 1 & 3)
    index, rate_index, padding = data[at + 2] >> 4, data[at + 2] >> 2 & 3, data[at + 2] >> 1 & 1
    if version == 1 or layer == 4 or index in (0, 15) or rate_index == 3:  # noqa: PLR2004 - reserved values
        return 0
    bits, rate = _BIT_RATES[version == 3, layer][index - 1] * 1000, _RATES[version][rate_index]  # noqa: PLR2004
    if layer == 1:
        return (12 * bits // rate + padding) * 4
    samples = 576 if layer == 3 and version != 3 else 1152  # noqa: PLR2004
    return samples // 8 * bits // rate + padding


def _adts_frame(data: bytes, at: int) -> int:
    """Length of the ADTS (raw AAC) frame at `at`, or 0 (ISO 13818-7, 6.2)."""
    if at + 7 > len(data) or data[at] != _ONES or data[at + 1] & 0xF6 != 0xF0 or data[at + 2] >> 2 & 15 > 12:  # noqa: PLR2004
        return 0
    length = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    return length if length > 7 else 0  # noqa: PLR2004 - the header itself


def _frames_in_a_row(data: bytes, frame: Callable[[bytes, int], int], start: int) -> bool:
    at, found = start, 0
    while found < _FRAMES_IN_A_ROW:
        length = frame(data, at)
        if not length:
            return found >= 1 and at >= len(data)  # a very short file may hold fewer
        at, found = at + length, found + 1
    return True


def _after_id3(file: IO[bytes]) -> bytes:
    """What follows the ID3v2 tags (a cover picture may take megabytes), zero padding left out."""
    at = 0
    for _ in range(8):
        file.seek(at)
        head = file.read(10)
        if head[:3] != b"ID3" or len(head) < 10:  # noqa: PLR2004
            break
        at += 10 + (head[6] & 127) * 2**21 + (head[7] & 127) * 2**14 + (head[8] & 127) * 2**7 + (head[9] & 127)
        at += 10 if head[5] & 16 else 0
    file.seek(at)
    return file.read(_SEARCHED_BYTES)


def recognise(file: IO[bytes]) -> str | None:
    """The demuxer for an open file, or None for what is no sound file we take. Leaves the file at its start."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    try:
        return _by_mark(head) or _by_frames(file, head)
    finally:
        file.seek(0)


def within_stream(data: bytes) -> str | None:
    """`mp3` or `aac` where `data`, cut out of a stream anywhere, has four whole frames in a row; None where not."""
    at = data.find(b"\xff")
    while at >= 0:
        for demuxer, frame in (("mp3", _mpeg_frame), ("aac", _adts_frame)):
            behind = at
            for _ in range(_FRAMES_IN_A_ROW):
                length = frame(data, behind)
                behind += length
                if not length or behind > len(data):
                    break
            else:
                return demuxer
        at = data.find(b"\xff", at + 1)
    return None


def is_cut_short(file: IO[bytes], demuxer: str) -> bool:
    """Whether a WAV or Ogg file lacks its end, which their decoders do not notice. Leaves the file at its start."""
    try:
        size = file.seek(0, 2)
        if demuxer == "wav":
            file.seek(4)
            promised = int.from_bytes(file.read(4), "little")
            return promised != _UNKNOWN_SIZE and promised + 8 > size + 1  # the padding byte is often left out
        if demuxer == "ogg":
            file.seek(max(0, size - _MOST_PAGE_BYTES))
            tail = file.read()
            last = tail.rfind(b"OggS")
            return last < 0 or not tail[last + 5 : last + 6] or not tail[last + 5] & _LAST_PAGE
        return False
    finally:
        file.seek(0)


def _by_mark(head: bytes) -> str | None:
    for mark, demuxer in _PLAIN:
        if head.startswith(mark):
            return demuxer
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide") and head[8:12] not in (b"heic", b"avif", b"mif1"):
        return "mov"
    return None


def _by_frames(file: IO[bytes], head: bytes) -> str | None:
    data = _after_id3(file) if head.startswith(b"ID3") else head
    if not head.startswith(b"ID3"):
        file.seek(0)
        data = file.read(_SEARCHED_BYTES)
    start = len(data) - len(data.lstrip(b"\0"))
    if head.startswith(b"ID3"):
        # Real files carry some kilobytes of junk between tag and sound.
        at = data.find(b"\xff", start)
        while at >= 0:
            if _mpeg_frame(data, at) and _frames_in_a_row(data, _mpeg_frame, at):
                return "mp3"
            if _adts_frame(data, at) and _frames_in_a_row(data, _adts_frame, at):
                return "aac"
            at = data.find(b"\xff", at + 1)
        return None
    if _adts_frame(data, start) and _frames_in_a_row(data, _adts_frame, start):
        return "aac"
    if _mpeg_frame(data, start) and _frames_in_a_row(data, _mpeg_frame, start):
        return "mp3"
    return None

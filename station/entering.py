"""Where a decoder may enter a stream that is joined somewhere in its middle, as Icecast hands it out. Pure.

libsndfile takes a pipe for MP3 only where a frame begins at its very first byte (ISO/IEC 11172-3, 2.4.1.3).
"""

from collections.abc import Iterable, Iterator
from itertools import chain

MOST_BYTES = 64 * 1024
_MARKS = (b"OggS", b"ID3")
_IN_A_ROW = 3
_HEAD = 4
_BIT_RATES = {
    3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),  # MPEG-1, layer III
    0: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),  # MPEG-2 and 2.5, layer III
}
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_MPEG_1 = 3


def entered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces from the first whole MP3 frame on; as they are where they begin with a mark, or have no such frame."""
    coming, head = iter(pieces), b""
    for piece in coming:
        head += piece
        if head.startswith(_MARKS) or len(head) >= MOST_BYTES:
            break
        if (at := first_frame(head)) is not None:
            head = head[at:]
            break
    return chain([head] if head else [], coming)


def first_frame(data: bytes) -> int | None:
    """Where the first of three frames in a row begins of which the heads are all there; None where there is none."""
    at = data.find(b"\xff")
    while at >= 0:
        behind = at
        for _ in range(_IN_A_ROW):
            length = _frame(data, behind)
            behind += length
            if not length:
                break
        else:
            return at
        at = data.find(b"\xff", at + 1)
    return None


def _frame(data: bytes, at: int) -> int:
    """Length of the layer III frame at `at`, or 0."""
    head = int.from_bytes(data[at : at + _HEAD], "big") if at + _HEAD <= len(data) else 0
    version, layer = head >> 19 & 3, head >> 17 & 3
    index, rate = head >> 12 & 15, head >> 10 & 3
    if head >> 21 != 0x7FF or layer != 1 or version == 1 or index in (0, 15) or rate == 3:  # noqa: PLR2004 - reserved
        return 0
    kbit = _BIT_RATES[_MPEG_1 if version == _MPEG_1 else 0][index - 1]
    return (144 if version == _MPEG_1 else 72) * kbit * 1000 // _RATES[version][rate] + (head >> 9 & 1)

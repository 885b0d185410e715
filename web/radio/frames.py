"""MP3 as this house makes it, frame by frame: MPEG-1 layer III, mono, 44.1 kHz, 64 kbit/s constant, no checksum.

A frame's sound may begin up to 511 bytes before it, in what the frames before left free (the bit reservoir, ISO/IEC
11172-3, 2.4.2.7). So a frame cut from its neighbours can't be heard; it is sent muted, with its bytes for those behind.
"""

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from core.errors import N_, EngineFailed

RATE = 44_100
SAMPLES = 1_152
SECONDS = SAMPLES / RATE
BYTES = 144 * 64_000 / RATE  # on average: frames have 208 bytes, most of them one more
# What an encoder (576) and a decoder (529) put before the first sample of a file.
DELAY_SECONDS = 1_105 / RATE
_SHORT = 208
_HEAD = 4
_SIDE = 17  # side information of a mono frame
_RESERVOIR = 511
_NEAR = 4
_ID3_HEAD = 10
_READ_AHEAD = 4_096
_NO_MP3 = N_("The file is not MP3 as this system makes it: mono, 44.1 kHz, 64 kbit/s.")


def is_head(data: bytes, at: int = 0) -> bool:
    """Whether a frame of this kind begins at `at`."""
    head = data[at : at + _HEAD]
    return len(head) == _HEAD and head[:2] == b"\xff\xfb" and head[2] & 0xFC == 0x50 and head[3] & 0xC0 == 0xC0  # noqa: PLR2004


def length(data: bytes, at: int = 0) -> int:
    """Bytes of the frame that begins at `at`."""
    return _SHORT + (data[at + 2] >> 1 & 1)


def split(data: bytes) -> list[bytes]:
    """The whole frames at the beginning of `data`."""
    found, at = [], 0
    while is_head(data, at) and at + length(data, at) <= len(data):
        found.append(data[at : at + length(data, at)])
        at += length(data, at)
    return found


def next_head(data: bytes) -> int:
    """Where the next frame begins of which the head of the one behind it is there too; the end where there is none."""
    for at in range(len(data)):
        if is_head(data, at) and is_head(data, at + length(data, at)):
            return at
    return len(data)


def silence(first: int, count: int) -> list[bytes]:
    """Silent frames number `first` and on of a stream, padded so that the stream has its constant rate."""
    return [_SILENT[int((n + 1) * BYTES) - int(n * BYTES) - _SHORT] for n in range(first, first + count)]


def _silent(padding: int) -> bytes:
    return bytes((0xFF, 0xFB, 0x50 | padding << 1, 0xC0)).ljust(_SHORT + padding, b"\0")


_SILENT = (_silent(0), _silent(1))


def reaches_back(frame: bytes) -> int:
    """How many bytes before the frame its sound begins (main_data_begin)."""
    return frame[_HEAD] << 1 | frame[_HEAD + 1] >> 7


def muted(frame: bytes) -> bytes:
    """The frame as silence, with the bytes that those behind it may need."""
    return frame[:_HEAD] + bytes(_SIDE) + frame[_HEAD + _SIDE :]


class Splice:
    """Mutes what reaches back beyond the place where sound was cut in. Feed it every frame, in order."""

    def __init__(self) -> None:
        self._there = 0

    def cut(self) -> None:
        """What comes next does not belong to what came before."""
        self._there = 0

    def joined(self, frame: bytes) -> bytes:
        """The frame as it may be sent."""
        there = self._there
        self._there = min(there + len(frame) - _HEAD - _SIDE, _RESERVOIR)
        return frame if there >= _RESERVOIR or reaches_back(frame) <= there else muted(frame)


def entered(frames: Sequence[bytes]) -> list[bytes]:
    """Frames of a stream as somebody can hear them who begins with them."""
    splice, first = Splice(), -(-_RESERVOIR // (_SHORT - _HEAD - _SIDE)) + 1
    return [splice.joined(frame) for frame in islice(frames, first)] + list(frames[first:])


class Track:
    """An MP3 file as frames. Holds it open: also a file that is removed meanwhile is played to its end."""

    def __init__(self, path: Path) -> None:
        """Raises EngineFailed for what can't be read or is not such a file."""
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise EngineFailed(_NO_MP3) from error
        try:
            self._begin = self._first_sound()
            self.count = round((os.fstat(self._file.fileno()).st_size - self._begin) / BYTES)
        except (OSError, EngineFailed) as error:
            self.close()
            raise EngineFailed(_NO_MP3) from error
        self._next = (0, self._begin)

    def _read(self, size: int, at: int) -> bytes:
        return os.pread(self._file.fileno(), size, at)

    def _first_sound(self) -> int:
        """Where the first frame with sound begins: behind an ID3 tag and the encoder's frame of facts."""
        begin, head = 0, self._read(_ID3_HEAD, 0)
        if head[:3] == b"ID3" and len(head) == _ID3_HEAD:
            begin = _ID3_HEAD + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
        data = self._read(_READ_AHEAD, begin)
        if not is_head(data) or not is_head(data, length(data)):
            raise EngineFailed(_NO_MP3)
        facts = data[_HEAD + _SIDE : _HEAD + _SIDE + 4] in {b"Xing", b"Info"}
        return begin + (length(data) if facts else 0)

    def frames(self, first: int, count: int) -> list[bytes]:
        """Frames `first` and on, fewer than `count` at the end of the file. Raises OSError."""
        at = self._next[1] if self._next[0] == first else self._find(first)
        found = list(islice(split(self._read(count * (_SHORT + 1), at)), count)) if at is not None else []
        if at is not None:
            self._next = (first + len(found), at + sum(map(len, found)))
        return found

    def _find(self, index: int) -> int | None:
        """Where frame `index` begins: at a constant rate that is known but for the padding."""
        about = self._begin + round(index * BYTES)
        data = self._read(2 * (_SHORT + 1) + 2 * _NEAR + _HEAD, max(about - _NEAR, 0))
        for shift in sorted(range(2 * _NEAR + 1), key=lambda each: abs(each - _NEAR)):
            if is_head(data, shift):
                behind = shift + length(data, shift)
                if behind >= len(data) or is_head(data, behind):
                    return max(about - _NEAR, 0) + shift
        return None

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

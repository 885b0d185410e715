"""How loud an Opus file plays: a field in its header that every decoder applies (RFC 7845, section 5.1, "Output Gain").

So a whole file is put right by a few tenths of a decibel without encoding it again.
"""

import math
import struct
from pathlib import Path

from core.errors import N_, EngineFailed

STEPS_A_DB = 256
_PAGE_HEADER = 27  # RFC 3533: before the lengths of the segments, of which the last byte here tells the number
_CHECKSUM = slice(22, 26)
_MOST_HEADER = _PAGE_HEADER + 255 + 255 * 255
_GAIN_AT = 16  # in the packet "OpusHead"
_POLYNOMIAL = 0x04C11DB7


def _checksum(page: bytes) -> int:
    """CRC-32 as Ogg has it: most significant bit first, from 0, nothing inverted (RFC 3533, section 6)."""
    remainder = 0
    for byte in page:
        remainder ^= byte << 24
        for _ in range(8):
            remainder = (remainder << 1) ^ (_POLYNOMIAL if remainder & 0x80000000 else 0)
            remainder &= 0xFFFFFFFF
    return remainder


def rounded_down(db: float) -> float:
    """The next lower level that can be written."""
    return math.floor(db * STEPS_A_DB) / STEPS_A_DB


def change_level(path: Path, db: float) -> None:
    """Let an Ogg Opus file of ours play `db` louder than now, in place. Raises EngineFailed for any other file."""
    with path.open("r+b") as file:
        begin = file.read(_MOST_HEADER)
        lengths = begin[_PAGE_HEADER - 1 : _PAGE_HEADER]
        start = _PAGE_HEADER + (lengths[0] if lengths else 0)
        page = bytearray(begin[: start + sum(begin[_PAGE_HEADER:start])])
        if page[:4] != b"OggS" or page[start : start + 8] != b"OpusHead" or len(page) < start + _GAIN_AT + 2:
            raise EngineFailed(N_("The encoded sound can't be decoded again."))
        (gain,) = struct.unpack_from("<h", page, start + _GAIN_AT)
        struct.pack_into("<h", page, start + _GAIN_AT, gain + round(db * STEPS_A_DB))
        page[_CHECKSUM] = bytes(4)
        page[_CHECKSUM] = struct.pack("<I", _checksum(bytes(page)))
        file.seek(0)
        file.write(page)

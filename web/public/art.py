"""The square picture of a podcast: a loudspeaker on a ground of its own colour, as a PNG made line by line.

Readers of podcasts want 1400 to 3000 pixels square and less than 500 kB. A palette of a few shades and runs of equal
pixels make it a few kB, without a library for pictures.
"""

import colorsys
import hashlib
import math
import struct
import zlib
from collections.abc import Iterator
from functools import lru_cache

SIDE = 1_400
_SHADES = 16  # between ground and drawing, for smooth edges
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PAPER = (246, 245, 240)
_WAVES = (430.0, 540.0, 650.0)  # radii of the three waves before the horn
_WAVE_HALF = 24.0  # half their thickness
_SPREAD = 0.72  # they reach this far up and down, as a share of their radius
_MOUTH = (560.0, 700.0)  # where the waves come from: the middle of the horn's mouth


@lru_cache(maxsize=64)
def png(name: str) -> bytes:
    """The picture for this name: the same for the same name, of a few dozen colours in all."""
    rows = b"".join(b"\x00" + bytes(_row(y + 0.5)) for y in range(SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", header), (b"PLTE", _palette(name)), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(kind, content) for kind, content in parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


def _palette(name: str) -> bytes:
    """Shades from the ground to the drawing; the hue comes from the name."""
    hue = hashlib.sha256(name.encode()).digest()[0] / 256
    ground = tuple(round(255 * part) for part in colorsys.hls_to_rgb(hue, 0.24, 0.55))
    mixed = [
        round(low + (high - low) * shade / (_SHADES - 1))
        for shade in range(_SHADES)
        for low, high in zip(ground, _PAPER, strict=True)
    ]
    return bytes(mixed)


def _row(y: float) -> bytearray:
    """One line of the picture: the number of a shade for each pixel."""
    row = bytearray(SIDE)
    for start, end in _spans(y):
        _fill(row, start, end)
    return row


def _fill(row: bytearray, start: float, end: float) -> None:
    """Draw from `start` to `end`; pixels that are covered in part get a shade between."""
    start, end = max(0.0, start), min(float(SIDE), end)
    first, last = math.floor(start), math.floor(end)
    if end <= start:
        return
    if first == last:
        _shade(row, first, end - start)
        return
    _shade(row, first, first + 1 - start)
    row[first + 1 : last] = bytes([_SHADES - 1]) * (last - first - 1)
    if last < SIDE:
        _shade(row, last, end - last)


def _shade(row: bytearray, x: int, covered: float) -> None:
    row[x] = max(row[x], round(covered * (_SHADES - 1)))


def _spans(y: float) -> Iterator[tuple[float, float]]:
    """Where the line at height `y` crosses the drawing, from the left to the right."""
    off = abs(y - _MOUTH[1])
    if off < 130:  # noqa: PLR2004 - the body behind the horn
        yield 230.0, 330.0
    if off < 110 + 190:  # the horn opens from 110 to 300 above and below the middle
        yield 340.0 + max(0.0, (off - 110) / 190) * 220, 600.0
    for radius in _WAVES:
        if off < _SPREAD * radius:
            inner, outer = radius - _WAVE_HALF, radius + _WAVE_HALF
            right = math.sqrt(outer * outer - off * off)
            left = math.sqrt(inner * inner - off * off) if off < inner else 0.0
            yield _MOUTH[0] + left, _MOUTH[0] + right

"""Polygons and circles, from text to numbers. What can be mended is mended, the rest counted, never guessed."""

import math
import re

from alerts.cap.message import Circle, Point
from alerts.cap.remarks import Remarks
from core.errors import N_

_NUMERIC = re.compile(r"[0-9eE+.\s-]*")  # keeps out what float() takes besides: nan, 1_000, digits of other scripts
_LATITUDE, _LONGITUDE = 90.0, 180.0
_WHOLE_TURN = 360.0
_LEAST_CORNERS = 3
_HALF_EARTH_KM = 20_020.0
_NOISE = str.maketrans("[](){};|\u00a0\u2212", "         -")


def _numbers(text: str, most: int) -> list[float] | None:
    """All numbers in `text`, or None when there is anything else in it but separators, or more than `most`."""
    plain = text.translate(_NOISE).replace(",", " ")
    words = plain.split()
    if not words or len(words) > most or not _NUMERIC.fullmatch(plain):
        return None
    try:
        return list(map(float, words))
    except ValueError:
        return None


def _turned(longitude: float) -> float:
    """Longitudes from 180 to 360 degrees are in use for the Pacific; -180..180 comes out."""
    return longitude - _WHOLE_TURN if longitude > _LONGITUDE else longitude


def _points(numbers: list[float], remarks: Remarks) -> list[Point] | None:
    """Pairs as latitude and longitude; the other way round where only that is possible."""
    if len(numbers) % 2 or not all(map(math.isfinite, numbers)):
        return None
    firsts, seconds = numbers[::2], numbers[1::2]
    if _possible(firsts, seconds):
        latitudes, longitudes = firsts, seconds
    elif _possible(seconds, firsts):
        latitudes, longitudes = seconds, firsts
        remarks.add("swapped", N_("Longitude stands before latitude in a polygon or circle; read the other way round."))
    else:
        return None
    return [(latitude, _turned(longitude)) for latitude, longitude in zip(latitudes, longitudes, strict=True)]


def _possible(latitudes: list[float], longitudes: list[float]) -> bool:
    return all(abs(each) <= _LATITUDE for each in latitudes) and all(
        -_LONGITUDE <= e <= _WHOLE_TURN for e in longitudes
    )


def polygon(text: str, most_points: int, remarks: Remarks) -> tuple[Point, ...] | None:
    """A closed ring of at least four pairs, or None when `text` is not one (noted)."""
    numbers = _numbers(text, 2 * most_points)
    points = _points(numbers, remarks) if numbers else None
    if points and _irregular(text):
        remarks.add("polygon_form", N_("A polygon is not written as the standard says, but is clear."))
    if points and points[0] != points[-1]:
        points.append(points[0])
        remarks.add("unclosed", N_("A polygon does not end where it began; it was closed."))
    if not points or len(set(points)) < _LEAST_CORNERS or _flat(points):
        remarks.add("polygon", N_("A polygon can't be read; the area is larger than what is known of it."))
        return None
    return tuple(points)


def _flat(ring: list[Point]) -> bool:
    """Whether a ring encloses nothing: its corners lie in a line that doesn't go around the globe."""
    y0, x0 = ring[0]
    y1, x1 = next(point for point in ring if point != ring[0])
    longitudes = [longitude for _, longitude in ring]
    return max(longitudes) - min(longitudes) < _LONGITUDE and all(
        (y - y0) * (x1 - x0) == (x - x0) * (y1 - y0) for y, x in ring
    )


def _irregular(text: str) -> bool:
    if text.translate(_NOISE) != text:
        return True
    return any(word.count(",") != 1 or word[0] == "," or word[-1] == "," for word in text.split())


def circle(text: str, remarks: Remarks) -> Circle | None:
    """`latitude,longitude radius`, the radius in km, or None when `text` is not that (noted)."""
    numbers = _numbers(text, _LEAST_CORNERS)
    points = _points(numbers[:2], remarks) if numbers and len(numbers) == _LEAST_CORNERS else None
    if not numbers or not points or not 0 <= numbers[2] <= _HALF_EARTH_KM:
        remarks.add("circle", N_("A circle can't be read; the area is larger than what is known of it."))
        return None
    return Circle(points[0], numbers[2])

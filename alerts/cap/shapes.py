"""Polygons and circles on the globe against many points at once.

A polygon is laid out on a plane of longitude and latitude, unrolled across the antimeridian and closed over a pole it
encloses. Shapely answers for rings that don't cross themselves; in those that do, a point is within when the ring winds
around it at all: nothing that a sender enclosed is left out.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alerts.cap.message import Circle, Point

Degrees = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]
"""Places in the arrays of points."""

EARTH_RADIUS_KM = 6371.0088
"""The mean radius of the IUGG; distances are right to 0.6 %."""

_POLE = 90.0
_HALF, _TURN = 180.0, 360.0
WORK = 200_000_000
"""Pairs of point and edge for the areas of one message: some seconds. A ring that crosses itself takes one for each
point and corner."""

_MARGIN = 1.001
_CELLS = 2_000_000  # how many pairs of point and edge are looked at together: 16 MB an array


class Positions:
    """Many points, made once and asked often. The work of all questions together is bounded (`WORK`)."""

    def __init__(self, latitudes: Degrees, longitudes: Degrees) -> None:
        self._latitudes, self._longitudes = latitudes, longitudes
        self._order = np.argsort(latitudes, kind="stable")
        self._sorted = latitudes[self._order]

    def in_circle(self, circle: Circle) -> Places:
        """Which points lie within the circle's radius on the sphere (haversine). A radius of 0 holds none."""
        reach = np.degrees(circle.radius_km / EARTH_RADIUS_KM) * _MARGIN
        near = self._band(circle.centre[0] - reach, circle.centre[0] + reach)
        phi, own = np.radians(self._latitudes[near]), np.radians(circle.centre[0])
        across = np.radians(self._longitudes[near] - circle.centre[1])
        chord = np.sin((phi - own) / 2) ** 2 + np.cos(phi) * np.cos(own) * np.sin(across / 2) ** 2
        distances = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(chord, 0.0, 1.0)))
        hit: Places = near[(distances <= circle.radius_km) & (circle.radius_km > 0)]
        return hit

    def in_polygon(self, ring: Sequence[Point], budget: "Budget") -> Places:
        """Which points lie in the ring or on it; once `budget` is used up, which lie in its bounding box."""
        outline = _unrolled(ring)
        west, south = outline.min(axis=0)
        east, north = outline.max(axis=0)
        band = self._band(south, north)
        found = [np.empty(0, dtype=np.intp)]
        for turn in range(int(np.floor((west - _HALF) / _TURN)), int(np.ceil((east + _HALF) / _TURN)) + 1):
            x = self._longitudes[band] + turn * _TURN
            chosen = (x >= west) & (x <= east)
            near, x = band[chosen], x[chosen]
            found.append(near[_inside(outline, x, self._latitudes[near], budget)] if len(near) else near)
        return np.unique(np.concatenate(found))

    def _band(self, south: float, north: float) -> Places:
        first = np.searchsorted(self._sorted, south, side="left")
        last = np.searchsorted(self._sorted, north, side="right")
        return self._order[first:last]


class Budget:
    """Pairs of point and edge, or points, that may still be looked at. `spent` once there were not enough."""

    def __init__(self, work: int = WORK) -> None:
        self._left = work
        self.spent = False

    def takes(self, work: int) -> bool:
        """Whether that much is left; then it is used."""
        if work > self._left:
            self.spent = True
            return False
        self._left -= work
        return True


def _unrolled(ring: Sequence[Point]) -> Degrees:
    """The ring as x (longitude) and y (latitude), without jumps; between two corners it takes the shorter way round."""
    y, x = np.array(ring, dtype=np.float64).T
    steps = np.diff(x)
    x = x[0] + np.concatenate([[0.0], np.cumsum((steps + _HALF) % _TURN - _HALF)])
    outline = np.column_stack([x, y])
    if abs(x[-1] - x[0]) > _HALF:  # once around the globe: it encloses the nearer pole
        pole = _POLE if y.mean() >= 0 else -_POLE
        outline = np.vstack([outline, [x[-1], pole], [x[0], pole], outline[0]])
    return outline


def _inside(outline: Degrees, x: Degrees, y: Degrees, budget: Budget) -> Flags:
    import shapely  # takes a quarter of a second to load

    everything: Flags = np.ones(len(x), dtype=np.bool_)
    if not budget.takes(len(outline) + len(x)):
        return everything
    polygon = shapely.Polygon(outline)
    if polygon.is_valid:
        shapely.prepare(polygon)
        return np.asarray(shapely.intersects_xy(polygon, x, y), dtype=np.bool_)
    return winds_around(outline, x, y) if budget.takes(len(outline) * len(x)) else everything


def winds_around(outline: Degrees, x: Degrees, y: Degrees) -> Flags:
    """Which points a closed outline winds around, or touches (winding number other than 0; Sunday's crossing rule)."""
    within = np.zeros(len(x), dtype=np.bool_)
    block = max(1, _CELLS // len(outline))
    x1, y1, x2, y2 = outline[:-1, 0], outline[:-1, 1], outline[1:, 0], outline[1:, 1]
    for start in range(0, len(x), block):
        px, py = x[start : start + block, None], y[start : start + block, None]
        side = (x2 - x1) * (py - y1) - (px - x1) * (y2 - y1)
        up = (y1 <= py) & (y2 > py) & (side > 0)
        down = (y1 > py) & (y2 <= py) & (side < 0)
        touches = (
            (side == 0) & (np.minimum(x1, x2) <= px) & (px <= np.maximum(x1, x2))
            & (np.minimum(y1, y2) <= py) & (py <= np.maximum(y1, y2))
        )  # fmt: skip
        within[start : start + block] = (up.sum(axis=1) != down.sum(axis=1)) | touches.any(axis=1)
    return within

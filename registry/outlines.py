"""Outlines of units on a map, drawn around their stations: no other geometry is at hand. Pure."""

from collections.abc import Iterable, Mapping, Sequence

Point = tuple[float, float]  # latitude and longitude in degrees


def hull(points: Iterable[Point]) -> list[Point]:
    """The convex hull of `points`, counter-clockwise in longitude and latitude, without points on its edges.

    Of fewer than three different points, or points in a line, its ends are left. Andrew's monotone chain
    (A. M. Andrew, Information Processing Letters 9, 1979).
    """
    ordered = sorted({(longitude, latitude) for latitude, longitude in points})
    found = _half(ordered)[:-1] + _half(ordered[::-1])[:-1] if len(ordered) > 2 else ordered  # noqa: PLR2004
    return [(latitude, longitude) for longitude, latitude in found]


def _half(ordered: Sequence[Point]) -> list[Point]:
    kept: list[Point] = []
    for point in ordered:
        while len(kept) > 1 and _turn(kept[-2], kept[-1], point) <= 0:
            kept.pop()
        kept.append(point)
    return kept


def _turn(origin: Point, one: Point, other: Point) -> float:
    """Above 0 when the way from `origin` over `one` to `other` turns left."""
    return (one[0] - origin[0]) * (other[1] - origin[1]) - (one[1] - origin[1]) * (other[0] - origin[0])


def level(paths: Iterable[str]) -> int:
    """How deep the units lie that tell these unit paths apart: the first level at which they differ.

    Of one path alone it is its own depth.
    """
    chains = {tuple(path.strip("/").split("/")) for path in paths}
    depth = min((len(chain) for chain in chains), default=1)
    for at in range(depth):
        if len({chain[at] for chain in chains}) > 1:
            return at + 1
    return depth + 1 if len(chains) > 1 else depth


def grouped(points: Mapping[str, Sequence[Point]]) -> dict[str, list[Point]]:
    """The outline of each unit that tells the paths of `points` apart, by its id.

    What stands above that level (a station of the commune itself beside its hamlets) belongs to no outline.
    """
    deep = level(points)
    gathered: dict[str, list[Point]] = {}
    for path, here in points.items():
        chain = path.strip("/").split("/")
        if len(chain) >= deep:
            gathered.setdefault(chain[deep - 1], []).extend(here)
    return {unit: hull(here) for unit, here in gathered.items()}

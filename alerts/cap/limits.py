"""How much of a document is looked at before it is refused. Time and memory follow from these bounds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for one document; the defaults leave ten times the room of the largest messages known from practice."""

    document_bytes: int = 16 * 1024 * 1024
    depth: int = 40
    elements: int = 100_000
    attributes: int = 64
    alerts: int = 1_000
    text_chars: int = 200_000
    """Of one element, except polygons and embedded files."""
    polygon_chars: int = 2_000_000
    drawn_chars: int = 6_000_000
    """Of all polygons of a document together: some 400,000 points, 60 MB once they are numbers."""
    embedded_chars: int = 12_000_000
    """`derefUri`: read over, counted, never decoded."""
    points: int = 100_000
    """Of one polygon."""
    areas: int = 5_000
    shapes: int = 5_000
    infos: int = 500
    references: int = 1_000


LIMITS = Limits()

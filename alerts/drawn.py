"""An area drawn on the map: the stations within it, by the geometry of warning messages."""

from sqlmodel import Session, col, select

from alerts.cap import geometry
from alerts.cap.remarks import Remarks
from core.errors import N_, InvalidInput
from registry.models import Station, Unit
from registry.rights import Actor, Permission
from scheduler.audience import MAX_NAMES

_MOST_CORNERS = 200
_MOST_CHARS = 8_000
Point = tuple[str, str, float, float]  # id, name, latitude, longitude


def points(session: Session, actor: Actor, *, limit: int = 5_000) -> list[Point]:
    """The stations with a position where the actor may raise an emergency, by name."""
    query = (
        select(Station.id, Station.name, Station.latitude, Station.longitude)
        .join(Unit, col(Unit.id) == Station.unit_id)
        .where(actor.within(Permission.ALARM, col(Unit.path)))
        .where(col(Station.latitude).is_not(None), col(Station.longitude).is_not(None))
        .order_by(col(Station.name), col(Station.id))
        .limit(limit)
    )
    found = session.exec(query).all()
    return [(identity, name, lat, lon) for identity, name, lat, lon in found if lat is not None and lon is not None]


def has_points(session: Session, actor: Actor) -> bool:
    """Whether there is any station to draw around."""
    return bool(points(session, actor, limit=1))


def names_in(session: Session, actor: Actor, shape: str) -> list[str]:
    """The stations (`station:ID`) within a polygon `lat,lon lat,lon …` or a circle `lat,lon km`.

    Raises InvalidInput for what is neither, for an area without a station, and for one with too many of them.
    """
    import numpy as np  # heavy, and needed for this alone

    from alerts.cap.shapes import Budget, Positions

    remarks = Remarks()
    kind, _, written = shape.strip().partition(" ")
    ring = geometry.polygon(written, _MOST_CORNERS, remarks) if kind == "polygon" else None
    disc = geometry.circle(written, remarks) if kind == "circle" else None
    if len(shape) > _MOST_CHARS or (ring is None and disc is None):
        raise InvalidInput(N_("What is drawn on the map is no area. Draw it again."), fields={"shape": "form"})
    there = points(session, actor)
    positions = Positions(np.array([each[2] for each in there]), np.array([each[3] for each in there]))
    within = positions.in_polygon(ring, Budget()) if ring is not None else positions.in_circle(disc)  # type: ignore[arg-type]
    if not len(within):
        raise InvalidInput(N_("No station lies in the area that is drawn."), fields={"shape": "empty"})
    if len(within) > MAX_NAMES:
        raise InvalidInput(
            N_("More than %(limit)s stations lie in the area that is drawn. Choose their units instead."),
            fields={"shape": "count"}, limit=MAX_NAMES,
        )  # fmt: skip
    return [f"station:{there[place][0]}" for place in within]

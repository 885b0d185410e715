"""Short ways to merge the two communes of the village."""

from village import Village

from alerts import relocating
from core.database import Database
from registry.merging import Merger


def merge(village: Village, source: str = "79.1", target: str = "79.2", who: str = "root", **more: str) -> Merger:
    with village.database.write() as session:
        return relocating.merge(session, village.actor(who), source, target, village.clock(), **more)


def clashes(merger: Merger, kind: str) -> list[tuple[str, str, str]]:
    """What both had of this kind: what it is, what holds, what holds no more."""
    return [(each.what, each.kept, each.left) for each in merger.clashes if each.kind == kind]


def texts_with(database: Database, needle: str) -> set[str]:
    """Every column of every table in which this text is found."""
    from sqlalchemy import String, cast, func, select

    from loa.tables import metadata

    found = set()
    with database.read() as session:
        for table in metadata.tables.values():
            for column in table.columns:
                there = cast(column, String).contains(needle, autoescape=True)
                if session.execute(select(func.count()).select_from(table).where(there)).scalar_one():
                    found.add(f"{table.name}.{column.name}")
    return found

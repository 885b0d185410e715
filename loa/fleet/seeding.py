"""A province in service, put into a database quickly: units, and stations with their tokens."""

from datetime import datetime

from sqlalchemy import insert

from core.database import Database
from registry.models import Station, Unit
from registry.secrets import digest


def units(database: Database, communes: int, stations_each: int, now: datetime) -> list[str]:
    """One province (`79`, `un_p`) with communes and stations in service; returns the stations' tokens."""
    rows = [{"id": "un_p", "code": "79", "name": "Tỉnh", "parent_id": None, "path": "/un_p/", "created_at": now}]
    stations, tokens = [], []
    for number in range(communes):
        unit = f"un_{number:05}"
        rows.append(
            {
                "id": unit, "code": f"79.{number}", "name": f"Xã {number}", "parent_id": "un_p",
                "path": f"/un_p/{unit}/", "created_at": now,
            }
        )  # fmt: skip
        for each in range(stations_each):
            token = f"sta_{number}_{each}"
            tokens.append(token)
            stations.append(
                {
                    "id": f"st_{number:05}_{each:03}", "unit_id": unit, "name": f"Loa {number}.{each}",
                    "languages": ["vi"], "volume": 70, "token_hash": digest(token), "enrolled_at": now, "serial": "",
                    "model": "", "created_at": now,
                }
            )  # fmt: skip
    with database.write() as session:
        session.execute(insert(Unit), rows)
        session.execute(insert(Station), stations)
    return tokens

"""The province of a rehearsal, put into an empty database in one go: units, stations, bulletins, a timetable.

Each commune has two programmes, one in the morning and one towards evening, each with two bulletins: 14 slots' worth of
airings a week. Every tenth commune also speaks H'Mông, every seventh keeps quiet at noon. Where relays are wished for,
every third relays a broadcaster in the morning, for five minutes; every sixth has a recording that plays in its stead.
"""

import hashlib
import random
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session, SQLModel

from audio.models import Clip
from core.clock import zone
from loa.rehearsal.wishes import START, Wishes, pick
from playlists import relays
from playlists.models import Bulletin, BulletinVersion, Programme, ProgrammeItem, RelaySource, Rendition
from registry.models import Station, Unit
from scheduler.models import Slot, SlotTarget

ZONE = "Asia/Ho_Chi_Minh"
PROVINCE = "un_province"
OTHER_LANGUAGE = "hmn"
NIGHT, NOON = ["22:00", "05:00"], ["11:30", "13:00"]
RELAYED = "https://vov1.example/live.mp3"
RELAY_SECONDS = 300.0
_BULLETINS = 2
_OPUS, _MP3 = 3_000, 8_000  # bytes a second of sound
LATE = (("join", 0.6), ("play", 0.2), ("skip", 0.2))
Rows = dict[type[SQLModel], list[dict[str, Any]]]
_ORDER = (
    Unit, Station, Clip, Bulletin, BulletinVersion, Rendition, RelaySource, Programme, ProgrammeItem, Slot, SlotTarget,
)  # fmt: skip


def commune_id(number: int) -> str:
    return f"un_{number:05}"


def commune_code(number: int) -> str:
    return f"79.{number:05}"


def station_id(number: int) -> str:
    return f"st_{number:06}"


def last_day(wishes: Wishes) -> str:
    """The local date after which no slot of the rehearsal occurs any more."""
    return (START.astimezone(zone(ZONE)) + timedelta(days=wishes.days - 1)).date().isoformat()


def settle(session: Session, wishes: Wishes) -> None:
    """Put it all there, in the caller's transaction: a function of the wishes alone."""
    before = START - timedelta(days=1)
    rows: Rows = {model: [] for model in _ORDER}
    rows[Unit].append(_unit(PROVINCE, "79", "Tỉnh", None, before) | {"quiet_hours": [NIGHT]})
    if wishes.often("relays"):
        source = {"id": relays.id_of(RELAYED), "url": RELAYED, "kind": "mp3", "name": "VOV1", "noted_at": before}
        rows[RelaySource].append(source)
    for number in range(wishes.communes):
        chance = wishes.chance("commune", number)
        unit = _unit(commune_id(number), commune_code(number), f"Xã {number}", PROVINCE, before)
        rows[Unit].append(unit | {"quiet_hours": [NIGHT, NOON] if number % 7 == 1 else None})
        for part, start in (("a", _local(chance, 300, 60)), ("b", _local(chance, 1_005, 60))):
            _programme(rows, wishes, number, part, start, chance, before)
    for number in range(wishes.stations):
        commune = number % wishes.communes
        chance = wishes.chance("station", number)
        both = commune % 10 == 9 and chance.random() < 0.5  # noqa: PLR2004 - half of the stations there
        rows[Station].append(
            {
                "id": station_id(number), "unit_id": commune_id(commune), "name": f"Cụm loa {number}",
                "languages": [OTHER_LANGUAGE, "vi"] if both else ["vi"], "volume": 70,
                "token_hash": f"{number:064}", "enrolled_at": before, "serial": "", "model": "", "created_at": before,
            }
        )  # fmt: skip
    for model in _ORDER:
        if rows[model]:
            session.execute(insert(model), rows[model])


def sound(name: str, seconds: float) -> dict[str, Any]:
    """The columns of a clip that is ready: the hashes and sizes of its files, which nobody ever reads."""
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    return {
        "seconds": seconds, "mp3_sha256": sha256, "mp3_bytes": round(seconds * _MP3),
        "opus_sha256": sha256[::-1], "opus_bytes": round(seconds * _OPUS),
    }  # fmt: skip


def _unit(identity: str, code: str, name: str, parent: str | None, now: datetime) -> dict[str, Any]:
    path = f"/{identity}/" if parent is None else f"/{parent}/{identity}/"
    return {"id": identity, "code": code, "name": name, "parent_id": parent, "path": path, "created_at": now}


def _local(chance: random.Random, first_minute: int, minutes: int) -> str:
    hour, minute = divmod(first_minute + chance.randrange(minutes), 60)
    return f"{hour:02}:{minute:02}"


def _programme(
    rows: Rows, wishes: Wishes, commune: int, part: str, start: str, chance: random.Random, now: datetime
) -> None:
    unit = commune_id(commune)
    programme = f"pr_{commune:05}{part}"
    by = {"created_by": "system", "created_at": now}
    rows[Programme].append({"id": programme, "unit_id": unit, "title": f"Bản tin {part}", **by})
    for position in range(_BULLETINS):
        key = f"{commune:05}{part}{position}"
        _bulletin(rows, key, unit, chance, now)
        rows[ProgrammeItem].append(
            {
                "id": f"pi_{key}", "programme_id": programme, "position": position, "kind": "bulletin",
                "bulletin_id": f"bu_{key}", "count": 1, "clip_id": None, "relay": None, "seconds": None, "title": "",
                "via": "", "approved_by": None,
            }
        )  # fmt: skip
        if commune % 10 == 9 and not position:  # noqa: PLR2004 - every tenth
            clip = _clip(f"cl_{key}h", unit, chance, now)
            rows[Clip].append(clip)
            rows[Rendition].append(
                {
                    "id": f"rn_{key}", "version_id": f"bv_{key}", "position": 0, "language": OTHER_LANGUAGE,
                    "text": "", "clip_id": clip["id"],
                }
            )  # fmt: skip
    if wishes.often("relays") and part == "a" and commune % 3 == 0:
        _relay(rows, commune, programme, chance, now)
    slot = f"sl_{commune:05}{part}"
    rows[Slot].append(
        {
            "id": slot, "unit_id": unit, "programme_id": programme, "zone": ZONE, "rrule": "FREQ=DAILY", "exdates": [],
            "starts": f"{START.astimezone(zone(ZONE)):%Y-%m-%d}T{start}", "until": last_day(wishes),
            "late": pick(chance, LATE), "audience": [f"unit:{unit}"], **by,
        }
    )  # fmt: skip
    rows[SlotTarget].append({"slot_id": slot, "name": f"unit:{unit}"})


def _relay(rows: Rows, commune: int, programme: str, chance: random.Random, now: datetime) -> None:
    """What the programme ends with: the broadcast, fetched by each station."""
    fallback = None
    if commune % 6 == 0:
        fallback = _clip(f"cl_{commune:05}r", commune_id(commune), chance, now)
        rows[Clip].append(fallback)
    rows[ProgrammeItem].append(
        {
            "id": f"pi_{commune:05}r", "programme_id": programme, "position": _BULLETINS, "kind": "relay", "count": 1,
            "relay": RELAYED, "seconds": RELAY_SECONDS, "title": "VOV1", "via": "station",
            "clip_id": fallback["id"] if fallback else None, "bulletin_id": None, "approved_by": "system",
        }
    )  # fmt: skip


def _bulletin(rows: Rows, key: str, unit: str, chance: random.Random, now: datetime) -> None:
    clip = _clip(f"cl_{key}", unit, chance, now)
    rows[Clip].append(clip)
    rows[Bulletin].append(
        {"id": f"bu_{key}", "unit_id": unit, "latest": 1, "approved": 1, "created_by": "system", "created_at": now}
    )
    rows[BulletinVersion].append(
        {
            "id": f"bv_{key}", "bulletin_id": f"bu_{key}", "number": 1, "state": "approved", "title": f"Tin {key}",
            "text": "", "clip_id": clip["id"], "language": "vi", "field": "general",
            "priority": "priority" if chance.random() < 0.1 else "ordinary",  # noqa: PLR2004 - every tenth
            "written_by": "system", "written_at": now, "decided_by": "system", "decided_at": now, "reason": "",
        }
    )  # fmt: skip


def _clip(identity: str, unit: str, chance: random.Random, now: datetime) -> dict[str, Any]:
    return {
        "id": identity, "unit_id": unit, "kind": "speech", "state": "ready", "language": "vi", "content_key": identity,
        "progress": 100, "created_by": "system", "created_at": now, "error_params": {},
        **sound(identity, round(chance.uniform(20, 90), 3)),
    }  # fmt: skip

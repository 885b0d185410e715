"""How much audio a unit may keep, with all units below it: counted, bounded, and set by those above.

What counts: both files of every clip, each clip by itself even where the store holds the same bytes once; recordings
as they were handed in, while they are kept; and, so that a thousand texts at once can't slip through, the expected
size of speech that waits to be made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Label, cast, func, union_all
from sqlmodel import Session, col, select

from audio.models import QUEUED, RENDERING, SPEECH, Clip
from audio.uploads import SIZE_FROM
from core import audit
from core.errors import N_, Forbidden, InvalidInput, NoSpace
from core.files import MB
from registry import units
from registry.models import Unit
from registry.rights import EVERYWHERE, Actor, Permission, within

MAX_QUOTA_MB = 100_000_000
# Speech takes about 75 ms a character, and a second 8 kB as MP3 and 3 kB as Opus.
BYTES_A_CHARACTER = 825


@dataclass(frozen=True)
class Held:
    """What one unit and all below it hold. `quota_mb` is the bound set at this very unit, None for none."""

    unit: Unit
    used_bytes: int
    quota_mb: int | None

    @property
    def left_bytes(self) -> int | None:
        return None if self.quota_mb is None else max(0, self.quota_mb * MB - self.used_bytes)


def _by_path(session: Session, path: str) -> list[tuple[str, int]]:
    """The bytes of each unit at or below `path` that has clips: one query, answered from indexes."""
    unit: Label[str] = col(Clip.unit_id).label("unit_id")
    here = col(Clip.unit_id).in_(select(Unit.id).where(within([path], col(Unit.path))))
    files = func.coalesce(Clip.mp3_bytes, 0) + func.coalesce(Clip.opus_bytes, 0)
    waits = (col(Clip.kind) == SPEECH) & col(Clip.state).in_((QUEUED, RENDERING))
    told = func.length(Clip.upload) >= SIZE_FROM
    parts = union_all(
        select(unit, func.sum(files).label("bytes")).where(here).group_by(unit),
        select(unit, func.length(Clip.text) * BYTES_A_CHARACTER).where(here, waits),
        select(unit, cast(func.substr(Clip.upload, SIZE_FROM), BigInteger)).where(
            here, col(Clip.upload).is_not(None), told
        ),
    ).subquery()
    query = (
        select(Unit.path, cast(func.sum(parts.c.bytes), BigInteger))
        .join(parts, parts.c.unit_id == Unit.id)
        .group_by(col(Unit.path))
    )
    return [(path, int(total)) for path, total in session.exec(query).all()]


def _sum(rows: Sequence[tuple[str, int]], unit: Unit) -> int:
    return sum(total for path, total in rows if path.startswith(unit.path))


def usage(session: Session, unit: Unit) -> int:
    """Bytes that this unit and all units below it hold."""
    return _sum(_by_path(session, unit.path), unit)


def held(session: Session, unit: Unit) -> Held:
    """What the unit holds, and the bound set for it."""
    return Held(unit, usage(session, unit), unit.quota_mb)


def check(session: Session, unit_id: str, more_bytes: int) -> None:
    """Raise NoSpace (`quota_full`) when `more_bytes` of a new clip are too many for its unit or one above.

    Costs one look at the units above where none of them has a quota; else one query over the clips below the
    topmost that has.
    """
    home = session.get_one(Unit, unit_id)
    bounded = [unit for unit in units.ancestors(session, home) if unit.quota_mb is not None]
    rows = _by_path(session, bounded[0].path) if bounded else []
    for unit in bounded:
        used, allowed = _sum(rows, unit), (unit.quota_mb or 0) * MB
        if used + more_bytes > allowed:
            raise NoSpace(
                N_(
                    "The storage of “%(unit)s” is full: %(used)d of %(allowed)d MB are in use. Withdraw what is no "
                    "longer needed, or ask the level above for more."
                ),
                code="quota_full", unit=unit.name, used=-(-used // MB), allowed=unit.quota_mb,
            )  # fmt: skip


def put_quota(session: Session, actor: Actor, unit: Unit, quota_mb: int | None, now: datetime) -> None:
    """Bound the audio of `unit` and all below it to `quota_mb` MiB; None sets no bound here.

    Nobody raises their own: it takes an administrator of the unit above, or of the whole installation for a top unit.
    A bound below what is in use already stops new clips and removes nothing. Raises Forbidden, NotFound, InvalidInput.
    """
    actor.require(Permission.SEE, unit)
    if not may_put(session, actor, unit):
        raise Forbidden(N_("Only an administrator of the level above sets how much a unit may store."))
    if quota_mb is not None and not 0 <= quota_mb <= MAX_QUOTA_MB:
        raise InvalidInput(
            N_("A quota lies between 0 and %(most)s MB."), fields={"quota_mb": "range"}, most=MAX_QUOTA_MB
        )
    unit.quota_mb = quota_mb
    session.add(unit)
    audit.record(
        session, actor=actor.username, action="unit.quota", subject=unit.id, unit_id=unit.id, now=now, quota_mb=quota_mb
    )


def may_put(session: Session, actor: Actor, unit: Unit) -> bool:
    """Whether the actor sets the quota of `unit`."""
    above = session.get(Unit, unit.parent_id) if unit.parent_id else None
    if above is None:
        return EVERYWHERE in actor.paths(Permission.ADMINISTER)
    return actor.may(Permission.ADMINISTER, above)

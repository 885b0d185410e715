"""The dictionary of a unit: how words of that place are to be said. Inherited down the tree; the nearest unit wins."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from audio.models import Pronunciation
from core import audit
from core.errors import N_, Conflict, InvalidInput, NotFound
from core.ids import new_id
from registry.models import Unit
from registry.rights import Actor, Permission

MAX_WRITTEN = 60
MAX_SPOKEN = 200
MAX_WORDS = 2_000


def put(session: Session, actor: Actor, unit: Unit, written: str, spoken: str, now: datetime) -> Pronunciation:
    """Say how `written` is spoken in this unit and below; saying it again replaces it. Raises InvalidInput, Conflict.

    Audio that was made before stays as it was heard and approved.
    """
    actor.require(Permission.WRITE, unit)
    written, spoken = " ".join(written.split()), " ".join(spoken.split())
    if not written or not spoken:
        raise InvalidInput(N_("Give the word as it is written and as it is spoken."), fields={"written": "empty"})
    if len(written) > MAX_WRITTEN or len(spoken) > MAX_SPOKEN:
        raise InvalidInput(
            N_("A word has at most %(written)s characters, its reading at most %(spoken)s."),
            fields={"written": "long"}, written=MAX_WRITTEN, spoken=MAX_SPOKEN,
        )  # fmt: skip
    own = entries(session, unit)
    entry = next((each for each in own if each.written == written), None)
    if entry is None:
        if len(own) >= MAX_WORDS:
            raise Conflict(N_("A dictionary has at most %(limit)s words."), limit=MAX_WORDS)
        entry = Pronunciation(id=new_id("wd"), unit_id=unit.id, written=written, spoken=spoken, changed_at=now)
    entry.spoken, entry.changed_by, entry.changed_at = spoken, actor.id, now
    session.add(entry)
    session.flush()
    audit.record(
        session, actor=actor.username, action="word.put", subject=entry.id, unit_id=unit.id, now=now,
        written=written, spoken=spoken,
    )  # fmt: skip
    return entry


def remove(session: Session, actor: Actor, unit: Unit, identity: str, now: datetime) -> None:
    """Take a word out of the unit's own dictionary. Raises NotFound."""
    actor.require(Permission.WRITE, unit)
    entry = session.get(Pronunciation, identity)
    if entry is None or entry.unit_id != unit.id:
        raise NotFound
    session.delete(entry)
    audit.record(
        session, actor=actor.username, action="word.remove", subject=identity, unit_id=unit.id, now=now,
        written=entry.written,
    )  # fmt: skip


def entries(session: Session, unit: Unit) -> Sequence[Pronunciation]:
    """The unit's own words, in order."""
    query = select(Pronunciation).where(Pronunciation.unit_id == unit.id)
    return session.exec(query.order_by(col(Pronunciation.written))).all()


def held(session: Session, unit: Unit) -> dict[str, str]:
    """What holds at the unit: its own words over those of the units above."""
    chain = unit.path.strip("/").split("/")
    rows = session.exec(select(Pronunciation).where(col(Pronunciation.unit_id).in_(chain))).all()
    return {row.written: row.spoken for row in sorted(rows, key=lambda row: chain.index(row.unit_id))}


def relevant(dictionary: Mapping[str, str], text: str) -> dict[str, str]:
    """The words of the dictionary that stand in `text`, whatever their case: all that its audio can depend on."""
    lower = text.lower()
    return {written: spoken for written, spoken in sorted(dictionary.items()) if written.lower() in lower}

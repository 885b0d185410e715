"""One station around one instant: its airings, the occurrences that have none yet, and what each of them claims."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from core.clock import format_instant
from core.clock import zone as known_zone
from playlists import resolving
from playlists.models import BulletinVersion
from registry import naming
from registry.models import Unit
from registry.rights import Actor
from registry.stations import Place
from registry.units import Inherited
from scheduler import ordering, sessions, wanting
from scheduler.claims import Claim, Piece
from scheduler.clashes import Span
from scheduler.explanation import Candidate, claim_of_airing, unsigned
from scheduler.models import Airing, AiringTarget, Slot
from scheduler.reasons import Because, because
from scheduler.series import Occurrence

MAX_AIRINGS = 2_000  # at one station within the days around an instant
AROUND = timedelta(days=1)
_PLAYABLE = ("issued", "on_air", "over", "withdrawn")


class Surroundings:
    """All that is known of one station around one instant, read once."""

    def __init__(
        self, session: Session, actor: Actor, place: Place, held: Inherited, at: datetime, now: datetime
    ) -> None:
        self.session, self.actor, self.place, self.held = session, actor, place, held
        self.at, self.now, self.zone = at, now, known_zone(held.zone)
        self.names = place.names
        self.rows = self._airings(at - AROUND, at + AROUND)
        self.airings = {airing.id: airing for airing in self.rows}
        self.slots = wanting.load(session, self.names, min(at, now))
        self.by_slot = {slot.id: slot for slot in self.slots.rows}
        homes = {airing.unit_id for airing in self.rows} | {slot.unit_id for slot in self.slots.rows}
        self.units = {each.id: each for each in session.exec(select(Unit).where(col(Unit.id).in_(homes))).all()}
        self.computed: dict[str, tuple[Candidate, Claim]] = {}
        self.instants: dict[str, datetime] = {}
        self._compute()
        self.order = ordering.at_place(
            ordering.held(session, [unit.id for unit in place.units]), [unit.id for unit in place.units]
        )
        since = {slot.id: slot.created_at for slot in self.slots.rows}
        self.claims = {
            each.id: claim_of_airing(each, since) for each in self.rows if each.items and each.state in _PLAYABLE
        }
        self.claims |= {identity: claim for identity, (_, claim) in self.computed.items() if claim.pieces}

    def _airings(self, start: datetime, end: datetime) -> Sequence[Airing]:
        mine = select(AiringTarget.airing_id).where(col(AiringTarget.name).in_(self.names))
        return self.session.exec(
            select(Airing)
            .where(col(Airing.id).in_(mine), col(Airing.starts_at) < end, col(Airing.not_after) > start)
            .order_by(col(Airing.starts_at), col(Airing.id))
            .limit(MAX_AIRINGS)
        ).all()

    def _compute(self) -> None:
        """Occurrences of the days around that have no airing yet, as if they were signed; only where they still can."""
        planned = {(airing.slot_id, airing.occurrence_at) for airing in self.rows}
        start = max(self.at - AROUND, self.now)
        for slot in self.slots.rows:
            if slot.withdrawn_at is not None:
                continue
            for each in self.slots.between(slot, start, self.at + AROUND):
                if (slot.id, each.at) in planned:
                    continue
                candidate = self.of_slot(slot, each.starts_at, self.slots.ends(each), each.programme_id)
                claim = self._expected(slot, candidate, each)
                self.computed[claim.id] = (candidate, claim)
                self.instants[claim.id] = each.at

    def _expected(self, slot: Slot, candidate: Candidate, occurrence: Occurrence) -> Claim:
        """The claim an occurrence will make as things stand; without pieces where it would not be signed."""
        programme, lifted = occurrence.programme_id, occurrence.lifted(slot)
        start, seconds = candidate.starts_at, (candidate.ends_at - candidate.starts_at).total_seconds()
        languages = self.place.station.languages
        found = resolving.resolve(self.slots.library, programme, start, languages)
        candidate.priority = found.priority
        candidate.approved_by = ", ".join(dict.fromkeys(part.approved_by for part in found.parts))
        candidate.why += [self._left_out(*each) for each in found.left_out]
        span = Span(start, candidate.ends_at, slot.id)
        broken = [limit for limit, _ in sessions.broken(self.held, self.zone, span) if limit not in lifted]
        pieces: tuple[Piece, ...] = (Piece(0.0, seconds),)
        if not found.parts:
            candidate.why.insert(0, because("unsigned_rendering" if found.waiting else "unsigned_nothing_approved"))
            pieces = ()
        elif broken:
            candidate.why.insert(0, unsigned(broken[0]))
            pieces = ()
        name = f"{slot.id}@{format_instant(occurrence.at)}"
        return Claim(
            name, False, candidate.priority, start, candidate.ends_at + timedelta(minutes=1), slot.late,
            slot.created_at, pieces, name, None, frozenset(lifted), slot.created_at,
        )  # fmt: skip

    def candidate(self, identity: str) -> Candidate:
        """What a claim stands for."""
        if identity in self.computed:
            found = self.computed[identity][0]
            note = because("computed" if found.starts_at > self.now + AROUND else "not_planned_yet")
            return found if note in found.why else replace(found, why=[note, *found.why])
        return self.of_airing(self.airings[identity])

    def title(self, identity: str) -> str:
        return self.airings[identity].title if identity in self.airings else self.computed[identity][0].title

    def of_airing(self, airing: Airing) -> Candidate:
        found = Candidate(
            airing.id, airing.slot_id, airing.title, self.unit_name(airing.unit_id), airing.kind, airing.priority,
            airing.starts_at, airing.ends_at, airing.late, airing.state, airing.approved_by, airing.variant,
        )  # fmt: skip
        slot = self.by_slot.get(airing.slot_id or "")
        found.programme = slot.programme_id if slot else None
        exception = self.slots.series[slot.id].exceptions.get(airing.occurrence_at) if slot and (
            slot.id in self.slots.series and airing.occurrence_at) else None  # fmt: skip
        if exception is not None and not exception.skip:
            found.programme = exception.programme_id or found.programme
            found.why.append(self.changed("exception", exception.changed_by, exception.changed_at, exception.reason))
        found.why += [self._left_out(name, why) for name, why in airing.left_out]
        return found

    def of_slot(self, slot: Slot, starts: datetime, ends: datetime, programme: str) -> Candidate:
        title = self.slots.library.programmes[programme].title
        return Candidate(
            None, slot.id, title, self.unit_name(slot.unit_id), "programme", "ordinary", starts, ends, slot.late,
            "expected", programme=programme,
        )  # fmt: skip

    def unit_name(self, identity: str) -> str:
        unit = self.units.get(identity) or self.session.get(Unit, identity)
        return unit.name if unit is not None else ""

    def _left_out(self, name: str, why: str) -> Because:
        version = self.session.exec(
            select(BulletinVersion.title).where(BulletinVersion.bulletin_id == name).order_by(
                col(BulletinVersion.number).desc()
            )
        ).first()  # fmt: skip
        title = version or name
        code = f"left_out_{why}"
        known = why in {"run_out", "not_yet_valid", "not_approved", "audio_failed", "no_room"}
        return because(code, title=title) if known else because("left_out_other", title=title, why=why)

    def changed(self, code: str, by: str, when: datetime, reason: str, **more: Any) -> Because:
        names = naming.by_id(self.session, [by])
        return because(code, by=names.get(by, by), when=when, reason=reason, **more)

"""What sounds at one station at one instant, why this over everything else, and what it says became of it.

Reading only. The winner is worked out by `scheduler.precedence`, the rule the station itself goes by.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from core.allowed import LIMITS
from core.clock import zone as known_zone
from core.quiet import is_quiet
from registry import naming, stations, units
from registry.rights import Actor, Permission
from scheduler import blame, log, precedence, sessions, wanting
from scheduler.claims import Claim, Course, Stretch
from scheduler.explanation import Candidate, Explanation, Piecewise, Said, unsigned
from scheduler.models import Airing, AiringOutcome, AiringTarget, PlayReport, Slot, SlotOrder
from scheduler.reasons import Because, because, limits, word
from scheduler.surroundings import AROUND, Surroundings
from scheduler.wanting import Want

MAX_NEAR = 20
_AHEAD = timedelta(days=60)
_LIMITS = {"hours", "weekdays", "session_minutes", "sessions_a_day"}


def explain(
    session: Session, actor: Actor, station_id: str, at: datetime, *, default_zone: str, now: datetime
) -> Explanation:
    """Explain the instant `at` at a station the actor may see. Raises NotFound."""
    station, unit = stations.find(session, actor, station_id)
    place = stations.place(session, station.id)
    held = units.inherited(place.units, default_zone)
    return _Instant(session, actor, place, held, at, now).explained(
        Explanation(station, unit, known_zone(held.zone), at)
    )


class _Instant(Surroundings):
    """The decision about one instant, and the reasons for it."""

    wants: Sequence[Want] = ()

    def explained(self, told: Explanation) -> Explanation:
        """Fill in the answer."""
        out = self._out_of_service()
        if out is not None:
            told.why = [out]
            return told
        rules, order = sessions.rules(self.held, self.zone), self.order.pairs
        now = precedence.course(self.claims.values(), self.at, rules, order)
        whole = precedence.course(self.claims.values(), self.at + AROUND, rules, order)
        if now.on_air is not None:
            self._winner(told, now, whole)
        self.wants = wanting.at_instant(self.slots, self.at)
        told.lost = self._lost(now)
        if told.winner is None:
            told.why = self._silence(told.lost, now)
        told.reported = self._reported()
        told.following = self._following(whole, told.until or self.at)
        return told

    def _out_of_service(self) -> Because | None:
        station = self.place.station
        if self.at < self.now:
            there = station.enrolled_at is not None and station.enrolled_at <= self.at
            return None if there else because("not_in_service_then")
        return None if station.token_hash else because("not_in_service")

    def _winner(self, told: Explanation, now: Course, whole: Course) -> None:
        identity, index = now.on_air or ("", 0)
        told.winner = winner = self.candidate(identity)
        stretches = whole.stretches
        number = next(
            (n for n, each in enumerate(stretches) if each.claim == identity and each.start <= self.at < each.end), None
        )
        if number is not None:
            joined = _joined(stretches, number)
            told.since, told.until = joined[0].start, joined[-1].end
            told.item = self._item(identity, index, stretches[number].start, stretches[number].end)
            if any(each.claim == identity and each.start < told.since for each in stretches):
                winner.why.append(because("resumed"))
        winner.why = self._why_it_wins(identity, now) + winner.why
        winner.why += self._lifted(winner, identity)
        winner.why += self._became(identity)

    def _why_it_wins(self, identity: str, now: Course) -> list[Because]:
        claim = self.claims[identity]
        waiting = [self.claims[key[0]] for key, held in now.held.items() if held.code == "preempted"]
        others = {each.id: each for each in waiting if each.id != identity}
        if not others:
            return [because("emergency")] if claim.emergency else [because("alone")]
        if claim.emergency:
            alarms = [each for each in others.values() if each.emergency]
            return [because("emergency")] + [because("later_emergency", title=self.title(each.id)) for each in alarms]
        if claim.live:
            return [because("live")]
        equal = [each for each in others.values() if each.priority == claim.priority and not each.emergency]
        rows = [(each, self.order.between(claim.occurrence, each.occurrence)) for each in equal]
        put_first = [
            because("put_first", title=self.title(each.id), by=self._decider(row), when=row.decided_at)
            for each, row in rows if row is not None
        ]  # fmt: skip
        if put_first:
            return put_first
        if not equal:
            return [because("priority")]
        return [because("first", title=self.title(equal[0].id))]

    def _lifted(self, winner: Candidate, identity: str) -> list[Because]:
        """The limits that a person let it break, and why: for its slot, or for this one occurrence."""
        slot = self.by_slot.get(winner.slot or "")
        airing = self.airings.get(identity)
        if slot is None:
            return []
        held = self.slots.series.get(slot.id)
        at = airing.occurrence_at if airing is not None else self.instants.get(identity)
        row = held.exceptions.get(at) if held is not None and at is not None else None
        told = [(slot.lifted, slot.lifted_reason)] + ([(row.lifted, row.lifted_reason)] if row is not None else [])
        return [because("lifted", limits=limits(codes), reason=why) for codes, why in told if codes]

    def _item(self, identity: str, index: int, since: datetime, until: datetime) -> Piecewise | None:
        airing = self.airings.get(identity)
        if airing is None:
            return None
        item = airing.items[index]
        return Piecewise(str(item.get("title", "")), str(item.get("language", "")), since, until)

    def _lost(self, now: Course) -> list[Candidate]:
        found = [self._loser(airing, now) for airing in self._contenders(now)]
        for candidate, claim in self.computed.values():
            covers = candidate.starts_at <= self.at < candidate.ends_at
            if covers and (now.on_air is None or now.on_air[0] != claim.id):
                loser = self.candidate(claim.id)
                found.append(replace(loser, why=[*self._standing(claim, now), *loser.why]) if claim.pieces else loser)
        planned = {(airing.slot_id, airing.occurrence_at) for airing in self.rows}
        known = {candidate.slot for candidate in found} | {self._slot_on_air(now)}
        for want in self.wants:
            never = want.code == "computed" and self.at < self.now
            if want.code == "computed" and not never:
                continue
            if want.slot.id not in known and (want.slot.id, want.occurrence.at) not in planned:
                found.append(self._wanted(want))
        return found + self._near({candidate.slot for candidate in found} | {self._slot_on_air(now)})

    def _slot_on_air(self, now: Course) -> str | None:
        if now.on_air is None:
            return None
        identity = now.on_air[0]
        return self.airings[identity].slot_id if identity in self.airings else self.computed[identity][0].slot

    def _contenders(self, now: Course) -> Iterable[Airing]:
        """Airings that wanted the instant and don't have it; of several versions of one occurrence the last."""
        last: dict[object, Airing] = {}
        for airing in self.rows:
            claim = self.claims.get(airing.id)
            waits = claim is not None and now.standing(claim).code in {"preempted", *LIMITS}
            if (now.on_air is not None and now.on_air[0] == airing.id) or not (
                waits or airing.starts_at <= self.at < airing.ends_at
            ):
                continue
            key = (airing.slot_id, airing.occurrence_at, airing.variant) if airing.slot_id else airing.id
            present = last.get(key)
            if present is None or _counts_more(airing, present):
                last[key] = airing
        return last.values()

    def _loser(self, airing: Airing, now: Course) -> Candidate:
        found = self.of_airing(airing)
        gone = airing.state == "withdrawn" and (airing.withdrawn_at or self.at) <= max(self.at, self.now)
        if airing.state in {"planned", "failed"}:
            reasons = [unsigned(airing.reason)]
        elif gone:
            reasons = self._by_exception(airing) or [self._withdrawn(airing)]
        else:
            reasons = self._standing(self.claims[airing.id], now) if airing.id in self.claims else []
        found.why = [*reasons, *found.why, *self._became(airing.id)]
        return found

    def _standing(self, claim: Claim, now: Course) -> list[Because]:
        standing = now.standing(claim)
        if standing.code == "preempted" and standing.by:
            return self._preempted(claim, self.claims[standing.by])
        if standing.code in _LIMITS:
            return [because(standing.code)]
        if standing.code == "quiet_hours":
            return [because("quiet_hours", hours=", ".join(f"{a}–{b}" for a, b in self.held.silent_hours))]
        if standing.code in {"lost", "partly"}:
            if standing.by is None:
                return [because("late")]
            return [because("lost" if claim.late == "skip" else "covered", title=self.title(standing.by))]
        if standing.code == "replaced":
            return [because("replaced", when=self.claims[standing.by].issued_at)] if standing.by else []
        if standing.code == "sounded":
            return [because("sounded", ended=min(claim.ends(len(claim.pieces) - 1), self.at))]
        return [because(standing.code)] if standing.code in {"pause", "ahead"} else []

    def _preempted(self, claim: Claim, other: Claim) -> list[Because]:
        """What goes before it, since when that was decided, and what becomes of it."""
        title, priority = self.title(other.id), word("emergency" if other.emergency else other.priority)
        reasons = [because("preempted", title=title, priority=priority)]
        row = self.order.between(other.occurrence, claim.occurrence)
        if row is not None and other.priority == claim.priority and not other.emergency:
            reasons.append(because("put_after", title=title, by=self._decider(row), when=row.decided_at))
        if claim.late == "play":
            reasons.append(because("waits", until=claim.not_after))
        elif claim.late == "join" and not claim.emergency:
            reasons.append(because("joins"))
        return reasons

    def _decider(self, row: SlotOrder) -> str:
        names = naming.by_id(self.session, [row.decided_by])
        return f"{names.get(row.decided_by, row.decided_by)}, {self.unit_name(row.unit_id)}"

    def _by_exception(self, airing: Airing) -> list[Because]:
        """Why the slot has no such occurrence any more, where one thing of it explains that."""
        if airing.reason not in {"slot_changed", "replaced"}:
            return []
        of_slot = [want for want in self.wants if want.slot.id == airing.slot_id]
        told = [self._wanted(want) for want in of_slot if want.code not in {"computed", "slot_withdrawn"}]
        return told[0].why if told else []

    def _withdrawn(self, airing: Airing) -> Because:
        when = airing.withdrawn_at or airing.ends_at
        if airing.reason == "replaced":
            return because("replaced", when=when)
        home = self.units.get(airing.unit_id)
        who = blame.of_withdrawal(self.session, airing) if home and self.actor.may(Permission.SEE, home) else ""
        if who or home:
            return because("withdrawn", when=when, by=who or (home.name if home else ""), what=word(airing.reason))
        return because("withdrawn_itself", when=when, what=word(airing.reason))

    def _wanted(self, want: Want) -> Candidate:
        found = self.of_slot(want.slot, want.occurrence.starts_at, want.ends_at, want.occurrence.programme_id)
        found.state = want.code
        if want.code == "computed":
            found.why = [because("never_planned")]
        elif want.code == "slot_withdrawn" and want.slot.withdrawn_at:
            by = self._visible_name(want.slot, blame.of_slot(self.session, want.slot.id, "slot.withdraw"))
            found.why = [because("slot_withdrawn", when=want.slot.withdrawn_at, by=by)]
        elif want.exception is not None:
            row = want.exception
            found.why = [self.changed(want.code, row.changed_by, row.changed_at, row.reason, **want.detail)]
        elif want.code == "ended":
            found.why = [because("ended", when=want.slot.until or "")]
        else:
            found.why = [because(want.code, **want.detail)]
        return found

    def _visible_name(self, slot: Slot, name: str) -> str:
        home = self.units[slot.unit_id]
        return name if name and self.actor.may(Permission.SEE, home) else home.name

    def _near(self, known: set[str | None]) -> list[Candidate]:
        """What sounds then on the same line of units, but not at this station: near misses."""
        mine = {airing.id for airing in self.rows}
        rows = self.session.exec(
            select(Airing)
            .where(
                col(Airing.starts_at) <= self.at, col(Airing.ends_at) > self.at,
                col(Airing.state).in_(("planned", "issued", "on_air", "over")),
                col(Airing.unit_id).in_([unit.id for unit in self.place.units]), log.visible(self.actor),
            )
            .order_by(col(Airing.id))
            .limit(MAX_NEAR + len(mine))
        ).all()  # fmt: skip
        found = []
        for airing in [each for each in rows if each.id not in mine][:MAX_NEAR]:
            candidate = self.of_airing(airing)
            version = airing.slot_id in known and airing.variant != ""
            candidate.why.insert(
                0, because("other_languages", languages=airing.variant) if version else because("not_for_it")
            )
            found.append(candidate)
        return found

    def _silence(self, lost: Sequence[Candidate], now: Course) -> list[Because]:
        near = {"not_for_it", "other_languages"}
        wanted = [each for each in lost if each.why and each.why[0].code not in near]
        reasons = [because("all_lost") if wanted else because("nothing")]
        if is_quiet(self.at, self.held.silent_hours, self.zone) and now.on_air is None:
            hours = ", ".join(f"{a}–{b}" for a, b in self.held.silent_hours)
            reasons.append(because("quiet_hours", hours=hours))
        return reasons

    def _became(self, airing_id: str) -> list[Because]:
        """What was reported of an airing as a whole, once it is over."""
        airing = self.airings.get(airing_id)
        if airing is None or airing.ends_at > self.now or not airing.ticket:
            return []
        outcome = self.session.get(AiringOutcome, (airing.id, self.place.station.id))
        if outcome is None:
            return [because("not_reported")] if airing.state != "withdrawn" else []
        if outcome.reason:
            return [because("reported_why", outcome=word(outcome.outcome), why=word(outcome.reason))]
        return [because("reported", outcome=word(outcome.outcome))]

    def _reported(self) -> list[Said]:
        rows = self.session.exec(
            select(PlayReport, Airing)
            .join(Airing, col(Airing.id) == PlayReport.airing_id)
            .where(
                PlayReport.station_id == self.place.station.id, col(PlayReport.started_at) <= self.at,
                col(PlayReport.ended_at) >= self.at,
            )
            .order_by(col(PlayReport.started_at))
            .limit(MAX_NEAR)
        ).all()  # fmt: skip
        return [
            Said(row.airing_id, _title(airing, row.item), row.outcome, row.reason, row.started_at, row.ended_at)
            for row, airing in rows
        ]

    def _following(self, whole: Course, after: datetime) -> Candidate | None:
        """What sounds next: of the day that was worked out, else the next on the timetable."""
        sounding = precedence.at_instant(whole.stretches, self.at)
        for each in whole.stretches:
            if each.start >= after and (sounding is None or each.claim != sounding.claim):
                return self.candidate(each.claim)
        mine = select(AiringTarget.airing_id).where(col(AiringTarget.name).in_(self.names))
        airing = self.session.exec(
            select(Airing)
            .where(col(Airing.id).in_(mine), col(Airing.starts_at) > after)
            .where(col(Airing.state).in_(("planned", "issued")))
            .order_by(col(Airing.starts_at))
            .limit(1)
        ).first()
        start = max(after, self.now)
        coming = [
            (each.starts_at, slot, each)
            for slot in self.slots.rows if slot.withdrawn_at is None
            for each in [next(iter(self.slots.between(slot, start, start + _AHEAD)), None)] if each is not None
        ]  # fmt: skip
        first = min(coming, key=lambda each: (each[0], each[1].id), default=None)
        if airing is not None and (first is None or airing.starts_at <= first[0]):
            return self.of_airing(airing)
        if first is None:
            return None
        starts, slot, occurrence = first
        return self.of_slot(slot, starts, self.slots.ends(occurrence), occurrence.programme_id)


def _title(airing: Airing, index: int) -> str:
    return str(airing.items[index]["title"]) if index < len(airing.items) else airing.title


def _counts_more(one: Airing, other: Airing) -> bool:
    """Of two versions of one occurrence, the one that stands, else the one withdrawn last."""
    gone = one.state == "withdrawn", other.state == "withdrawn"
    return one.created_at >= other.created_at if gone[0] == gone[1] else gone[1]


def _joined(stretches: Sequence[Stretch], number: int) -> list[Stretch]:
    """The stretches of one claim around this one, without a break between them."""
    found = [stretches[number]]
    for each in reversed(stretches[:number]):
        if each.claim != found[0].claim or each.end != found[0].start:
            break
        found.insert(0, each)
    for each in stretches[number + 1 :]:
        if each.claim != found[-1].claim or each.start != found[-1].end:
            break
        found.append(each)
    return found

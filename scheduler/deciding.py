"""What has to change so that the airings match the slots. Pure: one state of the database in, a decision out."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from core.clock import format_instant
from core.ids import new_id
from core.wire import MAX_AIRING_SECONDS, MAX_ITEMS
from playlists import resolving
from playlists.fitting import Fitted, fitted
from playlists.parts import Part, Resolved
from scheduler import issuing, sessions, troubles
from scheduler.clashes import Span
from scheduler.crowding import Place
from scheduler.issuing import Fresh
from scheduler.listeners import Listeners
from scheduler.models import Slot
from scheduler.outlook import Outlook, Present, Sound
from scheduler.relaying import Ways
from scheduler.series import Occurrence, length, occurring

LOOK_BACK = timedelta(minutes=10)
# An airing whose audio is not complete is signed with what there is when its start is this near: nearer than
# the worker's full roll every minute comes round, so that one of them falls into it.
LAST_CALL = timedelta(seconds=75)
SKIP_TOLERANCE = timedelta(seconds=2)  # as stations have it
# So far beyond the horizon a slot's next occurrence is looked for; where there is none, it is looked for again then.
FORESEEN = timedelta(days=31)
MAX_OCCURRENCES = 2_000  # of one slot within the horizon: every few minutes
_FINISHED = ("over", "failed")


@dataclass
class Decision:
    """What to write: airings to add, each perhaps in place of an older one, and airings to withdraw."""

    add: list[tuple[Fresh, Present | None]] = field(default_factory=list)
    withdraw: list[tuple[Present, str]] = field(default_factory=list)
    hasten: dict[str, datetime] = field(default_factory=dict)
    unclear: dict[str, str] = field(default_factory=dict)  # slots that can't be decided, and why
    again: dict[str, datetime] = field(default_factory=dict)  # when time alone may first ask for something else

    def look_again(self, slot_id: str | None, at: datetime) -> None:
        """Decide this slot anew at `at`, if it is not to be sooner."""
        if slot_id in self.again:
            self.again[slot_id] = min(self.again[slot_id], at)


def decide(outlook: Outlook, now: datetime, horizon: timedelta) -> Decision:
    """What has to change within [now, now + horizon). Deciding again on what was written changes nothing.

    While nothing of the outlook changes, deciding a slot before its instant in `again` changes nothing either.
    """
    decision = Decision()
    kept: set[str] = set()
    end = now + horizon
    slots = {slot.id: slot for slot in outlook.slots}
    for slot in outlook.slots:
        try:
            kept |= _OneSlot(outlook, decision, slot, now).decide(end, horizon)
        except Exception as error:  # noqa: BLE001 - it must not silence the others, nor lose what it has
            decision.unclear[slot.id] = troubles.describe(error)
    for airing in (each for variants in outlook.airings.values() for each in variants.values()):
        if airing.id in kept or airing.slot_id in decision.unclear or airing.state not in {"planned", "issued"}:
            continue
        if is_frozen(outlook, slots.get(airing.slot_id or ""), airing, now):
            decision.look_again(airing.slot_id, airing.starts_at)
        elif airing.starts_at >= end:  # planned by a clock that was ahead of this one
            decision.look_again(airing.slot_id, _within(airing.starts_at, horizon))
        elif now - LOOK_BACK < airing.starts_at:
            decision.withdraw.append((airing, "slot_changed"))
    decision.withdraw += [(each, "slot_withdrawn") for each in outlook.stale if each.state not in _FINISHED]
    return decision


def _within(starts_at: datetime, horizon: timedelta) -> datetime:
    """When an instant comes to lie within the horizon, whose end is outside it."""
    return starts_at - horizon + timedelta.resolution


def is_frozen(outlook: Outlook, slot: Slot | None, airing: Present, now: datetime) -> bool:
    """Whether a signed airing starts so soon that changes leave it alone, unless somebody asked for it by name."""
    if not airing.is_signed or not now < airing.starts_at <= now + outlook.freeze or airing.id in outlook.withdrawn:
        return False
    return slot is None or slot.bypass_at is None or slot.bypass_at <= now - outlook.freeze


class _OneSlot:
    """The occurrences of one slot, in order: what was heard at one counts for the next."""

    def __init__(self, outlook: Outlook, decision: Decision, slot: Slot, now: datetime) -> None:
        self.outlook, self.decision, self.slot, self.now = outlook, decision, slot, now
        self.heard = dict(outlook.heard.get(slot.id, {}))
        self.again = datetime.max.replace(tzinfo=UTC)

    def decide(self, end: datetime, horizon: timedelta) -> set[str]:
        """Ids of the present airings that have their place in the timetable until `end`."""
        kept: set[str] = set()
        # Made by a clock that was ahead, it is as if it had been made now.
        start = max(self.now - LOOK_BACK, min(self.slot.created_at, self.now))
        series = self.outlook.book.of(self.slot)
        again = end + FORESEEN - horizon
        for number, occurrence in enumerate(occurring(series, start, end + FORESEEN)):
            if occurrence.starts_at >= end:
                again = _within(occurrence.starts_at, horizon)
                break
            if number == MAX_OCCURRENCES:
                again = self.now
                break
            kept |= self._occurrence(occurrence)
        self.decision.again[self.slot.id] = self.now if self._is_never_settled() else min(again, self.again)
        return kept

    def _is_never_settled(self) -> bool:
        """Whether more than the slot itself and its programmes decides: what was heard, or other slots of the place.

        Or how many stations there are, and what a broadcaster sends, for who fetches a relay.
        """
        library, programmes = self.outlook.library, self.outlook.programmes(self.slot)
        unheard = any(resolving.asks_for_unheard(library, each) for each in programmes)
        unheard = unheard or any(item.relay for each in programmes for item in library.items.get(each, ()))
        limits = (held.limits for _, held, _ in self.outlook.places.get(self.slot.id, ()))
        return unheard or any(each.sessions_a_day is not None or each.session_minutes is not None for each in limits)

    def _occurrence(self, occurrence: Occurrence) -> set[str]:
        """Decide one occurrence for each part of its audience; ids of its present airings that have a place in it."""
        present = self.outlook.airings.get((self.slot.id, occurrence.at), {})
        sounding = [airing for airing in present.values() if airing.is_signed and airing.starts_at <= self.now]
        for airing in sounding:
            # A new text waits for the next time, but what may not sound any more stops at once.
            finished = airing.state in _FINISHED or airing.ends_at <= self.now
            if not finished and airing.id in self.outlook.withdrawn:
                self.decision.withdraw.append((airing, "bulletin_withdrawn"))
        if sounding:
            return {airing.id for airing in present.values()}
        parts = self.outlook.listeners[self.slot.id, occurrence.programme_id]
        for part in parts:
            self._one(occurrence, part, present.get(part.variant))
        return {present[part.variant].id for part in parts if part.variant in present}

    def _one(self, occurrence: Occurrence, part: Listeners, present: Present | None) -> None:
        if present is not None and (present.state in _FINISHED or present.ends_at <= self.now):
            return
        if present is not None and is_frozen(self.outlook, self.slot, present, self.now):
            return
        library, programme, at = self.outlook.library, occurrence.programme_id, occurrence.starts_at
        resolved = resolving.resolve(library, programme, at, part.languages, self.heard)
        for clip_id in resolved.waiting:
            self.decision.hasten[clip_id] = min(self.decision.hasten.get(clip_id, at), at)
        fit = self._fit(resolved, occurrence)
        reason = self._why_not(occurrence, resolved, fit, present)
        if reason == "rendering":
            self.again = self.now  # a worker that was killed has perhaps told nobody that the audio is there
        sound = self._sound(occurrence, part, resolved, fit, silent=bool(reason))
        expected = partial(resolving.expected_seconds, library, programme, at, part.languages)
        seconds = sound.seconds or length(expected(), occurrence).total_seconds()
        key = hashlib.sha256(f"{sound.key} {at.timestamp()} {seconds}".encode()).hexdigest()
        self.heard.update((heard.bulletin_id, at) for heard in fit.parts if heard.bulletin_id)
        if present is None or present.content_key != key or present.reason != reason:
            airing = self._airing(occurrence, part, sound, seconds)
            airing.content_key, airing.reason, airing.priority = key, reason, resolved.priority
            airing.left_out = [list(each) for each in (*resolved.left_out, *fit.left_out)]
            self.decision.add.append((airing, present))

    def _fit(self, resolved: Resolved, occurrence: Occurrence) -> Fitted:
        """The programme in the time there is; worked out once where nothing in it runs out."""
        fill = self.slot.short == "fill"
        same = resolved, occurrence.most_seconds, fill
        found = self.outlook.fits.get(same)
        if found is None:
            at, most = occurrence.starts_at, occurrence.most_seconds
            found = fitted(resolved.parts, resolved.fills, at, most, fill=fill)
            if all(part.not_after is None for part in (*resolved.parts, *resolved.fills)):
                self.outlook.fits[same] = found
        return found

    def _why_not(self, occurrence: Occurrence, resolved: Resolved, fit: Fitted, present: Present | None) -> str:
        """Why an airing is not signed now; empty when it is."""
        at = occurrence.starts_at
        if resolved.waiting and at > self.now + LAST_CALL and not (present and present.is_signed):
            return "rendering"
        if not fit.parts:
            reasons = [why for _, why in fit.left_out]
            return "rendering" if resolved.waiting else ("too_long" if "no_room" in reasons else "nothing_approved")
        if len(fit.parts) > MAX_ITEMS or fit.seconds > MAX_AIRING_SECONDS:
            return "too_long"
        if self._is_too_late(at, fit.seconds):
            return "late"
        span = Span(at, at + timedelta(seconds=fit.seconds), self.slot.id)
        # Where one of several places allows it, its stations play it, and the others keep quiet by themselves.
        refusal = ""
        for place in self.outlook.places.get(self.slot.id, []):
            broken = self._limit(place, occurrence, span)
            if not broken:
                return ""
            refusal = refusal or broken
        return refusal

    def _limit(self, place: Place, occurrence: Occurrence, span: Span) -> str:
        """The limit of one place that keeps an occurrence from being signed for it; empty where none does."""
        unit, held, where = place
        lifted = occurrence.lifted(self.slot)
        broken = next((limit for limit, _ in sessions.broken(held, where, span) if limit not in lifted), "")
        return broken or self.outlook.over.get((self.slot.id, occurrence.at), {}).get(unit.id, "")

    def _is_too_late(self, at: datetime, seconds: float) -> bool:
        """Whether no station could play it any more by the slot's late policy."""
        if self.slot.late == "skip":
            return at < self.now - SKIP_TOLERANCE
        return self.slot.late == "join" and at + timedelta(seconds=seconds) <= self.now

    def _sound(
        self, occurrence: Occurrence, part: Listeners, resolved: Resolved, fit: Fitted, *, silent: bool
    ) -> Sound:
        """What the airings of this slot have in common while the programme comes to the same; worked out once."""
        lifted = occurrence.lifted(self.slot)
        same = self.slot.id, part.variant, fit, silent, tuple(lifted)
        cached = self.outlook.sounds.get(same)
        if cached is not None:
            return cached
        title = self.outlook.library.programmes[occurrence.programme_id].title
        items, offset = [], 0.0
        for heard in () if silent else fit.parts:
            items.append(_item(heard, offset, self.outlook.ways, part.names))
            offset += items[-1]["seconds"]
        approved_by = ", ".join(dict.fromkeys(heard.approved_by for heard in fit.parts))[:500]
        slot = self.slot
        body = [resolved.priority, title, slot.late, slot.volume, list(part.names), items, approved_by, lifted]
        key = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        runs_out = min((heard.not_after for heard in fit.parts if heard.not_after), default=None)
        sound = self.outlook.sounds[same] = Sound(items, round(offset, 3), approved_by, key, runs_out)
        return sound

    def _airing(self, occurrence: Occurrence, part: Listeners, sound: Sound, seconds: float) -> Fresh:
        slot, starts = self.slot, occurrence.starts_at
        ends = starts + timedelta(seconds=seconds)
        not_after = ends + issuing.NOT_AFTER[slot.late]
        if sound.runs_out is not None:
            not_after = max(ends, min(not_after, sound.runs_out))
        return Fresh(
            id=new_id("air"), unit_id=slot.unit_id, slot_id=slot.id, occurrence_at=occurrence.at, variant=part.variant,
            kind="programme", priority="ordinary",
            title=self.outlook.library.programmes[occurrence.programme_id].title,
            starts_at=starts, ends_at=ends, not_after=not_after, late=slot.late, volume=slot.volume,
            audience=list(part.names), items=sound.items, approved_by=sound.approved_by,
            lifted=occurrence.lifted(slot), since=slot.created_at, created_at=self.now,
        )  # fmt: skip


def _item(heard: Part, offset: float, ways: Ways, audience: Sequence[str]) -> dict[str, Any]:
    """An item as `core.wire.Item` has it, and beside that the `bulletin`; of a relay `source`, the address as given."""
    item: dict[str, Any] = {"at": round(offset, 3), "seconds": round(heard.seconds, 3), "title": heard.title}
    if heard.relay:
        item |= {"relay": ways.address(heard, audience), "source": heard.relay, "bulletin": None}
        if heard.clip_id:
            item["fallback"] = heard.files.model_dump()
    else:
        item |= {"clip": heard.files.model_dump(), "bulletin": heard.bulletin_id}
    if heard.language:
        item["language"] = heard.language
    if heard.not_after is not None:
        item["not_after"] = format_instant(heard.not_after)
    return item

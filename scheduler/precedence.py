"""What a station plays of all that wants to sound there, worked out as a station decides it. Pure.

The rule is that of the station (`station.due`), for one that was awake, on line, and had all audio in time:
emergency over priority over ordinary; of two emergencies the graver, of equally grave ones the one issued later; of
equals the one that the commune put first, then the one that plays already, then the one that was to start first. A
short pause between two pieces of an emergency stays silent. What has to wait follows its late
policy: `join` enters where it would be by then, `play` goes on where it was cut as long as it holds, `skip` is lost.
Quiet hours and the other limits of the place silence all but emergencies. A property test holds this against the
station's own code.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from core.allowed import EVERY_DAY, LIMITS, Allowed, Limit, Wanted, counted, without_room
from core.ordering import Pairs, chosen
from core.standing import SILENT_PAUSE
from scheduler.claims import LIVE_RANK, Claim, Course, Key, Rank, Standing, Stretch

SKIP_TOLERANCE = timedelta(seconds=2)  # as the station has it
MAX_STEPS = 50_000  # of one course: a week of a piece every minute has fewer
Candidate = tuple[Rank, bool, datetime, str, int, Key]
_MINUTE = timedelta(minutes=1)
_DAY_MINUTES = 24 * 60


def course(claims: Iterable[Claim], until: datetime, allowed: Allowed, order: Pairs = ()) -> Course:
    """Play through all claims from the first of them until the instant `until`, which is decided too.

    Between two of its steps nothing can change: they are the starts and ends of pieces, of quiet hours, and of the
    claims themselves. `order` is what the commune decided (`core.ordering`). Raises ValueError for quiet hours that
    can't be read.
    """
    player = _Player(claims, allowed, order)
    now = player.first()
    for _ in range(MAX_STEPS):
        if now is None or now > until:
            break
        player.step(now)
        now = player.following(now, until)
    return player.told(until)


class _Player:
    """A station that does at once what the rule says."""

    def __init__(self, claims: Iterable[Claim], allowed: Allowed, order: Pairs) -> None:
        self.claims = {each.id: each for each in sorted(claims, key=lambda each: (each.starts_at, each.id))}
        self.allowed, self.order = allowed, order
        self.room: dict[object, Mapping[str, Limit]] = {}
        self.course = Course()
        self.coming = sorted(self.claims.values(), key=_appears, reverse=True)
        self.open: dict[str, list[int]] = {}
        self.begun: dict[Key, datetime] = {}
        self.pause: tuple[Rank, str] | None = None  # the gravest emergency that pauses now
        self.position: dict[Key, float] = {}
        self.begun_by: dict[tuple[str, int], str] = {}
        self.since: tuple[datetime, float] | None = None  # when what sounds began here, at which of its seconds
        self.held_last: dict[Key, Standing] = {}
        self.occurrences: dict[str, list[Claim]] = {}
        for claim in self.claims.values():
            if claim.occurrence is not None:
                self.occurrences.setdefault(claim.occurrence, []).append(claim)

    def first(self) -> datetime | None:
        return _appears(self.coming[-1]) if self.coming else None

    def step(self, now: datetime) -> None:
        """Decide for `now`."""
        while self.coming and _appears(self.coming[-1]) <= now:
            claim = self.coming.pop()
            self.open[claim.id] = list(range(len(claim.pieces)))
        playing = self.course.on_air
        if playing is not None and now >= self._runs_out():
            self._cut(now)
            self._close(playing, Standing("sounded"))
        elif playing is not None and _is_gone(self.claims[playing[0]], now):
            self._cut(now)
        self.course.held = {}
        self.pause = None
        candidates = sorted(self._candidates(now))
        pause = self.pause
        first = self._first([each for each in candidates if pause is None or each[0] <= pause[0]])
        if first != self.course.on_air:
            self._cut(now)
            if first is not None:
                self._begin(first, now)
        for *_, key in candidates:
            by = first[0] if first is not None else pause[1] if pause is not None else None
            if by is not None and key != first:
                self.course.held[key] = Standing("preempted", by)

    def _first(self, candidates: Sequence[Candidate]) -> Key | None:
        """What sounds of all that could: of equals the one that the commune put first."""
        if not candidates:
            return None
        rank = candidates[0][0]
        if rank[0] <= LIVE_RANK:
            return candidates[0][-1]
        equal = [each[-1] for each in candidates if each[0] == rank]
        return chosen(equal, lambda key: self.claims[key[0]].occurrence, self.order)

    def _limit(self, claim: Claim, silent: Sequence[Limit], now: datetime, *, playing: bool) -> Limit | None:
        """The limit of the place that keeps a programme silent."""
        if claim.emergency:
            return None
        held = self.allowed.kept_from(silent, claim.lifted)
        return held or self._not_its_day(claim, now, playing=playing) or self._refused(now).get(claim.id)

    def _not_its_day(self, claim: Claim, now: datetime, *, playing: bool) -> Limit | None:
        if self.allowed.weekdays >= EVERY_DAY or "weekdays" in claim.lifted:
            return None
        moved = not playing and now >= claim.ends_at
        wrong = not self.allowed.has_day(claim.starts_at) or (moved and not self.allowed.has_day(now))
        return "weekdays" if wrong else None

    def _refused(self, now: datetime) -> Mapping[str, Limit]:
        """The claims without room among the sessions of the day, as a station counts them (`station.sessions`)."""
        if not self.allowed.counts_sessions:
            return {}
        gone = {each.id for each in self.claims.values() if _is_gone(each, now)}
        programmes = (each for each in self.claims.values() if not each.emergency and not each.test)
        known = [each for each in programmes if each.issued_at <= now]
        begun = {identity for identity, _ in self.begun}
        key = len(known), frozenset(gone), frozenset(begun), now.date()
        if key not in self.room:
            wanted = [_wanted(each, begun) for each in known if each.id not in gone or each.id in begun]
            self.room = {key: without_room(self.allowed, counted(wanted, now))}
        return self.room[key]

    def _candidates(self, now: datetime) -> Iterator[Candidate]:
        silent = self.allowed.silent_at(now)
        for key in [(identity, index) for identity, indexes in self.open.items() for index in indexes]:
            claim, index = self.claims[key[0]], key[1]
            playing = key == self.course.on_air
            if not playing:
                if self._under_way_elsewhere(claim, index, now):
                    continue
                fate = self._fate(claim, index, now)
                if fate is not None:
                    self._close(key, fate)
                    continue
                if claim.starts(index) > now:
                    if _is_pausing(claim, index, now) and (self.pause is None or claim.rank < self.pause[0]):
                        self.pause = claim.rank, claim.id
                    continue
            limit = self._limit(claim, silent, now, playing=playing)
            if limit is not None:
                self.course.held[key] = Standing(limit)
                continue
            yield claim.rank, not playing, claim.starts_at, claim.id, index, key

    def _under_way_elsewhere(self, claim: Claim, index: int, now: datetime) -> bool:
        other = self.claims.get(self._begun_elsewhere(claim, index) or "")
        if other is None or (other.id, index) in self.course.done:
            return False
        return not _is_gone(other, now)

    def _begun_elsewhere(self, claim: Claim, index: int) -> str | None:
        other = self.begun_by.get((claim.occurrence, index)) if claim.occurrence is not None else None
        return other if other != claim.id else None

    def _fate(self, claim: Claim, index: int, now: datetime) -> Standing | None:
        """What becomes of a piece that will not sound (again); None while it still may."""
        if _is_gone(claim, now):
            return Standing("withdrawn")
        elsewhere = self._begun_elsewhere(claim, index)
        if elsewhere is not None:
            return Standing("replaced", elsewhere)
        key = (claim.id, index)
        if claim.occurrence is not None and key not in self.begun:
            known = [each for each in self.occurrences[claim.occurrence] if each.issued_at <= now]
            newest = max(known, key=lambda each: (each.issued_at, each.id))
            if newest is not claim:
                return Standing("replaced", newest.id)
        if self._is_out_of_time(claim, index, now):
            held = self.held_last.get(key, Standing("lost"))
            return Standing("lost", held.by) if held.code not in LIMITS else held
        return None

    def _is_out_of_time(self, claim: Claim, index: int, now: datetime) -> bool:
        key, piece = (claim.id, index), claim.pieces[index]
        begun = key in self.begun
        if piece.leads and self._is_led_in(claim, index):
            return True
        if now > claim.not_after or (piece.not_after is not None and now >= piece.not_after):
            return True
        if claim.emergency:
            later = range(index + 1, len(claim.pieces))
            if piece.round is not None:
                if any((claim.pieces[i].round or 0) > piece.round and claim.starts(i) <= now for i in later):
                    return True
            elif any(claim.pieces[i].sound == piece.sound and claim.starts(i) <= now for i in later):
                return True
            if not begun:
                return False
        if claim.late == "join":
            return now >= claim.ends(index)
        if claim.late == "skip":
            return begun or now > claim.starts(index) + SKIP_TOLERANCE
        return self.position.get(key, 0.0) >= piece.seconds

    def _is_led_in(self, claim: Claim, index: int) -> bool:
        later = range(index + 1, len(claim.pieces))
        behind = [(claim.id, i) for i in later if claim.pieces[i].round == claim.pieces[index].round]
        return any(key in self.course.done or key in self.begun for key in behind)

    def _begin(self, key: Key, now: datetime) -> None:
        claim = self.claims[key[0]]
        begun = key in self.begun
        offset = self.position.get(key, 0.0) if begun else 0.0
        if claim.late == "join" and (begun or not claim.emergency):
            offset = max(offset, (now - claim.starts(key[1])).total_seconds())
        self.course.on_air, self.since = key, (now, offset)
        self.begun.setdefault(key, now)
        if claim.occurrence is not None:
            self.begun_by.setdefault((claim.occurrence, key[1]), claim.id)

    def _runs_out(self) -> datetime:
        assert self.course.on_air is not None  # noqa: S101 - asked for only while something sounds
        assert self.since is not None  # noqa: S101
        piece = self.claims[self.course.on_air[0]].pieces[self.course.on_air[1]]
        return self.since[0] + timedelta(seconds=max(piece.seconds - self.since[1], 0.0))

    def _cut(self, now: datetime) -> None:
        """Stop what sounds, and keep how far it came."""
        key, since = self.course.on_air, self.since
        if key is None or since is None:
            return
        start, offset = since
        heard = (now - start).total_seconds()
        self.position[key] = min(offset + heard, self.claims[key[0]].pieces[key[1]].seconds)
        if heard > 0:
            self.course.stretches.append(Stretch(*key, start, now, offset))
            self.course.heard[key[0]] = self.course.heard.get(key[0], 0.0) + heard
        self.course.on_air = self.since = None

    def _close(self, key: Key, standing: Standing) -> None:
        self.course.done[key] = standing
        left = [index for index in self.open[key[0]] if index != key[1]]
        if left:
            self.open[key[0]] = left
        else:
            del self.open[key[0]]

    def following(self, now: datetime, until: datetime) -> datetime | None:
        """The next instant at which anything can change, `until` at the latest; None after it."""
        self.held_last |= self.course.held
        turns = [until] if now < until else []
        if self.coming:
            turns.append(_appears(self.coming[-1]))
        if self.course.on_air is not None:
            turns.append(self._runs_out())
        for identity, indexes in self.open.items():
            claim = self.claims[identity]
            if claim.withdrawn_at is not None:
                turns.append(claim.withdrawn_at)
            turns += [claim.starts(index) for index in indexes]
            if claim.emergency:  # its short pauses begin there
                turns += [claim.ends(index - 1) for index in indexes if index]
        later = min((turn for turn in turns if turn > now), default=None)
        if later is None or not self.open:
            return later
        return limit_turn(now, later, self.allowed) or later

    def told(self, until: datetime) -> Course:
        """The course, with what still sounds as a stretch that goes on until it runs out."""
        if self.course.on_air is not None and self.since is not None:
            key, (start, offset) = self.course.on_air, self.since
            self.course.stretches.append(Stretch(*key, start, max(self._runs_out(), until), offset))
        return self.course


def _appears(claim: Claim) -> datetime:
    return max(claim.issued_at, claim.starts_at) if claim.occurrence is None else claim.issued_at


def _is_pausing(claim: Claim, index: int, now: datetime) -> bool:
    if index == 0 or not claim.emergency:
        return False
    begins, before = claim.starts(index), claim.ends(index - 1)
    return before <= now < begins and begins - before <= SILENT_PAUSE


def _is_gone(claim: Claim, now: datetime) -> bool:
    return claim.withdrawn_at is not None and claim.withdrawn_at <= now


def _wanted(claim: Claim, begun: Collection[str]) -> Wanted:
    return Wanted(
        claim.id, claim.starts_at, claim.ends_at, claim.since or claim.issued_at, claim.occurrence, claim.lifted,
        begun=claim.id in begun, issued_at=claim.issued_at,
    )  # fmt: skip


def limit_turn(after: datetime, end: datetime, allowed: Allowed) -> datetime | None:
    """The first whole minute of (after, end) at which quiet hours begin or end, or the day; None if there is none.

    It looks a day ahead; what it has come to by then serves as well, for a step too many changes nothing.
    """
    days = allowed.weekdays < EVERY_DAY
    if not (allowed.quiet_hours or allowed.closed_hours or days):
        return None
    present = allowed.silent_at(after), days and allowed.has_day(after)
    minute = after.replace(second=0, microsecond=0) + _MINUTE
    for _ in range(_DAY_MINUTES + 1):
        if minute >= end:
            return None
        if (allowed.silent_at(minute), days and allowed.has_day(minute)) != present:
            return minute
        minute += _MINUTE
    return minute


def at_instant(stretches: Sequence[Stretch], at: datetime) -> Stretch | None:
    """What sounds at `at`."""
    return next((each for each in stretches if each.start <= at < each.end), None)

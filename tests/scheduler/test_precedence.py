"""Who wins at a station: the rule of the explanations against the station's own decision, over random timetables."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from core.allowed import LIMITS, Allowed
from core.wire import AudioFile, ClipFiles, Item, StationSettings, Ticket, UnitLimits
from scheduler.claims import Claim, Course, Piece, claim_of
from scheduler.precedence import course, limit_turn
from station.due import OnAir, Progress, Situation, due
from station.hours import allowed
from station.sessions import refused

T0 = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)  # 17:00 in Vietnam
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
END = 200


def ticket(name: str, start: float, *lengths: float, issued: float = -3600, **more) -> Ticket:
    """A ticket whose items follow each other without a pause unless `gap` says so."""
    items, at, gap, runs_out = [], 0.0, more.pop("gap", 0.0), more.pop("runs_out", None)
    repeated = more.pop("repeated", False)
    for number, seconds in enumerate(lengths):
        sha = hashlib.sha256(f"{name}/{0 if repeated else number}".encode()).hexdigest()
        files = ClipFiles(mp3=AudioFile(sha256=sha, bytes=1), opus=AudioFile(sha256=sha, bytes=1))
        items.append(Item(at=at, seconds=seconds, title=f"{name}/{number}", clip=files, not_after=runs_out))
        at += seconds + gap
    starts = T0 + timedelta(seconds=start)
    ends = starts + timedelta(seconds=at - gap)
    stays = more.pop("stays", 60)
    return Ticket(
        id=name, kind=more.pop("kind", "programme"), priority=more.pop("priority", "ordinary"), starts_at=starts,
        ends_at=ends, late=more.pop("late", "join"), audience=["unit:1"], items=items, approved_by="x",
        issued_at=T0 + timedelta(seconds=issued), not_after=ends + timedelta(seconds=stays), **more,
    )  # fmt: skip


@dataclass
class Player:
    """A station that does at once what `due` says: awake, on line, all audio there."""

    tickets: list[Ticket]
    withdrawn_at: dict[str, float]
    settings: StationSettings
    on: tuple | None = None
    progress: dict = field(default_factory=dict)
    done: set = field(default_factory=set)
    begun: dict = field(default_factory=dict)

    def item(self, key):
        return next(each for each in self.tickets if each.id == key[0]).items[key[1]]

    def left(self, at: float) -> float:
        key, since, offset = self.on
        return self.item(key).seconds - offset - (at - since)

    def cut(self, at: float) -> None:
        key, since, offset = self.on
        before = self.progress[key]
        position = min(offset + at - since, self.item(key).seconds)
        self.progress[key] = replace(before, position=position, sounded=before.sounded + position - offset)
        self.on = None

    def step(self, at: float):
        """The key of what sounds at this second."""
        now = T0 + timedelta(seconds=at)
        if self.on and self.left(at) <= 0:
            key = self.on[0]
            self.cut(at)
            self.done.add(key)
        known = tuple(each for each in self.tickets if each.issued_at <= now)
        gone = {name for name, gone in self.withdrawn_at.items() if gone <= at}
        sounded = {key[0] for key, each in self.progress.items() if each.started_at}
        situation = Situation(
            tickets=known, settings=self.settings, names=frozenset({"unit:1"}),
            refused=refused(self.settings, known, {"unit:1"}, sounded, gone, now),
            obstacle_of=lambda _: None, awake_since=T0 - timedelta(days=1),
            withdrawn=gone, done=set(self.done),
            progress=self.progress, begun_by=self.begun,
            on_air=OnAir(self.on[0], now + timedelta(seconds=self.left(at))) if self.on else None,
        )  # fmt: skip
        decision = due(situation, now)
        self.done |= {fate.key for fate in decision.fates}
        sound = decision.sound
        if self.on and (sound is None or sound.key != self.on[0]):
            self.cut(at)
        if sound is not None and self.on is None:
            late = max(0.0, (now - sound.begins_at).total_seconds()) if sound.catch_up else 0.0
            self.on = (sound.key, at, sound.offset + late)
            before = self.progress.get(sound.key, Progress())
            self.progress[sound.key] = replace(before, started_at=before.started_at or now)
            if sound.ticket.occurrence:
                self.begun.setdefault((sound.ticket.occurrence, sound.key[1]), sound.ticket.id)
        return self.on[0] if self.on else None


@st.composite
def timetables(draw):
    tickets, gone = [], {}
    for number in range(draw(st.integers(1, 5))):
        urgent = draw(st.integers(0, 3)) == 0
        start = draw(st.integers(0, 90))
        issued = start if urgent else draw(st.sampled_from([-3600, -3600, -60, start - 5, start + 10]))
        tickets.append(
            ticket(
                f"air_{number}", start, *draw(st.lists(st.integers(1, 30).map(float), min_size=1, max_size=3)),
                issued=issued, repeated=urgent and draw(st.booleans()), gap=draw(st.sampled_from([0.0, 0.0, 6.0])), stays=draw(st.integers(0, 90)),
                kind="emergency" if urgent else "programme", late=draw(st.sampled_from(["join", "play", "skip"])),
                priority="emergency" if urgent else draw(st.sampled_from(["ordinary", "priority"])),
                occurrence=draw(st.sampled_from([None, "sl_1@1", "sl_2@1", "sl_3@1"])),
                lifted=draw(st.sampled_from([[], [], [], ["quiet_hours"], ["hours"], ["weekdays", "session_minutes"]])),
                since=draw(st.none() | st.sampled_from([T0 - timedelta(days=9), T0 - timedelta(days=3)])),
                runs_out=draw(st.none() | st.integers(0, 120).map(lambda at: T0 + timedelta(seconds=at))),
            )
        )  # fmt: skip
        if draw(st.integers(0, 4)) == 0:
            gone[f"air_{number}"] = float(draw(st.integers(0, 120)))
    quiet = draw(st.sampled_from([[], [], [("17:01", "17:02")], [("16:00", "17:01")], [("17:02", "05:00")]]))
    limits = draw(st.none() | st.builds(
        UnitLimits, earliest=st.sampled_from([None, None, "17:01"]), latest=st.sampled_from([None, None, "17:02"]),
        weekdays=st.sampled_from([None, None, None, ["MO"], ["TU"]]), session_minutes=st.sampled_from([None, 0.3, 1.0]),
        sessions_a_day=st.sampled_from([None, 1]),
    ))  # fmt: skip
    names = st.sampled_from(["sl_1", "sl_2", "sl_1@1", "sl_2@1", "sl_3@1"])
    order = draw(st.lists(st.tuples(names, names), max_size=3))
    return tickets, gone, StationSettings(quiet_hours=quiet, limits=limits, order=order)


def claims(tickets: list[Ticket], gone: dict[str, float]) -> list[Claim]:
    return [
        claim_of(each, T0 + timedelta(seconds=gone[each.id]) if each.id in gone else None) for each in tickets
    ]  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(timetables())
def test_what_is_said_to_sound_is_what_the_station_plays_at_every_second(timetable):
    tickets, gone, told = timetable
    player = Player(tickets, gone, told)
    played = [player.step(float(at)) for at in range(END)]
    whole = course(claims(tickets, gone), T0 + timedelta(seconds=END), allowed(told), frozenset(told.order))
    said = [
        next(((s.claim, s.index) for s in whole.stretches if s.start <= at < s.end), None)
        for at in (T0 + timedelta(seconds=second) for second in range(END))
    ]
    assert said == played


@settings(max_examples=50, deadline=None)
@given(timetables(), st.integers(0, END - 1))
def test_the_same_is_said_of_an_instant_whether_it_is_the_last_one_looked_at_or_not(timetable, second):
    tickets, gone, told = timetable
    rules, order = allowed(told), frozenset(told.order)
    at = T0 + timedelta(seconds=second)
    now = course(claims(tickets, gone), at, rules, order)
    later = course(claims(tickets, gone), T0 + timedelta(seconds=END), rules, order)
    sounding = next(((s.claim, s.index) for s in later.stretches if s.start <= at < s.end), None)
    assert now.on_air == sounding
    codes = {claim.id: now.standing(claim).code for claim in claims(tickets, gone)}
    assert [name for name, code in codes.items() if code == "sounding"] == ([sounding[0]] if sounding else [])
    assert set(codes.values()) <= {
        "sounding", "preempted", "ahead", "pause", "sounded", "partly", "lost", "withdrawn", "replaced", *LIMITS
    }  # fmt: skip


def looked(at: float, *tickets: Ticket, quiet=(), order=(), **gone: float) -> Course:
    return course(claims(list(tickets), gone), T0 + timedelta(seconds=at), Allowed(ZONE, tuple(quiet)), set(order))


def test_an_emergency_goes_over_priority_and_priority_over_ordinary():
    plain = ticket("plain", 0, 100.0)
    first = ticket("first", 10, 50.0, priority="priority")
    alarm = ticket("alarm", 20, 10.0, issued=20, kind="emergency", priority="emergency", late="play")
    assert looked(5, plain, first, alarm).on_air == ("plain", 0)
    at_15 = looked(15, plain, first, alarm)
    assert (at_15.on_air, at_15.standing(claim_of(plain)).by) == (("first", 0), "first")
    at_25 = looked(25, plain, first, alarm)
    assert at_25.on_air == ("alarm", 0)
    assert {at_25.standing(claim_of(each)).by for each in (plain, first)} == {"alarm"}
    assert looked(35, plain, first, alarm).on_air == ("first", 0)


def test_a_programme_that_may_not_come_late_is_lost_to_what_covered_its_start():
    first, late = ticket("first", 0, 50.0, priority="priority"), ticket("late", 10, 60.0, late="skip")
    after = looked(55, first, late)
    standing = after.standing(claim_of(late))
    assert (after.on_air, standing.code, standing.by) == (None, "lost", "first")


def test_what_is_withdrawn_is_silent_from_that_second_on():
    plain = ticket("plain", 0, 100.0)
    assert looked(29, plain, plain=30).on_air == ("plain", 0)
    after = looked(30, plain, plain=30)
    assert (after.on_air, after.standing(claim_of(plain)).code) == (None, "withdrawn")


def test_quiet_hours_are_said_to_be_the_reason():
    plain = ticket("plain", 30, 100.0)
    inside = looked(70, plain, quiet=[("17:01", "17:30")])
    assert (inside.on_air, inside.standing(claim_of(plain)).code) == (None, "quiet_hours")
    assert [(s.start, s.end) for s in inside.stretches] == [(T0 + timedelta(seconds=30), T0 + timedelta(seconds=60))]


def test_a_piece_that_has_run_out_does_not_begin():
    piece = Piece(0.0, 20.0, not_after=T0)
    claim = Claim("a", False, "ordinary", T0, T0 + timedelta(minutes=9), "join", T0, (piece,))
    assert course([claim], T0 + timedelta(seconds=5), Allowed(ZONE)).on_air is None


def test_the_turn_of_quiet_hours_is_found_over_midnight():
    evening = datetime(2026, 11, 23, 14, 30, 20, tzinfo=UTC)
    rules = Allowed(ZONE, (("22:00", "05:00"),))
    assert limit_turn(evening, evening + timedelta(days=1), rules) == datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
    assert limit_turn(evening, evening + timedelta(minutes=10), rules) is None


def test_of_two_with_priority_the_one_that_the_commune_put_first_sounds_also_when_the_other_has_begun():
    above = ticket("above", 0, 100.0, priority="priority", occurrence="sl_1@1")
    own = ticket("own", 30, 40.0, priority="priority", occurrence="sl_2@1")
    assert looked(50, above, own).on_air == ("above", 0)
    assert looked(50, above, own, order=[("sl_2", "sl_1")]).on_air == ("own", 0)
    once = [("sl_2", "sl_1"), ("sl_1@1", "sl_2@1")]
    assert looked(50, above, own, order=once).on_air == ("above", 0)
    after = looked(80, above, own, order=[("sl_2", "sl_1")])
    assert after.on_air == ("above", 0)  # it is joined where it is by then

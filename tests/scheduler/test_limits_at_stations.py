"""The limits of a unit at its stations: what the server plans within them sounds, and nothing beyond them does."""

from dataclasses import dataclass
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select
from test_limits import limit, put
from test_precedence import T0, ZONE, Player, ticket
from village import NOW, Village

from core.allowed import LIMITS, Wanted, without_room
from core.quiet import is_quiet, second_of_day
from core.wire import StationSettings, Ticket, UnitLimits
from registry.limits import Limits
from registry.models import Unit
from registry.units import Inherited
from scheduler import sessions
from scheduler.clashes import Span
from scheduler.models import Airing
from station.hours import allowed
from station.sessions import refused

MINUTE = timedelta(minutes=1)
DAYS = 3
MIDNIGHT = T0 - timedelta(hours=17)


@dataclass
class Unlimited(Player):
    """Notes what the limits kept silent, and every stretch of minutes that sounded."""

    def run(self) -> dict[str, list[tuple[int, int]]]:
        """Minutes since the first midnight that sounded, by airing; looks whenever anything may change."""
        edges = {int((each - MIDNIGHT) / MINUTE) for one in self.tickets for each in (one.starts_at, one.ends_at)}
        hours = [second_of_day(edge) // 60 for pair in self.settings.quiet_hours for edge in pair]
        edges |= {day * 1440 + each for day in range(DAYS + 1) for each in (0, *hours)}
        heard: dict[str, list[tuple[int, int]]] = {}
        steps = sorted(edges)
        for start, end in zip(steps, [*steps[1:], steps[-1] + 1], strict=True):
            on = self.step((MIDNIGHT + start * MINUTE - T0).total_seconds())
            if on:
                heard.setdefault(on[0], []).append((start, end))
        return heard


@st.composite
def places(draw):
    days = st.none() | st.lists(st.sampled_from(["MO", "TU", "WE"]), unique=True, min_size=1)
    limits = UnitLimits(
        earliest=draw(st.sampled_from([None, "05:00"])), latest=draw(st.sampled_from([None, "19:00"])),
        weekdays=draw(days), session_minutes=draw(st.sampled_from([None, 15.0, 45.0])),
        sessions_a_day=draw(st.sampled_from([None, 1, 2])),
    )  # fmt: skip
    quiet = draw(st.sampled_from([[], [("22:00", "05:00")], [("12:00", "13:30"), ("21:00", "06:00")]]))
    rows = {name: value for name, value in limits.model_dump().items() if value is not None}
    held = Inherited("Asia/Ho_Chi_Minh", quiet, 100, "opus", _limits(rows))
    told = StationSettings(quiet_hours=held.silent_hours, limits=limits)
    return held, told


def _limits(rows):
    days = frozenset(
        ["MO", "TU", "WE", "TH", "FR", "SA", "SU"].index(day)
        for day in rows.get("weekdays", ["MO", "TU", "WE", "TH", "FR", "SA", "SU"])
    )
    return Limits(
        rows.get("sessions_a_day"), rows.get("session_minutes"), days, rows.get("earliest"), rows.get("latest")
    )


@st.composite
def timetables(draw):
    """Airings of some slots, none of which overlap: what meets is another matter."""
    made, taken = [], set()
    for number in range(draw(st.integers(1, 5))):
        at = draw(st.sampled_from([240, 295, 300, 330, 335, 700, 720, 1020, 1030, 1130, 1250, 1320]))
        minutes = draw(st.sampled_from([3, 5, 10, 20, 40]))
        since = T0 - timedelta(days=draw(st.integers(1, 5)))
        lifted = draw(
            st.sampled_from([[], [], [], ["sessions_a_day"], ["hours"], ["quiet_hours", "weekdays"], list(LIMITS)])
        )
        for day in range(DAYS):
            start = day * 1440 + at + draw(st.sampled_from([0, 0, 2]))
            own = set(range(start, start + minutes))
            if draw(st.booleans()) or own & taken:
                continue
            taken |= own
            seconds = (MIDNIGHT + start * MINUTE - T0).total_seconds()
            name = f"sl_{number}@{day}"
            made.append(
                ticket(name, seconds, minutes * 60.0, issued=-90_000, since=since, lifted=lifted, occurrence=name)
            )  # fmt: skip
    return made


def within_limits(held: Inherited, tickets: list[Ticket]) -> list[Ticket]:
    """What the server signs of these: each by itself, and all together as they came onto the timetable."""
    by_itself = [
        each for each in tickets
        if not [hit for hit, _ in sessions.broken(held, ZONE, Span(each.starts_at, each.ends_at, "")) if hit not in each.lifted]
    ]  # fmt: skip
    wanted = [
        Wanted(each.id, each.starts_at, each.ends_at, each.since, each.occurrence, frozenset(each.lifted))
        for each in by_itself
    ]
    over = without_room(sessions.rules(held, ZONE), wanted)
    return [each for each in by_itself if each.id not in over]


def played(told: StationSettings, tickets: list[Ticket]) -> dict[str, list[tuple[int, int]]]:
    return Unlimited(tickets, {}, told).run()


@settings(max_examples=150, deadline=None)
@given(places(), timetables())
def test_a_station_refuses_nothing_that_the_server_plans_within_the_limits(place, tickets):
    held, told = place
    planned = within_limits(held, tickets)
    heard = played(told, planned)
    assert {each.id: _minutes(heard.get(each.id, [])) for each in planned} == {
        each.id: round((each.ends_at - each.starts_at) / MINUTE) for each in planned
    }


@settings(max_examples=150, deadline=None)
@given(places(), timetables())
def test_a_station_plays_nothing_beyond_the_limits_whatever_was_signed(place, tickets):
    held, told = place
    heard = played(told, tickets)
    by_id = {each.id: each for each in tickets}
    limits = held.limits
    for identity, stretches in heard.items():
        one = by_id[identity]
        assert "weekdays" in one.lifted or one.starts_at.astimezone(ZONE).weekday() in limits.weekdays
        for minute in (minute for start, end in stretches for minute in range(start, end)):
            at = MIDNIGHT + minute * MINUTE
            assert "quiet_hours" in one.lifted or not is_quiet(at, held.quiet_hours, ZONE)
            assert "hours" in one.lifted or not is_quiet(at, limits.closed_hours, ZONE)
    # By counting minutes: a session ends with five silent ones.
    loud = sorted(
        {m for each in (by_id[i] for i in heard) for m in range(_minute(each.starts_at), _minute(each.ends_at))}
    )
    found: list[list[int]] = []
    for minute in loud:
        if not found or minute - found[-1][-1] - 1 >= 5:
            found.append([])
        found[-1].append(minute)
    for number, session in enumerate(found):
        inside = [by_id[i] for i in heard if session[0] <= _minute(by_id[i].starts_at) <= session[-1]]
        if limits.session_minutes is not None and not any("session_minutes" in each.lifted for each in inside):
            assert session[-1] - session[0] + 1 <= limits.session_minutes
        same_day = [each for each in found if each[0] // 1440 == session[0] // 1440]
        free = any(
            "sessions_a_day" in by_id[i].lifted and _minute(by_id[i].starts_at) // 1440 == session[0] // 1440
            for i in heard
        )
        assert limits.sessions_a_day is None or free or len(same_day) <= limits.sessions_a_day, number


def _minutes(stretches: list[tuple[int, int]]) -> int:
    return sum(end - start for start, end in stretches)


def _minute(instant) -> int:
    return round((instant - MIDNIGHT) / MINUTE)


def test_what_is_refused_does_not_depend_on_when_it_is_asked_nor_on_the_order_of_the_plan():
    told = StationSettings(limits=UnitLimits(sessions_a_day=2))
    day = [ticket(f"air_{n}", n * 3600.0, 600.0, occurrence=f"sl_{n}@1", since=T0 - n * MINUTE) for n in range(4)]
    for now in (T0 - timedelta(hours=9), T0 + timedelta(hours=5)):
        for tickets in (day, day[::-1]):
            found = refused(told, tickets, {"unit:1"}, set(), set(), now)
            assert found == {"air_0": "sessions_a_day", "air_1": "sessions_a_day"}  # the last two were there first
    begun = refused(told, day, {"unit:1"}, {"air_0"}, set(), T0)
    assert begun == {"air_1": "sessions_a_day", "air_2": "sessions_a_day"}
    gone = refused(told, day, {"unit:1"}, set(), {"air_3"}, T0)
    assert gone == {"air_0": "sessions_a_day"}


def test_only_the_hours_that_were_lifted_are_open():
    told = StationSettings(quiet_hours=[("22:00", "05:00"), ("19:00", "24:00")], limits=UnitLimits(latest="19:00"))
    at = T0 + timedelta(hours=2, minutes=30)
    rules = allowed(told)
    assert rules.kept_from(rules.silent_at(at), ["hours"]) is None
    night = rules.silent_at(at + timedelta(hours=4))
    assert rules.kept_from(night, ["hours"]) == "quiet_hours"
    older = allowed(StationSettings(quiet_hours=told.quiet_hours))
    assert older.kept_from(older.silent_at(at), ["hours"]) is None
    assert older.kept_from(older.silent_at(at), []) == "quiet_hours"


def test_a_programme_for_a_province_is_signed_and_kept_silent_where_a_commune_allows_less(village: Village, callers):
    limit(village, "commune_a", sessions_a_day=1)
    own = put(village, "2026-11-24T06:00")
    village.clock.advance(seconds=1)
    programme = village.programme(village.bulletin("province", text="Của tỉnh."), unit="province")
    wide = village.slot(programme, "2026-11-24T17:00", to=["unit:79"])
    village.roll()
    with village.database.read() as session:
        signed = {row.slot_id for row in session.exec(select(Airing).where(Airing.ticket != "")).all()}
    assert signed == {own, wide}
    silent = {}
    for name in ("a1", "b1"):
        plan = callers.station(name).get("/plan").get_json()
        told = StationSettings.model_validate(plan["settings"])
        tickets = [village.verifier.verify(each) for each in plan["airings"]]
        names = set(told.audience)
        silent[name] = [
            (tickets_id.occurrence or "").partition("@")[0] for tickets_id in tickets
            if tickets_id.id in refused(told, tickets, names, set(), set(), NOW + timedelta(days=1))
        ]  # fmt: skip
    assert silent == {"a1": [wide], "b1": []}


def test_stations_are_told_every_limit_as_it_is_tightened_down_the_tree(village: Village, callers):
    limit(village, "province", sessions_a_day=3, weekdays=["MO", "TU", "WE"])
    limit(village, "commune_a", session_minutes=15, earliest="05:30", weekdays=["MO", "SU"])
    told = callers.station("a1").get("/plan").get_json()["settings"]
    assert told["limits"] == {
        "sessions_a_day": 3, "session_minutes": 15.0, "earliest": "05:30", "latest": None, "weekdays": ["MO"],
    }  # fmt: skip
    with village.database.read() as session:
        assert session.get_one(Unit, village.cast.units["commune_a"]).limits["session_minutes"] == 15

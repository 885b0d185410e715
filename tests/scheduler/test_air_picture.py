"""The picture of the air in memory: each airing at each station, kept by what stations say, not by asking them all."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler import air_folds, air_now
from scheduler.air_now import STANDINGS, Air, AirPicture, Heard, Home, Item, Told

FIVE = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
UNITS = [
    Home("p", "Tỉnh", "/p/"), Home("a", "Xã A", "/p/a/"), Home("b", "Xã B", "/p/b/"), Home("h", "Thôn", "/p/a/h/"),
]  # fmt: skip
STATIONS = {"s1": "a", "s2": "h", "s3": "b", "s4": "b"}
NAMES = {"unit:p": {"s1", "s2", "s3", "s4"}, "unit:a": {"s1", "s2"}, "unit:b": {"s3", "s4"}}


def answering(names):
    return set().union(*(NAMES.get(name, set()) for name in names))


def programme(identity="air_a", unit="a", *, title="Bản tin chiều", kind="programme", minutes=10, at=FIVE, **more):
    items = (Item(0.0, minutes * 30.0, "Tin một"), Item(minutes * 30.0, minutes * 30.0, "Tin hai"))
    priority = "emergency" if kind == "emergency" else "ordinary"
    return Air(
        identity, title, kind, priority, unit, more.pop("state", "issued"), more.pop("reason", ""), at,
        at + timedelta(minutes=minutes), at - timedelta(days=1), (f"unit:{unit}",), items, **more,
    )  # fmt: skip


def said(playing=None, at=FIVE, **more):
    return Heard(
        at,
        False,
        playing,
        more.get("lacks", ""),
        "tag",
        at - timedelta(hours=1),
        more.get("ready", FIVE + timedelta(days=1)),
    )


def picture(*airs, now=FIVE, heard=()):
    made = AirPicture(180, dict.fromkeys(STATIONS, "tag"))
    made.settle(UNITS, STATIONS)
    made.hear(dict.fromkeys(heard or STATIONS, said(at=now)), now)
    made.schedule(list(airs), answering, now)
    made.tick(now)
    return made


def counts(made, paths=("/p/",), now=FIVE, which=0):
    first, _ = air_folds.folds(made, air_folds.scope(made, paths), now)
    return {name: first[which].many(name) for name in STANDINGS if first[which].many(name)}


def told(item, outcome="played", reason=None, seconds=300.0):
    return Told(item, outcome, reason, seconds)


def test_stations_go_from_waiting_over_playing_to_played_as_they_say():
    made = picture(programme())
    assert counts(made) == {"waiting": 2}
    made.hear({"s1": said("air_a")}, FIVE)
    assert counts(made) == {"waiting": 1, "playing": 1}
    made.report([("r1", "air_a", "s1", told(0))], FIVE)
    assert counts(made) == {"waiting": 1, "playing": 1}
    made.report([("r2", "air_a", "s1", told(1)), ("r2", "air_a", "s1", told(1))], FIVE)
    assert counts(made) == {"waiting": 1, "played": 1}
    made.report([("r3", "air_a", "s2", told(0, "missed", "no_audio", 0.0)), ("r4", "air_a", "s2", told(1))], FIVE)
    assert counts(made) == {"partial": 1, "played": 1}


def test_what_a_station_lacks_is_seen_before_it_begins():
    made = picture(programme())
    made.hear({"s1": said(lacks="volume"), "s2": said(ready=FIVE - timedelta(hours=1))}, FIVE)
    assert counts(made) == {"not_ready": 2}


def test_a_station_that_is_not_heard_for_long_is_told_apart_and_comes_back():
    made = picture(programme(minutes=60))
    later = FIVE + timedelta(minutes=4)
    made.hear({"s2": said(at=later)}, later)
    made.tick(later)
    assert counts(made, now=later) == {"silent": 1, "waiting": 1}
    made.hear({"s1": said("air_a", at=later)}, later)
    assert counts(made, now=later) == {"playing": 1, "waiting": 1}


def test_a_programme_gives_way_where_an_emergency_sounds_and_says_to_which():
    made = picture(programme(), programme("air_b", "b"), programme("air_e", "a", title="Lũ về", kind="emergency"))
    (emergency, news), _ = air_folds.folds(made, air_folds.scope(made, ("/p/",)), FIVE)
    assert (emergency.title, emergency.planned) == ("Lũ về", 2)
    assert (news.many("preempted"), news.many("waiting"), news.gives_way) == (2, 2, ("Lũ về",))
    other, _ = air_folds.folds(made, air_folds.scope(made, ("/p/b/",)), FIVE)
    assert [fold.gives_way for fold in other] == [()]  # next door nothing of it is told
    over = FIVE + timedelta(minutes=11)
    made.hear({"s1": said("air_a", at=over)}, over)
    made.tick(over)
    assert counts(made, now=over, which=-1) == {"waiting": 1, "silent": 3}


def test_communes_with_the_same_programme_are_one_line_that_opens_by_place_down_to_the_stations():
    made = picture(programme(), programme("air_b", "b"))
    made.hear({"s3": said("air_b")}, FIVE)
    province = air_folds.scope(made, ("/p/",))
    (news,), coming = air_folds.folds(made, province, FIVE)
    assert (news.units, news.planned, news.begun, coming) == (("a", "b"), 4, 1, [])
    assert [(line.name, line.planned) for line in air_folds.lines(made, province, news)] == [("Xã A", 2), ("Xã B", 2)]
    inside = air_folds.lines(made, province, news, "/p/a/")
    assert {(line.name, line.planned) for line in inside} == {("Xã A", 1), ("Thôn", 1)}
    standings = air_folds.standings(made, province, news, "/p/b/")
    assert [(station, STANDINGS[how]) for _, station, how in standings] == [("s4", "waiting"), ("s3", "playing")]


def test_who_sees_one_commune_sees_nothing_of_the_other():
    made = picture(programme(), programme("air_b", "b", title="Của xã bên"), programme("air_p", "p", title="Của tỉnh"))
    seen = air_folds.scope(made, ("/p/a/",))
    first, _ = air_folds.folds(made, seen, FIVE)
    assert {(fold.title, fold.planned) for fold in first} == {("Bản tin chiều", 2), ("Của tỉnh", 2)}
    everything = next(
        fold for fold in air_folds.folds(made, air_folds.scope(made, ("/",)), FIVE)[0] if "bên" in fold.title
    )
    assert air_folds.lines(made, seen, everything) == []
    assert air_folds.standings(made, seen, everything, "/p/") == []
    assert air_folds.folds(made, air_folds.scope(made, ()), FIVE) == ([], [])


def test_more_programmes_than_fit_at_one_time_stand_in_one_line():
    airs = [programme(f"air_{number}", "a", title=f"Bản tin {number}") for number in range(air_folds.MOST_FOLDS + 1)]
    first, _ = air_folds.folds(made := picture(*airs), air_folds.scope(made, ("/p/",)), FIVE)
    assert [(fold.title, len(fold.airs)) for fold in first] == [("", len(airs))]


def test_what_did_not_go_on_air_says_why_and_what_was_replaced_is_not_shown():
    made = picture(
        programme(state="failed", reason="not_ready"), programme("air_r", "b", state="withdrawn", reason="replaced")
    )
    (gone,), _ = air_folds.folds(made, air_folds.scope(made, ("/p/",)), FIVE)
    assert (gone.states, gone.reasons) == ({"failed"}, {"not_ready"})


def test_only_what_happens_costs_a_change():
    made = picture(programme(), programme("air_b", "b"))
    stamp = made.stamp
    made.hear(dict.fromkeys(STATIONS, said(at=FIVE + timedelta(seconds=60))), FIVE + timedelta(seconds=60))
    made.tick(FIVE + timedelta(seconds=60))
    assert made.stamp == stamp
    made.hear({"s3": said("air_b")}, FIVE)
    assert made.stamp == stamp + 1
    assert {unit for unit, at in made.moved.items() if at > stamp} == {"b"}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(
                st.just("beat"), st.sampled_from(sorted(STATIONS)), st.sampled_from(["", "air_a", "air_e", "air_b"])
            ),
            st.tuples(st.just("report"), st.sampled_from(sorted(STATIONS)), st.sampled_from(["air_a", "air_b"])),
            st.tuples(st.just("time"), st.integers(1, 400), st.just("")),
            st.tuples(st.just("timetable"), st.booleans(), st.just("")),
        ),
        max_size=25,
    )
)
def test_whatever_happens_the_cells_are_what_counting_from_nothing_gives(steps):
    airs = [programme(), programme("air_b", "b"), programme("air_e", "a", title="Lũ", kind="emergency", minutes=3)]
    made, now = picture(*airs), FIVE
    beats, reports, present = dict.fromkeys(STATIONS, said()), [], list(airs)
    for number, (what, one, other) in enumerate(steps):
        if what == "beat":
            beats[one] = said(other or None, at=now)
            made.hear({one: beats[one]}, now)
        elif what == "report":
            reports.append((f"r{number}", other, one, told(number % 2)))
            made.report(reports[-1:], now)
        elif what == "time":
            now += timedelta(seconds=one)
            made.tick(now)
        else:
            present = [programme(), programme("air_b", "b")] + (
                [programme("air_e", "a", title="Lũ", kind="emergency", minutes=3)] if one else []
            )
            fresh = made.schedule(present, answering, now)
            assert {air.id for air in fresh} <= {"air_e"}
    known = {air.id for air in present}
    anew = AirPicture(180, dict.fromkeys(STATIONS, "tag"))
    anew.settle(UNITS, STATIONS)
    anew.hear(beats, now)
    anew.schedule(
        [programme(), programme("air_b", "b")]
        + ([programme("air_e", "a", title="Lũ", kind="emergency", minutes=3)] if "air_e" in known else []),
        answering,
        now,
    )
    anew.report(reports, now)
    anew.tick(now)
    made.tick(now)
    for identity in known:
        told_cells = {unit: cell for unit, cell in made.airs[identity].cells.items() if any(cell)}
        assert told_cells == {unit: cell for unit, cell in anew.airs[identity].cells.items() if any(cell)}


def test_beyond_a_bound_only_the_time_is_told(monkeypatch):
    monkeypatch.setattr(air_now, "MOST_PAIRS", 3)
    made = picture(programme(), programme("air_b", "b", at=FIVE + timedelta(hours=1)))
    first, later = air_folds.folds(made, air_folds.scope(made, ("/p/",)), FIVE)
    assert ([fold.planned for fold in first], [fold.planned for fold in later]) == ([2], [0])

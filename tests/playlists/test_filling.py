"""What a programme comes to: the newest within bounds, in turn, with a tune, in the time there is."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from village import NOW, Village

from audio import clips
from core.errors import LoaError
from playlists.fitting import fitted
from playlists.parts import NO_FILES, Part
from playlists.programmes import Entry, Newest

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def part(name: str, seconds: float, priority: str = "ordinary", role: str = "", **more) -> Part:
    return Part(name, seconds, NO_FILES, "x", f"bu_{name}", f"cl_{name}", priority=priority, role=role, **more)


def names(parts) -> str:
    return "".join(each.title for each in parts)


def test_the_lowest_whole_item_goes_first_and_it_is_said():
    parts = [part("t", 5, role="signature"), part("a", 20), part("P", 30, "priority"), part("b", 20)]
    fit = fitted(parts, [], NOW, 60, fill=False)
    assert names(fit.parts) == "taP"
    assert fit.left_out == (("bu_b", "no_room"),)
    assert names(fitted(parts, [], NOW, 40, fill=False).parts) == "tP"
    assert names(fitted(parts, [], NOW, 34, fill=False).parts) == ""  # a tune alone is no programme
    assert names(fitted(parts, [], NOW, None, fill=True).parts) == "taPb"


def test_what_is_left_over_is_filled_with_whole_pieces_over_and_over():
    fills = [part("x", 10, role="fill"), part("y", 4, role="fill")]
    assert names(fitted([part("a", 20)], fills, NOW, 50, fill=True).parts) == "axyxy"
    assert names(fitted([part("a", 20)], fills, NOW, 50, fill=False).parts) == "a"
    assert names(fitted([], fills, NOW, 50, fill=True).parts) == ""


def test_what_would_run_out_before_it_is_over_does_not_begin():
    late = part("r", 20, not_after=NOW + timedelta(seconds=45))
    fit = fitted([part("a", 20), late], [], NOW, None, fill=False)
    assert names(fit.parts) == "ar"
    fit = fitted([part("a", 30), late, part("b", 5)], [], NOW, None, fill=False)
    assert (names(fit.parts), fit.left_out) == ("ab", (("bu_r", "run_out"),))


def some(titles: str) -> st.SearchStrategy[list[Part]]:
    made = st.builds(
        part, st.sampled_from(titles), st.integers(1, 60), st.sampled_from(["ordinary", "priority"]),
        st.sampled_from(["", "", "signature"]),
    )  # fmt: skip
    return st.lists(made, max_size=8, unique_by=lambda each: each.title)


@given(some("abcdef"), some("UVWXYZ"), st.integers(1, 200), st.booleans())
def test_it_always_fits_keeps_the_order_and_leaves_nothing_out_that_had_room(parts, fills, most, fill):
    fit = fitted(parts, fills, NOW, most, fill=fill)
    assert fit.seconds <= most
    own = [each for each in fit.parts if each in parts]
    assert [each.title for each in parts if each in own] == [each.title for each in own[: len(set(own))]]
    assert {name for name, _ in fit.left_out} <= {each.bulletin_id for each in parts}
    if sum(each.seconds for each in parts) <= most:
        assert not fit.left_out
    if fill and fit.parts and fills:
        assert most - fit.seconds < min(each.seconds for each in fills)


def heard(village: Village) -> list[str]:
    village.roll()
    return [" ".join(item["title"] for item in airing.items) for airing in village.airings()]


def test_the_newest_of_one_unit_and_not_older_than(village: Village):
    village.bulletin("province", text="Tin tỉnh.", title="tỉnh")
    village.bulletin(text="Tin xã.", title="xã")
    newest = Newest(count=5, unit="79")
    programme = village.programme(entries=[Entry(newest=newest)])
    village.slot(programme, NOW + HOUR)
    old = village.programme(entries=[Entry(newest=Newest(count=5, max_age_days=3))])
    village.slot(old, NOW + 2 * HOUR, "FREQ=DAILY")
    found = heard(village)
    assert found[0] == "tỉnh"
    assert found[1] == "xã tỉnh"
    assert found[4:] == [""] * 5  # from the fourth day on both are too old


def test_what_was_heard_here_is_not_chosen_again_before_its_time(village: Village):
    for n in range(3):
        village.clock.advance(seconds=1)
        village.bulletin(text=f"Tin số {n}.", title=str(n))
    programme = village.programme(entries=[Entry(newest=Newest(count=1, unheard_days=3))])
    village.slot(programme, NOW + HOUR, "FREQ=DAILY")
    assert heard(village) == ["2", "1", "0", "2", "1", "0", "2", "1"]
    assert village.roll() == 0
    village.clock.at = NOW + HOUR + timedelta(minutes=10)
    village.roll()
    assert heard(village)[:3] == ["2", "1", "0"]
    village.clock.at = NOW + 2 * DAY + 2 * HOUR
    assert heard(village)[2:6] == ["0", "2", "1", "0"]


def test_a_rotation_takes_one_after_the_other_by_days(village: Village):
    made = [village.bulletin(text=f"Tin {n}.", title=str(n)) for n in range(3)]
    programme = village.programme(entries=[Entry(rotation=tuple(made))])
    village.slot(programme, NOW + HOUR, "FREQ=DAILY")
    found = heard(village)
    assert sorted(set(found[:3])) == ["0", "1", "2"]
    assert found[:3] == found[3:6]
    assert village.roll() == 0


def test_a_slot_bounds_its_length_and_says_what_had_no_room(village: Village):
    first = village.bulletin(text="Một.", title="một", seconds=40.0)
    second = village.bulletin(text="Hai.", title="hai", seconds=40.0)
    village.slot(village.programme(first, second), NOW + HOUR, max_minutes=1.0)
    assert heard(village) == ["một"]
    (airing,) = village.airings()
    assert airing.left_out == [[second, "no_room"]]
    assert (airing.ends_at - airing.starts_at).total_seconds() == 40.0


def test_a_slot_fills_its_time_with_music(village: Village):
    with village.database.write() as session:
        music = clips.request_recording(
            session, unit_id=village.cast.units["commune_a"], upload="up_music", title="nhạc", created_by="x", now=NOW
        ).id
    village.finish_clip(music, seconds=25.0)
    word = village.bulletin(text="Một.", title="một", seconds=40.0)
    programme = village.programme(entries=[Entry(bulletin=word), Entry(clip=music, role="fill")])
    village.slot(programme, NOW + HOUR, max_minutes=2.0, short="fill")
    village.slot(programme, NOW + 2 * HOUR, max_minutes=2.0)
    assert heard(village) == ["một nhạc nhạc nhạc", "một"]


def test_what_runs_out_is_never_played_late(village: Village):
    until = NOW + HOUR + timedelta(seconds=30)
    bulletin = village.bulletin(valid_until=until, seconds=20.0)
    village.slot(village.programme(bulletin), NOW + HOUR, late="play")
    village.roll()
    (airing,) = village.airings()
    ticket = village.ticket(airing)
    assert ticket.not_after == until
    assert ticket.items[0].not_after == until


@pytest.mark.parametrize(
    "entry",
    [
        Entry(newest=Newest(max_age_days=0)), Entry(newest=Newest(unheard_days=91)), Entry(newest=Newest(unit="79.2")),
        Entry(rotation=()), Entry(rotation=("bu_none",)), Entry(newest=Newest(), role="star"),
        Entry(newest=Newest(), rotation=("bu_x",)),
    ],
)  # fmt: skip
def test_items_that_make_no_sense_are_refused(village: Village, entry):
    with pytest.raises(LoaError):
        village.programme(entries=[entry])


def test_the_interface_takes_and_shows_all_kinds(village: Village, callers):
    bulletin = village.bulletin()
    items = [
        {"bulletin": bulletin, "role": "signature"}, {"rotation": [bulletin]},
        {"newest": {"field": None, "priority": None, "count": 2, "unheard_days": 7, "max_age_days": 30}},
    ]  # fmt: skip
    made = callers["approver"].post("/programmes", {"unit": "79.1", "title": "Chiều", "items": items})
    assert made.status_code == 201, made.text
    assert made.get_json()["items"] == items
    wrong = callers["approver"].post("/programmes", {"unit": "79.1", "title": "x", "items": [{"rotation": []}]})
    assert wrong.status_code == 422

"""The same messages, in whatever order and however often they arrive, leave the same ones standing."""

from datetime import timedelta

from cap_builder import NOW, Stream, alert, one, reference
from hypothesis import given, settings
from hypothesis import strategies as st

_MOST = 6


@st.composite
def series(draw):
    """Up to six messages of one sender, each perhaps naming earlier ones, some at the same instant."""
    count = draw(st.integers(2, _MOST))
    minutes = sorted(draw(st.lists(st.integers(0, 4), min_size=count, max_size=count)))
    sent = [(NOW - timedelta(minutes=50 - each)).isoformat() for each in minutes]
    messages = []
    for place in range(count):
        earlier = [p for p in range(place) if minutes[p] < minutes[place]]
        kind = draw(st.sampled_from(["Alert", "Update", "Update", "Cancel"])) if earlier else "Alert"
        names = draw(st.lists(st.sampled_from(earlier), min_size=1, max_size=2, unique=True)) if kind != "Alert" else []
        written = " ".join(reference(f"m{p}", sent[p]) for p in names) or None
        messages.append(one(alert(identifier=f"m{place}", sent=sent[place], msgType=kind, references=written)))
    order = draw(st.permutations(messages))
    again = draw(st.lists(st.sampled_from(messages), max_size=3))
    return messages, [*order, *again]


def standing(messages):
    """Who is on air at the end, if each decision is carried out as it comes."""
    stream, on_air = Stream(), set()
    for message in messages:
        decision = stream.take(message)
        on_air -= set(decision.stops)
        if decision.action in ("broadcast", "update"):
            assert message.key not in decision.stops
            on_air.add(message.key)
    return on_air


@settings(max_examples=300, deadline=None)
@given(series())
def test_the_order_of_arrival_changes_nothing_in_the_end(case):
    in_order, as_arrived = case
    assert standing(as_arrived) == standing(in_order)


@settings(max_examples=100, deadline=None)
@given(series())
def test_nothing_is_aired_twice(case):
    _, as_arrived = case
    stream = Stream()
    aired = [m.key for m in as_arrived if stream.take(m).action in ("broadcast", "update")]
    assert len(aired) == len(set(aired))


def test_a_missing_link_that_comes_last_shows_what_has_long_been_replaced():
    """The fourth names only the first; that the third belongs to it is known once the second has come."""
    first, second, third, fourth = (
        one(
            alert(
                identifier=f"m{n}",
                sent=f"2026-11-23T05:0{n}:00+07:00",
                msgType="Update" if n else "Alert",
                references=named,
            )
        )
        for n, named in enumerate((None, _named(0), _named(1), _named(0)))
    )
    assert standing([first, fourth, third, second]) == standing([first, second, third, fourth]) == {fourth.key}


def _named(number):
    return reference(f"m{number}", f"2026-11-23T05:0{number}:00+07:00")

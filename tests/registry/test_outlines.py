"""Outlines of units around their stations."""

from hypothesis import given
from hypothesis import strategies as st

from registry import outlines

_DEGREES = st.integers(-50, 50).map(float)
_POINTS = st.lists(st.tuples(_DEGREES, _DEGREES), max_size=30)


def turn(origin, one, other):
    (a, b), (c, d), (e, f) = ((point[1], point[0]) for point in (origin, one, other))
    return (c - a) * (f - b) - (d - b) * (e - a)


def test_the_hull_of_a_square_with_points_inside_and_on_its_edges_is_its_corners():
    corners = [(10.0, 106.0), (10.0, 107.0), (11.0, 107.0), (11.0, 106.0)]
    assert outlines.hull([*corners, (10.5, 106.5), (10.0, 106.5), (10.0, 106.0)]) == corners


def test_of_few_points_and_of_points_in_a_line_the_ends_are_left():
    assert outlines.hull([]) == []
    assert outlines.hull([(1.0, 2.0), (1.0, 2.0)]) == [(1.0, 2.0)]
    assert sorted(outlines.hull([(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)])) == [(1.0, 1.0), (3.0, 3.0)]


@given(_POINTS)
def test_a_hull_turns_left_everywhere_and_leaves_no_point_outside(points):
    hull = outlines.hull(points)
    assert set(hull) <= set(points)
    assert len(hull) == len(set(hull))
    if len(hull) > 2:
        for at, corner in enumerate(hull):
            following, next_but_one = hull[(at + 1) % len(hull)], hull[(at + 2) % len(hull)]
            assert turn(corner, following, next_but_one) > 0
            assert all(turn(corner, following, point) >= 0 for point in points)


def test_units_are_drawn_at_the_level_that_tells_them_apart():
    here = [(10.0, 106.0)]
    assert outlines.grouped({"/p/a/x/": here, "/p/a/y/": here, "/p/b/z/": here}).keys() == {"a", "b"}
    assert outlines.grouped({"/p/a/x/": here, "/p/a/y/": here}).keys() == {"x", "y"}
    assert outlines.grouped({"/p/a/x/": here}).keys() == {"x"}
    assert outlines.grouped({}) == {}


def test_what_stands_in_the_commune_itself_belongs_to_none_of_its_hamlets():
    drawn = outlines.grouped({"/p/a/": [(1.0, 1.0)], "/p/a/x/": [(2.0, 2.0)], "/p/a/y/": [(3.0, 3.0)]})
    assert drawn == {"x": [(2.0, 2.0)], "y": [(3.0, 3.0)]}

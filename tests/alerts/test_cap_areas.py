"""Whom an area reaches: shapes on the globe, codes and names of units, and never a silent everywhere or nowhere."""

import math

import numpy as np
import pytest
from cap_builder import alert, area, info, one
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.cap.geometry import circle, polygon
from alerts.cap.message import Area, Circle, Pair
from alerts.cap.placenames import Gazetteer, Unit, bare
from alerts.cap.reach import Change, Finder, Place, change
from alerts.cap.remarks import Remarks
from alerts.cap.shapes import EARTH_RADIUS_KM, Budget, Positions, winds_around


def ring(text):
    found = polygon(text, 10_000, Remarks())
    assert found is not None
    return found


def within(shape, latitudes, longitudes, budget=None):
    """For each point whether it is within."""
    positions = Positions(np.array(latitudes, dtype=float), np.array(longitudes, dtype=float))
    found = positions.in_circle(shape) if isinstance(shape, Circle) else positions.in_polygon(shape, budget or Budget())
    flags = np.zeros(len(latitudes), dtype=bool)
    flags[found] = True
    return flags


def inside(shape, latitude, longitude):
    return bool(within(shape, [latitude], [longitude])[0])


BOX = ring("10,100 10,110 20,110 20,100 10,100")
FIJI = ring("-20,175 -20,-175 -15,-175 -15,175 -20,175")
EAST_OF_180 = ring("-20,175 -20,185 -15,185 -15,175 -20,175")
ANTARCTIC = ring("-60,-180 -60,-90 -60,0 -60,90 -60,180 -60,-180")
ARCTIC = ring("70,-120 70,0 70,120 70,-120")
BOW_TIE = ring("0,0 10,10 10,0 0,10 0,0")
TWICE_ROUND = ring("0,0 0,10 10,10 10,0 0,0 0,10 10,10 10,0 0,0")
OVERLAP = ring("0,0 0,10 6,10 6,0 4,0 4,10 10,10 10,0 0,0")
POINTS = {
    "in the middle": (BOX, 15, 105, True),
    "on a side": (BOX, 15, 100, True),
    "on a corner": (BOX, 10, 100, True),
    "north of it": (BOX, 20.01, 105, False),
    "the other way round": (ring("10,100 20,100 20,110 10,110 10,100"), 15, 105, True),
    "longitude first": (ring("100,10 110,10 110,20 100,20 100,10"), 15, 105, True),
    "an open ring": (ring("10,100 10,110 20,110 20,100"), 15, 105, True),
    "a hair's breadth inside": (BOX, 19.9999, 109.9999, True),
    "across the antimeridian, east": (FIJI, -17, -178, True),
    "across the antimeridian, west": (FIJI, -17, 178, True),
    "on the antimeridian": (FIJI, -17, 180, True),
    "on the antimeridian from the other side": (FIJI, -17, -180, True),
    "not across the antimeridian": (FIJI, -17, 0, False),
    "west of it": (FIJI, -17, 174, False),
    "longitudes above 180": (EAST_OF_180, -17, -178, True),
    "longitudes above 180, elsewhere": (EAST_OF_180, -17, 160, False),
    "around the south pole": (ANTARCTIC, -80, 33, True),
    "not around the south pole": (ANTARCTIC, -50, 33, False),
    "around the north pole": (ARCTIC, 89, -170, True),
    "south of the ring around the pole": (ARCTIC, 60, 10, False),
    "one wing of a bow tie": (BOW_TIE, 1, 5, True),
    "the other wing of a bow tie": (BOW_TIE, 9, 5, True),
    "beside a bow tie": (BOW_TIE, 5, 1, False),
    "twice around": (TWICE_ROUND, 5, 5, True),
    "where a ring overlaps itself": (OVERLAP, 5, 5, True),
    "a spike": (ring("0,0 0,10 10,10 10,20 10,10 10,0 0,0"), 5, 5, True),
    "repeated corners": (ring("0,0 0,0 0,10 0,10 10,10 10,0 0,0"), 5, 5, True),
    "a circle": (Circle((21.0, 105.8), 10), 21.05, 105.85, True),
    "outside a circle": (Circle((21.0, 105.8), 10), 21.1, 105.8, False),
    "a circle of radius 0": (Circle((21.0, 105.8), 0), 21.0, 105.8, False),
    "a circle across the antimeridian": (Circle((-17.0, 179.9), 50), -17, -179.8, True),
    "a circle over the pole": (Circle((89.5, 0.0), 200), 89.5, 180, True),
    "a circle of half the earth": (Circle((0.0, 0.0), 20_015), 10, 120, True),
}


@pytest.mark.parametrize("name", POINTS)
def test_a_point_lies_within_or_not(name):
    shape, latitude, longitude, expected = POINTS[name]
    assert inside(shape, latitude, longitude) is expected


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-40, 40), st.integers(-40, 40)), min_size=3, max_size=9, unique=True),
    st.lists(st.tuples(st.floats(-45, 45), st.floats(-45, 45)), min_size=1, max_size=8),
)
def test_both_ways_to_look_agree_where_a_ring_does_not_cross_itself(corners, points):
    """Convex hulls never cross themselves: Shapely's answer and the winding number must be the same."""
    import shapely

    hull = shapely.MultiPoint([(x, y) for y, x in corners]).convex_hull
    if hull.geom_type != "Polygon":
        return
    outline = np.array(hull.exterior.coords)
    x, y = (np.array(each) for each in zip(*[(lon, lat) for lat, lon in points], strict=True))
    away = np.array([hull.exterior.distance(shapely.Point(a, b)) > 1e-9 for a, b in zip(x, y, strict=True)])
    got = within([(lat, lon) for lon, lat in outline], y, x)
    assert (got == winds_around(outline, x, y))[away].all()
    assert (got == shapely.contains_xy(hull, x, y))[away].all()


@settings(max_examples=60, deadline=None)
@given(st.floats(-89, 89), st.floats(-180, 180), st.floats(0, 359), st.floats(1, 900))
def test_a_circle_holds_what_is_nearer_than_its_radius(latitude, longitude, bearing, distance_km):
    """A point at a distance and bearing, by spherical trigonometry, lies in a larger circle and not in a smaller one."""
    angle, phi, turn = distance_km / EARTH_RADIUS_KM, math.radians(latitude), math.radians(bearing)
    there = math.asin(math.sin(phi) * math.cos(angle) + math.cos(phi) * math.sin(angle) * math.cos(turn))
    across = math.atan2(
        math.sin(turn) * math.sin(angle) * math.cos(phi), math.cos(angle) - math.sin(phi) * math.sin(there)
    )
    point = math.degrees(there), (longitude + math.degrees(across) + 540) % 360 - 180
    assert inside(Circle((latitude, longitude), distance_km * 1.001), *point)
    assert not inside(Circle((latitude, longitude), distance_km * 0.999), *point)


def test_a_ring_with_very_many_crossings_is_answered_quickly():
    """A zigzag of 4,000 corners crosses itself millions of times; noding it would take gigabytes."""
    zigzag = [(float(n % 2) * 10 + n * 1e-4, float(n * 7919 % 4000) / 400) for n in range(4_000)]
    zigzag.append(zigzag[0])
    latitudes, longitudes = (each.ravel() for each in np.meshgrid(np.linspace(1, 9, 30), np.linspace(1, 9, 30)))
    assert within(zigzag, latitudes, longitudes).any()


def test_when_the_work_is_used_up_the_bounding_box_is_taken_and_told():
    """More than was meant is better than less; and a person hears of it."""
    budget = Budget(100)
    assert within(BOW_TIE, [5, 5, 50], [1, 5, 5], Budget()).tolist() == [False, True, False]
    assert within(BOW_TIE, [5, 5, 50], [1, 5, 5], budget).tolist() == [False, True, False]
    assert not budget.spent
    assert within(BOW_TIE, [5, 5, 50] * 10, [1, 5, 5] * 10, budget).tolist() == [True, True, False] * 10
    assert budget.spent


@pytest.mark.parametrize(
    "text", ["", "   ", "abc", "1,2", "1,2 3,4", "1,2 1,2 1,2 1,2", "1,2 3,4 5", "95,195 96,196 97,197 95,195", "1,1 2,2 3,3 1,1",
             "22,0 103,0 22,0 104,0 23,0 104,0 22,0 103,0", "nan,1 2,3 4,5",
             "1e999,1 2,3 4,5", "inf,1 2,3 3,4", "1,2,3 4,5,6 7,8,9 1,2,3x", "０,１ ２,３ ４,５", "--1,2 3,4 5,6"],
)  # fmt: skip
def test_a_polygon_that_makes_no_sense_is_none(text):
    assert polygon(text, 1_000, Remarks()) is None


@pytest.mark.parametrize(
    "text", ["", "21,105", "21,105 5 6", "21,105 -1", "95,195 3", "21,105 far", "21,105 nan", "21,105 1e9"]
)
def test_a_circle_that_makes_no_sense_is_none(text):
    assert circle(text, Remarks()) is None


@pytest.mark.parametrize(
    "text", ["21,105 5", " 21 , 105   5.0 ", "(21,105) 5", "21,105,5", "105,21 5", "+21.0,105.0 5e0", "\n21,105\t5\n"]
)
def test_a_circle_is_read_however_it_is_spaced(text):
    assert circle(text, Remarks()) == Circle((21.0, 105.0), 5.0)


UNITS = (
    Unit("country", "VN", "Việt Nam"),
    Unit("lc", "10", "Tỉnh Lào Cai", ("country",), frozenset({Pair("ISO3166-2", "VN-02")})),
    Unit("dh", "48", "Thành phố Đà Nẵng", ("country",), frozenset({Pair("ISO3166-2", "VN-DN")})),
    Unit("ls", "20", "Tỉnh Lạng Sơn", ("country",)),
    Unit("tv", "10.1", "Xã Tả Van", ("country", "lc"), frozenset({Pair("SAME", "006109")})),
    Unit("sp", "10.2", "Phường Sa Pa", ("country", "lc")),
    Unit("hoa", "10.3", "Xã Hòa Bình", ("country", "lc")),
    Unit("hoa2", "48.3", "Xã Hoà Bình", ("country", "dh")),
    Unit("hb", "48.4", "Phường Hòa Bính", ("country", "dh")),
    Unit("lcw", "10.4", "Phường Lào Cai", ("country", "lc")),
    Unit("q1", "48.1", "Phường 1", ("country", "dh")),
)
NAMES = Gazetteer(UNITS)
NAMED = {
    "Xã Tả Van": ["tv"],
    "Tả Van": ["tv"],
    "xa ta van": ["tv"],
    "TẢ VAN": ["tv"],
    "Xã Tả Van, tỉnh Lào Cai": ["tv"],
    "Tỉnh Lào Cai: xã Tả Van, phường Sa Pa": ["tv", "sp"],
    "Các xã Tả Van, Sa Pa (Lào Cai)": ["tv", "sp"],
    "xã Tả Van và phường Sa Pa thuộc tỉnh Lào Cai": ["tv", "sp"],
    "Tả Van; Sa Pa": ["tv", "sp"],
    "Tỉnh Lào Cai": ["lc"],
    "Lào Cai": ["lc"],
    "Lao Cai Province": ["lc"],
    "Phường Lào Cai": ["lcw"],
    "Tỉnh Lào Cai, thành phố Đà Nẵng": ["lc", "dh"],
    "TP. Đà Nẵng": ["dh"],
    "Tp Da Nang": ["dh"],
    "Lạng Sơn": ["ls"],
    "Lang Son": ["ls"],
    "Thôn Sơn": [],
    "Xã Hòa Bình, tỉnh Lào Cai": ["hoa"],
    "Xã Hoà Bình, Đà Nẵng": ["hoa2"],
    "Phường Hòa Bính": ["hb"],
    "Xã Hòa Bình": [],
    "Phường 1": ["q1"],
    "1": [],
    "Toàn quốc": [],
    "": [],
    "Sao Hỏa": [],
}


@pytest.mark.parametrize("description", NAMED)
def test_units_are_found_by_what_people_call_them(description):
    assert [unit.id for unit in NAMES.named(description)[0]] == NAMED[description]


def test_a_name_that_several_units_have_is_told_as_unclear():
    assert NAMES.named("Xã Hòa Bình; Tả Van")[1] == ["Xã Hòa Bình"]


CODED = {
    ("SAME", "006109"): ["tv"],
    ("same", "006109 006110"): ["tv"],
    ("ISO3166-2", "vn-02"): ["lc"],
    ("ISO3166-2", "VN-02,VN-DN"): ["lc", "dh"],
    ("UGC", "006109"): [],
    ("SAME", "VN-02"): [],
    ("unit", "10.1"): ["tv"],
    ("unit", "10"): ["lc"],
    ("EMMA_ID", "10.1"): [],
}


@pytest.mark.parametrize("code", CODED)
def test_a_geocode_matches_by_name_and_value_together(code):
    assert [unit.id for unit in NAMES.coded([Pair(*code)])[0]] == CODED[code]


def test_kinds_of_units_are_told_from_names_by_their_marks():
    assert bare("Làng Mới") == "moi"
    assert bare("Lạng Sơn") == "lang son"
    assert bare("Quận 1") == "quan 1"


PLACES = (
    Place("st_a", 22.3, 103.8, ("country", "lc", "tv")),
    Place("st_b", 22.34, 103.84, ("country", "lc", "sp")),
    Place("st_c", 16.05, 108.2, ("country", "dh")),
    Place("st_d", None, None, ("country", "lc", "tv")),
    Place("st_e", None, None, ("country", "dh")),
)
FINDER = Finder(PLACES, NAMES)
SMALL = ring("22.2,103.7 22.2,103.82 22.32,103.82 22.32,103.7 22.2,103.7")
LATE = ring("0,0 0,1 1,1 0,0")
REACHED = {
    "a polygon": ([Area("x", (SMALL,))], ["st_a"], {"unplaced"}),
    "two polygons": ([Area("x", (SMALL, ring("16,108 16,109 17,109 16,108")))], ["st_a", "st_c"], {"unplaced"}),
    "a polygon and a circle": ([Area("x", (SMALL,), (Circle((22.34, 103.84), 1.0),))], ["st_a", "st_b"], {"unplaced"}),
    "a polygon over nobody": ([Area("Xã Tả Van", (LATE,))], [], set()),
    "a polygon and a geocode": ([Area("x", (LATE,), (), (Pair("SAME", "006109"),))], ["st_a", "st_d"], set()),
    "a geocode": ([Area("x", (), (), (Pair("ISO3166-2", "VN-02"),))], ["st_a", "st_b", "st_d"], set()),
    "a geocode and one that is unknown": ([Area("x", (), (), (Pair("unit", "48"), Pair("UGC", "X")))], ["st_c", "st_e"], {"unknown_codes"}),
    "an unknown geocode beside a name": ([Area("Xã Tả Van", (), (), (Pair("UGC", "X"),))], ["st_a", "st_d"], set()),
    "a name": ([Area("Xã Tả Van")], ["st_a", "st_d"], set()),
    "a name and one that is unknown": ([Area("Xã Tả Van, Sao Hỏa")], ["st_a", "st_d"], {"unclear_names"}),
    "a point": ([Area("Xã Tả Van", (), (Circle((22.3, 103.8), 0.0),))], ["st_a", "st_d"], set()),
    "a point and no name": ([Area("Sao Hỏa", (), (Circle((22.3, 103.8), 0.0),))], [], {"lost"}),
    "a name nobody knows": ([Area("Sao Hỏa")], [], {"lost"}),
    "no area at all": ([], [], {"no_area"}),
    "a shape that can't be read": ([Area("Xã Tả Van", unreadable=1)], ["st_a", "st_d"], {"unreadable"}),
    "a shape that can't be read and no name": ([Area("Sao Hỏa", unreadable=1)], [], {"unreadable", "lost"}),
    "several areas": ([Area("Xã Tả Van"), Area("Phường Sa Pa")], ["st_a", "st_b", "st_d"], set()),
}  # fmt: skip


@pytest.mark.parametrize("name", REACHED)
def test_an_area_reaches_those_it_names_and_tells_what_it_could_not_find(name):
    areas, stations, told = REACHED[name]
    reach = FINDER.reach(areas)
    assert list(reach.stations) == stations
    assert {remark.code for remark in reach.remarks} == told
    assert reach.doubtful == bool(told)


def test_only_stations_that_may_stand_in_a_shape_are_missed():
    """The other station of Tả Van may stand there too; of Đà Nẵng's it is known that they stand elsewhere."""
    assert FINDER.reach([Area("x", (SMALL,))]).unplaced == ("st_d",)


def test_a_message_as_it_comes_reaches_its_station():
    message = one(alert(info=info(area=area(polygon="22.2,103.7 22.2,103.82 22.32,103.82 22.32,103.7 22.2,103.7"))))
    assert FINDER.reach(message.infos[0].areas).stations == ("st_a",)


def test_an_update_with_a_smaller_area_stops_those_that_dropped_out():
    assert change(["a", "b", "c"], ["c", "b", "d"]) == Change(("a",), ("b", "c"), ("d",))

"""Units to choose from, and what people type instead of choosing."""

import pytest

from core.errors import NotFound
from registry import unit_choices, units
from registry.rights import Permission


@pytest.fixture
def named(village):
    """The cast's units under names that people know."""
    names = {
        "province": "Tỉnh Sông Lam",
        "commune_a": "Xã Tân Hòa",
        "hamlet_a1": "Thôn Đồng Cao",
        "commune_b": "Xã Đại Từ",
    }
    with village.database.write() as session:
        for short, name in names.items():
            unit = units.find(session, village.actor("root"), village.cast.units[short])
            unit.name = name
            session.add(unit)
    return village


def found(village, typed, who="root", permission=Permission.SEE):
    with village.database.read() as session:
        return [each.code for each in unit_choices.found(session, village.actor(who), typed, permission)]


@pytest.mark.parametrize(
    ("typed", "codes"),
    [
        ("Tân Hòa", ["79.1"]),
        ("tan hoa", ["79.1"]),
        ("TAN", ["79.1"]),
        ("dong", ["79.1.1"]),
        ("đại", ["79.2"]),
        ("79.2", ["79.2", "79.2.1"]),
        ("nowhere", []),
        ("%", []),
        ("' OR 1=1 --", []),
    ],
)
def test_a_unit_is_found_by_part_of_its_name_without_accents_or_by_its_code(named, typed, codes):
    assert found(named, typed) == codes


def test_nothing_typed_offers_the_units_nearest_to_the_root(named):
    assert found(named, "")[0] == "79"
    assert len(found(named, "")) == 6


def test_a_stranger_finds_only_their_own(named):
    assert found(named, "tan hoa", "stranger") == []
    assert found(named, "dai tu", "stranger") == ["79.2"]


def test_only_units_where_one_may_do_it_are_offered(named):
    assert "79" not in found(named, "", "writer", Permission.WRITE)
    assert "79.1" in found(named, "", "writer", Permission.WRITE)
    assert found(named, "", "viewer", Permission.WRITE) == []


@pytest.mark.parametrize("typed", ["Xã Tân Hòa (79.1)", "  xã tân hòa (79.1) ", "xa tan hoa", "79.1"])
def test_what_somebody_types_is_understood_like_a_choice(named, typed):
    with named.database.read() as session:
        assert units.find(session, named.actor("root"), typed).code == "79.1"
        every = unit_choices.where(session, named.actor("root"))
        picked = unit_choices.picked(session, named.actor("root"), every, typed)
        assert picked is not None
        assert picked.written == "Xã Tân Hòa (79.1)"


@pytest.mark.parametrize("typed", ["Xã", "Xã Tân Hòa (79.9)", "(", "()", "", "x" * 5_000, "Xã Đại Từ (79.2)"])
def test_what_names_no_unit_in_sight_is_not_found(named, typed):
    with named.database.read() as session, pytest.raises(NotFound):
        units.find(session, named.actor("writer"), typed)


def test_a_name_that_two_units_have_is_nobodys(named):
    with named.database.write() as session:
        unit = units.find(session, named.actor("root"), "79.2")
        unit.name = "Xã Tân Hòa"
        session.add(unit)
    with named.database.read() as session, pytest.raises(NotFound):
        units.find(session, named.actor("root"), "Xã Tân Hòa")


def test_what_stands_above_is_told_for_units_of_one_name(named):
    with named.database.read() as session:
        rows = unit_choices.found(session, named.actor("root"), "dong cao")
        assert unit_choices.above(session, rows) == {named.cast.units["hamlet_a1"]: "Xã Tân Hòa"}

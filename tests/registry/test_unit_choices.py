"""Units to choose from, and what people type instead of choosing."""

import pytest
from sqlmodel import col, select

from core.errors import NotFound
from registry import unit_choices, units
from registry.models import Unit
from registry.rights import EVERYWHERE, Permission, under, within

MANY = 70  # more communes than fit a list


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
        picked = unit_choices.picked(session, named.actor("root"), typed)
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


@pytest.fixture
def wide(named):
    """The province with many more communes, each with a hamlet."""
    root = named.actor("root")
    with named.database.write() as session:
        for number in range(MANY):
            code = f"79.{number + 100}"
            units.create(session, root, name=f"Xã {number}", code=code, parent="79", zone=None, now=named.clock())
            units.create(
                session, root, name=f"Ấp {number}", code=f"{code}.1", parent=code, zone=None, now=named.clock()
            )
    return named


def test_a_field_gets_all_units_that_fit_a_list_and_of_more_those_and_the_chosen_one(wide):
    last = f"79.{MANY + 99}.1"
    with wide.database.read() as session:
        root, writer = wide.actor("root"), wide.actor("writer")
        chosen = units.find(session, root, last)
        few = unit_choices.offered(session, writer)
        many = unit_choices.offered(session, root, chosen=chosen.id)
        assert [each.code for each in few] == [each.code for each in unit_choices.where(session, writer)]
        assert len(many) > unit_choices.LISTED
        assert len({each.id for each in many}) == len(many)
        assert many[-1].code == last
        assert unit_choices.offered(session, writer, chosen=chosen.id) == few  # out of sight


def test_what_is_picked_is_picked_only_where_one_may(wide):
    with wide.database.read() as session:
        writer = wide.actor("writer")
        assert unit_choices.picked(session, writer, "79", Permission.WRITE) is None
        assert unit_choices.picked(session, writer, "79.1.1", Permission.WRITE).code == "79.1.1"
        assert unit_choices.picked(session, writer, "79.100") is None
        here = writer.within(Permission.WRITE, col(Unit.path)) & (col(Unit.code) != "79.1.1")
        assert unit_choices.picked(session, writer, "79.1.1", here) is None


def test_a_level_of_the_tree_says_how_many_stand_below_each(wide):
    with wide.database.read() as session:
        root, writer = wide.actor("root"), wide.actor("writer")
        top = units.find(session, root, "79")
        assert [(each.code, count) for each, count in unit_choices.level(session, root, Permission.SEE, None)] == [
            ("79", MANY + 2)
        ]
        below = {each.code: count for each, count in unit_choices.level(session, root, Permission.SEE, top)}
        assert below["79.1"] == 2
        assert below["79.100"] == 1
        mine = unit_choices.level(session, writer, Permission.SEE, None)
        assert [(each.code, count) for each, count in mine] == [("79.1", 2)]
        assert [each.code for each, _ in unit_choices.level(session, writer, Permission.SEE, top)] == ["79.1"]


def test_the_units_of_somebody_are_listed_by_id_only_where_they_are_few(wide):
    with wide.database.read() as session:
        assert unit_choices.ids_if_few(session, wide.actor("root"), Permission.SEE) is None
        few = unit_choices.ids_if_few(session, wide.actor("writer"), Permission.SEE)
        assert set(few) == {wide.cast.units[short] for short in ("commune_a", "hamlet_a1", "hamlet_a2")}


def test_units_under_paths_are_those_within_them_on_both_databases(either):
    """Also beside neighbours whose path begins with the same letters."""
    with either.database.write() as session:
        paths = session.exec(select(Unit.path)).all()
        for number, near in enumerate(f"{path[:-1]}{ending}/" for path in paths for ending in ("x", "0", "%", "é")):
            name = f"near{number}"
            session.add(Unit(id=name, code=name, name=name, path=near, plain=name, created_at=either.clock()))
    with either.database.read() as session:
        every = session.exec(select(Unit.path)).all()
        for paths in ([EVERYWHERE], [], *([path] for path in every), every[:3]):
            column = col(Unit.path)
            found = set(session.exec(select(Unit.path).where(under(paths, column))).all())
            assert found == set(session.exec(select(Unit.path).where(within(paths, column))).all())
            assert found == {path for path in every if path.startswith(tuple(paths))}


def test_units_under_a_path_are_found_by_the_index(village):
    with village.database.read() as session:
        query = select(Unit.id).where(under(["/un_a/", "/un_b/"], col(Unit.path)))
        plan = session.connection().exec_driver_sql(
            f"EXPLAIN QUERY PLAN {query.compile(session.get_bind(), compile_kwargs={'literal_binds': True})}"
        )
        steps = [row[3] for row in plan]
        assert sum("SEARCH unit USING INDEX ix_unit_path (path>? AND path<?)" in step for step in steps) == 2

"""Who may do what where: the matrix itself, and that rights reach down and never up or sideways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select
from village import LONG_AGO, NOW, Village

from core.errors import Forbidden, NotFound
from registry import groups, people, stations, units
from registry.models import Person, Unit
from registry.rights import EVERYWHERE, PERMISSIONS, Actor, Permission, Role

SEE, WRITE, APPROVE = Permission.SEE, Permission.WRITE, Permission.APPROVE
SCHEDULE, OPERATE, ALARM, ADMINISTER = Permission.SCHEDULE, Permission.OPERATE, Permission.ALARM, Permission.ADMINISTER
ALLOWED = {
    "viewer": {SEE},
    "writer": {SEE, WRITE},
    "approver": {SEE, WRITE, APPROVE, SCHEDULE, ALARM},
    "operator": {SEE, SCHEDULE, OPERATE},
    "administrator": set(Permission),
}
HERE_AND_BELOW = ("commune_a", "hamlet_a1", "hamlet_a2")
ELSEWHERE = ("province", "commune_b", "hamlet_b1")


def unit_at(path: str) -> Unit:
    return Unit(id=path, code=path, name=path, path=path, created_at=LONG_AGO)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("permission", Permission)
def test_each_role_may_do_exactly_what_the_table_says(role: Role, permission: Permission):
    actor = Actor("pe", "x", "X", "vi", (("/un_a/", role),))
    assert actor.may(permission, unit_at("/un_a/")) is (permission in ALLOWED[role.value])


@pytest.mark.parametrize("username", sorted(ALLOWED))
def test_a_role_reaches_down_and_neither_up_nor_sideways(village: Village, username: str):
    actor = village.actor(username)
    for permission in Permission:
        for short in HERE_AND_BELOW:
            assert actor.may(permission, village.unit(short)) is (permission in ALLOWED[username])
        for short in ELSEWHERE:
            assert not actor.may(permission, village.unit(short))
            with pytest.raises(NotFound):
                actor.require(permission, village.unit(short))


def test_what_is_seen_but_not_allowed_is_forbidden_and_names_who_can_help(village: Village):
    with pytest.raises(Forbidden, match="commune_a"):
        village.actor("viewer").require(WRITE, village.unit("commune_a"))


def test_the_root_administrator_may_do_everything_everywhere(village: Village):
    root = village.actor("root")
    assert all(
        root.may(permission, village.unit(short)) for permission in Permission for short in HERE_AND_BELOW + ELSEWHERE
    )


def test_roles_at_two_units_do_not_leak_into_each_other():
    actor = Actor("pe", "x", "X", "vi", (("/a/", Role.APPROVER), ("/b/", Role.VIEWER)))
    assert actor.may(APPROVE, unit_at("/a/"))
    assert not actor.may(APPROVE, unit_at("/b/"))


_paths = st.lists(st.sampled_from("abc"), max_size=4).map(lambda parts: "/" + "".join(f"{p}/" for p in parts))


@given(
    grants=st.lists(st.tuples(_paths, st.sampled_from(Role)), max_size=4).map(tuple),
    path=_paths.filter(lambda p: p != "/"), permission=st.sampled_from(Permission),
)  # fmt: skip
def test_the_topmost_paths_say_the_same_as_asking_for_each_unit(grants, path, permission):
    actor = Actor("pe", "x", "X", "vi", grants)
    assert actor.may(permission, unit_at(path)) is any(path.startswith(held) for held in actor.paths(permission))


@pytest.mark.parametrize("username", [*sorted(ALLOWED), "stranger", "root"])
def test_the_sql_condition_finds_the_units_that_may_allows(village: Village, username: str):
    actor = village.actor(username)
    with village.database.read() as session:
        every = session.exec(select(Unit)).all()
        for permission in Permission:
            found = session.exec(select(Unit.id).where(actor.within(permission, col(Unit.path)))).all()
            assert set(found) == {unit.id for unit in every if actor.may(permission, unit)}


def test_a_unit_whose_id_looks_like_a_pattern_matches_only_itself(village: Village):
    """`_` and `%` are wild in LIKE: every id has an underscore."""
    actor = Actor("pe", "x", "X", "vi", (("/un_a/", Role.VIEWER),))
    with village.database.write() as session:
        for path in ("/un_a/", "/unxa/", "/un_a/b/", "/un%a/"):
            session.add(unit_at(path))
        session.flush()
        found = session.exec(select(Unit.path).where(actor.within(SEE, col(Unit.path)))).all()
    assert sorted(found) == ["/un_a/", "/un_a/b/"]


def test_nobody_gives_a_role_where_they_do_not_administer(village: Village):
    with village.database.write() as session:
        person = session.get_one(Person, village.cast.people["writer"])
        for username, short, error in (
            ("approver", "commune_a", Forbidden), ("administrator", "province", NotFound),
            ("administrator", "commune_b", NotFound),
        ):  # fmt: skip
            with pytest.raises(error):
                people.grant(session, village.actor(username), person, village.unit(short), Role.ADMINISTRATOR, NOW)
    assert not village.actor("writer").may(ADMINISTER, village.unit("commune_a"))


def test_nobody_resets_the_password_of_somebody_above_them(village: Village):
    with village.database.write() as session, pytest.raises(NotFound):
        people.reset_password(
            session, village.actor("administrator"), session.get_one(Person, village.cast.people["root"]), NOW
        )


def test_a_person_with_roles_in_two_communes_is_not_taken_over_from_one(village: Village):
    with village.database.write() as session:
        stranger = session.get_one(Person, village.cast.people["stranger"])
        people.grant(session, village.actor("root"), stranger, village.unit("commune_a"), Role.VIEWER, NOW)
    with village.database.write() as session, pytest.raises(NotFound):
        people.reset_password(
            session, village.actor("administrator"), session.get_one(Person, village.cast.people["stranger"]), NOW
        )


def test_rights_taken_away_are_gone_at_once(village: Village):
    with village.database.write() as session:
        person = session.get_one(Person, village.cast.people["writer"])
        people.revoke(session, village.actor("administrator"), person, village.unit("commune_a"), Role.WRITER, NOW)
    assert not village.actor("writer").may(SEE, village.unit("commune_a"))


def test_only_the_installation_s_administrator_makes_a_top_unit(village: Village):
    with village.database.write() as session:
        with pytest.raises(Forbidden):
            units.create(session, village.actor("administrator"), name="x", code="80", parent=None, zone=None, now=NOW)
        assert units.create(session, village.actor("root"), name="x", code="80", parent=None, zone=None, now=NOW)


def test_a_group_takes_only_stations_below_its_unit_and_in_sight(village: Village):
    def made_by(username: str, *members: str):
        with village.database.write() as session:
            ids = [village.cast.stations[each] for each in members]
            return groups.create(
                session, village.actor(username), name="g", unit=village.unit("hamlet_a1"), members=ids, now=NOW
            )

    assert made_by("operator", "a1", "a1_dyke")
    with pytest.raises(NotFound):
        made_by("operator", "b1")
    with pytest.raises(Exception, match="can't join"):
        made_by("operator", "a2")


def test_stations_are_made_and_revoked_only_by_who_operates_there(village: Village):
    for username, error in (
        ("writer", Forbidden),
        ("approver", Forbidden),
        ("viewer", Forbidden),
        ("stranger", NotFound),
    ):
        with village.database.write() as session:
            with pytest.raises(error):
                stations.create(
                    session, village.actor(username), name="x", unit=village.unit("hamlet_a1"), hours=1, now=NOW
                )
            with pytest.raises(error):
                stations.revoke(session, village.actor(username), village.cast.stations["a1"], NOW)


def test_everywhere_is_above_every_unit():
    assert unit_at("/x/").path.startswith(EVERYWHERE)
    assert set(PERMISSIONS) == set(Role)

"""Who may approve what: rules of units, two people, deputies with dates, and an approval taken back."""

from datetime import timedelta

import pytest
from sqlmodel import select
from village import NOW, TEXT, Village

from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from playlists import approval_rules, bulletins, desk, seals
from playlists.approval_rules import Line, Rule
from playlists.bulletins import Draft
from registry import deputies, people
from registry.models import Person
from registry.rights import Permission, Role, actor_for, system_actor

MAX = 20_000


def person(village: Village, username: str, unit: str, role: Role) -> str:
    with village.database.write() as session:
        made, _ = people.create(
            session, system_actor(), username=username, name=username.title(), unit=village.unit(unit), role=role,
            now=NOW,
        )  # fmt: skip
        return made.id


def actor(village: Village, username: str, now=None):
    """The rights somebody has at an instant, as a request of theirs finds them."""
    with village.database.read() as session:
        found = session.exec(select(Person).where(Person.username == username)).one()
        return actor_for(session, found, now=now or village.clock())


def submitted(village: Village, by: str = "writer", **draft) -> str:
    with village.database.write() as session:
        made = bulletins.create(
            session, village.actor(by), village.unit("commune_a"), Draft(**({"title": "Họp", "text": TEXT} | draft)),
            max_chars=MAX, now=village.clock(),
        )  # fmt: skip
    village.finish_clip(made.clip_id)
    with village.database.write() as session:
        bulletins.submit(session, village.actor(by), made.bulletin_id, village.clock())
    return made.bulletin_id


def approve(village: Village, username: str, bulletin: str, **more) -> str:
    with village.database.write() as session:
        return bulletins.approve(session, actor(village, username), bulletin, village.clock(), **more).state


def settle(village: Village, unit: str, rule: Rule, by: str = "root") -> None:
    with village.database.write() as session:
        approval_rules.settle(session, village.actor(by), village.unit(unit), rule, village.clock())


def entries(village: Village, action: str) -> list[AuditEntry]:
    with village.database.read() as session:
        return list(session.exec(select(AuditEntry).where(AuditEntry.action == action)).all())


def test_a_rule_leaves_certain_bulletins_to_certain_roles(village: Village):
    settle(village, "commune_a", Rule(lines=(Line(frozenset({"security"}), roles=frozenset({"administrator"})),)))
    security, health = submitted(village, field="security"), submitted(village, field="health")
    with pytest.raises(Forbidden, match="other people"):
        approve(village, "approver", security)
    assert approve(village, "approver", health) == "approved"
    assert approve(village, "administrator", security) == "approved"


def test_a_rule_names_people(village: Village):
    chair = person(village, "chair", "commune_a", Role.APPROVER)
    settle(
        village, "commune_a",
        Rule(lines=(Line(priorities=frozenset({"priority"}), people=frozenset({chair})),)),
    )  # fmt: skip
    bulletin = submitted(village, priority="priority")
    with pytest.raises(Forbidden):
        approve(village, "approver", bulletin)
    assert approve(village, "chair", bulletin) == "approved"


def test_rules_above_hold_below_and_are_only_tightened(village: Village):
    settle(village, "province", Rule(two_persons=frozenset({"priority"})))
    settle(village, "commune_a", Rule(never_own=True))
    with village.database.read() as session:
        held = approval_rules.held(session, village.unit("hamlet_a1"))
        assert held == Rule(frozenset({"priority"}), never_own=True)
        assert approval_rules.held(session, village.unit("commune_b")) == Rule(frozenset({"priority"}))
    own = submitted(village, by="administrator")
    with pytest.raises(Forbidden, match="Somebody else"):
        approve(village, "administrator", own)


def test_a_rule_that_is_taken_back_leaves_the_usual(village: Village):
    settle(village, "commune_a", Rule(never_own=True))
    settle(village, "commune_a", Rule())
    assert approve(village, "administrator", submitted(village, by="administrator")) == "approved"


@pytest.mark.parametrize("username", ["approver", "stranger"])
def test_only_who_administers_sets_rules(village: Village, username: str):
    with village.database.write() as session, pytest.raises((Forbidden, NotFound)):
        approval_rules.settle(session, village.actor(username), village.unit("commune_a"), Rule(never_own=True), NOW)


@pytest.mark.parametrize(
    "rule",
    [
        Rule(lines=(Line(frozenset({"nonsense"}), roles=frozenset({"approver"})),)),
        Rule(lines=(Line(frozenset({"health"})),)),
        Rule(lines=(Line(roles=frozenset({"viewer"})),)),
        Rule(lines=(Line(people=frozenset({"pe_nobody"})),)),
        Rule(two_persons=frozenset({"sometimes"})),
    ],
)
def test_a_rule_of_nonsense_is_refused(village: Village, rule: Rule):
    with pytest.raises(InvalidInput):
        settle(village, "commune_a", rule)


def test_priority_content_waits_for_a_second_person(village: Village):
    person(village, "chair", "commune_a", Role.APPROVER)
    settle(village, "commune_a", Rule(two_persons=frozenset({"priority"})))
    bulletin = submitted(village, priority="priority")
    assert approve(village, "approver", bulletin) == "submitted"
    with pytest.raises(Conflict, match="second person"):
        approve(village, "approver", bulletin)
    with village.database.read() as session:
        assert desk.to_approve(session, actor(village, "approver")) == []
        assert desk.count_to_approve(session, actor(village, "approver")) == 0
        assert len(desk.to_approve(session, actor(village, "chair"))) == 1
    assert approve(village, "chair", bulletin) == "approved"
    assert [each.actor for each in entries(village, "bulletin.approve_first")] == ["approver"]
    assert [each.actor for each in entries(village, "bulletin.approve")] == ["chair"]
    assert approve(village, "approver", submitted(village)) == "approved"  # ordinary: one is enough


def test_what_a_rule_leaves_to_others_is_not_on_ones_desk(village: Village):
    settle(village, "commune_a", Rule(lines=(Line(frozenset({"security"}), roles=frozenset({"administrator"})),)))
    security, health = submitted(village, field="security"), submitted(village, field="health")
    with village.database.read() as session:
        assert [row[0].id for row in desk.to_approve(session, actor(village, "approver"))] == [health]
        assert desk.count_to_approve(session, actor(village, "approver")) == 1
        found = [row[0].id for row in desk.to_approve(session, actor(village, "administrator"))]
    assert sorted(found) == sorted([security, health])


def test_nobody_approves_what_was_changed_meanwhile(village: Village):
    bulletin = submitted(village)
    with village.database.read() as session:
        _, _, version = bulletins.find(session, village.actor("approver"), bulletin)
        seen = seals.of(session, version)
    with village.database.write() as session:
        bulletins.reject(session, village.actor("approver"), bulletin, "Sai ngày.", NOW)
        again = bulletins.edit(
            session, village.actor("writer"), bulletin, Draft(title="Họp", text="Bản khác."), max_chars=MAX, now=NOW
        )
    village.finish_clip(again.clip_id)
    with village.database.write() as session:
        bulletins.submit(session, village.actor("writer"), bulletin, NOW)
    with pytest.raises(Conflict, match="changed meanwhile"):
        approve(village, "approver", bulletin, expected=seen)
    assert approve(village, "approver", bulletin) == "approved"


# -- deputies ---------------------------------------------------------------------------------------------------


def stand_in(village: Village, by: str = "approver", person_name: str = "operator", unit: str = "commune_a", **days):
    with village.database.write() as session:
        found = session.exec(select(Person).where(Person.username == person_name)).one()
        return deputies.name(
            session, actor(village, by), village.unit(unit), person_id=found.id,
            begins_at=NOW + timedelta(days=days.get("begins", 1)), ends_at=NOW + timedelta(days=days.get("ends", 4)),
            now=village.clock(),
        )  # fmt: skip


def test_a_deputy_approves_on_these_days_and_on_no_others(village: Village):
    stand_in(village)
    unit = village.unit("hamlet_a1")
    rights = [
        actor(village, "operator", NOW + timedelta(days=day)).may(Permission.APPROVE, unit) for day in (0, 1, 3, 4)
    ]
    assert rights == [False, True, True, False]
    during = actor(village, "operator", NOW + timedelta(days=2))
    assert not during.may(Permission.APPROVE, village.unit("commune_b"))
    assert not during.may(Permission.ALARM, unit)
    assert not during.may(Permission.WRITE, unit)


def test_the_log_says_in_whose_stead(village: Village):
    stand_in(village)
    bulletin = submitted(village)
    village.clock.advance(days=2)
    assert approve(village, "operator", bulletin) == "approved"
    entry = entries(village, "bulletin.approve")[0]
    assert (entry.actor, entry.detail["deputy_of"]) == ("operator", "approver")


def test_a_deputy_has_the_say_of_the_person_who_is_named(village: Village):
    chair = person(village, "chair", "commune_a", Role.APPROVER)
    settle(village, "commune_a", Rule(lines=(Line(people=frozenset({chair})),)))
    stand_in(village, by="chair")
    bulletin = submitted(village)
    village.clock.advance(days=2)
    assert approve(village, "operator", bulletin) == "approved"


def test_an_approver_and_their_deputy_are_not_two_persons(village: Village):
    person(village, "chair", "commune_a", Role.APPROVER)
    settle(village, "commune_a", Rule(two_persons=frozenset({"priority"})))
    stand_in(village)
    bulletin = submitted(village, priority="priority")
    village.clock.advance(days=2)
    assert approve(village, "approver", bulletin) == "submitted"
    with pytest.raises(Conflict, match="in the stead"):
        approve(village, "operator", bulletin)
    assert approve(village, "chair", bulletin) == "approved"


def test_a_deputy_does_not_approve_what_they_wrote(village: Village):
    stand_in(village, person_name="writer")
    bulletin = submitted(village)
    village.clock.advance(days=2)
    with pytest.raises(Forbidden, match="Somebody else"):
        approve(village, "writer", bulletin)


def test_a_deputy_falls_with_the_right_of_the_other(village: Village):
    stand_in(village)
    with village.database.write() as session:
        approver = session.exec(select(Person).where(Person.username == "approver")).one()
        approver.active = False
        session.add(approver)
    assert not actor(village, "operator", NOW + timedelta(days=2)).may(Permission.APPROVE, village.unit("commune_a"))


def test_a_deputy_names_no_deputy(village: Village):
    stand_in(village, begins=0)
    with pytest.raises(Forbidden):
        stand_in(village, by="operator", person_name="writer")


def test_it_ends_early(village: Village):
    row = stand_in(village, begins=0)
    with village.database.write() as session, pytest.raises(NotFound):
        deputies.end(session, village.actor("stranger"), row.id, NOW)
    with village.database.write() as session:
        deputies.end(session, village.actor("approver"), row.id, NOW)
    assert not actor(village, "operator").may(Permission.APPROVE, village.unit("commune_a"))
    with village.database.read() as session:
        assert [each.state for each in deputies.visible(session, village.actor("approver"), NOW)] == ["over"]
        assert deputies.visible(session, village.actor("stranger"), NOW) == []


@pytest.mark.parametrize(
    ("who", "days"),
    [("approver", {}), ("stranger", {}), ("operator", {"begins": 4, "ends": 1}), ("operator", {"ends": 200})],
)
def test_a_deputy_is_somebody_of_the_unit_for_a_reasonable_time(village: Village, who: str, days: dict[str, int]):
    with pytest.raises(InvalidInput):
        stand_in(village, person_name=who, **days)


def test_nobody_is_deputy_twice_at_a_time(village: Village):
    stand_in(village)
    with pytest.raises(Conflict):
        stand_in(village, begins=2, ends=5)


# -- taken back -------------------------------------------------------------------------------------------------


def take_back(village: Village, by: str, bulletin: str) -> str:
    with village.database.write() as session:
        return bulletins.take_back_approval(session, actor(village, by), bulletin, village.clock()).state


def test_an_approval_is_taken_back_within_seconds(village: Village):
    bulletin = submitted(village)
    approve(village, "approver", bulletin)
    village.clock.advance(seconds=8)
    assert take_back(village, "approver", bulletin) == "submitted"
    with village.database.read() as session:
        assert bulletins.find(session, village.actor("writer"), bulletin)[0].approved is None
    assert entries(village, "bulletin.unapprove")
    assert approve(village, "approver", bulletin) == "approved"


def test_what_it_replaced_may_sound_again(village: Village):
    bulletin = submitted(village)
    approve(village, "approver", bulletin)
    with village.database.write() as session:
        again = bulletins.edit(
            session, village.actor("writer"), bulletin, Draft(title="Họp", text="Bản khác."), max_chars=MAX, now=NOW
        )
    village.finish_clip(again.clip_id)
    with village.database.write() as session:
        bulletins.submit(session, village.actor("writer"), bulletin, NOW)
    approve(village, "approver", bulletin)
    take_back(village, "approver", bulletin)
    with village.database.read() as session:
        row, _, version = bulletins.find(session, village.actor("writer"), bulletin)
        assert (row.approved, version.state) == (1, "submitted")
        assert [each.state for each in bulletins.versions(session, bulletin)] == ["submitted", "approved"]


@pytest.mark.parametrize(("by", "seconds"), [("approver", 60), ("administrator", 2)])
def test_late_or_anothers_approval_is_not_taken_back(village: Village, by: str, seconds: int):
    bulletin = submitted(village)
    approve(village, "approver", bulletin)
    village.clock.advance(seconds=seconds)
    with pytest.raises(Conflict):
        take_back(village, by, bulletin)

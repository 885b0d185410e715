"""Rules that bind people, when two units become one: the stricter holds, and somebody is left who can act by it."""

import pytest
from merging_lab import clashes, merge
from sqlmodel import select
from village import Village

from alerts import alarm_rules
from core.audit import AuditEntry
from core.errors import Forbidden
from playlists import approval_rules, bulletins, carrying_rules, offers, templates
from playlists.approval_rules import Line, Rule
from playlists.offer_models import OfferRule
from playlists.templates import Notice
from registry import factor_rules
from registry.models import Unit
from registry.rights import Role

APPROVERS = frozenset({Role.APPROVER.value})
PEOPLE = [("lan", APPROVERS), ("minh", frozenset({"administrator"})), ("hoa", APPROVERS)]
FIELDS = ("general", "health")


def settle(village: Village, unit: str, rule: Rule) -> None:
    with village.database.write() as session:
        approval_rules.settle(session, village.actor("root"), village.unit(unit), rule, village.clock())


def rule_of(village: Village, unit: str) -> Rule:
    with village.database.read() as session:
        return approval_rules.own(session, session.get_one(Unit, village.cast.units[unit]))


def stricter(kept: Rule, left: Rule, above: Rule | None = None):
    return carrying_rules.stricter(above or Rule(), kept, left, PEOPLE, FIELDS)


def test_of_two_rules_of_approval_each_demand_holds():
    health = Line(fields=frozenset({"health"}), roles=APPROVERS)
    kept = Rule(frozenset({"priority"}), never_own=False, lines=())
    both, refused = stricter(kept, Rule(frozenset({"emergency"}), never_own=True, lines=(health, health)))
    assert both == Rule(frozenset({"priority", "emergency"}), never_own=True, lines=(health,))
    assert refused == ()


def test_a_line_that_would_leave_nobody_to_approve_gives_way():
    by_lan, by_minh = (Line(people=frozenset({name})) for name in ("lan", "minh"))
    about_health = Line(fields=frozenset({"health"}), people=frozenset({"minh"}))
    both, refused = stricter(Rule(lines=(by_lan,)), Rule(lines=(by_minh, about_health)))
    assert (both.lines, refused) == ((by_lan,), (by_minh, about_health))
    # Lan may act as an approver as well: nothing to choose between.
    assert stricter(Rule(lines=(by_lan,)), Rule(lines=(Line(roles=APPROVERS),)))[1] == ()


def test_where_two_people_are_needed_two_must_be_left():
    approvers, by_lan = Line(roles=APPROVERS), Line(people=frozenset({"lan", "nobody"}))
    two = Rule(frozenset({"priority"}), lines=(approvers,))
    assert stricter(two, Rule(lines=(by_lan,)))[1] == (by_lan,)
    ordinary = Line(priorities=frozenset({"ordinary"}), people=frozenset({"lan"}))
    assert stricter(two, Rule(lines=(ordinary,)))[1] == ()


def test_what_is_asked_above_counts_when_it_is_seen_who_is_left():
    above = Rule(lines=(Line(people=frozenset({"hoa"})),))
    line = Line(people=frozenset({"lan"}))
    assert stricter(Rule(), Rule(lines=(line,)), above)[1] == (line,)


def test_no_rule_gets_more_lines_than_a_rule_may_have():
    lines = tuple(Line(fields=frozenset({f"f{n}"}), roles=APPROVERS) for n in range(approval_rules.MOST_LINES))
    more = tuple(Line(fields=frozenset({f"g{n}"}), roles=APPROVERS) for n in range(2))
    both, refused = stricter(Rule(lines=lines), Rule(lines=more))
    assert (both.lines, refused) == (lines, more)


def test_the_merged_commune_asks_what_either_asked_and_says_so(either: Village):
    village = either
    settle(village, "commune_a", Rule(two_persons=frozenset({"priority"})))
    settle(village, "commune_b", Rule(never_own=True))
    merger = merge(village)
    assert rule_of(village, "commune_b") == Rule(frozenset({"priority"}), never_own=True)
    assert rule_of(village, "commune_a") == Rule()
    assert clashes(merger, "approval_rules") == [("two_persons", "priority", ""), ("never_own", "True", "False")]
    with village.database.read() as session:
        told = session.exec(select(AuditEntry).where(AuditEntry.action == "unit.merge")).all()
        assert ["approval_rules", "two_persons", "priority", "", False] in told[0].detail["clashes"]
    waiting = village.bulletin("commune_b", until_state="submitted")
    with village.database.write() as session, pytest.raises(Forbidden):
        bulletins.approve(session, village.actor("root"), waiting, village.clock())


def test_a_bulletin_can_still_be_approved_where_the_two_named_different_people(village: Village):
    people = village.cast.people
    for unit, name in (("commune_a", "approver"), ("commune_b", "stranger")):
        settle(village, unit, Rule(lines=(Line(people=frozenset({people[name]})),)))
    merger = merge(village)
    assert clashes(merger, "approval_rules") == [("approval_lines", "1", "1")]
    waiting = village.bulletin("commune_b", until_state="submitted")
    with village.database.write() as session:
        bulletins.approve(session, village.actor("stranger"), waiting, village.clock())


def test_a_rule_of_the_former_commune_alone_goes_over(village: Village):
    health = Line(fields=frozenset({"health"}), roles=APPROVERS)
    settle(village, "commune_a", Rule(lines=(health,)))
    assert merge(village).counts["approval_rules"] == 1
    assert rule_of(village, "commune_b") == Rule(lines=(health,))


@pytest.mark.parametrize(
    ("former", "own", "holds"),
    [
        (["health"], ["health", "general"], ["health"]),
        ([], ["health"], ["health"]),
        (["health"], [], ["health"]),
        ([], [], []),
        (["health"], ["general"], None),
        (["health"], None, None),
        (None, ["health"], ["health"]),
    ],
)
def test_only_what_both_took_unasked_is_taken_unasked(village: Village, former, own, holds):
    root = village.actor("root")
    for unit, fields in (("commune_a", former), ("commune_b", own)):
        if fields is None:
            continue
        programme = village.programme(village.bulletin(unit), unit=unit)
        with village.database.write() as session:
            offers.settle(session, root, village.unit(unit), programme, fields, village.clock())
    merger = merge(village)
    with village.database.read() as session:
        row = session.exec(select(OfferRule)).first()
        assert (list(row.fields) if row else None) == holds
        assert row is None or row.unit_id == village.cast.units["commune_b"]
    assert bool(clashes(merger, "offer_rules")) == (former is not None and former != own)


def test_templates_of_both_are_kept_under_names_of_their_own(village: Village):
    root = village.actor("root")
    same = Notice("Tiêm chủng", "Mời tiêm", "Mời bà con đưa trẻ đi tiêm.")
    for unit, notices in (
        ("commune_a", [same, Notice("Họp", "Họp thôn", "Mời bà con thôn họp."), Notice("Bão", "Bão", "Bão gần bờ.")]),
        ("commune_b", [Notice("họp", "Họp xã", "Mời bà con xã họp."), same]),
    ):
        for each in notices:
            with village.database.write() as session:
                templates.create(session, root, village.unit(unit), each, village.clock())
    merger = merge(village)
    with village.database.read() as session:
        unit = session.get_one(Unit, village.cast.units["commune_b"])
        own = [each.notice for each in templates.offered(session, unit) if each.unit is not None]
        assert [(each.name, each.title) for each in own] == [
            ("họp", "Họp xã"), ("Tiêm chủng", "Mời tiêm"), ("Họp (commune_a)", "Họp thôn"), ("Bão", "Bão"),
        ]  # fmt: skip
        assert [each.name for each in templates.deleted(session, unit, village.clock())] == ["Tiêm chủng"]
    assert clashes(merger, "templates") == [("Họp", "họp", "Họp (commune_a)")]


def test_whoever_needed_a_second_factor_goes_on_needing_one(village: Village):
    root = village.actor("root")
    with village.database.write() as session:
        for unit, roles in (("province", ["approver"]), ("commune_b", ["administrator"])):
            factor_rules.put(session, root, session.get_one(Unit, village.cast.units[unit]), roles, village.clock())
    merger = merge(village)
    with village.database.read() as session:
        roles, home = factor_rules.at(session, session.get_one(Unit, village.cast.units["commune_b"]))
    assert ({role.value for role in roles}, home.name) == ({"administrator", "approver"}, "commune_b")
    assert clashes(merger, "second_factor") == [("", "administrator, approver", "administrator")]


@pytest.mark.parametrize(("former", "own"), [("second_person", None), (None, "second_person"), ("tick", "tick")])
def test_emergencies_are_confirmed_as_where_it_was_stricter(village: Village, former: str | None, own: str | None):
    with village.database.write() as session:
        for short, rule in (("commune_a", former), ("commune_b", own)):
            unit = session.get_one(Unit, village.cast.units[short])
            alarm_rules.settle(session, village.actor("root"), unit, rule, village.clock())
    merger = merge(village)
    expected = "tick" if former == own else "second_person"
    with village.database.read() as session:
        unit = session.get_one(Unit, village.cast.units["commune_b"])
        assert alarm_rules.strictest(session, [unit]) == expected
    assert [what for what, _, _ in clashes(merger, "setting")] == ([] if former == own else ["alarm_rule"])

"""One press for many units; and who is reminded of what they have not answered."""

from datetime import timedelta

import pytest
from sqlmodel import col, select
from test_offers import announcement, editor, ours, send  # noqa: F401 - `ours` is a fixture
from village import NOW, Village

from core.errors import Conflict, NotFound
from playlists import approval_rules, offer_lists, offer_recipients, offers
from playlists.approval_rules import Line, Rule
from registry import groups, people
from registry.deputy_models import Deputy
from registry.models import Grant, Station, Unit
from registry.rights import Role, system_actor
from scheduler import offer_notices
from scheduler.concern_models import Contact, Notice


def contact(village: Village, identity: str, unit: str, person: str | None, way: str = "email") -> None:
    with village.database.write() as session:
        session.add(
            Contact(
                id=identity, unit_id=village.cast.units[unit], way=way, address=f"{identity}@b.vn", kinds=["silent"],
                created_by="system", created_at=NOW, person_id=village.cast.people[person] if person else None,
            )
        )  # fmt: skip


def remind(village: Village, offer_id: str, **later: float) -> offers.Reminded:
    with village.database.write() as session:
        now = NOW + timedelta(**later)
        done = offers.remind(session, editor(village), offer_id, now)
        made = offers.sent(session, editor(village), offer_id)[0]
        offer_notices.write(session, made.bulletin_id, done.people, village.settings, now)
        return done


def told(village: Village) -> list[str]:
    with village.database.read() as session:
        return sorted(session.exec(select(Notice.contact_id)).all())


def test_who_may_answer_is_reminded_and_nobody_else(ours: Village):  # noqa: F811
    for identity, unit, person in (
        ("ct_technician", "commune_a", None), ("ct_writer", "commune_a", "writer"),
        ("ct_approver", "commune_a", "approver"), ("ct_neighbour", "commune_b", "stranger"),
    ):  # fmt: skip
        contact(ours, identity, unit, person)
    contact(ours, "ct_again", "commune_a", "approver", "webhook")
    sent = send(ours, announcement(ours), "commune_a")
    done = remind(ours, sent)
    assert {ours.cast.people[each] for each in ("approver", "administrator")} == set(done.people)
    assert (len(done.units), done.nobody) == (1, [])
    assert told(ours) == ["ct_approver"]  # once, though they left two addresses


def test_each_person_is_reminded_once_a_day_whatever_was_sent(ours: Village):  # noqa: F811
    first, second = (send(ours, announcement(ours, title=title), "commune_a") for title in ("Một", "Hai"))
    remind(ours, first)
    for sent in (first, second):
        with pytest.raises(Conflict, match="last day"):
            remind(ours, sent, hours=23)
    assert len(remind(ours, second, hours=25).people) == 2


def test_by_the_rule_of_the_commune_only_those_are_reminded_who_answer_for_such_bulletins(ours: Village):  # noqa: F811
    with ours.database.write() as session:
        rule = Rule(lines=(Line(frozenset({"general"}), roles=frozenset({"administrator"})),))
        approval_rules.settle(session, system_actor(), ours.unit("commune_a"), rule, NOW)
    assert set(remind(ours, send(ours, announcement(ours), "commune_a")).people) == {ours.cast.people["administrator"]}


def test_a_deputy_is_reminded_too_while_it_lasts(ours: Village):  # noqa: F811
    with ours.database.write() as session:
        session.add(
            Deputy(
                id="de_1", unit_id=ours.cast.units["commune_a"], person_id=ours.cast.people["writer"],
                of_person_id=ours.cast.people["approver"], begins_at=NOW - timedelta(days=1),
                ends_at=NOW + timedelta(days=1), created_by="system", created_at=NOW,
            )
        )  # fmt: skip
    sent = send(ours, announcement(ours), "commune_a")
    assert ours.cast.people["writer"] in remind(ours, sent).people
    assert ours.cast.people["writer"] not in remind(ours, sent, days=2).people


def test_where_nobody_may_answer_that_is_said(ours: Village):  # noqa: F811
    sent = send(ours, announcement(ours), "hamlet_a1", "commune_a")
    done = remind(ours, sent)  # the hamlet has nobody of its own: those of its commune answer for it
    assert {len(units) for units in done.people.values()} == {2}
    with ours.database.write() as session:
        for grant in session.exec(select(Grant).where(col(Grant.role).in_(("approver", "administrator")))).all():
            if grant.unit_id == ours.cast.units["commune_a"]:
                session.delete(grant)
    with pytest.raises(Conflict, match="Nobody at these units"):
        remind(ours, sent, days=2)


def test_one_press_sends_to_all_below_one_of_them_or_to_who_a_group_reaches(ours: Village):  # noqa: F811
    with ours.database.write() as session:
        stations = [row.id for row in session.exec(select(Station).order_by(col(Station.id))).all()]
        homes = {row.unit_id for row in session.exec(select(Station)).all()}
        group = groups.create(
            session, system_actor(), name="Cụm ven sông", unit=ours.unit("province"), members=stations, now=NOW
        )
        person, _ = people.create(
            session, system_actor(), username="truong-thon", name="Trưởng Thôn", unit=ours.unit("hamlet_a1"),
            role=Role.WRITER, now=NOW,
        )  # fmt: skip
        assert person
    with ours.database.read() as session:
        home, who = ours.unit("province"), editor(ours)
        below = offer_lists.below(session, home)
        assert offer_recipients.named(session, who, home, "all", (), ()) == [each.id for each in below]
        (reach,) = offer_recipients.groups_reaching(session, who, below)
        paths = {unit.id: unit.path for unit in session.exec(select(Unit)).all()}
        deepest = {max((each for each in below if paths[spot].startswith(each.path)), key=lambda e: len(e.path)).id
                   for spot in homes}  # fmt: skip
        assert (reach.name, set(reach.units)) == ("Cụm ven sông", deepest)
        some = offer_recipients.named(session, who, home, "", (), [group.id])
        assert set(some) == deepest
        with pytest.raises(NotFound):
            offer_recipients.named(session, who, home, f"below:{ours.cast.units['commune_b']}", (), ())
        with pytest.raises(NotFound):
            offer_recipients.named(session, ours.actor("approver"), home, "", (), [group.id])


def test_all_units_below_one_of_them_are_meant_without_itself():
    def unit(identity: str, path: str) -> Unit:
        return Unit(id=identity, code=identity, name=identity, path=path, created_at=NOW)

    below = [unit("d", "/p/d/"), unit("x", "/p/d/x/"), unit("y", "/p/d/y/"), unit("z", "/p/z/"), unit("w", "/p/z/w/")]
    assert [(each.id, set(each.units)) for each in offer_recipients.below_each(below)] == [("d", {"x", "y"})]

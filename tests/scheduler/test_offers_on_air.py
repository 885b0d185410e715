"""What a unit above sent goes on air at the commune that took it: where and when, by whom, and nobody else's."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select
from village import NOW, Village

from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from playlists import approval_rules, bulletins, offers, there
from playlists.approval_rules import Line, Rule
from playlists.offer_models import OfferTarget
from registry import people
from registry.rights import Role, system_actor
from scheduler import bulletin_air, bulletin_check, in_line
from scheduler.air_asking import Asked, When
from scheduler.air_models import AirWishRow
from scheduler.editing import Rules

RULES = Rules("Asia/Ho_Chi_Minh", timedelta(minutes=5))
AT_FIVE = Asked(("unit:79.1",), (When("2026-11-24T17:00"),))


@pytest.fixture
def ours(village: Village) -> Village:
    """With an editor who approves for the whole province."""
    with village.database.write() as session:
        made, _ = people.create(
            session, system_actor(), username="editor", name="Biên Tập", unit=village.unit("province"),
            role=Role.APPROVER, now=NOW,
        )  # fmt: skip
    village.cast = replace(village.cast, people={**village.cast.people, "editor": made.id})
    return village


@pytest.fixture
def sent(ours: Village) -> str:
    """A bulletin of the province, sent to commune A, which has not answered."""
    bulletin = ours.bulletin(unit="province")
    offered(ours, bulletin, "commune_a")
    return bulletin


def offered(village: Village, bulletin: str, *to: str) -> str:
    with village.database.write() as session:
        made = offers.offer(
            session, village.actor("editor"), bulletin, [village.cast.units[each] for each in to], "", village.clock()
        )
        in_line.line_up(session, village.clock())
        return made.id


def put(village: Village, bulletin: str, asked: Asked = AT_FIVE, who: str = "approver", **more):
    with village.database.write() as session:
        return bulletin_air.send(session, village.actor(who), bulletin, asked, RULES, village.clock(), **more)


def wanted(village: Village, bulletin: str, who: str = "approver", **more):
    with village.database.read() as session:
        return bulletin_air.wanted(session, village.actor(who), bulletin, village.clock(), **more)


def target(village: Village) -> OfferTarget:
    with village.database.read() as session:
        return session.exec(select(OfferTarget)).one()


def sounding(village: Village) -> list[str]:
    village.clock.advance(hours=20)
    village.roll()
    named = [item.get("bulletin") for each in village.airings() for item in each.items if each.ticket]
    return [each for each in named if each]


def living(village: Village):
    return [slot for slot in village.slots() if slot.withdrawn_at is None]


def test_who_may_answer_takes_it_and_has_it_on_the_timetable_in_one_step(ours: Village, sent: str):
    done = put(ours, sent)
    assert len(done.slots) == 1
    assert (target(ours).state, target(ours).answered_by) == ("taken", ours.cast.people["approver"])
    assert target(ours).programme_id == living(ours)[0].programme_id
    (each,) = wanted(ours, sent)
    assert (each.state, each.joins, len(each.places)) == ("arranged", None, 1)
    assert sounding(ours) == [sent]


def test_a_writer_proposes_and_it_is_carried_out_by_who_takes_it(ours: Village, sent: str):
    done = put(ours, sent, who="writer")
    assert done.waits
    assert (living(ours), target(ours).state) == ([], "waiting")
    assert [each.state for each in wanted(ours, sent)] == ["waiting"]
    with ours.database.write() as session:
        approver, here = ours.actor("approver"), ours.cast.units["commune_a"]
        assert bulletin_air.carry_out(session, approver, sent, ours.clock()) == []  # nobody has taken it yet
        offers.take(session, approver, session.exec(select(OfferTarget.offer_id)).one(), here, None, ours.clock())
        (carried,) = bulletin_air.carry_out(session, approver, sent, ours.clock())
        assert carried.problem is None
    assert sounding(ours) == [sent]


def test_who_may_not_answer_by_the_rule_of_the_commune_only_proposes(ours: Village, sent: str):
    with ours.database.write() as session:
        rule = Rule(lines=(Line(frozenset({"general"}), roles=frozenset({"administrator"})),))
        approval_rules.settle(session, system_actor(), ours.unit("commune_a"), rule, NOW)
    assert put(ours, sent).waits
    assert (living(ours), target(ours).state) == ([], "waiting")
    with ours.database.write() as session, pytest.raises(Conflict, match="taken first"):
        bulletin_air.arrange(session, ours.actor("approver"), sent, AT_FIVE, RULES, ours.clock())


def test_it_sounds_nowhere_but_where_it_was_sent_to(ours: Village, sent: str):
    elsewhere = Asked(("unit:79.2",), AT_FIVE.times)
    with pytest.raises(InvalidInput, match="was sent to"):
        put(ours, sent, elsewhere, "editor", at="79.1")
    hamlet = Asked((f"unit:{ours.cast.units['hamlet_a1']}",), AT_FIVE.times)
    assert put(ours, sent, hamlet).slots


@pytest.mark.parametrize("who", ["stranger", "viewer"])
def test_the_neighbour_and_who_only_looks_put_nothing_on_air(ours: Village, sent: str, who: str):
    with pytest.raises((NotFound, Forbidden)) as refused:
        put(ours, sent, who=who)
    assert isinstance(refused.value, NotFound if who == "stranger" else Forbidden)
    with ours.database.read() as session, pytest.raises(NotFound):
        there.find(session, ours.actor("approver"), sent, ours.cast.units["commune_b"])


def test_what_was_declined_or_not_sent_is_not_there(ours: Village, sent: str):
    other = ours.bulletin(unit="province")
    with ours.database.write() as session:
        offer_id = session.exec(select(OfferTarget.offer_id)).one()
        offers.decline(session, ours.actor("approver"), offer_id, ours.cast.units["commune_a"], "Đã phát.", NOW)
    for each in (sent, other):
        with pytest.raises(NotFound):
            put(ours, each)


def test_what_the_unit_above_is_writing_now_stays_with_it(ours: Village, sent: str):
    with ours.database.write() as session:
        draft = bulletins.Draft(title="Bản mới chưa duyệt", text="Chưa ai được biết.")
        bulletins.edit(session, ours.actor("editor"), sent, draft, max_chars=1_000, now=ours.clock())
    with ours.database.read() as session:
        here = there.find(session, ours.actor("approver"), sent)
        assert (here.version.number, here.version.state) == (1, "approved")
        library = bulletin_check.imagined(session, here).library
        assert library.latest[sent].number == 1
    put(ours, sent)
    with ours.database.write() as session:
        bulletins.withdraw(session, ours.actor("editor"), sent, ours.clock())
    with pytest.raises(Conflict, match="withdrawn"):
        put(ours, sent)


def test_what_was_sent_is_undone_and_can_then_still_be_declined(ours: Village, sent: str):
    done = put(ours, sent)
    with ours.database.write() as session:
        bulletin_air.take_back(session, ours.actor("approver"), sent, done.row, ours.clock())
    assert living(ours) == []
    assert (target(ours).state, target(ours).programme_id) == ("taken", None)
    with ours.database.write() as session:
        offers.decline(
            session, ours.actor("approver"), target(ours).offer_id, ours.cast.units["commune_a"], "Không.", NOW
        )
    assert target(ours).state == "declined"


def test_wishes_of_one_commune_are_no_business_of_another(ours: Village):
    bulletin = ours.bulletin(unit="province")
    offered(ours, bulletin, "commune_a", "commune_b")
    put(ours, bulletin, who="writer")
    assert wanted(ours, bulletin, "stranger") == []
    with ours.database.read() as session:
        row = session.exec(select(AirWishRow)).one()
        assert row.unit_id == ours.cast.units["commune_a"]
    with ours.database.write() as session, pytest.raises(NotFound):
        bulletin_air.drop(session, ours.actor("stranger"), bulletin, row.id, ours.clock())
    with ours.database.write() as session:
        bulletin_air.drop(session, ours.actor("writer"), bulletin, row.id, ours.clock())
    assert wanted(ours, bulletin) == []


def test_one_in_line_can_be_put_at_other_times_as_well(ours: Village):
    programme = ours.programme(ours.bulletin(unit="commune_a"), unit="commune_a")
    ours.slot(programme, "2026-11-23T18:00", "FREQ=DAILY")
    bulletin = ours.bulletin(unit="province", priority="priority")
    offered(ours, bulletin, "commune_a")
    assert put(ours, bulletin).slots
    assert (target(ours).state, target(ours).programme_id) == ("in_line", programme)


def test_it_can_be_put_into_a_programme_that_goes_on(ours: Village, sent: str):
    own = ours.bulletin(unit="commune_a")
    programme = ours.programme(own, unit="commune_a")
    slot = ours.slot(programme, "2026-11-23T17:00", "FREQ=DAILY")
    done = put(ours, sent, Asked((), (), join=slot))
    assert not done.waits
    assert target(ours).programme_id == programme
    assert set(sounding(ours)) == {own, sent}

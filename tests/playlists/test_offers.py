"""One bulletin for many communes: offered, taken or declined; in line where it has priority; withdrawn everywhere."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlmodel import select
from village import NOW, Village

from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from playlists import approval_rules, bulletins, hearing, offer_lists, offers, programmes
from playlists.approval_rules import Line, Rule
from playlists.offer_models import OfferTarget
from playlists.programmes import Entry
from registry import people, units
from registry.models import Unit
from registry.rights import Role, system_actor
from scheduler import in_line, reached
from scheduler.models import Airing


@pytest.fixture
def ours(village: Village) -> Village:
    """With an editor who approves for the whole province."""
    with village.database.write() as session:
        made, _ = people.create(
            session, system_actor(), username="editor", name="Biên Tập", unit=village.unit("province"),
            role=Role.APPROVER, now=NOW,
        )  # fmt: skip
    # The cast is that of all tests: this one has an editor of its own.
    village.cast = replace(village.cast, people={**village.cast.people, "editor": made.id})
    return village


def editor(village: Village):
    return village.actor("editor")


def announcement(village: Village, **draft) -> str:
    """An approved bulletin of the province."""
    return village.bulletin(unit="province", **draft)


def send(village: Village, bulletin: str, *to: str, by: str = "editor") -> str:
    with village.database.write() as session:
        made = offers.offer(
            session, village.actor(by), bulletin, [village.cast.units[each] for each in to], "", village.clock()
        )
        in_line.line_up(session, village.clock())
        return made.id


def target(village: Village, offer_id: str, unit: str = "commune_a") -> OfferTarget:
    with village.database.read() as session:
        found = session.get(OfferTarget, (offer_id, village.cast.units[unit]))
        assert found is not None
        session.expunge(found)
        return found


def take(village: Village, offer_id: str, programme: str | None = None, by: str = "approver") -> None:
    with village.database.write() as session:
        offers.take(session, village.actor(by), offer_id, village.cast.units["commune_a"], programme, village.clock())


def sounding(village: Village, airing: Airing) -> list[str]:
    return [str(item.get("bulletin")) for item in airing.items if item.get("bulletin")]


def test_an_ordinary_bulletin_is_taken_into_a_programme_and_sounds_there(ours: Village):
    own, programme, _ = on_timetable(ours)
    bulletin = announcement(ours)
    sent = send(ours, bulletin, "commune_a", "commune_b")
    assert [target(ours, sent, each).state for each in ("commune_a", "commune_b")] == ["waiting", "waiting"]
    ours.roll()
    assert all(bulletin not in sounding(ours, each) for each in ours.airings())
    take(ours, sent, programme)
    ours.roll()
    assert sounding(ours, ours.airings()[0]) == [own, bulletin]
    with ours.database.read() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "offer.take")).one()
        assert (entry.actor, entry.unit_id, entry.subject) == ("approver", ours.cast.units["commune_a"], bulletin)


def on_timetable(village: Village):
    """Bulletin, programme and slot of commune A: every day at five in the afternoon."""
    own = village.bulletin(unit="commune_a")
    programme = village.programme(own, unit="commune_a")
    return own, programme, village.slot(programme, "2026-11-23T17:00", "FREQ=DAILY")


def test_a_new_version_and_a_withdrawal_above_count_everywhere(ours: Village):
    _, programme, _ = on_timetable(ours)
    bulletin = announcement(ours)
    sent = send(ours, bulletin, "commune_a")
    take(ours, sent, programme)
    ours.roll()
    assert bulletin in sounding(ours, ours.airings()[0])
    with ours.database.write() as session:
        bulletins.withdraw(session, editor(ours), bulletin, ours.clock())
    ours.roll()
    assert bulletin not in sounding(ours, ours.airings()[0])


def test_a_commune_declines_and_says_why(ours: Village):
    sent = send(ours, announcement(ours), "commune_a")
    with ours.database.write() as session:
        here = ours.cast.units["commune_a"]
        with pytest.raises(InvalidInput):
            offers.decline(session, ours.actor("approver"), sent, here, "  ", NOW)
        offers.decline(session, ours.actor("approver"), sent, here, "Đã thông báo rồi.", NOW)
    found = target(ours, sent)
    assert (found.state, found.reason) == ("declined", "Đã thông báo rồi.")
    take(ours, sent)  # who thinks better of it takes it after all
    assert target(ours, sent).state == "taken"


@pytest.mark.parametrize("username", ["writer", "operator", "viewer"])
def test_only_who_approves_there_answers(ours: Village, username: str):
    sent = send(ours, announcement(ours), "commune_a")
    with pytest.raises(Forbidden):
        take(ours, sent, by=username)


def test_the_rule_of_the_commune_says_who_answers_for_what(ours: Village):
    with ours.database.write() as session:
        rule = Rule(lines=(Line(frozenset({"general"}), roles=frozenset({"administrator"})),))
        approval_rules.settle(session, system_actor(), ours.unit("commune_a"), rule, NOW)
    sent = send(ours, announcement(ours), "commune_a")
    with pytest.raises(Forbidden):
        take(ours, sent)
    take(ours, sent, by="administrator")


def test_the_neighbour_sees_nothing(ours: Village):
    bulletin = announcement(ours)
    sent = send(ours, bulletin, "commune_a")
    with ours.database.read() as session:
        stranger = ours.actor("stranger")
        assert offer_lists.arrived(session, stranger) == []
        assert offer_lists.waiting(session, stranger) == 0
        assert offer_lists.waiting(session, ours.actor("approver")) == 1
        with pytest.raises(NotFound):
            offers.find(session, stranger, sent, ours.cast.units["commune_a"])
        with pytest.raises(NotFound):
            offers.find(session, stranger, sent, ours.cast.units["commune_b"])
        with pytest.raises(NotFound):
            offers.sent(session, ours.actor("approver"), sent)
        version = offers.approved(session, bulletins.find(session, editor(ours), bulletin)[0])
        assert version is not None
        assert hearing.find(session, ours.actor("writer"), version.clip_id).id == version.clip_id
        with pytest.raises(NotFound):
            hearing.find(session, stranger, version.clip_id)
    with ours.database.write() as session, pytest.raises(NotFound):
        programmes.create(session, ours.actor("stranger"), ours.unit("commune_b"), "x", [Entry(bulletin=bulletin)], NOW)
    with ours.database.write() as session, pytest.raises(NotFound):
        # Nobody has answered for it here yet, and a programme may be composed by who could not.
        programmes.create(session, ours.actor("writer"), ours.unit("commune_a"), "x", [Entry(bulletin=bulletin)], NOW)
    take(ours, sent)
    with ours.database.write() as session:
        programmes.create(session, ours.actor("writer"), ours.unit("commune_a"), "x", [Entry(bulletin=bulletin)], NOW)


def test_what_is_not_approved_or_not_below_is_not_sent(ours: Village):
    bulletin = announcement(ours)
    with pytest.raises(InvalidInput):
        send(ours, bulletin, "province")
    with pytest.raises(InvalidInput):
        send(ours, bulletin)
    own = ours.bulletin(unit="commune_a")
    with pytest.raises(InvalidInput):
        send(ours, own, "commune_b", by="approver")
    with pytest.raises(Forbidden):
        send(ours, own, "hamlet_a1", by="writer")
    with ours.database.write() as session:
        bulletins.withdraw(session, editor(ours), bulletin, NOW)
    with pytest.raises(Conflict, match="approved"):
        send(ours, bulletin, "commune_a")


def test_an_emergency_is_raised_and_not_offered(ours: Village):
    with pytest.raises(Conflict, match="emergency"):
        send(ours, announcement(ours, priority="emergency"), "commune_a")


def test_it_is_sent_to_a_unit_once(ours: Village):
    bulletin = announcement(ours)
    send(ours, bulletin, "commune_a")
    with pytest.raises(Conflict):
        send(ours, bulletin, "commune_a")
    second = send(ours, bulletin, "commune_a", "commune_b")
    with ours.database.read() as session:
        assert session.get(OfferTarget, (second, ours.cast.units["commune_a"])) is None


def test_a_rule_takes_without_asking(ours: Village):
    _, programme, _ = on_timetable(ours)
    with ours.database.write() as session:
        offers.settle(session, ours.actor("approver"), ours.unit("commune_a"), programme, ["general"], NOW)
    taken = send(ours, announcement(ours), "commune_a", "commune_b")
    assert (target(ours, taken).state, target(ours, taken).automatic) == ("taken", True)
    assert target(ours, taken, "commune_b").state == "waiting"
    assert target(ours, send(ours, announcement(ours, field="health"), "commune_a")).state == "waiting"
    with ours.database.write() as session:
        offers.settle(session, ours.actor("approver"), ours.unit("commune_a"), None, [], NOW)
    assert target(ours, send(ours, announcement(ours), "commune_a")).state == "waiting"


# -- in line ----------------------------------------------------------------------------------------------------


def test_priority_comes_into_the_next_programme_by_itself_and_once(ours: Village):
    own, _, _ = on_timetable(ours)
    bulletin = announcement(ours, priority="priority")
    sent = send(ours, bulletin, "commune_a", "commune_b")
    assert target(ours, sent).state == "in_line"
    assert target(ours, sent, "commune_b").airs_at is None  # it has no programme
    ours.roll()
    first, second, *_ = ours.airings()
    assert sounding(ours, first) == [bulletin, own]
    assert first.priority == "priority"
    assert sounding(ours, second) == [own]
    ours.clock.at = first.starts_at + timedelta(minutes=5)
    assert in_line.keep_up(ours.database, ours.clock()) == 1
    assert target(ours, sent).state == "taken"


def test_the_commune_decides_the_order_against_its_own_priority(ours: Village):
    own = ours.bulletin(unit="commune_a", priority="priority")
    plain = ours.bulletin(unit="commune_a")
    programme = ours.programme(own, plain, unit="commune_a")
    ours.slot(programme, "2026-11-23T17:00", "FREQ=DAILY")
    bulletin = announcement(ours, priority="priority")
    sent = send(ours, bulletin, "commune_a")
    ours.roll()
    assert sounding(ours, ours.airings()[0]) == [bulletin, own, plain]
    with ours.database.write() as session:
        here = ours.cast.units["commune_a"]
        offers.put_in_order(session, ours.actor("approver"), sent, here, after_own=True, now=NOW)
        with pytest.raises(Conflict, match="can't be declined"):
            offers.decline(session, ours.actor("approver"), sent, here, "Không", NOW)
    ours.roll()
    assert sounding(ours, ours.airings()[0]) == [own, bulletin, plain]


def test_when_the_slot_goes_it_takes_the_next_one(ours: Village):
    _, _, slot = on_timetable(ours)
    sent = send(ours, announcement(ours, priority="priority"), "commune_a")
    assert target(ours, sent).airs_at is not None
    ours.withdraw_slot(slot)
    in_line.keep_up(ours.database, ours.clock())
    assert target(ours, sent).airs_at is None
    _, later, _ = on_timetable(ours)
    in_line.keep_up(ours.database, ours.clock())
    assert target(ours, sent).programme_id == later


def test_shortly_before_it_sounds_it_keeps_its_place(ours: Village):
    on_timetable(ours)
    sent = send(ours, announcement(ours, priority="priority"), "commune_a")
    at = target(ours, sent).airs_at
    assert at is not None
    for seconds in (600, 120, 5, 0, -20):
        assert in_line.keep_up(ours.database, at - timedelta(seconds=seconds)) == 0
    assert target(ours, sent).airs_at == at


def test_one_that_was_not_signed_waits_for_the_next_day(ours: Village):
    on_timetable(ours)
    sent = send(ours, announcement(ours, priority="priority"), "commune_a")
    at = target(ours, sent).airs_at
    assert at is not None
    in_line.keep_up(ours.database, at + timedelta(minutes=5))  # no worker has rolled: nothing was signed
    assert target(ours, sent).airs_at == at + timedelta(days=1)


# -- many -------------------------------------------------------------------------------------------------------


def test_ninety_communes_are_one_step(ours: Village):
    with ours.database.write() as session:
        for number in range(90):
            units.create(
                session, system_actor(), name=f"Xã {number}", code=f"79.x{number}", parent="79", zone=None, now=NOW
            )
        below = [unit.id for unit in offer_lists.below(session, ours.unit("province"))]
    bulletin = announcement(ours)
    asked: list[str] = []
    with ours.database.write() as session:
        listen = session.get_bind()
        event.listen(listen, "before_cursor_execute", lambda *a: asked.append(a[2]))
        begun = time.process_time()
        offers.offer(session, editor(ours), bulletin, below, "", NOW)
        spent = time.process_time() - begun
    assert len(below) == 92
    assert len(asked) < 25, asked
    assert spent < 2
    with ours.database.read() as session:
        assert len(offer_lists.of_bulletin(session, bulletin)) == 92
        assert reached.heard_in(session, bulletin, session.exec(select(Unit)).all()) == {}

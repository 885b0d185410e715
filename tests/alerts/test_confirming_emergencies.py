"""Who must confirm an emergency, who may, until when, and who may change the rule."""

from datetime import timedelta

import pytest
from sqlmodel import col, select
from village import NOW, Village

from alerts import alarm_rules, pending, raising
from alerts.raising import Proof, Raised, Waiting
from audio.models import Clip
from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from registry import people
from registry.models import Person, Unit
from registry.rights import Role
from scheduler.emergencies import Alarm
from scheduler.models import Emergency

FLOOD = Alarm(audience=("unit:79.1",), text="Nước lũ đang lên nhanh.", signal="none")


def rule(village: Village, unit: str, wanted: str | None, by: str = "root") -> None:
    with village.database.write() as session:
        alarm_rules.settle(
            session, village.actor(by), session.get_one(Unit, village.cast.units[unit]), wanted, village.clock()
        )


def holds(village: Village, unit: str) -> str:
    with village.database.read() as session:
        return alarm_rules.strictest(session, [session.get_one(Unit, village.cast.units[unit])])


def ask(village: Village, by: str = "approver", alarm: Alarm = FLOOD, code: str = "", unit: str = "commune_a"):
    with village.database.write() as session:
        return raising.ask(
            session, village.actor(by), session.get_one(Unit, village.cast.units[unit]), alarm, proof=Proof(code),
            signer=village.signer, settings=village.settings, now=village.clock(),
        )  # fmt: skip


def confirm(village: Village, by: str, identity: str) -> Raised:
    with village.database.write() as session:
        return raising.confirm(
            session, village.actor(by), identity, signer=village.signer, settings=village.settings, now=village.clock()
        )


def waiting(village: Village) -> str:
    rule(village, "commune_a", "second_person")
    done = ask(village)
    assert isinstance(done, Waiting)
    return done.pending.id


def emergencies(village: Village) -> list[Emergency]:
    with village.database.read() as session:
        return list(session.exec(select(Emergency)).all())


def acts(village: Village) -> list[str]:
    with village.database.read() as session:
        rows = session.exec(select(AuditEntry.action).order_by(col(AuditEntry.number))).all()
        return [each for each in rows if each.startswith("emergency.")]


def test_a_tick_is_the_usual_rule_and_raises_at_once(village: Village):
    assert holds(village, "hamlet_a1") == "tick"
    assert isinstance(ask(village), Raised)


def test_the_nearest_unit_that_says_something_counts(village: Village):
    rule(village, "province", "second_factor")
    assert (holds(village, "commune_a"), holds(village, "hamlet_a1")) == ("second_factor", "second_factor")
    rule(village, "commune_a", "tick")
    assert (holds(village, "hamlet_a1"), holds(village, "commune_b")) == ("tick", "second_factor")
    rule(village, "commune_a", None)
    assert holds(village, "hamlet_a1") == "second_factor"


def test_the_strictest_rule_of_all_places_where_it_sounds_counts(village: Village):
    rule(village, "commune_b", "second_person")
    both = Alarm(audience=("unit:79.1", "unit:79.2"), text="Bão.", signal="none")
    assert isinstance(ask(village, "root", both), Waiting)


def test_the_administrator_of_a_commune_may_make_it_stricter_and_not_looser_than_above(village: Village):
    rule(village, "province", "second_factor")
    rule(village, "commune_a", "second_person", by="administrator")
    with pytest.raises(Forbidden):
        rule(village, "commune_a", "tick", by="administrator")
    assert holds(village, "commune_a") == "second_person"
    for by, error in (("approver", Forbidden), ("stranger", NotFound)):
        with pytest.raises(error):
            rule(village, "commune_a", "second_person", by=by)
    with pytest.raises(InvalidInput):
        rule(village, "commune_a", "shout")


def test_without_a_second_factor_the_rule_for_one_lets_nothing_out(village: Village):
    rule(village, "commune_a", "second_factor")
    with pytest.raises(InvalidInput) as refused:
        ask(village, code="123456")
    assert "code" in refused.value.fields
    assert emergencies(village) == []


def test_what_waits_sounds_nowhere_and_its_audio_is_made_meanwhile(village: Village):
    waiting(village)
    assert emergencies(village) == []
    with village.database.read() as session:
        assert session.exec(select(Clip.urgent).where(Clip.text == FLOOD.text)).one()


def test_another_person_confirms_it_and_both_answer_for_it(village: Village):
    identity = waiting(village)
    village.clock.advance(minutes=14)
    done = confirm(village, "administrator", identity)
    assert done.airing.approved_by == "Approver · Administrator"
    cast = village.cast.people
    assert (done.emergency.raised_by, done.emergency.confirmed_by) == (cast["approver"], cast["administrator"])
    assert acts(village) == ["emergency.ask", "emergency.raise", "emergency.confirm"]
    with pytest.raises(Conflict):
        confirm(village, "administrator", identity)
    assert len(emergencies(village)) == 1


def test_nobody_confirms_their_own_and_nobody_without_the_right(village: Village):
    identity = waiting(village)
    for by, error in (("approver", Forbidden), ("viewer", Forbidden), ("operator", Forbidden), ("stranger", NotFound)):
        with pytest.raises(error):
            confirm(village, by, identity)
    assert emergencies(village) == []


def test_it_waits_a_quarter_of_an_hour_and_no_longer(village: Village):
    identity = waiting(village)
    village.clock.advance(minutes=15)
    with pytest.raises(Conflict):
        confirm(village, "administrator", identity)
    assert pending.expire(village.database, village.clock()) == 1
    assert pending.expire(village.database, village.clock()) == 0
    assert acts(village)[-1] == "emergency.expire"


def test_a_declined_one_never_sounds(village: Village):
    identity = waiting(village)
    with village.database.write() as session:
        raising.decline(session, village.actor("administrator"), identity, "Chưa có lệnh xả", village.clock())
    with pytest.raises(Conflict):
        confirm(village, "administrator", identity)
    with village.database.read() as session:
        assert pending.waiting_for(session, village.actor("approver"), village.clock()) == []
        ((found, _, _),) = pending.lately(session, village.actor("approver"), village.clock())
    assert (found.state, found.reason) == ("declined", "Chưa có lệnh xả")


def test_who_asked_must_still_have_the_right_when_it_is_confirmed(village: Village):
    identity = waiting(village)
    with village.database.write() as session:
        person = session.get_one(Person, village.cast.people["approver"])
        people.revoke(session, village.actor("root"), person, village.unit("commune_a"), Role.APPROVER, NOW)
    with pytest.raises(Conflict):
        confirm(village, "administrator", identity)
    assert emergencies(village) == []


def test_it_is_shown_to_those_who_can_confirm_it_and_to_no_stranger(village: Village):
    identity = waiting(village)
    with village.database.read() as session:
        for by, seen in (("administrator", [identity]), ("root", [identity]), ("viewer", []), ("stranger", [])):
            rows = pending.waiting_for(session, village.actor(by), NOW + timedelta(minutes=1))
            assert [found.id for found, _, _ in rows] == seen, by


def test_what_was_asked_for_comes_back_as_it_was(village: Village):
    rule(village, "commune_a", "second_person")
    asked = Alarm(
        audience=("unit:79.1",), text="Lũ.", times=3, every_s=60, severity="severe", until=NOW + timedelta(hours=2),
        title="Lũ", about="flood",
    )  # fmt: skip
    done = ask(village, alarm=asked)
    kept = pending.alarm_of(done.pending)
    assert (kept.times, kept.every_s, kept.severity, kept.until, kept.title, kept.about, kept.signal) == (
        3, 60, "severe", asked.until, "Lũ", "flood", "siren",
    )  # fmt: skip
    assert kept.said[0].text == "Lũ."

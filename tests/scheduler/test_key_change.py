"""The change of the server's key: whole at every step, whoever dies; what is to come is signed anew."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import select
from village import NOW, Village

from core.errors import BadTicket, Conflict, NotFound
from core.settings import Settings
from core.signing import Verifier, public_part
from core.wire import Heartbeat
from registry import stations
from scheduler import keys, rotation
from scheduler.concern_models import ServerKey
from scheduler.models import Airing
from scheduler.plans import PlanBook
from scheduler.worker import Worker

A_DAY = timedelta(days=1)


def follow(village: Village) -> bool:
    return rotation.follow(village.database, village.settings, village.clock())


def states(village: Village) -> dict[str, str]:
    with village.database.read() as session:
        return dict(session.exec(select(ServerKey.kid, ServerKey.state)).all())


def book(village: Village) -> PlanBook:
    made = PlanBook()
    with village.database.read() as session:
        made.load(session, village.clock())
    return made


def everybody_says(village: Village, kids: list[str]) -> None:
    with village.database.write() as session:
        for station in village.cast.stations.values():
            stations.heard(session, station, Heartbeat(keys=kids), village.clock())


def test_before_the_first_change_plans_carry_no_keys(village: Village):
    assert follow(village) is True
    assert follow(village) is False
    assert list(states(village).values()) == ["signing"]
    assert book(village).keys == []


def test_a_new_key_is_announced_then_signs_then_the_old_one_is_retired(village: Village, worker: Worker):
    village.on_timetable(minutes=60)
    village.roll()
    airing = village.airings()[0]
    worker.change_keys(NOW)
    old = keys.ring(village.settings).current
    verifier = Verifier([public_part(old)])  # a station that knows what it was given at enrolment
    new = keys.begin(village.settings)
    worker.change_keys(NOW)
    assert states(village) == {old["kid"]: "signing", new: "announced"}
    assert verifier.learn(book(village).keys)
    assert set(verifier.kids) == {old["kid"], new}
    assert village.signer.kid == old["kid"]  # it does not sign before stations know it

    everybody_says(village, [old["kid"]])
    worker.change_keys(NOW)
    assert village.signer.kid == old["kid"]
    everybody_says(village, verifier.kids)
    worker.change_keys(NOW)
    assert village.signer.kid == new == worker.signer.kid  # without a restart
    assert states(village) == {old["kid"]: "retiring", new: "signing"}
    with village.database.read() as session:
        ticket = session.get_one(Airing, airing.id).ticket
    assert ticket.startswith(worker.signer.mark)
    assert verifier.verify(ticket).id == airing.id
    assert book(village).tickets[airing.id] == ticket

    worker.change_keys(NOW + rotation.KEPT - A_DAY)
    assert len(keys.ring(village.settings).retiring) == 1  # stations may be alone for a week
    village.clock.advance(days=9)
    everybody_says(village, verifier.kids)
    worker.change_keys(village.clock())
    assert states(village) == {old["kid"]: "retired", new: "signing"}
    assert [key["kid"] for key in keys.public_keys(village.settings)] == [new]
    assert verifier.learn(book(village).keys)
    assert verifier.kids == [new]


def test_a_station_that_was_away_for_the_whole_change_finds_the_way(village: Village):
    follow(village)
    verifier = Verifier(keys.public_keys(village.settings))
    for _ in range(3):
        keys.begin(village.settings)
        follow(village)
        keys.switch(village.settings)
        follow(village)
        rotation.retire(village.database, village.settings, village.clock.advance(days=1))
    assert verifier.learn(book(village).keys)
    assert verifier.kids == [village.signer.kid]


def test_the_tag_of_every_plan_changes_with_keys_and_signatures(village: Village):
    village.on_timetable(minutes=60)
    village.roll()
    follow(village)

    def tag() -> str:
        with village.database.read() as session:
            place = stations.place(session, village.cast.stations["a1"])
        return book(village).etag(place, village.settings.zone)

    seen = [tag()]
    for step in (keys.begin, keys.switch):
        step(village.settings)
        follow(village)
        seen.append(tag())
    rotation.retire(village.database, village.settings, village.clock())
    seen.append(tag())
    assert len(set(seen)) == len(seen)


def test_a_former_key_is_not_ended_while_stations_need_it_unless_somebody_insists(village: Village):
    follow(village)
    old = keys.ring(village.settings).current["kid"]
    everybody_says(village, [old])
    new = keys.begin(village.settings)
    keys.switch(village.settings)
    with pytest.raises(Conflict):
        rotation.retire(village.database, village.settings, NOW)
    assert rotation.retire(village.database, village.settings, NOW, at_once=True) == [old]
    assert states(village) == {old: "retired", new: "signing"}
    assert rotation.retire(village.database, village.settings, NOW) == []
    with village.database.read() as session:
        assert rotation.behind(session, village.actor("operator"), NOW) == (0, [])  # they may be about to say it
        count, rows = rotation.behind(session, village.actor("operator"), NOW + A_DAY)
        assert (count, {how for _, _, how in rows}) == (4, {"follows"})  # those of the operator's commune
    everybody_says(village, [new])
    with village.database.read() as session:
        assert rotation.behind(session, village.actor("root"), NOW + A_DAY) == (0, [])


def test_without_a_new_key_there_is_nothing_to_switch_to(settings: Settings):
    with pytest.raises(NotFound):
        keys.switch(settings)


class Dies(Exception):
    """The process is killed here."""


def dying(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Let the process die before its `at`-th change to a file."""
    count = iter(range(1, 1_000))
    write, unlink = keys.write_atomically, keys.Path.unlink

    def fuse(act: Callable[..., object]) -> Callable[..., object]:
        def step(*given: object, **named: object) -> object:
            if next(count) == at:
                raise Dies
            return act(*given, **named)

        return step

    monkeypatch.setattr(keys, "write_atomically", fuse(write))
    monkeypatch.setattr(keys.Path, "unlink", fuse(unlink))


@pytest.mark.parametrize("at", range(1, 7))
def test_killed_before_any_file_is_written_it_is_whole_and_goes_on(
    village: Village, monkeypatch: pytest.MonkeyPatch, at: int
):
    village.on_timetable(minutes=60)
    village.roll()
    follow(village)
    first = keys.ring(village.settings).current["kid"]
    trusted = Verifier(keys.public_keys(village.settings))
    with monkeypatch.context() as patch:
        dying(patch, at)
        try:
            keys.begin(village.settings)
            follow(village)
            keys.switch(village.settings)
            follow(village)
            rotation.retire(village.database, village.settings, village.clock(), at_once=True)
        except Dies:
            pass
    follow(village)
    trusted.learn(book(village).keys)
    with village.database.read() as session:
        for ticket in session.exec(select(Airing.ticket).where(Airing.ticket != "")).all():
            trusted.verify(ticket)  # what is handed out can be played by who follows
    keys.begin(village.settings) if village.signer.kid == first else None
    keys.switch(village.settings) if keys.ring(village.settings).announced else None
    follow(village)
    rotation.retire(village.database, village.settings, village.clock(), at_once=True)
    trusted.learn(book(village).keys)
    assert trusted.kids == [village.signer.kid]
    assert village.signer.kid != first
    assert sorted(each.name for each in village.settings.keys.glob("*.jwk")) == ["signing.jwk"]


def test_a_worker_killed_between_files_and_tables_is_made_up_for_by_the_next(village: Village, worker: Worker):
    village.on_timetable(minutes=60)
    village.roll()
    worker.change_keys(NOW)
    keys.begin(village.settings)
    keys.switch(village.settings)  # and nobody told the tables
    worker.change_keys(NOW)
    assert sorted(states(village).values()) == ["retiring", "signing"]
    with village.database.read() as session:
        assert all(ticket.startswith(worker.signer.mark) for ticket in session.exec(select(Airing.ticket)).all())


def test_a_ticket_of_no_key_of_ours_is_left_as_it_is(village: Village):
    village.on_timetable(minutes=60)
    village.roll()
    follow(village)
    airing = village.airings()[0]
    with village.database.write() as session:
        row = session.get_one(Airing, airing.id)
        row.ticket = "a.b.c"
        session.add(row)
    keys.begin(village.settings)
    keys.switch(village.settings)
    follow(village)
    with pytest.raises(BadTicket):
        village.verifier.verify("a.b.c")
    with village.database.read() as session:
        assert session.get_one(Airing, airing.id).ticket == "a.b.c"
        assert session.get_one(ServerKey, village.signer.kid).resigned_at is not None


def test_keys_are_files_that_nobody_else_reads(village: Village):
    keys.begin(village.settings)
    keys.switch(village.settings)
    assert {each.stat().st_mode & 0o777 for each in village.settings.keys.glob("*.jwk")} == {0o600}

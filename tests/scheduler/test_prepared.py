"""Prepared messages: kept by authorised people, signed for the stations, started there, and told of afterwards."""

from datetime import timedelta

import pytest
from sqlmodel import select
from village import NOW, Village

from audio.models import Clip
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.standing import started
from core.wire import STARTED_HERE, AudioFile, ClipFiles, Heartbeat, Item, Report, StartedHere, Ticket, is_for
from playlists.renditions import Other
from registry import stations, traffic
from registry.models import Unit
from scheduler import emergencies, housekeeping, keys, log, prepared, reports
from scheduler.models import Airing, AiringOutcome
from scheduler.now import NowBoard
from scheduler.plans import PlanBook, spread_seconds
from scheduler.prepared import Source


def keep(
    village: Village, *said: Source, who="approver", unit="commune_a", kind="flood", until=None, title="Lũ về gấp"
):
    with village.database.write() as session:
        return prepared.add(
            session, village.actor(who), village.unit(unit), kind=kind, title=title, said=said, valid_until=until,
            signer=village.signer, now=village.clock(),
        ).id  # fmt: skip


def plan_of(village: Village, station: str):
    book = PlanBook()
    with village.database.read() as session:
        book.load(session, village.clock())
        place = stations.place(session, village.cast.stations[station])
        return book.document(place, "Asia/Ho_Chi_Minh", village.clock()), book.etag(place, "Asia/Ho_Chi_Minh")


def standing(village: Village, station: str) -> list[Ticket]:
    return [village.verifier.verify(jws) for jws in plan_of(village, station)[0].standing]


def renew(village: Village) -> int:
    with village.database.write() as session:
        return prepared.renew(session, keys.signer(village.settings), village.clock())


def test_an_approved_bulletin_stands_by_at_every_station_of_the_unit_and_nowhere_else(village: Village):
    before = plan_of(village, "a1")[1]
    made = keep(village, Source(bulletin=village.bulletin(others=(Other("hmn", text="x y"),))))
    (ticket,) = standing(village, "a1")
    assert (ticket.id, ticket.standing, ticket.approved_by) == (made, "flood", "Approver")
    assert [item.language for item in ticket.items] == ["vi"]  # the other language has no audio yet
    assert standing(village, "a2") == standing(village, "a_hall") == [ticket]
    assert standing(village, "b1") == []
    assert plan_of(village, "a1")[1] != before
    assert ticket.not_after == NOW + prepared.HOLDS


def test_a_station_that_does_not_know_of_them_would_refuse_its_ticket(village: Village):
    keep(village, Source(bulletin=village.bulletin()))
    document, _ = plan_of(village, "a1")
    ticket = village.verifier.verify(document.standing[0])
    assert not is_for(ticket, frozenset(document.settings.audience))
    assert ticket.ends_at == ticket.starts_at


def test_another_language_joins_as_soon_as_its_audio_is_there(village: Village):
    keep(village, Source(bulletin=village.bulletin(others=(Other("hmn", text="x y"),))))
    with village.database.read() as session:
        waiting = session.exec(select(Clip.id).where(Clip.state == "queued")).one()
    village.finish_clip(waiting, 7.5)
    assert renew(village) == 1
    assert renew(village) == 0
    (ticket,) = standing(village, "a1")
    assert [(item.language, item.seconds) for item in ticket.items] == [("vi", 20.0), ("hmn", 7.5)]


def test_only_who_may_raise_an_alarm_may_prepare_one(village: Village):
    bulletin = village.bulletin()
    for who in ("viewer", "writer", "operator"):
        with pytest.raises(Forbidden):
            keep(village, Source(bulletin=bulletin), who=who)
    with pytest.raises(NotFound):
        keep(village, Source(bulletin=bulletin), who="stranger")
    made = keep(village, Source(bulletin=bulletin))
    with village.database.write() as session, pytest.raises(Forbidden):
        prepared.retire(session, village.actor("writer"), made, village.clock())


def test_what_nobody_approved_or_what_makes_no_sense_is_refused(village: Village):
    good = village.bulletin()
    with pytest.raises(Conflict, match="not approved"):
        keep(village, Source(bulletin=village.bulletin(until_state="submitted")))
    with pytest.raises(InvalidInput):
        keep(village, Source(bulletin=good), kind="earthquake")
    with pytest.raises(InvalidInput):
        keep(village)
    with pytest.raises(InvalidInput):
        keep(village, Source(bulletin=good), Source(bulletin=good))  # the same language twice
    with pytest.raises(InvalidInput):
        keep(village, Source(bulletin=good), until=NOW - timedelta(days=1))
    for _ in range(prepared.MAX_A_UNIT):
        keep(village, Source(bulletin=good))
    with pytest.raises(Conflict, match="Retire one"):
        keep(village, Source(bulletin=good))


def test_a_retired_message_or_one_whose_bulletin_was_withdrawn_leaves_the_stations(village: Village):
    one, two = village.bulletin(), village.bulletin()
    first, _ = keep(village, Source(bulletin=one)), keep(village, Source(bulletin=two))
    with village.database.write() as session:
        prepared.retire(session, village.actor("approver"), first, village.clock())
    assert len(standing(village, "a1")) == 1
    village.withdraw_bulletin(two)
    renew(village)
    assert standing(village, "a1") == []


def test_it_is_renewed_long_before_it_runs_out_and_ends_when_it_was_to(village: Village):
    keep(village, Source(bulletin=village.bulletin()))
    ends = NOW + timedelta(days=100)
    keep(village, Source(bulletin=village.bulletin(text="Bão sắp vào.")), until=ends)
    village.clock.advance(days=29)
    assert renew(village) == 0
    village.clock.advance(days=2)
    assert renew(village) == 2
    assert {ticket.not_after for ticket in standing(village, "a1")} == {village.clock() + prepared.HOLDS, ends}
    village.clock.advance(days=40)
    assert renew(village) == 1
    village.clock.advance(days=30)
    assert len(standing(village, "a1")) == 1


def test_a_unit_under_another_code_has_its_messages_signed_anew(village: Village):
    keep(village, Source(bulletin=village.bulletin()))
    with village.database.write() as session:
        unit = session.get_one(Unit, village.cast.units["commune_a"])
        unit.code = "79.new"
        session.add(unit)
    assert renew(village) == 1
    assert standing(village, "a1")[0].audience == ["standing:unit:79.new"]


def test_their_audio_is_never_cleared_away(village: Village):
    bulletin = village.bulletin()
    keep(village, Source(bulletin=bulletin))
    village.rewrite(bulletin, "Bản mới")
    village.clock.advance(days=2_000)
    housekeeping.tidy(village.database, village.settings, village.clock())
    assert renew(village) == 1
    assert standing(village, "a1")


# started at the station
def told(village: Village, message: str, item=0, run="0" * 32, started_at=NOW, **more) -> Report:
    how = StartedHere(message=message, started_at=started_at, times=2, languages=["vi"], volume=90)
    values = {"outcome": "played", "seconds": 20.0, **more}
    return Report(
        id=f"{item:08x}-0000-4000-8000-{run[:12]}", airing=f"{STARTED_HERE}{run}", item=item, started_at=started_at,
        ended_at=started_at + timedelta(seconds=20), volume=90, started_here=how, **values,
    )  # fmt: skip


def accept(village: Village, station: str, *given: Report):
    with village.database.write() as session:
        place = stations.place(session, village.cast.stations[station])
        return reports.accept(session, place, given, village.clock())


def test_what_was_started_at_a_station_stands_among_the_emergencies_afterwards(village: Village):
    message = keep(village, Source(bulletin=village.bulletin()))
    village.clock.advance(hours=5)
    verdict = accept(village, "a1", told(village, message))
    assert len(verdict.accepted) == 1
    again = accept(
        village, "a1", told(village, message), told(village, message, item=1, outcome="partial", seconds=3.0)
    )
    assert len(again.accepted) == 2
    with village.database.read() as session:
        ((emergency, airing, unit, person),) = emergencies.visible(session, village.actor("approver"))
        assert (emergency.raised_by, person, unit.code, emergency.times) == ("local", None, "79.1.1", 2)
        assert (airing.title, airing.state, airing.starts_at, len(airing.items)) == ("Lũ về gấp", "over", NOW, 2)
        outcome = session.get_one(AiringOutcome, (airing.id, village.cast.stations["a1"]))
        assert (outcome.outcome, outcome.played_seconds) == ("partial", 23.0)
        assert log.by_station(session, village.cast.stations["a1"], limit=5)


def test_it_is_held_out_to_no_station_but_can_be_stopped_from_the_panel(village: Village, worker):
    message = keep(village, Source(bulletin=village.bulletin()))
    village.clock.advance(seconds=25)
    accept(village, "a1", told(village, message))
    worker.dispatch(village.clock())
    worker.reconcile(village.clock())

    board = NowBoard(village.settings.zone)

    def held(station):
        with village.database.read() as session:
            board.catch_up(session, village.clock())
        return board.document(village.cast.stations[station])[1].decode()

    assert STARTED_HERE not in held("a1")
    with village.database.write() as session:
        airing = session.exec(select(Airing).where(Airing.kind == "emergency")).one()
        assert airing.state == "on_air"
        emergencies.stop(session, village.actor("approver"), airing.emergency_id, village.clock())
    assert airing.id in held("a1")
    assert STARTED_HERE not in held("a2")


def test_a_report_that_names_a_message_of_others_or_none_is_refused(village: Village):
    message = keep(village, Source(bulletin=village.bulletin()))
    assert [code for _, code in accept(village, "b1", told(village, message)).refused] == ["unknown_airing"]
    assert [code for _, code in accept(village, "a1", told(village, "pm_none")).refused] == ["unknown_airing"]


def test_station_and_server_make_the_same_of_it():

    clip = ClipFiles(mp3=AudioFile(sha256="0" * 64, bytes=1), opus=AudioFile(sha256="1" * 64, bytes=1))
    ticket = Ticket(
        id="pm_1", kind="emergency", priority="emergency", starts_at=NOW, ends_at=NOW, late="skip", approved_by="x",
        audience=["standing:unit:79"], issued_at=NOW, not_after=NOW + timedelta(days=90), standing="flood",
        items=[Item(at=0, seconds=each, title=t, clip=clip, language=t) for each, t in ((5, "vi"), (7, "hmn"), (3, "en"))],
    )  # fmt: skip
    how = StartedHere(message="pm_1", started_at=NOW, times=2, languages=["hmn", "vi-VN"], volume=50)
    made = started(ticket, "loc_1", how)
    assert [(item.at, item.language) for item in made.items] == [(0, "hmn"), (8, "vi"), (14, "hmn"), (22, "vi")]
    assert (made.ends_at - NOW).total_seconds() == 27
    assert (made.audience, made.volume, made.standing) == (["unit:79"], 50, None)


# what stations tell of their SIM cards
def beat(village: Village, station: str, **values) -> None:
    with village.database.write() as session:
        stations.heard(session, village.cast.stations[station], Heartbeat(**values), village.clock())


def months(village: Village, station: str):
    with village.database.read() as session:
        return [tuple(each) for each in traffic.of(session, village.cast.stations[station])]


def test_the_data_of_each_month_is_kept_also_when_a_station_counts_anew(village: Village):
    beat(village, "a1", month="2026-11", received_bytes=1_000, sent_bytes=10)
    beat(village, "a1", month="2026-11", received_bytes=5_000, sent_bytes=50)
    beat(village, "a2", month="2026-11", received_bytes=7, sent_bytes=7)
    assert months(village, "a1") == [("2026-11", 5_000, 50)]
    beat(village, "a1", month="2026-11", received_bytes=300, sent_bytes=3)  # a new card in the device
    assert months(village, "a1") == [("2026-11", 5_300, 53)]
    beat(village, "a1", month="2026-12", received_bytes=1, sent_bytes=1, faults=["disk_full"], standing=["pm_1"])
    assert months(village, "a1") == [("2026-12", 1, 1), ("2026-11", 5_300, 53)]
    assert months(village, "a2") == [("2026-11", 7, 7)]
    assert months(village, "b1") == []


def test_few_stations_fetch_at_once_and_ten_thousand_within_two_hours(village: Village):
    with village.database.read() as session:
        assert spread_seconds(session) == 0

    class Told:
        def __init__(self, count):
            self.count = count

        def exec(self, _):
            return self

        def one(self):
            return self.count

    found = [spread_seconds(Told(count)) for count in (50, 64, 65, 10_000, 200_000)]
    assert found == sorted(found)
    assert found[:3] == [23, 23, 46]
    assert 3_600 <= found[3] <= 7_200
    assert found[4] == 6 * 3600

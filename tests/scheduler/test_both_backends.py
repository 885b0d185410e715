"""The whole way from keyboard to plan, on SQLite and on PostgreSQL alike."""

import json
import threading
import time
import uuid
from datetime import timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, func, select
from village import NOW, Callers, Village, all_at_once

from audio import queue
from audio.models import Clip
from core import audit, changes
from core.database import Database
from core.errors import Busy, Conflict, InvalidInput
from core.wire import Device, Heartbeat, Report
from loa.installation import migrate, prepare
from loa.tables import metadata
from playlists import bulletins
from registry import stations, trail
from registry.models import Unit
from scheduler import commands, emergencies, jobs, lists, log, reports, slots
from scheduler.models import Airing, AiringOutcome, PlayReport
from scheduler.now import NowBoard
from scheduler.worker import Worker
from web.app import create_app

ZONE = "Asia/Ho_Chi_Minh"


def test_models_equal_migrations(either: Village):
    with either.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing(either: Village):
    migrate(either.database)
    again = prepare(either.settings)
    again.dispose()


def test_a_database_newer_than_the_program_is_refused(either: Village):
    with either.database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Conflict, match="newer"):
        migrate(either.database)


def test_the_audit_log_is_append_only(either: Village):
    for statement in ("UPDATE audit_entry SET actor = 'x'", "DELETE FROM audit_entry"):
        with pytest.raises(DBAPIError, match="append-only"), either.database.write() as session:
            session.execute(text(statement))
    with either.database.read() as session:
        assert audit.verify(session) is None


def test_parallel_writers_keep_the_audit_chain_whole(either: Village):
    either.database.lock_timeout_seconds = 30

    def write() -> None:
        for _ in range(8):
            with either.database.write() as session:
                audit.record(session, actor="x", action="x", subject="x", now=NOW, detail={"chữ": [1.5, None]})

    all_at_once(*[write] * 4)
    with either.database.read() as session:
        assert audit.verify(session) is None


def test_a_reader_sees_one_state(either: Village):
    def seen(session) -> int:
        return session.exec(select(func.count()).select_from(changes.Change)).one()

    with either.database.read() as session:
        before = seen(session)
        with either.database.write() as other:
            changes.announce(other, "now", [], NOW)
        assert seen(session) == before


def test_what_a_reading_session_changes_is_not_kept(either: Village):
    with either.database.read() as session:
        session.get_one(Unit, either.cast.units["province"]).name = "x"
        session.flush()
    assert either.unit("province").name == "province"


def test_a_writer_that_waits_too_long_is_told_busy(either: Village):
    either.database.lock_timeout_seconds = 0.3
    inside, done = threading.Event(), threading.Event()

    def hold() -> None:
        with either.database.write():
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(5)
    begun = time.monotonic()
    with pytest.raises(Busy), either.database.write() as session:
        changes.announce(session, "now", [], NOW)
    assert time.monotonic() - begun < 3
    done.set()
    thread.join()
    with either.database.write() as session:
        changes.announce(session, "now", [], NOW)


def test_the_feed_shows_changes_in_order_to_a_reader_that_follows(either: Village):
    either.database.lock_timeout_seconds = 30
    seen: list[int] = []
    over = threading.Event()

    def follow() -> None:
        at = 0
        while True:
            last = over.is_set()
            with either.database.read() as session:
                rows = changes.since(session, at)
            seen.extend(row.seq or 0 for row in rows)
            at = seen[-1] if seen else 0
            if last:
                return

    def write() -> None:
        for _ in range(15):
            with either.database.write() as session:
                changes.announce(session, "now", [], NOW)

    reader = threading.Thread(target=follow)
    reader.start()
    all_at_once(*[write] * 3)
    over.set()
    reader.join(20)
    with either.database.read() as session:
        everything = [row.seq for row in changes.since(session, 0)]
    assert seen == everything


def test_a_claim_is_had_by_one_worker_only(either: Village):
    either.database.lock_timeout_seconds = 30
    for number in range(6):
        either.bulletin(text=f"Tin số {number}.", seconds=None)

    def claim(holder: str) -> list[str]:
        taken = []
        while True:
            with either.database.write() as session:
                clip = queue.claim_next(session, holder, NOW)
            if clip is None:
                return taken
            taken.append(clip.id)

    answers = all_at_once(*[lambda n=n: claim(f"host/{n}/x") for n in range(4)])
    every = [each for taken in answers for each in taken]
    assert len(every) == len(set(every)) == 6


def test_a_job_s_lease_is_held_by_one_until_it_runs_out(either: Village):
    def claim(holder: str, now=NOW) -> bool:
        with either.database.write() as session:
            return jobs.claim(session, "backup", holder, now, timedelta(minutes=1))

    assert sum(all_at_once(*[lambda n=n: claim(f"h{n}") for n in range(4)])) == 1
    later = NOW + timedelta(minutes=1, seconds=1)
    assert claim("other", later)
    assert claim("other", later)
    assert not claim("h0", later)
    with either.database.write() as session:
        jobs.went_wrong(session, "backup", "x" * 900, later)
        jobs.went_well(session, "new", later)
    with either.database.read() as session:
        assert [(job.name, len(job.error)) for job in jobs.every(session)] == [("backup", 500), ("new", 0)]


def test_two_enrolments_with_one_code_take_one_in(either: Village):
    either.database.lock_timeout_seconds = 30
    with either.database.write() as session:
        _, code = stations.create(
            session, either.actor("root"), name="x", unit=either.unit("hamlet_a1"), hours=1, now=NOW
        )

    def enrol():
        with either.database.write() as session:
            return stations.enrol(session, code, Device(), NOW)

    assert sum(each is not None for each in all_at_once(*[enrol] * 4)) == 1


def test_two_approvals_at_once_are_one(either: Village):
    either.database.lock_timeout_seconds = 30
    bulletin = either.bulletin(until_state="submitted")
    actor = either.actor("root")

    def approve() -> str:
        try:
            with either.database.write() as session:
                bulletins.approve(session, actor, bulletin, NOW)
        except Conflict:
            return "refused"
        return "approved"

    assert sorted(all_at_once(*[approve] * 3)) == ["approved", "refused", "refused"]


def test_two_rolls_at_once_make_one_timetable(either: Village):
    either.database.lock_timeout_seconds = 30
    for number in range(3):
        either.on_timetable(minutes=60 + 10 * number, rrule="FREQ=DAILY", text=f"Tin {number}.")
    all_at_once(*[either.roll] * 3)
    assert len(either.airings()) == 24
    assert all(a.ticket for a in either.airings())
    assert either.roll() == 0


def test_the_whole_way_from_text_to_the_account_of_what_was_played(either: Village):
    bulletin, slot = either.on_timetable(rrule="FREQ=DAILY", seconds=20)
    with pytest.raises(Conflict) as refused:
        either.on_timetable(text="Trùng giờ.")
    assert refused.value.clashes[0]["slot"] == slot
    worker = Worker(either.database, either.settings, either.signer, either.clock)
    assert worker.roll(NOW) == 8
    either.rewrite(bulletin, "Bản mới.", seconds=30)
    assert worker.roll(NOW + timedelta(seconds=1)) == 8

    board = NowBoard(ZONE)
    with either.database.read() as session:
        board.catch_up(session, NOW)
    a1 = either.cast.stations["a1"]
    assert len(board.book.airings(board.names[a1])) == 8
    with either.database.write() as session:
        alarm = emergencies.Alarm(signal="none", audience=["unit:79.1.1"], text="Lũ lên!", times=2, every_s=30)
        emergency, _ = emergencies.raise_alarm(
            session,
            either.actor("approver"),
            either.unit("commune_a"),
            alarm,
            signer=either.signer,
            default_zone=ZONE,
            max_chars=500,
            now=NOW,
        )
        commands.give(session, either.actor("operator"), a1, "volume", 10, NOW)
    either.finish_clip(emergency.clip_id, 5)
    assert worker.issue_alarms(NOW) == 1
    with either.database.read() as session:
        assert a1 in board.catch_up(session, NOW)
    shown = json.loads(board.document(a1)[1])
    assert (len(shown["interrupts"]), len(shown["withdrawn"]), len(shown["commands"])) == (1, 8, 1)

    first = either.airings()[0] if either.airings()[0].kind == "programme" else either.airings()[1]
    either.clock.at = NOW + timedelta(hours=2)
    worker.dispatch(either.clock())
    report = Report(
        id=str(uuid.uuid4()), airing=first.id, item=0, outcome="played", started_at=first.starts_at, ended_at=first.ends_at, seconds=30,
    )  # fmt: skip
    with either.database.write() as session:
        assert reports.accept(session, stations.place(session, a1), [report, report], NOW).accepted == [report.id] * 2
        stations.heard(session, a1, Heartbeat(playing=first.id, free_bytes=2**40, seq=7), either.clock())
    assert worker.reconcile(either.clock()) == 3  # the airing, the one it replaced, the alarm
    assert worker.notice_silence(either.clock() + timedelta(hours=1)) == 1
    with either.database.read() as session:
        assert session.get_one(AiringOutcome, (first.id, a1)).outcome == "played"
        assert session.exec(select(func.count()).select_from(PlayReport)).one() == 1
        viewer = either.actor("viewer")
        assert len(lists.airings(session, viewer, None, NOW, None)) == 9
        entries = log.entries(session, viewer, start=NOW, end=NOW + timedelta(days=1))
        assert {entry.airing.id for entry in entries} >= {first.id}
        assert [row.id for row in lists.reports(session, viewer, None, None, None)] == [report.id]
        assert trail.visible(session, either.actor("administrator"))
        assert audit.verify(session) is None


def test_lists_show_the_newest_first_page_by_page(either: Village):
    """Whatever the collation of the database makes of the characters in ids."""
    made = [either.bulletin(text=f"Tin {number}.") for number in range(3)]
    programme = either.programme(*made)
    slot = either.slot(programme, NOW + timedelta(hours=1))
    client = Callers(create_app(either.settings, either.database, clock=either.clock, testing=True), either.cast)[
        "root"
    ]
    first = client.get("/bulletins?limit=2").get_json()
    second = client.get(f"/bulletins?limit=2&cursor={first['cursor']}").get_json()
    assert [item["id"] for item in first["items"] + second["items"]] == made[::-1]
    assert [item["id"] for item in client.get("/programmes").get_json()["items"]] == [programme]
    assert [item["id"] for item in client.get("/slots").get_json()["items"]] == [slot]
    either.roll()
    assert len(client.get("/airings").get_json()["items"]) == 1
    units = client.get("/units").get_json()["items"]
    assert next(unit["code"] for unit in units) == "79"
    found, cursor = [], ""
    while cursor is not None:
        page = client.get(f"/units?limit=2&cursor={cursor}").get_json()
        found, cursor = found + page["items"], page["cursor"]
    assert found == units


@pytest.mark.parametrize("odd", ["a\x00b", "x" * 100])
def test_what_the_database_cannot_hold_is_bad_input_and_not_a_fault(either: Village, odd: str):
    client = Callers(create_app(either.settings, either.database, clock=either.clock, testing=True), either.cast)[
        "root"
    ]
    for call in (
        {"unit": "79.1", "title": "x", "text": odd + " chữ"}, {"unit": odd[:80], "title": "x", "text": "chữ"},
        {"unit": "79.1", "title": "x", "text": "chữ", "voice": odd[:80]}, {"unit": "79.1", "title": odd, "text": "chữ"},
    ):  # fmt: skip
        assert client.post("/bulletins", call).status_code in {201, 404, 422}, call
    assert client.get("/bulletins/a%00b").status_code in {404, 422}
    assert client.get("/bulletins?state=a%00b&cursor=%00").status_code in {200, 422}


@pytest.mark.parametrize(
    ("starts", "rrule"),
    [("2026-11-24T06:00:00.000000+07:00        ", None), ("2026-11-24T06:00", "FREQ=DAILY;BYYEARDAY=" + ",".join(map(str, range(1, 365))))],
)  # fmt: skip
def test_a_slot_s_widest_texts_are_kept_or_refused_and_no_fault(either: Village, starts: str, rrule: str | None):
    wish = either.wish(either.programme(either.bulletin()), starts, rrule)
    try:
        with either.database.write() as session:
            slots.create(session, either.actor("root"), wish, default_zone=ZONE, now=NOW)
    except InvalidInput:
        assert either.slots() == []
    else:
        assert either.roll() > 0


def test_a_closed_server_is_busy_and_not_a_fault(postgres, postgres_template):
    database = Database(postgres.url("template_loa").replace(f":{postgres.port}/", ":1/"))
    with pytest.raises(Busy), database.read():
        pass
    database.dispose()


def test_clips_and_airings_are_found_by_their_states(either: Village):
    either.on_timetable(seconds=None)
    either.roll()
    with either.database.read() as session:
        assert session.exec(select(col(Clip.state))).all() == ["queued"]
        assert session.exec(select(col(Airing.reason))).all() == ["rendering"]

"""One row that can't be worked with: it is set aside with an alarm, the rest goes on, and a person can mend it."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import select
from village import NOW, Village

from audio import clips
from audio.models import Clip
from core.ids import new_id
from core.settings import load
from core.wire import Report
from loa.__main__ import main
from registry import stations
from scheduler import commands, emergencies, reports, slots, troubles
from scheduler.models import Airing, AiringOutcome, PlayReport, StationCommand, Trouble
from scheduler.now import NowBoard
from scheduler.worker import Worker

SLOTS = {
    "a rule that is none": "rrule = 'FREQ=NONSENSE'",
    "a zone that is none": "zone = 'Mars/Phobos'",
    "a start that is none": "starts = 'yesterday'",
    "a strange audience": """audience = '["planet:x"]'""",
    "a day part that is gone": "daypart = 'nope'",
    "dates of another kind": "exdates = '[3]'",
    "a list that breaks off": "exdates = '[3'",
    "an instant that is none": "created_at = 'gestern'",
    "a policy that is none": "late = 'never'",
    "a volume beyond all": "volume = 900",
    "limits of another kind": "lifted = '7'",
}


def sql(village: Village, statement: str, **values) -> None:
    with village.database.write() as session:
        session.connection().exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        session.connection().exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        session.execute(text(statement), values)


def standing(village: Village) -> dict[tuple[str, str], str]:
    with village.database.read() as session:
        return {(each.kind, each.subject): each.what for each in troubles.standing(session)}


def everything(worker: Worker, village: Village, *, times: int = 1) -> list[str]:
    """All jobs once, as the worker does them; the names of those that failed."""
    worker_jobs = {
        "roll": worker.roll, "alarms": worker.issue_alarms, "dispatch": worker.dispatch, "reconcile": worker.reconcile,
        "silence": worker.watch, "prune": worker.prune, "improve": worker.improve, "backup": worker.back_up,
    }  # fmt: skip
    failed = []
    for _ in range(times):
        failed += [name for name, step in worker_jobs.items() if not worker.run(name, step)]
    return failed


def signed(village: Village, slot: str) -> int:
    with village.database.read() as session:
        return len(
            session.exec(
                select(Airing.id).where(Airing.slot_id == slot, Airing.ticket != "", Airing.state != "withdrawn")
            ).all()
        )


@pytest.mark.parametrize("poison", SLOTS)
def test_a_slot_that_cannot_be_planned_stops_no_other_and_can_be_taken_away(
    village: Village, worker: Worker, poison, caplog
):
    _, bad = village.on_timetable(minutes=60, rrule="FREQ=DAILY", text="Tin một.")
    _, good = village.on_timetable(minutes=120, rrule="FREQ=DAILY", text="Tin hai.")
    sql(village, f"UPDATE slot SET {SLOTS[poison]} WHERE id = :id", id=bad)  # noqa: S608
    assert everything(worker, village, times=3) == []
    assert (signed(village, bad), signed(village, good)) == (0, 8)
    assert [key for key in standing(village) if key[0] == "slot"] == [("slot", bad)]
    assert caplog.text.count(f"slot {bad} needs a person's hand") == 1, "raised once, however often it is met"
    village.clock.advance(hours=2)
    assert everything(worker, village) == []
    assert caplog.text.count(f"slot {bad} needs a person's hand") == 1
    sql(
        village,
        "UPDATE slot SET withdrawn_at = :now WHERE id = :id",
        id=bad,
        now=str(village.clock.at.replace(tzinfo=None)),
    )
    village.clock.advance(hours=2)
    assert everything(worker, village) == []
    assert standing(village) == {}


def test_a_broken_slot_is_seen_in_the_panel_and_by_the_doctor_and_withdrawn_by_an_official(
    village: Village, worker: Worker, app, capsys
):
    _, bad = village.on_timetable(minutes=60, rrule="FREQ=DAILY")
    sql(village, "UPDATE slot SET rrule = 'FREQ=NONSENSE' WHERE id = :id", id=bad)
    everything(worker, village)
    for person, path, sees in (
        ("operator", "/", True), ("stranger", "/", False), ("root", "/system", True), ("administrator", "/", True),
    ):  # fmt: skip
        browser = app.test_client()
        page = browser.get("/sign-in").get_data(as_text=True)
        token = (
            page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0] if 'name="csrf_token"' in page else ""
        )
        browser.post(
            "/sign-in", data={"csrf_token": token, "username": person, "password": village.cast.passwords[person]}
        )
        shown = browser.get(path)
        assert shown.status_code == 200
        assert ("NONSENSE" in shown.get_data(as_text=True)) is sees, person
    assert main(["doctor", "--home", str(village.settings.home)]) == 1
    assert f"slot {bad}" in capsys.readouterr().out
    with village.database.write() as session:
        slots.withdraw(session, village.actor("administrator"), bad, village.clock())
    everything(worker, village)
    assert standing(village) == {}


def test_many_broken_slots_are_set_aside_and_the_others_planned(village: Village, worker: Worker):
    programme = village.programme(village.bulletin())
    made = [village.slot(programme, NOW + timedelta(minutes=10 + 3 * number)) for number in range(24)]
    for slot in made[::4]:
        sql(village, "UPDATE slot SET volume = 900 WHERE id = :id", id=slot)
    assert everything(worker, village) == []
    assert {key[1] for key in standing(village)} == set(made[::4])
    assert [signed(village, each) for each in made] == [int(number % 4 != 0) for number in range(24)]
    for slot in made[::4]:
        sql(village, "UPDATE slot SET volume = 50 WHERE id = :id", id=slot)
    village.clock.advance(minutes=1)
    assert standing(village), "what was set aside rests for an hour, or until somebody changes it"
    worker.roll(village.clock.advance(seconds=1))
    with village.database.write() as session:
        session.exec(select(Trouble)).all()
    village.roll(made[::4])
    assert standing(village) == {}


def test_a_programme_whose_items_are_gone_says_so_and_stops_no_other(village: Village, worker: Worker):
    _, bad = village.on_timetable(minutes=60, text="Tin một.")
    _, good = village.on_timetable(minutes=120, text="Tin hai.")
    sql(
        village,
        "DELETE FROM programme_item WHERE programme_id = (SELECT programme_id FROM slot WHERE id = :id)",
        id=bad,
    )
    assert everything(worker, village) == []
    assert (signed(village, bad), signed(village, good)) == (0, 1)
    assert [a.reason for a in village.airings() if a.slot_id == bad] == ["nothing_approved"]
    village.clock.advance(hours=3)
    everything(worker, village, times=2)
    with village.database.read() as session:
        outcomes = session.exec(select(AiringOutcome).join(Airing).where(Airing.slot_id == bad)).all()
    assert {(each.outcome, each.reason) for each in outcomes} == {("missed", "nothing_approved")}
    assert len(outcomes) == 4


# Clips


def test_a_recording_whose_file_is_gone_is_told_of_until_it_is_needed_no_more(village: Village, worker: Worker):
    bulletin = village.bulletin(until_state="draft", seconds=None)
    with village.database.write() as session:
        clip = session.exec(select(Clip)).one()
        clip.kind, clip.upload, clip.text = "recording", "gone.wav", ""
        session.add(clip)
    village._bring(bulletin, "approved")
    other = village.bulletin(text="Tin khác.", seconds=None)
    assert worker.run("render-0", worker.render)
    assert everything(worker, village, times=2) == []
    assert list(standing(village)) == [("clip", clip.id)]
    with village.database.read() as session:
        assert sorted(session.exec(select(Clip.state)).all()) == ["failed", "ready"]
    village.withdraw_bulletin(bulletin)
    assert everything(worker, village) == []
    assert standing(village) == {}
    assert other


# Alarms


def raised(village: Village, words: str) -> emergencies.Emergency:
    with village.database.write() as session:
        return emergencies.raise_alarm(
            session, village.actor("root"), village.unit("commune_a"), emergencies.Alarm(signal="none", audience=("unit:79.1",), text=words),
            signer=village.signer, default_zone="Asia/Ho_Chi_Minh", max_chars=1_000, now=village.clock(),
        )[0]  # fmt: skip


ALARMS = {
    "its audio failed": "UPDATE clip SET state = 'failed', error = 'no' WHERE id = :clip",
    "its audio was cancelled": "UPDATE clip SET state = 'cancelled' WHERE id = :clip",
    "its audio has no hash": "UPDATE clip SET opus_sha256 = NULL WHERE id = :clip",
    "its audio has no length": "UPDATE clip SET seconds = 0 WHERE id = :clip",
    "a strange audience": """UPDATE airing SET audience = '["planet:x"]' WHERE emergency_id = :id""",
    "a list that breaks off": "UPDATE airing SET audience = '[' WHERE emergency_id = :id",
    "its repeats are nonsense": "UPDATE emergency SET times = 'nhiều' WHERE id = :id",
}


@pytest.mark.parametrize("poison", ALARMS)
def test_an_alarm_that_cannot_be_put_on_air_holds_up_no_other(village: Village, worker: Worker, poison):
    bad, good = raised(village, "Nước lũ đang lên."), raised(village, "Cháy ở chợ.")
    for each in (bad, good):
        village.finish_clip(each.clip_id)
    sql(village, ALARMS[poison], clip=bad.clip_id, id=bad.id)
    assert everything(worker, village, times=2) == []
    with village.database.read() as session:
        states = dict(session.exec(select(Airing.emergency_id, Airing.state)).all())
    assert states == {bad.id: "failed", good.id: "on_air"}
    assert list(standing(village)) == [("emergency", bad.id)]


# Reports, outcomes, orders


def said(village: Village, airing: Airing, station: str, now, **more) -> None:
    with village.database.write() as session:
        (place,) = stations.places(session, [village.cast.stations[station]])
        report = Report(
            id=new_id("x")[2:].rjust(32, "0").replace("_", "0").translate({ord(c): "a" for c in "ghijklmnopqrstuvwxyz"}),
            airing=airing.id, item=0, outcome="played", started_at=now, ended_at=now, seconds=20.0,
        )  # fmt: skip
        assert reports.accept(session, place, [report.model_copy(update=more)], now).accepted


REPORTS = {
    "an outcome that is none": "outcome = 'danced'", "a length that is none": "seconds = 'long'", "a negative length": "seconds = -5",
    "an item that is none": "item = 77",
}  # fmt: skip


@pytest.mark.parametrize("poison", REPORTS)
def test_a_report_of_nonsense_is_told_of_and_the_others_count(village: Village, worker: Worker, poison):
    village.on_timetable(minutes=60)
    worker.roll(NOW)
    (airing,) = village.airings()
    later = village.clock.advance(minutes=61)
    worker.dispatch(later)
    said(village, airing, "a1", later)
    said(village, airing, "a2", later)
    a2 = village.cast.stations["a2"]
    sql(village, f"UPDATE play_report SET {REPORTS[poison]} WHERE station_id = :id", id=a2)  # noqa: S608
    village.clock.advance(minutes=5)
    assert everything(worker, village, times=2) == []
    with village.database.read() as session:
        outcomes = {each.station_id: each.outcome for each in session.exec(select(AiringOutcome)).all()}
        bad = session.exec(select(PlayReport.id).where(PlayReport.station_id == a2)).one()
    assert outcomes[village.cast.stations["a1"]] == "played"
    assert outcomes[a2] == "missed"
    assert list(standing(village)) == [("report", bad)]


AIRINGS = {
    "items without a length": "items = :items", "a list that breaks off": "items = '[{'", "a strange audience": """audience = '["planet:x"]'""",
}  # fmt: skip


@pytest.mark.parametrize("poison", AIRINGS)
def test_an_airing_that_cannot_be_accounted_for_is_set_aside_until_it_can(village: Village, worker: Worker, poison):
    village.on_timetable(minutes=60, text="Tin một.")
    village.on_timetable(minutes=70, text="Tin hai.")
    worker.roll(NOW)
    bad, good = village.airings()
    sql(
        village,
        f"UPDATE airing SET {AIRINGS[poison]} WHERE id = :id",  # noqa: S608
        id=bad.id,
        **({"items": json.dumps([{"at": 0}])} if "items" in poison else {}),
    )
    village.clock.advance(minutes=80)
    assert everything(worker, village, times=3) == []
    with village.database.read() as session:
        assert set(session.exec(select(AiringOutcome.airing_id)).all()) == {good.id}
    assert list(standing(village)) == [("airing", bad.id)]
    sql(
        village,
        "UPDATE airing SET items = :items, audience = :audience WHERE id = :id",
        id=bad.id,
        items=json.dumps(bad.items),
        audience=json.dumps(bad.audience),
    )
    village.clock.advance(minutes=61)
    assert everything(worker, village) == []
    with village.database.read() as session:
        assert set(session.exec(select(AiringOutcome.airing_id)).all()) == {good.id, bad.id}
    assert standing(village) == {}


def test_an_order_of_nonsense_is_ended_and_the_others_are_handed_out(village: Village, worker: Worker):
    a1 = village.cast.stations["a1"]
    with village.database.write() as session:
        commands.give(session, village.actor("root"), a1, "volume", 30, NOW)
        session.add(
            StationCommand(
                id="co_bad",
                station_id=a1,
                do="dance",
                value=None,
                given_by="x",
                given_at=NOW,
                expires_at=NOW + timedelta(hours=1),
            )
        )
    board = NowBoard("Asia/Ho_Chi_Minh")
    with village.database.read() as session:
        board.catch_up(session, NOW)
    assert [each.do for each in board.commands[a1]] == ["volume"]
    assert everything(worker, village, times=2) == []
    assert list(standing(village)) == [("command", "co_bad")]
    village.clock.advance(days=3)
    with village.database.write() as session:
        troubles.prune(session, village.clock())
    assert standing(village) == {}, "it only told of something: that is over by itself"


def test_clips_of_a_killed_worker_are_tried_again_but_not_for_ever(village: Village, battle):
    from stable import KILLS

    ask = {"language": "vi", "voice": None, "created_by": "x", "now": NOW, "unit_id": village.cast.units["commune_a"]}
    fight = battle(village)
    with village.database.write() as session:
        bad = clips.request_speech(session, text=f"Bản tin {KILLS} chết.", due_at=NOW, **ask).id
        for number in range(3):
            clips.request_speech(session, text=f"Tin {number}.", **ask)
    deaths = 0
    while deaths < 20:
        fight.start()
        while not fight.bury():
            fight.advance(seconds=1)
            fight.live_on(0.02)
            with village.database.read() as session:
                states = dict(session.exec(select(Clip.id, Clip.state)).all())
            if states[bad] == "failed":
                break
        else:
            deaths += 1
            continue
        break
    assert states.pop(bad) == "failed"
    assert deaths == 6
    fight.rounds(("render-0",))
    with village.database.read() as session:
        assert set(session.exec(select(Clip.state).where(Clip.id != bad)).all()) == {"ready"}
        assert "6 times" in session.get_one(Clip, bad).error


def test_the_doctor_finds_nothing_set_aside_in_a_sound_installation(village: Village, worker: Worker, capsys):
    everything(worker, village)
    main(["doctor", "--home", str(village.settings.home)])
    assert "set aside" not in capsys.readouterr().out
    assert load(village.settings.home).home == village.settings.home

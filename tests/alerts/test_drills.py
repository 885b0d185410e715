"""Drills: set up by a person who answers for them, held at their instant, reported, compared."""

from datetime import UTC, datetime, timedelta

import pytest
from drill_lab import A, Ground
from sqlmodel import select
from village import NOW, Interrupted, Village

from alerts import drills, drills_report, drills_running, drills_words
from alerts.drills_models import DrillRun
from audio.models import Clip
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from registry.rights import Actor
from scheduler import emergencies, troubles
from scheduler.models import Airing, Emergency

SATURDAY = datetime(2026, 12, 5, 2, 0, tzinfo=UTC)  # the first of the month, 9:00 in Vietnam


@pytest.fixture
def ground(village: Village) -> Ground:
    return Ground(village)


def make_heard(village: Village) -> None:
    """Have all audio that is asked for."""
    with village.database.read() as session:
        waiting = session.exec(select(Clip.id).where(Clip.state == "queued")).all()
    for clip in waiting:
        village.finish_clip(clip, 6.0)
    with village.database.write() as session:
        emergencies.issue_ready(session, village.signer, village.clock())


def test_it_comes_every_month_by_the_name_of_who_answers_for_it(ground: Ground, village: Village):
    plan = ground.plan()
    assert (plan.next_at, plan.answered_by) == (SATURDAY, village.cast.people["approver"])
    assert ground.tend() == 0
    village.clock.at = SATURDAY - timedelta(seconds=1)
    assert ground.tend() == 0
    village.clock.at = SATURDAY + timedelta(seconds=2)
    assert ground.tend() == 2  # noted, and begun
    (run,) = ground.runs()
    assert (run.state, run.planned_at, run.begun_at) == ("running", SATURDAY, village.clock())
    assert ground.stored(plan).next_at == datetime(2027, 1, 2, 2, 0, tzinfo=UTC)
    assert ground.tend("host/2/b") == 0
    make_heard(village)
    (airing,) = ground.airings(run)
    ticket = village.ticket(airing)
    assert (ticket.kind, ticket.priority == "emergency", ticket.volume) == ("test", False, None)
    assert ticket.approved_by == "Approver"
    with village.database.read() as session:
        raised = session.get_one(Emergency, run.emergency_id)
    assert (raised.drill, raised.source) == (True, f"drill:{run.id}")


def test_it_says_before_and_after_that_it_is_a_test():
    said = drills_words.spoken("xã  Tân Hòa", "Trạm y tế  mời bà con nghe thử")
    first, last = said.index("thử nghiệm"), said.rindex("thử nghiệm")
    assert said.startswith("Đây là thử nghiệm hệ thống truyền thanh của xã Tân Hòa.")
    assert first < said.index("Trạm y tế mời bà con nghe thử.") < last
    assert "không có tình huống khẩn cấp nào" in said


def test_its_report_says_who_played_it_how_soon_and_what_to_mend(ground: Ground, village: Village):
    run = begun(ground, village)
    (airing,) = ground.airings(run)
    ground.answers("a1", airing, after=1.2, heard="yes", heard_db=-22.0)
    ground.answers("a1_dyke", airing, after=2.5, peak_db=-80.0)
    ground.answers("a2", airing, after=4.0, heard="no", faults=["disk_full"], keys=["another"])
    assert ground.tend() == 0
    village.clock.at = run.closes_at + timedelta(seconds=1)
    assert ground.tend() == 1
    (run,) = ground.runs()
    found = drills_report.figures_of(run)
    assert (found.stations, found.told, found.sounded, found.whole, found.repair) == (4, 3, 3, 3, 3)
    assert (found.first_s, found.median_s, found.most_s) == (1.2, 2.5, None)
    assert (found.heard, found.not_heard) == (1, 1)
    kept = ground.kept(run)
    assert {name: row.verdict for name, row in kept.items()} == {
        "a1": "ok", "a1_dyke": "repair", "a2": "repair", "a_hall": "repair",
    }  # fmt: skip
    assert kept["a1_dyke"].findings == ["nothing_went_out"]
    assert kept["a2"].findings == ["not_heard", "fault", "old_keys"]
    assert kept["a_hall"].findings == ["no_answer"]
    assert (kept["a1"].told_s, kept["a1"].sounded_s, kept["a1"].unit_name) == (1.2, 1.2, "hamlet_a1")


def begun(ground: Ground, village: Village, kind: str = "spoken") -> DrillRun:
    run_id = ground.order(kind)
    ground.tend()
    make_heard(village)
    return next(run for run in ground.runs() if run.id == run_id)


def test_a_report_is_held_against_the_one_of_the_month_before(ground: Ground, village: Village):
    ground.plan("operator", kind="silent", starts="2026-11-24T10:00", rrule="FREQ=MONTHLY")
    silent = {"2026-11-24": ("a1", "a2", "a_hall"), "2026-12-24": ("a1", "a1_dyke", "a2")}
    for day, answering in silent.items():
        village.clock.at = datetime.fromisoformat(f"{day}T03:00:01+00:00")
        ground.tend()
        run = ground.runs()[-1]
        for short in answering:
            ground.answers(short, ground.airings(run)[0], peak_db=-90.0)
        village.clock.at = run.closes_at
        ground.tend()
    before, after = ground.runs()
    with village.database.read() as session:
        assert drills_report.compared(session, before) is None
        held = drills_report.compared(session, after)
    assert held is not None
    assert (held.before.id, held.figures.repair) == (before.id, 1)
    assert ([row.name for row in held.worse], [row.name for row in held.mended]) == (["a_hall"], ["a1_dyke"])


def test_a_silent_drill_goes_all_the_way_and_is_not_heard(ground: Ground, village: Village):
    village.clock.at = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)  # one in the night
    first = begun(ground, village, "silent")
    (airing,) = ground.airings(first)
    ticket = village.ticket(airing)
    assert (ticket.kind, ticket.priority, ticket.volume, ticket.late) == ("test", "ordinary", 0, "play")
    assert "quiet_hours" in ticket.lifted
    clip = ticket.items[0].clip
    assert clip is not None
    assert village.store.has(clip.opus, "opus")
    assert village.store.has(clip.mp3, "mp3")
    for short in A:
        ground.answers(short, airing, peak_db=-90.0)
    village.clock.at = first.closes_at
    ground.tend()
    (first,) = ground.runs()
    found = drills_report.figures_of(first)
    assert (found.stations, found.whole, found.repair, found.most_s) == (4, 4, 0, 1.0)
    second = begun(ground, village, "silent")
    other = village.ticket(ground.airings(second)[0]).items[0].clip
    assert other is not None
    assert {other.opus.sha256, other.mp3.sha256}.isdisjoint({clip.opus.sha256, clip.mp3.sha256})  # it must be fetched


def test_who_may(ground: Ground, village: Village):
    for who in ("viewer", "writer"):
        with pytest.raises(Forbidden):
            ground.plan(who)
        with pytest.raises(Forbidden):
            ground.order("silent", who)
    with pytest.raises(NotFound):
        ground.plan("stranger")
    with pytest.raises(Forbidden):
        ground.plan("operator")  # it would be heard
    ground.order("silent", "operator")
    with pytest.raises(Conflict):
        ground.order("silent", "operator")  # one at a time
    plan = ground.plan()
    with village.database.write() as session, pytest.raises(NotFound):
        drills.end(session, village.actor("stranger"), plan.id, NOW)
    with village.database.read() as session:
        assert drills.plans(session, village.actor("stranger")) == []
        assert drills.runs(session, village.actor("stranger")) == []
        assert [each.id for each, _, _ in drills.plans(session, village.actor("viewer"))] == [plan.id]


@pytest.mark.parametrize(
    "wrong",
    [
        {"starts": "2026-11-01T09:00", "rrule": None}, {"rrule": "FREQ=DAILY"}, {"kind": "loud"}, {"signal": "siren"},
        {"starts": "2026-11-28T23:00"}, {"volume": 101}, {"audience": []}, {"note": "x" * 500}, {"rrule": "every day"},
        {"said": (("vi", "cl_1"),)},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(ground: Ground, wrong: dict):
    with pytest.raises(InvalidInput):
        ground.plan(**wrong)


def test_after_a_year_somebody_has_to_answer_for_it_anew(ground: Ground, village: Village):
    plan = ground.plan()
    village.clock.at = plan.renew_by - timedelta(days=29)
    ground.tend()
    assert ("drill_plan", plan.id) in standing(village)
    assert ground.tend() == 0  # asked once
    village.clock.at = plan.renew_by + timedelta(days=40)
    while ground.tend():
        pass
    assert ground.runs()[-1].state == "missed"
    with village.database.write() as session:
        drills.renew(session, village.actor("administrator"), plan.id, village.clock())
    anew = ground.stored(plan)
    assert (anew.answered_by, anew.renew_by) == (village.cast.people["administrator"], village.clock() + timedelta(365))
    assert ("drill_plan", plan.id) not in standing(village)
    with village.database.write() as session:
        drills.end(session, village.actor("approver"), plan.id, village.clock())
        with pytest.raises(Conflict):
            drills.renew(session, village.actor("approver"), plan.id, village.clock())
    village.clock.advance(days=60)
    count = len(ground.runs())
    ground.tend()
    assert len(ground.runs()) == count


def standing(village: Village) -> set[tuple[str, str]]:
    with village.database.read() as session:
        return {(row.kind, row.subject) for row in troubles.standing(session)}


def test_whoever_lost_the_right_holds_no_drill(ground: Ground, village: Village, monkeypatch: pytest.MonkeyPatch):
    ground.plan()
    monkeypatch.setattr(
        drills_running, "actor_for", lambda _session, person: Actor(person.id, person.username, person.name, "vi", ())
    )
    village.clock.at = SATURDAY
    ground.tend()
    (run,) = ground.runs()
    assert (run.state, run.why) == ("failed", drills_running.NO_RIGHT)
    assert standing(village) == {("drill", run.id)}


def test_a_worker_that_was_away_holds_no_drill_hours_late(ground: Ground, village: Village):
    ground.plan()
    ground.plan("operator", kind="silent", starts="2026-12-05T09:00", rrule="FREQ=MONTHLY")
    village.clock.at = SATURDAY + timedelta(hours=2)
    ground.tend()
    assert {run.kind: run.state for run in ground.runs()} == {"spoken": "missed", "silent": "running"}
    village.clock.at = SATURDAY + timedelta(days=90)
    ground.tend()
    assert len(ground.runs()) == 4  # what it slept through is one, not three


def test_a_worker_killed_at_any_step_neither_doubles_nor_loses_a_drill(
    ground: Ground, village: Village, monkeypatch: pytest.MonkeyPatch
):
    ground.plan("operator", kind="silent", starts="2026-12-05T09:00", rrule="FREQ=MONTHLY")
    village.clock.at = SATURDAY

    def killed(*_args: object, **_more: object) -> None:
        raise Interrupted

    for module, name in (
        (drills_running.drills_sound, "made"),
        (drills_running.issuing, "sign"),
        (drills_running.audit, "record"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, killed)
            with pytest.raises(Interrupted):
                ground.tend("host/1/a")
        assert [run.state for run in ground.runs()] == ["preparing"]
    village.clock.advance(seconds=400)  # another worker waits for its lease
    ground.tend("host/2/b")
    (run,) = ground.runs()
    assert run.state == "running"
    with village.database.read() as session:
        assert len(session.exec(select(Airing).where(Airing.kind == "test")).all()) == 1


def test_a_report_that_comes_late_is_added_within_a_day(ground: Ground, village: Village):
    run = begun(ground, village, "silent")
    (airing,) = ground.airings(run)
    ground.answers("a1", airing)
    village.clock.at = run.closes_at
    ground.tend()
    village.clock.advance(minutes=30)
    ground.answers("a2", airing, after=-1_500.0)
    assert ground.tend() == 0
    village.clock.advance(hours=1)
    ground.tend()
    assert ground.kept(run)["a2"].verdict == "ok"
    assert drills_report.figures_of(ground.runs()[0]).whole == 2
    village.clock.advance(hours=30)
    assert ground.tend() == 0

"""Emergencies: over everything, at once, and only by who may."""

from datetime import timedelta

import pytest
from sqlmodel import select
from village import NOW, Village

from audio import clips, queue
from audio.models import Clip
from core.errors import Forbidden, InvalidInput, LoaError, NotFound
from core.wire import MAX_AIRING_SECONDS
from scheduler import emergencies
from scheduler.models import Airing, Emergency
from scheduler.worker import Worker

ZONE = "Asia/Ho_Chi_Minh"


def raised(
    village: Village, by: str = "approver", unit: str = "commune_a", to: tuple[str, ...] = ("unit:79.1",), **more
) -> tuple[Emergency, Airing]:
    alarm = emergencies.Alarm(audience=to, **({"text": "Nước lũ đang lên nhanh.", "signal": "none"} | more))
    with village.database.write() as session:
        return emergencies.raise_alarm(
            session,
            village.actor(by),
            village.unit(unit),
            alarm,
            signer=village.signer,
            default_zone=ZONE,
            max_chars=1_000,
            now=village.clock(),
        )


def airing_of(village: Village, emergency: Emergency) -> Airing:
    with village.database.read() as session:
        return session.exec(select(Airing).where(Airing.emergency_id == emergency.id)).one()


def clip_of(village: Village, emergency: Emergency) -> Clip:
    with village.database.read() as session:
        return session.get_one(Clip, emergency.clip_id)


def test_its_text_is_rendered_before_everything_else_and_then_it_is_signed(village: Village, worker: Worker):
    for number in range(3):
        village.bulletin(text=f"Tin thường {number}.", seconds=None)
    emergency, airing = raised(village)
    assert (airing.state, airing.reason, airing.ticket) == ("planned", "rendering", "")
    assert emergencies.stated(airing) == "preparing"
    with village.database.write() as session:
        first = queue.claim_next(session, "x", NOW)
        assert first is not None
        assert first.id == emergency.clip_id
        queue.release(session, "x")
    assert worker.render_urgent(NOW) == 1
    airing = airing_of(village, emergency)
    ticket = village.ticket(airing)
    assert emergencies.stated(airing) == "on_air"
    assert (ticket.kind, ticket.priority, ticket.late, ticket.approved_by) == (
        "emergency",
        "emergency",
        "play",
        "Approver",
    )
    assert ticket.items[0].seconds == pytest.approx(clip_of(village, emergency).seconds, abs=0.001)
    assert ticket.occurrence is None
    assert ticket.not_after == ticket.ends_at + emergencies.HOLDS


def test_its_hour_begins_when_it_is_signed_and_not_when_it_was_asked_for(village: Village):
    emergency, _ = raised(village)
    village.finish_clip(emergency.clip_id, 10)
    later = village.clock.advance(seconds=45)
    with village.database.write() as session:
        assert emergencies.issue_ready(session, village.signer, later) == 1
        assert emergencies.issue_ready(session, village.signer, later) == 0
    assert airing_of(village, emergency).starts_at == later


def test_a_repeated_one_says_when_it_was_issued_in_local_time(village: Village):
    emergency, _ = raised(village, times=3, every_s=60)
    assert emergency.text.startswith("Thông báo khẩn cấp, phát lúc 10 giờ 0 phút, ngày 23 tháng 11.")
    assert clip_of(village, emergency).text == emergency.text
    once, _ = raised(village, text="Một lần thôi.")
    assert once.text == "Một lần thôi."


@pytest.mark.parametrize(("every", "at"), [(30, [0, 30, 60]), (0, [0, 11, 22]), (5, [0, 11, 22])])
def test_repeats_come_every_so_often_but_never_over_each_other(village: Village, every: float, at: list[float]):
    emergency, _ = raised(village, times=3, every_s=every)
    village.finish_clip(emergency.clip_id, 10)
    with village.database.write() as session:
        emergencies.issue_ready(session, village.signer, NOW)
    airing = airing_of(village, emergency)
    assert [item["at"] for item in airing.items] == at
    assert airing.ends_at == NOW + timedelta(seconds=at[-1] + 10)


def test_a_ready_recording_is_on_air_at_once(village: Village):
    with village.database.write() as session:
        clip = clips.request_recording(
            session,
            unit_id=village.cast.units["commune_a"],
            upload="up_" + "0" * 32,
            title="Còi",
            created_by="x",
            now=NOW,
        ).id
    village.finish_clip(clip, 4)
    _, airing = raised(village, text="", clip=clip, volume=0)
    assert airing.state == "issued"
    assert village.ticket(airing).volume == 0


def test_who_may_not_raise_alarms_is_refused_before_anything_is_kept(village: Village):
    for by, error in (("viewer", Forbidden), ("writer", Forbidden), ("operator", Forbidden), ("stranger", NotFound)):
        with pytest.raises(error):
            raised(village, by)
    for to in (("unit:79.1", "unit:79.2"), ("unit:79",)):
        with pytest.raises(NotFound):
            raised(village, "approver", to=to)
    with village.database.read() as session:
        assert session.exec(select(Emergency)).all() == []
        assert session.exec(select(Clip)).all() == []


@pytest.mark.parametrize(
    "more",
    [{"text": ""}, {"text": "  "}, {"text": "!!!"}, {"text": "x", "clip": "cl_x"}, {"text": "dài " * 400}, {"times": 0}, {"times": 101}, {"every_s": -1},
     {"every_s": float("nan"), "times": 2}, {"every_s": 86_401, "times": 2}, {"every_s": 86_000, "times": 100}, {"volume": 101}, {"volume": -1},
     {"to": ()}, {"to": ("everybody",)}, {"to": ("unit:",)}],
)  # fmt: skip
def test_an_alarm_that_makes_no_sense_is_refused(village: Village, more: dict):
    with pytest.raises(InvalidInput):
        raised(village, **more)


def test_a_very_long_recording_repeated_very_often_still_fits_into_a_ticket(village: Village):
    emergency, _ = raised(village, times=100)
    village.finish_clip(emergency.clip_id, 3 * 3600)
    with village.database.write() as session:
        assert emergencies.issue_ready(session, village.signer, NOW) == 1
    ticket = village.ticket(airing_of(village, emergency))
    assert 1 < len(ticket.items) < 100
    assert max(item.at for item in ticket.items) <= MAX_AIRING_SECONDS


def test_one_alarm_that_cannot_be_signed_does_not_hold_up_the_others(village: Village):
    broken, _ = raised(village, text="Hỏng.")
    good, _ = raised(village)
    village.finish_clip(broken.clip_id, 0.0)
    village.finish_clip(good.clip_id, 5)
    with village.database.write() as session:
        emergencies.issue_ready(session, village.signer, NOW)
    assert emergencies.stated(airing_of(village, good)) == "on_air"
    assert emergencies.stated(airing_of(village, broken)) == "failed"


def test_a_text_that_could_not_be_spoken_is_told_as_failed(village: Village, worker: Worker):
    emergency, _ = raised(village)
    with village.database.write() as session:
        claimed = queue.claim_next(session, "x", NOW)
        assert claimed is not None
        queue.fail(session, claimed.id, "x", LoaError("no voice"), NOW)
    assert worker.issue_alarms(NOW) == 1
    airing = airing_of(village, emergency)
    assert (airing.state, airing.reason, airing.ticket) == ("failed", "audio_failed", "")


def test_a_stopped_alarm_is_withdrawn_and_stopping_it_twice_changes_nothing(village: Village):
    emergency, _ = raised(village)
    village.finish_clip(emergency.clip_id, 10)
    with village.database.write() as session:
        emergencies.issue_ready(session, village.signer, NOW)
    for by, error in (("viewer", Forbidden), ("operator", Forbidden), ("stranger", NotFound)):
        with pytest.raises(error), village.database.write() as session:
            emergencies.stop(session, village.actor(by), emergency.id, NOW)
    for minutes in (1, 2):
        with village.database.write() as session:
            stopped = emergencies.stop(
                session, village.actor("approver"), emergency.id, NOW + timedelta(minutes=minutes)
            )
    assert stopped.stopped_at == NOW + timedelta(minutes=1)
    airing = airing_of(village, emergency)
    assert (airing.state, airing.withdrawn_at) == ("withdrawn", NOW + timedelta(minutes=1))


def test_one_stopped_while_its_audio_was_made_stays_silent(village: Village):
    emergency, _ = raised(village)
    with village.database.write() as session:
        emergencies.stop(session, village.actor("approver"), emergency.id, NOW)
    village.finish_clip(emergency.clip_id)
    with village.database.write() as session:
        assert emergencies.issue_ready(session, village.signer, NOW) == 0
    assert airing_of(village, emergency).ticket == ""


def test_one_whose_audio_never_comes_does_not_wait_for_ever(village: Village, worker: Worker):
    emergency, _ = raised(village)
    worker.dispatch(NOW + timedelta(hours=1, seconds=1))
    assert airing_of(village, emergency).state == "failed"


def test_the_same_alarm_twice_is_two_alarms_with_one_recording(village: Village):
    first, _ = raised(village)
    second, _ = raised(village)
    assert first.id != second.id
    assert first.clip_id == second.clip_id

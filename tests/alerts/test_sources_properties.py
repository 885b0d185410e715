"""Whatever the order: the same messages leave the same ones standing; and no exercise is ever on air."""

from itertools import permutations

import pytest
from cap_builder import reference
from cap_lab import SENT, Lab, message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from alerts.sources.models import CapAlert, CapNaming
from scheduler.models import Emergency

TIMES = [f"2026-11-23T09:{minute}:00+07:00" for minute in (30, 35, 40, 45, 50)]
A, B, C, D, E = (reference(name, sent) for name, sent in zip("ABCDE", TIMES, strict=True))


def sent(name, place, kind="Alert", *references, **block):
    more = {"references": " ".join(references)} if references else {}
    return name, message(name, sent=TIMES[place], msgType=kind, block=block, **more)


CHAINS = {
    "cancelled": [sent("A", 0), sent("B", 1, "Update", A), sent("C", 2, "Cancel", B)],
    "first only": [sent("A", 0), sent("B", 1, "Update", A), sent("C", 2, "Update", A)],
    "waiting": [sent("A", 0), sent("B", 1, "Update", A, severity="Moderate"), sent("C", 2, "Update", A, B)],
    "listed": [sent("A", 0), sent("B", 1, "Update", A, severity="Minor"), sent("C", 2, "Cancel", A)],
    "all clear": [sent("A", 0), sent("B", 1, "Update", A, responseType="AllClear", urgency="Past"), sent("D", 3)],
    "expired": [
        sent("A", 0),
        sent("B", 1, "Update", A, expires="2026-11-23T09:36:00+07:00"),
        sent("C", 2, "Update", B),
    ],
}


@pytest.fixture
def lab(village):
    return Lab(village)


@pytest.mark.parametrize("chain", CHAINS)
def test_any_order_of_arrival_gives_the_same_end(lab, chain):
    ends = set()
    for number, order in enumerate(permutations(CHAINS[chain])):
        source = lab.source(name=f"{chain} {number}")
        for _, document in order:
            lab.take(source, document)
        rows = [each for each in lab.rows() if each.source_id == source]
        with lab.village.database.read() as session:
            standing = {
                row.identifier for row in rows
                for each in [*row.emergencies, *row.ends]
                if (found := session.get(Emergency, each)) and found.stopped_at is None and row.state in ("on_air", "waiting")
            }  # fmt: skip
        on_air = {row.identifier for row in rows if row.state == "on_air"}
        assert on_air <= standing or chain == "waiting"
        # An all clear is only said where the alarm was: one that came before its alert, which then never sounds, is listed.
        ends.add(tuple(sorted((row.identifier, row.state) for row in rows if not row.all_clear)))
        # The next order is another source's, which must not hear that it was all said already.
        with lab.village.database.write() as session:
            for row in rows:
                session.delete(session.get_one(CapAlert, row.id))
            session.execute(delete(CapNaming))
    assert len(ends) == 1, ends


WORDS = ["Diễn tập", "DIỄN TẬP: ", "Exercise", "TEST - ", "This is a test of ", "Đây là bản tin thử nghiệm ", "Drill: "]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    status=st.sampled_from(["Exercise", "System", "Test", "Draft", "Actual"]),
    words=st.sampled_from(WORDS),
    where=st.sampled_from(["headline", "event", "description"]),
    kind=st.sampled_from(["Alert", "Update"]),
    severity=st.sampled_from(["Extreme", "Severe", "Moderate"]),
    code=st.sampled_from([None, "RWT", "RMT", "DMO"]),
)
def test_no_exercise_is_ever_on_air_by_status_words_or_codes(lab_of_all, status, words, where, kind, severity, code):
    lab, source = lab_of_all
    texts = {"headline": "Lũ về", "event": "Lũ", "description": "Nước lên."}
    texts[where] = words if where == "event" and words in ("Diễn tập", "Exercise") else f"{words}: {texts[where]}"
    block = {"severity": severity, **texts}
    if code:
        from cap_builder import pair

        block["eventCode"] = pair("SAME", code)
    name = f"X{len(lab.rows())}"
    row = lab.send(source, name, status=status, msgType=kind, block=block)
    assert row.state == "ignored", (status, texts)
    assert lab.emergencies() == []


@pytest.fixture
def lab_of_all(lab):
    return lab, lab.source()


def test_a_message_killed_half_way_is_taken_in_whole_when_it_comes_again(lab, monkeypatch):
    from alerts.sources import acting

    source = lab.source()

    class KilledError(BaseException):
        pass

    real = acting.attention.calm
    whole = lab.taker.take

    def die(*_, **__):
        raise KilledError

    lab.send(source, "A")
    monkeypatch.setattr(acting.attention, "calm", die)
    update = message("B", sent=TIMES[1], msgType="Update", references=reference("A", SENT))
    with pytest.raises(KilledError):
        whole(source, update, lab.now)
    assert lab.states() == {"A": "on_air"}
    assert len(lab.emergencies()) == 1
    monkeypatch.setattr(acting.attention, "calm", real)
    whole(source, update, lab.now)
    assert lab.states() == {"A": "superseded", "B": "on_air"}

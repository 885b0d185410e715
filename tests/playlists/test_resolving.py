"""What of a programme may sound at an instant: decided by pure code over one picture of the database."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select
from village import NOW, Village

from audio import clips, queue
from core.errors import Forbidden, InvalidInput, LoaError, NotFound
from playlists import libraries, programmes, resolving
from playlists.models import BulletinVersion
from playlists.parts import Resolved
from playlists.programmes import Entry, Newest


def library(village: Village, programme: str) -> libraries.Library:
    with village.database.read() as session:
        return libraries.load(session, [programme])


def resolved(village: Village, programme: str, at=NOW) -> Resolved:
    return resolving.resolve(library(village, programme), programme, at)


def played(village: Village, programme: str, at=NOW) -> list[str | None]:
    return [part.bulletin_id for part in resolved(village, programme, at).parts]


def test_items_sound_in_their_order(village: Village):
    made = [village.bulletin(text=f"Tin {number}.", seconds=10 + number) for number in range(4)]
    programme = village.programme(made[2], made[0], made[3], made[1])
    assert played(village, programme) == [made[2], made[0], made[3], made[1]]
    assert resolved(village, programme).seconds == 46
    assert {part.approved_by for part in resolved(village, programme).parts} == {"root"}


def test_the_newest_come_first_and_only_of_the_unit_and_those_above(village: Village):
    made = {}
    for unit in ("province", "commune_a", "commune_b", "hamlet_a1", "hamlet_a2"):
        made[unit] = village.bulletin(unit, text=f"Tin {unit}.")
        village.clock.advance(minutes=1)
    programme = village.programme(unit="hamlet_a1", entries=[Entry(newest=Newest(count=20))])
    assert played(village, programme, village.clock()) == [made["hamlet_a1"], made["commune_a"], made["province"]]
    two = village.programme(unit="hamlet_a1", entries=[Entry(newest=Newest(count=2))])
    assert played(village, two, village.clock()) == [made["hamlet_a1"], made["commune_a"]]


def test_the_newest_can_be_of_one_field_and_priority(village: Village):
    health = village.bulletin(text="Tiêm phòng.", field="health")
    urgent = village.bulletin(text="Dịch.", field="health", priority="priority")
    village.bulletin(text="Khác.", field="culture")
    one = village.programme(entries=[Entry(newest=Newest(field="health", priority="ordinary", count=9))])
    assert played(village, one) == [health]
    both = village.programme(entries=[Entry(newest=Newest(field="health", count=9))])
    assert set(played(village, both)) == {health, urgent}


def test_the_same_bulletin_sounds_once(village: Village):
    first, second = village.bulletin(), village.bulletin(text="Tin hai.")
    programme = village.programme(first, first, entries=[Entry(newest=Newest(count=5)), Entry(bulletin=second)])
    assert sorted(played(village, programme)) == sorted([first, second])
    assert played(village, programme)[0] == first


def test_a_bulletin_sounds_only_while_it_is_valid(village: Village):
    bulletin = village.bulletin(valid_from=NOW + timedelta(hours=1), valid_until=NOW + timedelta(hours=2))
    for programme in (village.programme(bulletin), village.programme(entries=[Entry(newest=Newest())])):
        for minutes, sounds in ((59, False), (60, True), (119, True), (120, False)):
            assert bool(played(village, programme, NOW + timedelta(minutes=minutes))) is sounds


def test_what_is_left_out_says_why(village: Village):
    draft = village.bulletin(until_state="draft", text="Nháp.")
    old = village.bulletin(text="Cũ.", valid_until=NOW + timedelta(hours=1))
    soon = village.bulletin(text="Sắp.", valid_from=NOW + timedelta(days=1))
    gone = village.bulletin(text="Rút.")
    village.withdraw_bulletin(gone)
    failed = village.bulletin(text="Hỏng.", seconds=None)
    with village.database.write() as session:
        version = session.exec(select(BulletinVersion).where(BulletinVersion.bulletin_id == failed)).one()
        while (claimed := queue.claim_next(session, "x", NOW)) is not None and claimed.id != version.clip_id:
            pass
        queue.fail(session, version.clip_id, "x", LoaError("no"), NOW)
    told = resolved(village, village.programme(draft, old, soon, gone, failed), NOW + timedelta(hours=2))
    assert told.parts == ()
    assert dict(told.left_out) == {
        draft: "not_approved", old: "run_out", soon: "not_yet_valid", gone: "not_approved", failed: "audio_failed",
    }  # fmt: skip


def test_what_is_being_rendered_is_waited_for(village: Village):
    ready, waiting = village.bulletin(), village.bulletin(text="Đang làm.", seconds=None)
    told = resolved(village, village.programme(ready, waiting))
    assert [part.bulletin_id for part in told.parts] == [ready]
    assert len(told.waiting) == 1


def test_an_emergency_bulletin_in_a_programme_is_no_more_than_priority(village: Village):
    """Only who raises an alarm makes an emergency."""
    assert resolved(village, village.programme(village.bulletin(priority="emergency"))).priority == "priority"
    assert resolved(village, village.programme(village.bulletin(text="Thường."))).priority == "ordinary"


def test_the_expected_length_counts_what_is_not_approved_or_rendered_yet(village: Village):
    ready, draft = village.bulletin(seconds=30), village.bulletin(text="x " * 100, seconds=None, until_state="draft")
    programme = village.programme(ready, draft)
    expected = resolving.expected_seconds(library(village, programme), programme, NOW)
    assert 30 + 10 < expected < 30 + 40


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_resolving_reads_nothing_and_says_the_same_again(village: Village, data):
    if not hasattr(village, "made"):
        village.made = [village.bulletin(text=f"Tin {n}.", valid_until=NOW + timedelta(days=n + 1)) for n in range(4)]
    entries = data.draw(
        st.lists(
            st.sampled_from(village.made).map(lambda each: Entry(bulletin=each)) | st.integers(1, 4).map(lambda n: Entry(newest=Newest(count=n))),
            min_size=1, max_size=6,
        )
    )  # fmt: skip
    programme = village.programme(entries=entries)
    held, at = library(village, programme), NOW + timedelta(hours=data.draw(st.integers(0, 120)))
    first = resolving.resolve(held, programme, at)
    assert resolving.resolve(held, programme, at) == first
    ids = [part.bulletin_id for part in first.parts]
    assert len(ids) == len(set(ids))
    assert first.seconds == 20 * len(ids)


# Composing


@pytest.mark.parametrize(
    "entries",
    [[], [Entry()], [Entry(newest=Newest(count=0))], [Entry(newest=Newest(count=21))], [Entry(newest=Newest(field="sport"))],
     [Entry(newest=Newest(priority="loud"))], [Entry(newest=Newest())] * 101, [Entry(bulletin="x", newest=Newest())]],
)  # fmt: skip
def test_a_programme_that_makes_no_sense_is_refused(village: Village, entries: list[Entry]):
    with pytest.raises(InvalidInput):
        village.programme(entries=entries)


def test_a_recording_is_put_in_directly_only_by_who_may_approve(village: Village):
    with village.database.write() as session:
        clip = clips.request_recording(
            session,
            unit_id=village.cast.units["commune_a"],
            upload="up_" + "1" * 32,
            title="Nhạc hiệu",
            created_by="x",
            now=NOW,
        ).id
    village.finish_clip(clip, 7)

    def compose(by: str) -> str:
        with village.database.write() as session:
            return programmes.create(
                session, village.actor(by), village.unit("commune_a"), "x", [Entry(clip=clip)], NOW
            ).id

    for by, error in (("writer", Forbidden), ("operator", Forbidden), ("viewer", Forbidden), ("stranger", NotFound)):
        with pytest.raises(error):
            compose(by)
    (part,) = resolved(village, compose("approver")).parts
    assert (part.title, part.seconds, part.approved_by, part.bulletin_id) == ("Nhạc hiệu", 7, "Approver", None)

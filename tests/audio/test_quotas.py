"""How much audio a unit may keep: counted down the tree, refused in one sentence, set from above, passed by alarms."""

import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlmodel import Session

from audio import clips, quotas
from audio.models import Clip
from core.errors import Forbidden, InvalidInput, NoSpace, NotFound
from core.files import MB
from registry.models import Unit
from registry.rights import EVERYWHERE, Actor, Role

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
UPLOAD = "up_" + "0" * 32


@pytest.fixture
def session(database):
    """A province `p` with a commune `c` and its hamlet `h`, and a commune `d`."""
    with database.write() as session:
        for identity, path in (("p", "/p/"), ("c", "/p/c/"), ("d", "/p/d/"), ("h", "/p/c/h/")):
            above = path.strip("/").split("/")[-2] if path.count("/") > 2 else None
            session.add(
                Unit(id=identity, code=identity, name=f"Xã {identity}", parent_id=above, path=path, created_at=NOW)
            )
            session.flush()
        yield session


def unit(session: Session, identity: str, quota_mb: int | None = None) -> Unit:
    found = session.get_one(Unit, identity)
    found.quota_mb = quota_mb if quota_mb is not None else found.quota_mb
    session.add(found)
    session.flush()
    return found


def keep(session: Session, where: str, megabytes: float, **more: object) -> Clip:
    clip = record(session, where, urgent=True)
    clip.state, clip.upload = "ready", None
    clip.mp3_bytes, clip.opus_bytes = int(megabytes * MB * 0.75), int(megabytes * MB * 0.25)
    for name, value in more.items():
        setattr(clip, name, value)
    session.add(clip)
    session.flush()
    return clip


def record(session: Session, where: str, upload: str = "", urgent: bool = False) -> Clip:
    record.number = getattr(record, "number", 0) + 1
    name = upload or f"up_{record.number:032x}"
    return clips.request_recording(
        session, unit_id=where, upload=name, title="x", created_by="x", now=NOW, urgent=urgent
    )


def say(session: Session, where: str, text: str, urgent: bool = False) -> Clip:
    return clips.request_speech(
        session, unit_id=where, text=text, language="vi", voice=None, created_by="x", now=NOW, urgent=urgent
    )


def actor(path: str, role: Role = Role.ADMINISTRATOR) -> Actor:
    return Actor("pe", "somebody", "Somebody", "vi", ((path, role),))


def test_what_the_units_below_keep_counts_and_what_the_others_keep_does_not(session):
    keep(session, "c", 3), keep(session, "h", 2), keep(session, "d", 5)
    assert quotas.usage(session, unit(session, "p")) == 10 * MB
    assert quotas.usage(session, unit(session, "c")) == 5 * MB
    assert quotas.usage(session, unit(session, "h")) == 2 * MB


def test_originals_that_are_kept_count_and_texts_that_wait_count_by_their_length(session):
    keep(session, "c", 1, upload=f"{UPLOAD}_{4 * MB}")
    keep(session, "c", 1, upload=UPLOAD)  # from before names told their size
    assert quotas.usage(session, unit(session, "c")) == 6 * MB
    clip = say(session, "c", "x" * 1_000)
    assert quotas.usage(session, unit(session, "c")) == 6 * MB + 1_000 * quotas.BYTES_A_CHARACTER
    clip.state = "failed"
    session.add(clip)
    session.flush()
    assert quotas.usage(session, unit(session, "c")) == 6 * MB


def test_a_new_clip_that_does_not_fit_is_refused_in_one_sentence(session):
    keep(session, "h", 9.5)
    unit(session, "c", 10)
    with pytest.raises(NoSpace) as refused:
        record(session, "h", f"{UPLOAD}_{MB}")
    assert refused.value.code == "quota_full"
    assert str(refused.value).startswith("The storage of “Xã c” is full: 10 of 10 MB are in use.")
    record(session, "h", f"{UPLOAD}_{MB // 4}")
    record(session, "d", f"{UPLOAD}_{50 * MB}")
    assert say(session, "h", "họp thôn").state == "queued"


def test_any_unit_above_can_be_the_one_that_is_full(session):
    keep(session, "d", 6)
    unit(session, "p", 6), unit(session, "c", 100)
    with pytest.raises(NoSpace, match="“Xã p”"):
        say(session, "h", "họp thôn")


def test_many_texts_at_once_can_not_slip_through(session):
    unit(session, "c", 1)
    made = []

    def say_a_hundred() -> None:
        made.extend(say(session, "c", f"{number} " + "dài " * 100) for number in range(100, 200))

    with pytest.raises(NoSpace):
        say_a_hundred()
    assert quotas.usage(session, unit(session, "c")) <= MB
    assert quotas.usage(session, unit(session, "c")) > MB - 404 * quotas.BYTES_A_CHARACTER


def test_an_emergency_passes_and_what_is_there_already_is_no_new_clip(session):
    clip = say(session, "c", "đã có")
    unit(session, "c", 0)
    assert say(session, "c", "đã có").id == clip.id
    assert say(session, "c", "lũ lên", urgent=True).state == "queued"
    with pytest.raises(NoSpace):
        say(session, "c", "tin mới")


def test_nobody_raises_their_own_quota(session):
    commune = unit(session, "c")
    quotas.put_quota(session, actor("/p/"), commune, 500, NOW)
    assert (commune.quota_mb, quotas.held(session, commune).left_bytes) == (500, 500 * MB)
    for who in (actor("/p/c/"), actor("/p/", Role.OPERATOR)):
        assert not quotas.may_put(session, who, commune)
        with pytest.raises(Forbidden):
            quotas.put_quota(session, who, commune, 900, NOW)
    with pytest.raises(NotFound):
        quotas.put_quota(session, actor("/p/d/"), commune, 900, NOW)
    with pytest.raises(Forbidden):
        quotas.put_quota(session, actor("/p/"), unit(session, "p"), 900, NOW)
    quotas.put_quota(session, actor(EVERYWHERE), unit(session, "p"), 900, NOW)
    quotas.put_quota(session, actor("/p/"), commune, None, NOW)
    assert (commune.quota_mb, quotas.held(session, commune).left_bytes) == (None, None)


@pytest.mark.parametrize("quota", [-1, quotas.MAX_QUOTA_MB + 1])
def test_a_quota_out_of_its_range_is_refused(session, quota):
    with pytest.raises(InvalidInput):
        quotas.put_quota(session, actor("/p/"), unit(session, "c"), quota, NOW)


def test_a_hundred_thousand_clips_are_counted_in_one_query(session):
    template = keep(session, "h", 1, text="Kính mời bà con " * 20).id
    same = ", ".join(c.name for c in Clip.__table__.columns if c.name not in {"id", "unit_id", "content_key"})
    session.execute(
        text(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "  # noqa: S608
            f"INSERT INTO clip (id, unit_id, content_key, {same}) "
            f"SELECT 'cl_' || i, substr('hcd', 1 + i % 3, 1), i, {same} FROM n, clip WHERE id = '{template}'"
        )
    )
    unit(session, "p", 1), unit(session, "c", 1)
    begun = time.perf_counter()
    with pytest.raises(NoSpace):
        quotas.check(session, "h", 0)
    took = time.perf_counter() - begun
    assert quotas.usage(session, unit(session, "p")) == 100_001 * MB
    assert took < 1.5, f"{took:.2f} s"

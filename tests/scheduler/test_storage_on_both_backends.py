"""Counting and clearing out work on SQLite and on PostgreSQL alike."""

import os
from datetime import timedelta

import pytest
from sqlmodel import select
from village import NOW, Village, files_below

from audio import clips, quotas
from audio.models import EXPIRED, Clip
from core.errors import NoSpace
from core.files import MB
from registry.models import Unit
from scheduler import housekeeping


def test_what_a_unit_keeps_is_counted_and_bounded(either: Village):
    either.bulletin("hamlet_a1")
    with either.database.write() as session:
        home, above = (session.get_one(Unit, either.cast.units[name]) for name in ("hamlet_a1", "commune_a"))
        files = clips.files(session.exec(select(Clip)).one())
        small = files.mp3.bytes + files.opus.bytes
        assert quotas.usage(session, above) == small
        given = {"unit_id": home.id, "title": "x", "created_by": "x", "now": NOW}
        clips.request_recording(session, upload="up_" + "0" * 32 + f"_{MB}", **given)
        assert quotas.usage(session, home) == small + MB
        clips.request_speech(
            session, unit_id=home.id, text="một hai ba", language="vi", voice=None, created_by="x", now=NOW
        )
        assert quotas.usage(session, above) == small + MB + 10 * quotas.BYTES_A_CHARACTER
        assert quotas.usage(session, session.get_one(Unit, either.cast.units["commune_b"])) == 0
        quotas.put_quota(session, either.actor("root"), above, 1, NOW)
        with pytest.raises(NoSpace):
            clips.request_recording(session, upload="up_" + "1" * 32 + "_1", **given)


def test_what_nothing_needs_is_cleared_out(either: Village):
    either.on_timetable(rrule="FREQ=DAILY")
    either.roll()
    over = either.bulletin(text="Tin đã cũ.")
    either.withdraw_bulletin(over)
    either.finish_clip(_loose(either))
    for path in either.settings.media.rglob("*"):
        os.utime(path, (1, 1))
    either.clock.advance(days=200)
    done = housekeeping.tidy(either.database, either.settings, either.clock())
    assert (done.deleted, done.expired, done.files) == (1, 1, 4)
    assert len(files_below(either.settings.media)) == 2
    with either.database.read() as session:
        assert sorted(clip.state for clip in session.exec(select(Clip)).all()) == [EXPIRED, "ready"]
    assert housekeeping.keep_house(either.database, either.settings, "w", either.clock())
    assert housekeeping.keep_house(either.database, either.settings, "w", either.clock()) is None
    either.clock.advance(hours=1)
    assert housekeeping.keep_house(either.database, either.settings, "other", either.clock()) == housekeeping.Tidied()
    assert timedelta(hours=1) == housekeeping.EVERY


def _loose(village: Village) -> str:
    with village.database.write() as session:
        return clips.request_speech(
            session, unit_id=village.cast.units["commune_a"], text="Không ai dùng", language="vi", voice=None,
            created_by="x", now=village.clock(),
        ).id  # fmt: skip

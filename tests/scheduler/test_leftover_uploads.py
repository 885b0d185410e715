"""What was handed in and refused does not fill the disk; what still waits is never touched."""

import os
from datetime import timedelta

from audio import clips


def test_old_uploads_go_unless_a_clip_still_waits_for_them(village, worker):
    folder = village.settings.uploads
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("up_waiting", "up_refused", "up_fresh"):
        (folder / name).write_bytes(b"x")
    long_ago = (village.clock() - timedelta(days=3)).timestamp()
    for name in ("up_waiting", "up_refused"):
        os.utime(folder / name, (long_ago, long_ago))
    fresh = village.clock().timestamp()
    os.utime(folder / "up_fresh", (fresh, fresh))
    with village.database.write() as session:
        clips.request_recording(
            session,
            unit_id=next(iter(village.cast.units.values())),
            upload="up_waiting",
            title="x",
            created_by="x",
            now=village.clock(),
        )
    worker.prune(village.clock())
    assert sorted(file.name for file in folder.iterdir()) == ["up_fresh", "up_waiting"]

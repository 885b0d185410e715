"""What the doctor says of damaged audio, and what it can mend."""

from typing import Any

import pytest
from sqlmodel import select
from village import Village

from audio import clips
from audio.models import Clip
from loa.__main__ import main


@pytest.fixture
def doctor(village: Village, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command without the checks that take long; its lines about audio."""
    for slow in ("_speech", "_codecs", "_sound"):
        monkeypatch.setattr(f"loa.commands.doctor.{slow}", lambda _settings: iter(()))

    def run(*options: str) -> tuple[int, list[str]]:
        status = main(["doctor", "--home", str(village.settings.home), *options])
        lines = capsys.readouterr().out.splitlines()
        return status, [line for line in lines if "audio of" in line or "audio files" in line or "repair" in line]

    return run


def damage(village: Village, clip_id: str) -> None:
    with village.database.read() as session:
        file = clips.files(session.get_one(Clip, clip_id)).mp3
    village.store.path(file.sha256, "mp3").write_bytes(b"rot")


def recording(village: Village, upload: str | None) -> str:
    with village.database.write() as session:
        clip = clips.request_recording(
            session, unit_id=village.cast.units["commune_a"], upload=f"up_{len(upload or ''):032x}", title="Bài hát",
            created_by="x", now=village.clock(),
        )  # fmt: skip
    village.finish_clip(clip.id)
    with village.database.write() as session:
        kept = session.get_one(Clip, clip.id)
        kept.upload = upload
        session.add(kept)
    return clip.id


def states(village: Village) -> dict[str, str]:
    with village.database.read() as session:
        return {clip.id: clip.state for clip in session.exec(select(Clip)).all()}


def test_whole_audio_is_one_good_line(village: Village, doctor: Any):
    village.bulletin()
    assert doctor() == (0, ["ok    audio files  2 of 2 looked at"])


def test_damaged_and_missing_audio_is_told_with_its_bulletins_and_mended(village: Village, doctor: Any):
    village.bulletin(title="Mời họp", text="Mời bà con họp.")
    village.bulletin(title="Tiêm phòng", text="Tiêm phòng cho trâu bò.")
    whole, lost = village.bulletin(title="Còn tốt", text="Tin còn tốt."), recording(village, None)
    name = "up_" + "a" * 32
    (village.settings.uploads / name).write_bytes(b"original")
    kept = recording(village, name)
    first, second, third, *_ = states(village)
    damage(village, first)
    with village.database.read() as session:
        missing = clips.files(session.get_one(Clip, second)).opus
    village.store.path(missing.sha256, "opus").unlink()
    damage(village, lost)
    damage(village, kept)

    status, lines = doctor()
    told = "\n".join(lines)
    assert status == 1
    assert "3 damaged, 9 of 9 looked at" in told
    assert f"{first} “Mời bà con họp.”, used in “Mời họp”: can be made again" in told
    assert "used in “Tiêm phòng”: can be made again" in told
    assert f"{lost} “Bài hát”, used in no bulletin: hand the recording in again" in told
    assert f"{kept} “Bài hát”, used in no bulletin: can be made again" in told
    assert "Còn tốt" not in told
    assert set(states(village).values()) == {"ready"}, "without --repair nothing is touched"

    _, lines = doctor("--repair")
    assert "3 of 4 clips are queued to be made again" in "\n".join(lines)
    assert states(village) == {first: "queued", second: "queued", third: "ready", lost: "ready", kept: "queued"}
    assert village.store.verify_all().damaged == ()
    assert whole

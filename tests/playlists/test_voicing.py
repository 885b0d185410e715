"""How a unit wants a language spoken: inherited down the tree, checked, and heard in the clips that are made."""

import math

import pytest
from sqlmodel import select
from village import Village

from audio import clips, speaking, voicing
from audio.models import Clip
from audio.voicing import Manner
from core.audit import AuditEntry
from core.errors import Forbidden, InvalidInput, NotFound

SLOW = Manner(("piper:vi_VN-thu-medium", "gtts"), speed=0.9, pitch=-1.0, preset="speech-indoor", twice=True)


def put(village: Village, unit: str, language: str, manner: Manner, who: str = "root"):
    with village.database.write() as session:
        return voicing.put(session, village.actor(who), village.unit(unit), language, manner, village.clock())


def held(village: Village, unit: str, language: str) -> Manner:
    with village.database.read() as session:
        return voicing.held(session, village.unit(unit), language)


def test_the_nearest_unit_that_says_something_of_a_language_decides_all_of_it(village: Village):
    put(village, "province", "vi", SLOW)
    put(village, "commune_a", "vi", Manner(("espeak:vi-vn-x-central",)))
    assert held(village, "province", "vi") == held(village, "hamlet_b1", "vi") == SLOW
    assert held(village, "hamlet_a1", "vi") == Manner(("espeak:vi-vn-x-central",))
    assert held(village, "hamlet_a1", "en") == Manner()


def test_a_language_without_a_word_of_its_own_is_spoken_as_its_main_language(village: Village):
    put(village, "commune_a", "en", Manner(speed=0.8))
    put(village, "province", "EN-gb", Manner(speed=0.7))
    assert held(village, "hamlet_a1", "en-AU").speed == 0.8
    assert held(village, "hamlet_a1", "en-GB").speed == 0.7
    assert held(village, "province", "en") == Manner()


def test_saying_it_again_replaces_it_and_taking_it_back_gives_way_to_the_unit_above(village: Village):
    put(village, "province", "vi", SLOW)
    first = put(village, "commune_a", "vi", Manner(("gtts",)))
    assert put(village, "commune_a", "vi", Manner(("espeak",))).id == first.id
    with village.database.write() as session:
        unit = village.unit("commune_a")
        assert [(row.language, row.voices) for row in voicing.entries(session, unit)] == [("vi", ["espeak"])]
        voicing.remove(session, village.actor("root"), unit, "VI", village.clock())
    assert held(village, "commune_a", "vi") == SLOW
    with pytest.raises(NotFound), village.database.write() as session:
        voicing.remove(session, village.actor("root"), village.unit("commune_a"), "vi", village.clock())
    with village.database.read() as session:
        acts = session.exec(select(AuditEntry.action).where(AuditEntry.action.startswith("voice."))).all()
    assert acts == ["voice.put", "voice.put", "voice.put", "voice.remove"]


@pytest.mark.parametrize(
    "manner",
    [
        Manner(("x y",)), Manner(("Gtts",)), Manner(("gtts:",)), Manner((":vi",)), Manner(("",)), Manner(("gtts:v i",)),
        Manner(("gtts\nx",)), Manner(("piper:" + "x" * 80,)), Manner(tuple(f"e{number}" for number in range(9))),
        Manner(speed=0.49), Manner(speed=2.01), Manner(speed=math.nan), Manner(speed=math.inf),
        Manner(pitch=-6.1), Manner(pitch=6.1), Manner(pitch=math.nan), Manner(preset="loud"),
    ],
)  # fmt: skip
def test_what_nobody_can_speak_in_is_refused(village: Village, manner):
    with pytest.raises(InvalidInput):
        put(village, "commune_a", "vi", manner)
    with pytest.raises(InvalidInput):
        ask(village, manner)
    assert held(village, "commune_a", "vi") == Manner()


@pytest.mark.parametrize("language", ["", " ", "v i", "x" * 13, "tiếng", "-", "../vi"])
def test_a_language_that_is_none_is_refused(village: Village, language):
    with pytest.raises(InvalidInput):
        put(village, "commune_a", language, Manner())


def test_figures_are_kept_to_the_hundredth_and_no_voice_twice():
    rounded = voicing.checked(Manner(("gtts", " gtts", "piper:a:b"), 1.2345, 0.256))
    assert rounded == Manner(("gtts", "piper:a:b"), 1.23, 0.26)


def test_only_an_administrator_chooses_and_a_stranger_sees_nothing(village: Village):
    for who in ("viewer", "writer", "approver", "operator"):
        with pytest.raises(Forbidden):
            put(village, "commune_a", "vi", SLOW, who)
    with pytest.raises(NotFound):
        put(village, "commune_a", "vi", SLOW, "stranger")
    with pytest.raises(NotFound), village.database.write() as session:
        voicing.remove(session, village.actor("stranger"), village.unit("commune_a"), "vi", village.clock())
    put(village, "commune_a", "vi", SLOW, "administrator")


def ask(village: Village, manner: Manner | None, **more) -> Clip:
    with village.database.write() as session:
        return clips.request_speech(
            session, unit_id=village.cast.units["commune_a"], text="Xin chào.", language="vi", voice=None,
            created_by="x", now=village.clock(), manner=manner, **more,
        )  # fmt: skip


def test_another_manner_is_another_clip_and_the_usual_one_is_as_before(village: Village):
    usual = ask(village, None)
    assert ask(village, Manner()).id == ask(village, Manner(twice=True)).id == usual.id
    assert (usual.voices, usual.speed, usual.pitch, usual.preset) == ([], 1.0, 0.0, None)
    others = [
        Manner(("gtts",)),
        Manner(("gtts", "espeak")),
        Manner(speed=1.1),
        Manner(pitch=1.1),
        Manner(preset="music"),
    ]
    assert len({ask(village, manner).id for manner in [*others, None]}) == 6
    assert len({ask(village, manner).id for manner in [*others, None]}) == 6
    clip = ask(village, SLOW)
    assert (tuple(clip.voices), clip.speed, clip.pitch, clip.preset) == (SLOW.voices, 0.9, -1.0, "speech-indoor")


def test_a_bulletin_is_spoken_as_its_unit_speaks(village: Village):
    put(village, "province", "vi", SLOW)
    with village.database.write() as session:
        clip = speaking.request(
            session, village.unit("hamlet_a1"), "Xin chào.", language="vi", voice="gtts:vi", created_by="x",
            now=village.clock(),
        )  # fmt: skip
    assert (clip.voice, tuple(clip.voices), clip.speed) == ("gtts:vi", SLOW.voices, 0.9)


def test_a_recording_takes_a_preset_that_there_is(village: Village):
    def record(preset):
        with village.database.write() as session:
            return clips.request_recording(
                session, unit_id=village.cast.units["commune_a"], upload="up_" + "0" * 32, title="t", created_by="x",
                now=village.clock(), preset=preset,
            )  # fmt: skip

    assert record(None).preset is None
    assert record("music").preset == "music"
    assert record("music").id == record("music").id != record(None).id
    with pytest.raises(InvalidInput, match="speech-horn"):
        record("loud")

"""The dictionary of a unit: inherited down the tree, nearest wins, and heard in the audio that is made with it."""

import pytest

from audio import clips, lexicon
from core.errors import InvalidInput, NotFound
from registry import units
from registry.rights import system_actor


@pytest.fixture
def place(village):
    """The province and one of its communes."""
    with village.database.read() as session:
        seen = units.visible(session, system_actor())
    province = next(unit for unit in seen if unit.parent_id is None)
    commune = next(unit for unit in seen if unit.parent_id == province.id)
    return province, commune


def put(village, unit, written, spoken):
    with village.database.write() as session:
        return lexicon.put(session, system_actor(), unit, written, spoken, village.clock())


def held(village, unit):
    with village.database.read() as session:
        return lexicon.held(session, unit)


def test_words_are_inherited_and_the_nearest_unit_wins(village, place):
    province, commune = place
    put(village, province, "Krông Bông", "Krông Boong")
    put(village, province, "TDP", "tổ dân phố")
    put(village, commune, "TDP", "tổ")
    assert held(village, province) == {"Krông Bông": "Krông Boong", "TDP": "tổ dân phố"}
    assert held(village, commune) == {"Krông Bông": "Krông Boong", "TDP": "tổ"}


def test_a_word_said_again_is_replaced_and_one_taken_out_is_gone(village, place):
    province, commune = place
    first = put(village, commune, "HTX", "hợp tác xã")
    assert put(village, commune, " HTX ", "hát tê ích").id == first.id
    assert held(village, commune) == {"HTX": "hát tê ích"}
    with pytest.raises(NotFound), village.database.write() as session:
        lexicon.remove(session, system_actor(), province, first.id, village.clock())
    with village.database.write() as session:
        lexicon.remove(session, system_actor(), commune, first.id, village.clock())
    assert held(village, commune) == {}


@pytest.mark.parametrize(("written", "spoken"), [("", "x"), ("x", " "), ("x" * 61, "x"), ("x", "x" * 201)])
def test_an_empty_or_endless_word_is_refused(village, place, written, spoken):
    with pytest.raises(InvalidInput):
        put(village, place[1], written, spoken)


def test_only_the_words_of_a_text_make_another_clip_of_it(village, place):
    commune = place[1]
    put(village, commune, "NVH", "nhà văn hóa")

    def clip_of(text):
        with village.database.write() as session:
            words = lexicon.relevant(lexicon.held(session, commune), text)
            return clips.request_speech(
                session, unit_id=commune.id, text=text, language="vi", voice=None, created_by="x", now=village.clock(),
                dictionary=words,
            )  # fmt: skip

    plain, marked = clip_of("Mời bà con họp."), clip_of("Họp tại nvh thôn.")
    assert marked.dictionary == {"NVH": "nhà văn hóa"}
    put(village, commune, "NVH", "nhà văn hóa thôn")
    assert clip_of("Mời bà con họp.").id == plain.id
    assert clip_of("Họp tại nvh thôn.").id != marked.id

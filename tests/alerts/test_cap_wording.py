"""What a loudspeaker says of a message: for the ear, in its languages, bounded, and never twice."""

import unicodedata

import pytest
from cap_builder import alert, area, info, one
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.cap.languages import base, chosen, looks_vietnamese
from alerts.cap.wording import MOST_CHARS, cleaned, wordings

CLEANED = {
    "Mưa to": "Mưa to.",
    "  Mưa \n\t to.  ": "Mưa to.",
    "Mưa to!": "Mưa to!",
    "Xem https://kttv.vn/a?b=1 để biết": "Xem để biết.",
    "Xem www.example.vn, gọi 1900": "Xem, gọi 1900.",
    "Hỏi a.b@example.vn ngay": "Hỏi ngay.",
    "<p>Mưa <b>rất</b> to</p><p>Gió mạnh</p>": "Mưa rất to. Gió mạnh.",
    "Mưa&nbsp;to &amp; gió": "Mưa to & gió.",
    "&lt;b&gt;Mưa&lt;/b&gt; to": "Mưa to.",
    "<script>alert(1)</script>Mưa": "Mưa.",
    "<speak><break time='9s'/>Mưa</speak>": "Mưa.",
    "<!-- giấu -->Mưa": "Mưa.",
    "* Mưa to\n* Gió mạnh": "Mưa to. Gió mạnh.",
    "- Mưa to\n- Gió mạnh": "Mưa to. Gió mạnh.",
    "...FLOOD WARNING...": "FLOOD WARNING.",
    "Mưa...gió": "Mưa. gió.",
    "Mưa to\n\n\nGió mạnh": "Mưa to. Gió mạnh.",
    "-----\nMưa\n=====": "Mưa.",
    "Mưa\x07\u200b to": "Mưa to.",
    "Mu\u031ba": "Mưa.",
    "5 < 6": "5 6.",
    "": "",
    "***": "",
    "https://example.vn": "",
}


@pytest.mark.parametrize("written", CLEANED)
def test_text_is_cleaned_for_the_ear(written):
    assert cleaned(written) == CLEANED[written]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_cleaned_text_has_nothing_that_is_not_spoken(text):
    spoken = cleaned(text)
    assert not set("<>{}[]|\\`*_#~\n\t") & set(spoken)
    assert spoken == unicodedata.normalize("NFC", spoken).strip()
    assert "  " not in spoken


@pytest.mark.parametrize(
    "attack",
    [
        "<" * 20_000,
        "<a " * 7_000,
        "<script>" * 2_500,
        "<!--" * 5_000,
        "a@" * 10_000,
        "&lt;" * 5_000,
        ". " * 10_000,
        "\n \n" * 6_000,
    ],
)
def test_cleaning_is_quick_whatever_comes(attack):
    import time

    before = time.process_time()
    cleaned(attack)
    assert time.process_time() - before < 2


ENGLISH = {
    "language": "en-US",
    "event": "Flash flood",
    "headline": "Flash flood warning",
    "description": "Water rises.",
    "instruction": "Leave.",
}
THAI = {"language": "th", "headline": "น้ำท่วม", "description": "", "instruction": ""}


def said(*blocks, wanted=("vi",), **options):
    infos = one(alert(info=list(blocks))).infos
    return wordings(infos, range(len(infos)), wanted, **options)


def test_a_vietnamese_warning_says_what_how_grave_where_and_what_to_do():
    (wording,) = said(info())
    assert wording.text == (
        "Cảnh báo lũ quét trên suối Mường Hoa. Mức độ: nghiêm trọng. Cần hành động ngay. Khu vực: Xã Tả Van, tỉnh Lào Cai. "
        "Nước suối lên nhanh trong hai giờ tới. Rời khỏi ven suối ngay."
    )


def test_an_english_warning_is_said_in_its_own_words_alone():
    assert said(info(**ENGLISH), wanted=("en",))[0].text == "Flash flood warning. Water rises. Leave."


def test_an_all_clear_says_so_first():
    assert said(info(headline="Hết mưa lũ"), all_clear=True)[0].text.startswith("Đã hết nguy hiểm. Hết mưa lũ.")


def test_without_a_headline_the_event_is_said():
    assert said(info(headline=None))[0].text.startswith("Lũ quét. Mức độ")


def test_an_area_that_the_text_names_is_not_named_again():
    assert "Khu vực" not in said(info(headline="Lũ quét tại xã Tả Van, tỉnh Lào Cai"))[0].text


CHOSEN = {
    (("vi-VN", "en-US"), ("vi",)): ["vi"],
    (("en-US", "vi-VN"), ("vi",)): ["vi"],
    (("vi", "hmn"), ("hmn", "vi")): ["hmn", "vi"],
    (("vi", "hmn", "en"), ("hmn",)): ["hmn"],
    (("en", "fr"), ("vi",)): ["en"],
    (("en", "vi"), ("km",)): ["vi"],
    (("fr", "de"), ("vi",)): ["fr"],
    (("vie", "VI_vn"), ("vi",)): ["vi"],
    (("en",), ()): ["en"],
    ((), ("vi",)): [],
}


@pytest.mark.parametrize("case", CHOSEN)
def test_a_loudspeaker_is_given_its_languages_or_one_other(case):
    assert chosen(*case) == CHOSEN[case]


def test_one_event_in_three_languages_is_said_once():
    (wording,) = said(info(), info(**ENGLISH), info(**THAI))
    assert (wording.language, wording.blocks) == ("vi", (0,))


def test_a_loudspeaker_for_two_languages_says_each_once_in_its_order():
    assert [each.language for each in said(info(), info(**ENGLISH), wanted=("en", "vi"))] == ["en", "vi"]


def test_two_events_in_one_language_are_joined():
    (wording,) = said(
        info(), info(event="Sạt lở", headline="Cảnh báo sạt lở", description="Đất trượt.", instruction="Tránh xa.")
    )
    assert wording.blocks == (0, 1)
    assert wording.text.index("lũ quét") < wording.text.index("sạt lở")


def test_the_same_words_for_two_areas_are_said_once_with_both():
    (wording,) = said(info(), info(area=area(areaDesc="Phường Sa Pa")))
    assert wording.text.count("Nước suối") == 1
    assert "Xã Tả Van, tỉnh Lào Cai; Phường Sa Pa" in wording.text


def test_an_instruction_that_blocks_share_is_said_once():
    (wording,) = said(info(), info(headline="Cảnh báo sạt lở", description="Đất trượt."))
    assert wording.text.count("Rời khỏi ven suối ngay.") == 1


def test_a_long_description_gives_way_to_what_is_to_be_done():
    (wording,) = said(info(description="Mưa rất to ở thượng nguồn. " * 500))
    assert len(wording.text) <= MOST_CHARS
    assert wording.shortened
    assert wording.text.endswith("Rời khỏi ven suối ngay.")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(*[st.text("ab <>.\n*", max_size=200)] * 3), min_size=1, max_size=5), st.integers(60, 400))
def test_nothing_is_ever_longer_than_allowed(texts, most):
    blocks = [info(event="e", headline=h, description=d, instruction=i) for h, d, i in texts]
    for wording in said(*blocks, most=most):
        assert len(wording.text) <= most


def test_many_areas_are_counted_after_the_first_dozen():
    (wording,) = said(info(area=[area(areaDesc=f"Xã Số {n}") for n in range(40)]))
    assert "và 28 khu vực khác" in wording.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Cảnh báo mưa lớn và lũ quét", True), ("Flash flood warning for Sa Pa", False), ("Avertissement de forte pluie à Đà Nẵng", False),
     ("Alerta de chuva intensa, não saia", False), ("Ostrzeżenie przed burzą", False), ("Mua lon va lu quet", False), ("Lũ", False)],
)  # fmt: skip
def test_vietnamese_is_known_by_its_letters(text, expected):
    assert looks_vietnamese(text) is expected


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("vi-VN", "vi"),
        ("VIE", "vi"),
        ("vi_VN", "vi"),
        ("English", "en"),
        ("zh-Hant-TW", "zh"),
        (" en ", "en"),
        ("hmn", "hmn"),
    ],
)
def test_a_tag_has_a_language(tag, language):
    assert base(tag) == language

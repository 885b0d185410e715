from audio.reading import spoken


def test_the_dictionary_wins_over_every_rule():
    assert spoken("UBND họp 7h30", dictionary={"UBND": "uỷ ban", "7h30": "bảy rưỡi"}) == "uỷ ban họp bảy rưỡi"


def test_the_longest_entry_wins():
    own = {"Nà Pồ": "na pò", "Nà Pồ Thượng": "na pò trên"}
    assert spoken("Thôn Nà Pồ Thượng và thôn Nà Pồ", dictionary=own) == "Thôn na pò trên và thôn na pò"


def test_an_entry_matches_whole_words_only():
    assert spoken("Ba bà Bảy", dictionary={"ba": "X Y"}) == "X Y bà Bảy"
    assert spoken("thanh niên", dictionary={"than": "đá"}) == "thanh niên"


def test_an_entry_with_a_capital_matches_only_as_written():
    own = {"Hạ": "hạ dưới"}
    assert spoken("Thôn Hạ giá hạ", dictionary=own) == "Thôn hạ dưới giá hạ"


def test_an_entry_in_small_letters_matches_in_any_case():
    assert spoken("KROONG, Kroong", dictionary={"kroong": "cờ rông"}) == "cờ rông, cờ rông"


def test_a_dictionary_with_signs_and_blanks():
    own = {"A&B": "a bờ", "  Ea   H'leo ": "ê a hờ leo", "": "nothing"}
    assert spoken("công ty A&B ở Ea  H’leo.", dictionary=own) == "công ty a bờ ở ê a hờ leo."


def test_a_dictionary_serves_other_languages_too():
    assert spoken("Xin  chao 5", "en", {"chao": "chào"}) == "Xin chào 5"


def test_private_characters_in_the_text_do_not_reach_the_dictionary():
    assert spoken("\U000f0000 UBND", dictionary={"UBND": "ủy ban"}) == "ủy ban"

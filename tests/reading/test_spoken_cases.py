import re

from audio.reading import spoken


def test_a_line_is_spoken_as_a_commune_says_it(spoken_case):
    _, written, expected = spoken_case
    assert spoken(written) == expected


def test_what_is_spoken_stays_as_it_is(spoken_case):
    _, _, expected = spoken_case
    words = re.sub(r"[,.!?\s]+", " ", spoken(expected))
    assert words == re.sub(r"[,.!?\s]+", " ", _names_said(expected))


def _names_said(text):
    """Letters left alone in a spoken text (`t` of `a t m`) go by their names when it is read again."""
    from audio.reading.letters import name

    return re.sub(
        r"(?<![^\W_])[^\W\d_](?![^\W_'])", lambda found: name(found[0]) if found[0].isascii() else found[0], text
    )

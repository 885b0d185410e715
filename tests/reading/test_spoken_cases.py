import re

from hearing import heard, readings

from audio.reading import spoken


def test_a_line_is_spoken_as_a_commune_says_it(spoken_case):
    _, written, expected = spoken_case
    assert spoken(written) == expected


def test_a_commune_line_is_heard_as_an_announcer_would_read_it(commune_line):
    _, written, expected = commune_line
    assert heard(spoken(written)) in readings(expected)


def test_a_reading_of_a_commune_line_is_left_alone_when_read_again(commune_line):
    _, written, _ = commune_line
    once = spoken(written)
    assert heard(_names_said(spoken(once))) == heard(_names_said(once))


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

"""After everything is words: blanks and marks as a voice wants them, one mark for one pause."""

import re

_MARKS = re.compile(r"[,.!?](?: ?[,.!?])+(?=([^ \n]?))|[,.!?](?=([^ \n]))")
_EDGES = re.compile(r"\n[ ,.]+(?=[^\s])")
_STRENGTH = {",": 0, ".": 1, "!": 2, "?": 3}


def single_blanks(text: str) -> str:
    """One blank for every run of them, in as many plain passes as the longest run halves."""
    while "  " in text:
        text = text.replace("  ", " ")
    return text


def settle(text: str) -> str:
    """One blank between words, none before a mark, of marks in a row the strongest, no comma at a line's ends."""
    text = single_blanks(text)
    for mark in _STRENGTH:
        text = text.replace(f" {mark}", mark)
    text = _MARKS.sub(_one_mark, text)
    text = _EDGES.sub("\n", f"\n{text}\n").replace(" \n", "\n").replace(",\n", "\n")
    return single_blanks(text[1:-1])


def _one_mark(found: re.Match[str]) -> str:
    marks = [char for char in found[0] if char in _STRENGTH]
    mark = max(marks, key=_STRENGTH.__getitem__)
    if mark == "?" and "!" in marks and len(marks) > 2:  # noqa: PLR2004 - `?!?!` is a cry, `?!` a question
        mark = "!"
    return f"{mark} " if found[1] or found[2] else mark

"""Blanks of a template, such as “[ngày]”: what somebody still has to fill in."""

import re

# Short and on one line: “[ngày]”, “[…]”, “[ ]”. The script of the form knows it by the same expression.
BLANK = re.compile(r"\[(?:[^\[\]\n]{0,60})\]")
_MOST = 50


def blanks(*texts: str) -> list[str]:
    """The blanks that are left in these texts, each once, in their order; at most 50."""
    found: dict[str, None] = {}
    for text in texts:
        for blank in BLANK.finditer(text):
            found.setdefault(blank[0])
            if len(found) >= _MOST:
                return list(found)
    return list(found)

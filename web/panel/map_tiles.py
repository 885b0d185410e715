"""The server that pictures of the map come from, where one is set: the only other host a page may ask."""

import re

_ADDRESS = re.compile(r"(https?)://((?:\{s\}|[A-Za-z0-9-]+)(?:\.[A-Za-z0-9-]+)*)(:\d{1,5})?(?:/|$)")


def origin(template: str) -> str:
    """The source of `template` (`https://{s}.tiles.example/{z}/{x}/{y}.png`) as a content policy names it.

    Empty for no template, and for one whose host can't be told: then no picture is let in.
    """
    found = _ADDRESS.match(template)
    return f"{found[1]}://{found[2].replace('{s}', '*')}{found[3] or ''}" if found else ""

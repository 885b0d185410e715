"""Whole addresses of this server, for people to hand on: below the setting `public_url`, never from a Host header.

Whoever sends a request writes its Host header as they like, so nothing that is kept, printed or sent on is made of it.
Where `public_url` is not set there is only the path; `known` says so, and the page tells it beside the address.
"""

from web.app import house


def known() -> bool:
    """Whether this server has been told under which address people know it."""
    return bool(house().settings.public_url)


def whole(path: str) -> str:
    """The address of a path of ours, or the path alone where `public_url` is not set."""
    return house().settings.public_url.rstrip("/") + path

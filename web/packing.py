"""Pages go out packed: on a village's mobile network that is the difference between one second and five.

Packing a page that holds a secret beside text that a stranger chose lets the stranger guess the secret by lengths, over
thousands of tries (the attack called BREACH). Here the only secret that stands in pages again and again is the form
token, and its signature is another one each second (it carries the time); cookies are `SameSite=Lax`, so no other site
can have pages fetched in somebody's name. What is shown once, like a password, is not asked for twice.
"""

import gzip

from flask import Response, request

_KINDS = {"text/html", "application/json", "image/svg+xml", "text/csv"}
_WORTH_PACKING = 1_000
# Above this, somebody downloads: packing would hold up everybody else for longer than the line is spared.
_MOST_BYTES = 1024 * 1024
_LEVEL = 5


def packed(response: Response) -> Response:
    """The panel's answer as the browser takes it; the API's and streams stay as they are."""
    if (
        (request.blueprint == "panel" or request.endpoint is None)
        and response.mimetype in _KINDS
        and not response.is_streamed
        and not response.direct_passthrough
        and "Content-Encoding" not in response.headers
        and request.accept_encodings["gzip"] > 0
        and _WORTH_PACKING < len(response.get_data()) < _MOST_BYTES
    ):
        response.set_data(gzip.compress(response.get_data(), compresslevel=_LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
        response.vary.add("Accept-Encoding")
    return response

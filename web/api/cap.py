"""Script API: alerts of other systems, handed in as messages of the Common Alerting Protocol."""

import gzip
import io
import zlib
from typing import Any

from flask import Blueprint, Response, request
from gevent import get_hub

from alerts.cap.remarks import NotCap
from alerts.cap.report import told
from alerts.sources import registering, stored
from alerts.sources.taking import Taken
from core.errors import N_, InvalidInput, TooLarge
from web.access import actor, for_scripts
from web.api.reading import answer
from web.app import house
from web.messages import said
from web.remarks import say, taker

MAX_BYTES = 4 << 20
"""Of one call, also decompressed: more than ten times the largest single messages known from practice."""

MAX_ALERTS = 100
_LARGE = 64 << 10
_TOO_LARGE = N_("A call takes at most %(limit)s kB.")


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/cap", view_func=take_cap, methods=["POST"])


@for_scripts
def take_cap() -> Response:
    """Take in a document of the Common Alerting Protocol, and do what it asks for by the rule of its source."""
    here = house()
    wanted = (request.args.get("source") or request.headers.get("X-Loa-Source") or "").strip()[:60]
    now = here.clock()
    with here.database.write() as session:
        source = registering.for_push(session, actor(), wanted, now).id
    document = _body()
    # Reading a large document takes a while, in which others are served.
    run = get_hub().threadpool.apply if len(document) > _LARGE else None
    try:
        found = taker().take(source, document, now, actor=actor(), run=run, most=MAX_ALERTS)
    finally:
        here.room.catch_up()
    if len(found) == 1 and isinstance(found[0].message, NotCap):
        raise found[0].message
    messages = [_line(each) for each in found]
    # A single message, the usual case, stands at the top as well, as `loa cap` prints it.
    top = messages[0] if len(messages) == 1 else {"ok": all(each["ok"] for each in messages)}
    return answer({**top, "source": source, "messages": messages})


def _line(taken: Taken) -> dict[str, Any]:
    """One message as `loa cap` tells it, and what became of it."""
    if isinstance(taken.message, NotCap):
        return {"ok": False, "error": said(taken.message), "code": taken.message.code}
    line = told(taken.message, taken.decision, say) if taken.decision else {"ok": True}
    row = taken.row
    if row is not None:
        line |= {
            "id": row.id, "state": row.state, "emergencies": list(row.emergencies), "stations": row.stations,
            "notes": [say(each) for each in stored.remarks(row.notes)],
        }  # fmt: skip
    return line


def _body() -> bytes:
    """The document that was sent, whatever its type is called; decompressed within the bound. Raises TooLarge."""
    request.max_content_length = MAX_BYTES
    sent = request.get_data(cache=False, parse_form_data=False)
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "gzip":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(sent)) as packed:
                sent = packed.read(MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error):
            raise InvalidInput(N_("The body is not compressed as it says."), code="bad_gzip") from None
    elif encoding not in ("", "identity"):
        raise InvalidInput(N_("The body is not compressed as it says."), code="bad_gzip")
    if len(sent) > MAX_BYTES:
        raise TooLarge(_TOO_LARGE, limit=MAX_BYTES >> 10)
    if not sent.strip():
        raise InvalidInput(N_("Send a CAP message in the body of the call."), code="empty")
    return sent

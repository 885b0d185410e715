"""Telling somebody by a web address: a JSON POST, signed, to public addresses only, that follows nobody.

What is inside this network is not reachable, unless the settings allow it (`core.outside`).
"""

import hashlib
import hmac
import ipaddress
import json
from typing import Any

from core.errors import N_, EngineFailed, InvalidInput
from core.outside import Limits, Outside, OutsideFailed, is_public, parse
from core.settings import Settings

_FAILED = N_("The address did not take the message: %(why)s")
_INSIDE = N_("“%(host)s” leads into this network or to this machine, where nothing is sent.")
_MOST_URL = 500
_GOOD = range(200, 300)
_EVERYWHERE = ("0.0.0.0/0", "::/0")
SIGNATURE = "X-Loa-Signature"


def understood(address: str, settings: Settings) -> str:
    """An address that may be posted to. Raises InvalidInput for another scheme, a password in it, or a place inside."""
    text = address.strip()
    try:
        parts = parse(text)
    except InvalidInput as error:
        raise InvalidInput(
            N_("“%(url)s” is not an address to send to. Write it like https://example.vn/loa."),
            fields={"address": "form"}, url=text[:80],
        ) from error  # fmt: skip
    if parts.fragment or len(text) > _MOST_URL or not text.isascii() or not text.isprintable():
        raise InvalidInput(N_("An address on the web has no spaces or special letters."), fields={"address": "form"})
    host = str(parts.hostname)
    if not settings.webhook_private and (host.lower() == "localhost" or (_is_literal(host) and not is_public(host))):
        raise InvalidInput(_INSIDE, fields={"address": "inside"}, host=host[:80])
    return text


def signature(secret: str, body: bytes) -> str:
    """How the other side can tell that it was us: HMAC-SHA-256 of the body in hex."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def post(settings: Settings, address: str, secret: str, data: dict[str, Any]) -> None:
    """Send `data` as JSON. Raises EngineFailed when it can't be delivered or is not answered with 2xx.

    Takes `webhook_timeout_seconds` to connect at most, and as long again for the head of the answer; nothing else of it
    is read.
    """
    seconds = settings.webhook_timeout_seconds
    outside = Outside(_EVERYWHERE if settings.webhook_private else settings.outside_hosts)
    body = json.dumps(data, ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json", "Connection": "close", SIGNATURE: signature(secret, body),
        "X-Loa-Notice": str(data.get("id", "")),
    }  # fmt: skip
    limits = Limits(connect_seconds=seconds, idle_seconds=seconds, seconds=seconds)
    try:
        url = understood(address, settings)
        with outside.open(url, method="POST", body=body, headers=headers, limits=limits) as answer:
            status = answer.status
    except (InvalidInput, OutsideFailed) as error:
        raise EngineFailed(_FAILED, why=str(error)[:200]) from error
    if status not in _GOOD:
        raise EngineFailed(_FAILED, why=f"HTTP {status}")


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True

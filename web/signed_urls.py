"""Handing the sending of audio over to others: a proxy in front, or storage elsewhere that knows a signed address.

A signed address says who may fetch what for how long, so that its host needs neither our tables nor a station's token.
"""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

from core.settings import Settings

_ALGORITHM = "AWS4-HMAC-SHA256"


def address_of(settings: Settings, name: str, now: datetime) -> str:
    """Where the file `ab/abcd….opus` is to be fetched, good for `media_url_seconds`."""
    seconds = settings.media_url_seconds
    if settings.media_signing == "s3":
        who = (settings.media_key_id, settings.media_secret, settings.media_region)
        return for_s3(f"{settings.media_url}/{name}", *who, now, seconds)
    return for_nginx(f"{settings.media_url}/{name}", settings.media_secret, now + timedelta(seconds=seconds))


def for_nginx(address: str, secret: str, until: datetime) -> str:
    """An address as nginx's own module `secure_link` checks it, with `"$secure_link_expires$uri SECRET"`.

    The module knows MD5 alone; what it protects is the address for an hour, and the audio has its own signed hash.
    """
    expires = int(until.timestamp())
    signed = f"{expires}{urlsplit(address).path} {secret}".encode()
    digest = hashlib.md5(signed, usedforsecurity=False).digest()
    return f"{address}?md5={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}&expires={expires}"


def for_s3(address: str, key_id: str, secret: str, region: str, now: datetime, seconds: int) -> str:
    """A pre-signed GET of Signature Version 4 (Amazon's documentation, “Authenticating requests: query parameters”)."""
    where = urlsplit(address)
    stamp, day = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}"
    scope = f"{day}/{region}/s3/aws4_request"
    fields = {
        "X-Amz-Algorithm": _ALGORITHM, "X-Amz-Credential": f"{key_id}/{scope}", "X-Amz-Date": stamp,
        "X-Amz-Expires": str(seconds), "X-Amz-SignedHeaders": "host",
    }  # fmt: skip
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(fields.items()))
    request = "\n".join(("GET", quote(where.path), query, f"host:{where.netloc}", "", "host", "UNSIGNED-PAYLOAD"))
    words = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, words.encode(), "sha256").hex()
    return f"{where.scheme}://{where.netloc}{quote(where.path)}?{query}&X-Amz-Signature={signature}"

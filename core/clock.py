"""Instants: always aware, in UTC, with milliseconds at the edges (RFC 3339)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import N_, InvalidInput

_MAX_ZONE_LENGTH = 64


def utc_now() -> datetime:
    """The present instant. Only entry points call this; everything else takes `now`."""
    return datetime.now(UTC)


def format_instant(instant: datetime) -> str:
    """`2026-11-23T22:00:00.000Z`. Raises ValueError for a naive value."""
    if instant.tzinfo is None:
        raise ValueError("naive datetime")
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """Read an RFC 3339 instant with its offset into aware UTC. Raises InvalidInput."""
    try:
        instant = datetime.fromisoformat(text.strip())
        if instant.tzinfo is None:
            raise ValueError("no offset")
        return instant.astimezone(UTC)
    except (ValueError, OverflowError, AttributeError):
        raise InvalidInput(
            N_("“%(text)s” is not an instant. Write it like 2026-11-23T22:00:00.000Z."), text=str(text)[:40]
        ) from None


def zone(name: str) -> ZoneInfo:
    """The IANA time zone `name`. Raises InvalidInput for one that does not exist."""
    try:
        if not name or len(name) > _MAX_ZONE_LENGTH:
            raise ValueError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(
            N_("There is no time zone “%(zone)s”. Vietnam's is Asia/Ho_Chi_Minh."), code="unknown_zone", zone=name[:40]
        ) from None

"""What the script API says of accounts."""

from core.wire import Instant
from web.api.bodies import Body


class TokenAnswer(Body):
    """A token, without what opens anything. `scope` None: all rights of its person; `used_at` is coarse."""

    id: str
    label: str
    scope: list[str] | None = None
    created_at: Instant
    expires_at: Instant | None = None
    used_at: Instant | None = None

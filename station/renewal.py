"""Renewing the station's token: now and then by itself, or when the server asks for it in `/now`."""

import logging
import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from pydantic import ValidationError

from core.errors import N_
from core.wire import RenewedToken
from station.credentials import Credentials
from station.link import Link, Rejected, Unreachable

log = logging.getLogger(__name__)
EVERY = timedelta(days=30)
_LOOK_SECONDS = 3600.0


class Renewal:
    """One thread calls `step`. `ask` may be called by others, who then wake it."""

    def __init__(
        self, link: Link, credentials: Credentials, since: datetime | None, now: Callable[[], datetime],
        *, on_new: Callable[[datetime], None],
    ) -> None:  # fmt: skip
        """`since` is when the present token came; `on_new` keeps when the next one did."""
        self._link, self._credentials, self._since, self._now = link, credentials, since, now
        self._on_new = on_new
        self._asked = threading.Event()

    def ask(self) -> None:
        """The server wants another token to be used."""
        self._asked.set()

    def step(self) -> float:
        """Ask for a new token if it is time; returns the seconds until the next look."""
        now = self._now()
        if self._since is None:  # of before tokens were renewed: not all of them on the day of the new software
            self._since = now - EVERY * random.random()  # noqa: S311 - against marching in step
            self._on_new(self._since)
        if not self._asked.is_set() and now - self._since < EVERY:
            return _LOOK_SECONDS
        try:
            answer = self._link.post("/token", b"{}")
            given = RenewedToken.model_validate_json(answer.body)
        except Rejected as error:  # a server that knows nothing of it, or a device that is not confirmed yet
            log.info("the token was not renewed: %s", error)
            self._asked.clear()
            self._since = now - EVERY + timedelta(days=1)
            return _LOOK_SECONDS
        except ValidationError as error:
            raise Unreachable(N_("The server's answer can't be read.")) from error
        self._credentials.renewed(given.token)
        self._asked.clear()
        self._since = now
        self._on_new(now)
        self._link.get("/time")  # the old one ends when the new one is used
        log.info("this station has a new token")
        return _LOOK_SECONDS

"""Telling the server: what was played, once each, and how the station is, every minute."""

import logging
import math
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from core.errors import N_
from core.wire import AS_WITHDRAWN, MAX_REPORTS_A_CALL, Accepted, Heartbeat, Report, ReportBatch
from station.book import Book
from station.clock import StationClock
from station.due import Key
from station.enrolment import software
from station.link import Link, Rejected, Unreachable
from station.store import Store
from station.traffic import month_of

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 60.0
_LOOK_SECONDS = 5.0
_POSTPONED_SECONDS = 60.0
_MAX_ACKNOWLEDGED = 500
_THERMAL = Path("/sys/class/thermal")
_UPTIME = Path("/proc/uptime")


class Reporter:
    """Sends the outbox. A report leaves it only when the server says that it has it."""

    def __init__(self, store: Store, link: Link) -> None:
        self._store = store
        self._link = link
        self._batch = MAX_REPORTS_A_CALL

    def step(self) -> float:
        """Send one batch; returns the seconds until the next look.

        A batch that the server rejects is halved, so that one bad report holds up no other; what it neither accepts
        nor refuses for good goes to the end of the queue and is tried again.
        """
        reports = self.batch()
        if not reports:
            self._batch = MAX_REPORTS_A_CALL
            return _LOOK_SECONDS
        try:
            answer = self._link.post("/reports", ReportBatch(reports=reports).model_dump_json().encode())
            verdict = Accepted.model_validate_json(answer.body)
        except Rejected as error:
            log.warning("%d reports were rejected: %s", len(reports), error)
            if len(reports) > 1:
                self._batch = math.ceil(len(reports) / 2)
                return 0.0
            verdict = Accepted(accepted=[])
        except ValidationError as error:
            raise Unreachable(N_("The server's answer can't be read.")) from error
        return self.take_answer(reports, verdict)

    def batch(self) -> list[Report]:
        """What is to be sent next, the oldest first."""
        return [Report.model_validate_json(text) for text in self._store.outbox(self._batch)]

    def take_answer(self, reports: Sequence[Report], verdict: Accepted) -> float:
        """Forget what the server has or will never take; returns the seconds until the next batch."""
        accepted = set(verdict.accepted)
        sent = [report.id for report in reports]
        self._store.accepted([one for one in sent if one in accepted])
        for refused in verdict.refused:
            log.warning("the server will never take report %s: %s", refused.id, refused.code)
        self._store.accepted([refused.id for refused in verdict.refused])
        left = [one for one in sent if one not in accepted.union(refused.id for refused in verdict.refused)]
        if left:
            self._store.postpone(left)
            return _POSTPONED_SECONDS if self._store.outbox_size() <= len(left) else 1.0
        return 0.0 if len(sent) == self._batch else _LOOK_SECONDS


class Heart:
    """Sends heartbeats, with what is to be acknowledged."""

    def __init__(
        self, book: Book, store: Store, link: Link, clock: StationClock, home: Path,
        *, playing: Callable[[], Key | None], faults: Callable[[], list[str]],
        ready_until: Callable[[datetime], datetime | None], standing: Callable[[], list[str]],
        playing_since: Callable[[], datetime | None] = lambda: None,
    ) -> None:  # fmt: skip
        self._book = book
        self._store = store
        self._link = link
        self._clock = clock
        self._home = home
        self._playing = playing
        self._playing_since = playing_since
        self._faults = faults
        self._ready_until = ready_until
        self._standing = standing
        self._software = software()

    def step(self) -> float:
        """Send one heartbeat; what it acknowledged is forgotten only when the server has it."""
        pending = self._store.acknowledgements(_MAX_ACKNOWLEDGED)
        self._link.post("/heartbeat", self.beat(pending).model_dump_json().encode())
        self._store.acknowledged(pending)
        return 0.0 if len(pending) == _MAX_ACKNOWLEDGED else HEARTBEAT_SECONDS

    def beat(self, acknowledged: list[str]) -> Heartbeat:
        """The station's state now. Faults are told in words within `software`, too, for servers that know no other."""
        playing = self._playing()
        month = month_of(self._clock.now(), self._book.settings.zone)
        received, sent = self._link.traffic.keep(self._store, month)
        self._store.look_after()
        faults = self._faults()
        return Heartbeat(
            playing=playing[0] if playing else None,
            item=playing[1] if playing else None,
            playing_since=self._playing_since() if playing else None,
            volume=self._book.station_volume(),
            plan=(self._book.plan_etag or "")[:100] or None,
            seq=self._book.seq,
            acknowledged=list(dict.fromkeys(one.removeprefix(AS_WITHDRAWN) for one in acknowledged)),
            withdrawn=[one.removeprefix(AS_WITHDRAWN) for one in acknowledged if one.startswith(AS_WITHDRAWN)],
            clock_offset_ms=self._clock.offset_ms(),
            free_bytes=_free_bytes(self._home),
            temperature_c=_temperature_c(),
            uptime_s=_uptime_s(),
            software="; ".join([self._software, *(fault.replace("_", " ") for fault in faults)])[:100],
            faults=faults,
            standing=self._standing(),
            month=month,
            received_bytes=received,
            sent_bytes=sent,
            keys=self._book.trusted_keys(),
            ready_until=self._ready_until(self._clock.now()),
        )


def _free_bytes(folder: Path) -> int | None:
    with suppress(OSError):
        return shutil.disk_usage(folder).free
    return None


def _temperature_c() -> float | None:
    """The hottest of the kernel's thermal zones, in °C; None where there is no sensor."""
    found: list[float] = []
    for zone in sorted(_THERMAL.glob("thermal_zone*/temp")):
        with suppress(OSError, ValueError):
            found.append(int(zone.read_text()) / 1000)
    return max(found, default=None)


def _uptime_s() -> float:
    """How long the host has been up, in seconds."""
    with suppress(OSError, ValueError, IndexError):
        return float(_UPTIME.read_text().split()[0])
    return time.clock_gettime(time.CLOCK_BOOTTIME)

"""Which settings hold: quiet hours, loudest volume and the names this station answers to come signed, as airings do.

Whoever changes what is on the way could otherwise clear the quiet hours, or let another commune's airing sound here.
A station that has once been given signed settings takes no others any more: what is not signed for it, or is older than
what it holds, leaves the former ones in force, while the signed airings of the plan are taken over all the same.
"""

import logging
from datetime import datetime, timedelta

from core.signing import Verifier
from core.wire import PlanDocument, StationSettings

log = logging.getLogger(__name__)
_CLOCKS = timedelta(days=1)


def settled(
    plan: PlanDocument, verifier: Verifier, station: str, present: StationSettings, since: datetime | None,
    now: datetime,
) -> tuple[PlanDocument, datetime | None]:  # fmt: skip
    """The plan with the settings that are to hold, and when these were signed.

    `present` are those in force, signed at `since` (None: never any). An instant ahead of `now` is of a server whose
    clock ran ahead: it holds nothing up.
    """
    signed = verifier.settings(plan.signed_settings) if plan.signed_settings else None
    if signed is not None and signed.station == station:
        if since is None or signed.issued_at >= since or since > now + _CLOCKS:
            return plan.model_copy(update={"settings": signed.settings}), signed.issued_at
        log.error("settings that are older than those in force are not taken over")
    elif since is None and plan.signed_settings is None:
        return plan, None  # of a server that signs none
    else:
        log.error("settings that are not signed for this station are not taken over")
    return plan.model_copy(update={"settings": present}), since

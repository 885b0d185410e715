"""Repeating in words of every day, and the recurrence rule behind it. Pure."""

from collections.abc import Sequence
from datetime import datetime

from core.errors import N_, InvalidInput

CHOICES = ("once", "daily", "weekdays", "chosen", "monthly", "own")
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_RULES = {"daily": "FREQ=DAILY", "weekdays": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"}


def rule(choice: str, days: Sequence[str], own: str, starts: str) -> str | None:
    """The RRULE of a choice; None for once. `starts` is the local start. Raises InvalidInput."""
    if choice in {"", "once"}:
        return None
    if choice in _RULES:
        return _RULES[choice]
    if choice == "chosen":
        chosen = [day for day in DAYS if day in days]
        if not chosen:
            raise InvalidInput(N_("Tick at least one day of the week."), fields={"days": "empty"})
        return f"FREQ=WEEKLY;BYDAY={','.join(chosen)}"
    if choice == "monthly":
        return f"FREQ=MONTHLY;BYMONTHDAY={datetime.fromisoformat(starts).day}"
    if choice == "own" and own.strip():
        return own.strip().removeprefix("RRULE:")
    raise InvalidInput(N_("Write the rule, such as FREQ=WEEKLY;BYDAY=MO,FR."), fields={"rrule": "empty"})


def choice_of(rrule: str | None) -> tuple[str, list[str]]:
    """Which choice a rule is, and its days: the way back, for lists. What is none of them is `own`."""
    if not rrule:
        return "once", []
    for choice, text in _RULES.items():
        if rrule == text:
            return choice, []
    head, _, rest = rrule.partition("BYDAY=")
    days = rest.split(",")
    if head == "FREQ=WEEKLY;" and all(day in DAYS for day in days):
        return "chosen", days
    head, _, rest = rrule.partition("BYMONTHDAY=")
    return ("monthly", []) if head == "FREQ=MONTHLY;" and rest.isdecimal() else ("own", [])

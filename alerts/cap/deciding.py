"""What is to be done with a message: pure, from the message, the instant, the source's rule and what is known."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from alerts.cap.chains import Known, Naming, With, ended_by, ender
from alerts.cap.drills import is_drill
from alerts.cap.message import Info, Key, Message, Reference
from alerts.cap.remarks import Remark
from alerts.cap.trust import Handling, Trust
from core.errors import N_

Action = Literal["broadcast", "update", "cancel", "ignore"]
SignatureState = Literal["none", "unchecked", "unknown", "expired", "failed", "verified"]
"""See `signatures.Verdict`."""

LIFETIME = timedelta(hours=24)
"""How long a block without `expires` holds, from the latest of sent, effective and onset."""

FUTURE_BOUND = timedelta(minutes=15)
"""How far ahead of us a sender's clock may be."""

WRONG_OFFSET = timedelta(hours=26)
"""A time that is further ahead can't come from a wrong offset from UTC any more."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done with a message, and why.

    `handling` says how, where the action is to air it. `stops`: messages that end with it, also where it is itself not
    aired because it has expired. `blocks`: places of the info blocks that are to be heard. `starts_at` is the later of
    `now` and the earliest `effective`, `ends_at` the last expiry. `all_clear`: no siren. `namings` go into what is
    known. `again_at`: when a message that came too early is to be looked at once more.
    """

    action: Action
    reason: Remark
    handling: Handling = Handling.LISTED
    stops: tuple[Key, ...] = ()
    blocks: tuple[int, ...] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    all_clear: bool = False
    counts: bool = False
    namings: tuple[Naming, ...] = ()
    remarks: tuple[Remark, ...] = ()
    again_at: datetime | None = None


def expiry(info: Info, sent: datetime) -> datetime:
    """When a block is over: as it says, else a day after the latest of its times."""
    return info.expires or max(each for each in (sent, info.effective, info.onset) if each) + LIFETIME


def digest(message: Message) -> str:
    """The content of a message, shortened: whether two of the same name say the same."""
    return hashlib.sha256(repr(replace(message, remarks=(), envelope_status="", signatures=0)).encode()).hexdigest()


def decide(message: Message, now: datetime, known: Known, trust: Trust, signature: SignatureState = "none") -> Decision:
    """What is to be done with `message` at `now`.

    Nothing is remembered here: where `counts` is set, the caller remembers the message's digest and `namings`. The same
    messages in any order leave the same ones standing.
    """
    refused = _not_for_us(message, trust, signature)
    if refused:
        return Decision("ignore", refused)
    key, remarks = message.key, _remarks_on_name(message, known)
    before = known.digest(key)
    if before is not None:
        return Decision("ignore", _duplicate(before != digest(message)), remarks=remarks)
    if message.sent > now + FUTURE_BOUND:
        return _too_early(message, now)
    namings, foreign = _namings(message, known, trust)
    seen = With(known, namings)
    base = Decision(
        "ignore", _EXPIRED, counts=True, namings=namings, remarks=remarks + foreign,
        stops=tuple(sorted(ended_by(key, seen))),
    )  # fmt: skip
    if message.msg_type == "Cancel":
        return _cancel(message, base)
    by = ender(key, seen)
    if by:
        return replace(base, reason=_ended(by))
    return _air(message, base, now, trust, known)


_EXPIRED = Remark("expired", N_("It has expired."))


def _not_for_us(message: Message, trust: Trust, signature: SignatureState) -> Remark | None:
    envelope = message.envelope_status
    if message.status != "Actual":
        return Remark("status", N_("Its status is %(status)s; only Actual is real."), {"status": message.status})
    if envelope and envelope != "Actual":
        return Remark("status", N_("Its envelope says %(status)s; only Actual is real."), {"status": envelope[:40]})
    if message.scope != "Public":
        return Remark("scope", N_("Its scope is %(scope)s; only Public may be heard by all."), {"scope": message.scope})
    if message.msg_type in ("Ack", "Error"):
        return Remark("answer", N_("It is an answer of one system to another (%(type)s)."), {"type": message.msg_type})
    if signature == "failed":
        return Remark("signature", N_("Its signature is wrong."))
    if trust.signed and signature != "verified":
        return Remark("unsigned", N_("This source must sign, and the message has no signature that was verified."))
    if trust.senders and message.sender not in trust.senders:
        return Remark("sender", N_("This source does not speak for “%(sender)s”."), {"sender": message.sender[:80]})
    if is_drill(message):
        return Remark("drill", N_("It calls itself Actual, but its words or codes say that it is a test."))
    return None


def _remarks_on_name(message: Message, known: Known) -> tuple[Remark, ...]:
    others = [each for each in known.sent_as(message.sender, message.identifier) if each != message.sent]
    if not others:
        return ()
    return (Remark("same_name", N_("Another message of this sender has the same identifier, with another time.")),)


def _duplicate(changed: bool) -> Remark:
    if changed:
        return Remark(
            "changed", N_("A message of this name is known already, with other content; the first one counts.")
        )
    return Remark("duplicate", N_("It is known already."))


def _too_early(message: Message, now: datetime) -> Decision:
    """Its time lies ahead of us: a wrong clock or a wrong offset. A person may know better, where that can be."""
    handling = Handling.PERSON if message.sent <= now + WRONG_OFFSET else Handling.LISTED
    return Decision(
        "ignore", Remark("future", N_("It says that it was sent later than now.")), handling=handling,
        again_at=message.sent - FUTURE_BOUND,
    )  # fmt: skip


def _ended(by: Naming) -> Remark:
    params = {"identifier": by.by.identifier[:120]}
    if by.cancels:
        return Remark("cancelled", N_("It was cancelled by “%(identifier)s”."), params)
    return Remark("superseded", N_("The newer “%(identifier)s” has taken its place."), params)


def _namings(message: Message, known: Known, trust: Trust) -> tuple[tuple[Naming, ...], tuple[Remark, ...]]:
    """What the message ends, by itself and by the right of its sender; and what it named without that right."""
    if message.msg_type not in ("Update", "Cancel"):
        return (), ()
    key, cancels = message.key, message.msg_type == "Cancel"
    mine = [each for each in message.references if trust.may_end(message.sender, each.sender or message.sender)]
    names = {name for each in mine for name in _meant(each, message, known)} - {key}
    remarks: tuple[Remark, ...] = ()
    if len(mine) < len(message.references):
        remarks = (Remark("foreign", N_("It names messages of another sender, for which its own may not speak.")),)
    return tuple(Naming(key, name, cancels) for name in sorted(names)), remarks


def _meant(reference: Reference, message: Message, known: Known) -> Iterable[Key]:
    if reference.sent:
        return [Key(reference.sender, reference.identifier, reference.sent)]
    sender = reference.sender or message.sender
    times = known.sent_as(sender, reference.identifier)
    return [Key(sender, reference.identifier, each) for each in times if each < message.sent]


def _cancel(message: Message, base: Decision) -> Decision:
    if not base.namings:
        if any(each.code == "foreign" for each in base.remarks):
            reason = Remark("foreign", N_("It cancels messages of another sender, for which its own may not speak."))
        elif any(each.sent is None for each in message.references):
            reason = Remark(
                "unclear", N_("It cancels something that is not known here, and does not say when that was sent.")
            )
        else:
            reason = Remark("nothing_named", N_("It cancels, but does not name what."))
        return replace(base, reason=reason)
    identifiers = ", ".join(dict.fromkeys(each.names.identifier for each in base.namings))
    reason = Remark("cancels", N_("It cancels %(identifiers)s."), {"identifiers": identifiers[:200]})
    return replace(base, action="cancel", reason=reason, handling=Handling.BY_ITSELF)


def _air(message: Message, base: Decision, now: datetime, trust: Trust, known: Known) -> Decision:
    if not message.infos:
        return replace(base, reason=Remark("nothing_to_say", N_("It has no block with anything to say.")))
    ends = [expiry(info, message.sent) for info in message.infos]
    living = [place for place, end in enumerate(ends) if end > now]
    if not living:
        return replace(base, reason=_why_expired(message, max(ends)))
    blocks = [message.infos[place] for place in living]
    all_clear = all("AllClear" in info.response_types for info in blocks)
    handling = max(trust.handling(info) for info in blocks)
    ends_something = any(known.digest(each) is not None for each in base.stops)
    if all_clear and ends_something and trust.by_itself:
        handling = Handling.BY_ITSELF
    heard = [p for p in living if all_clear or trust.handling(message.infos[p]) == handling]
    return replace(
        base, action="update" if message.msg_type == "Update" else "broadcast",
        reason=_why_aired(message, all_clear, ends_something), handling=handling, blocks=tuple(heard),
        starts_at=max(now, min(message.infos[p].effective or now for p in heard)), ends_at=max(ends[p] for p in heard),
        all_clear=all_clear,
    )  # fmt: skip


def _why_expired(message: Message, end: datetime) -> Remark:
    if end < message.sent:
        return Remark("expired_before", N_("It had expired before it was sent."))
    if not any(info.expires for info in message.infos):
        return Remark("old", N_("It says no end, and is older than a day."))
    return _EXPIRED


def _why_aired(message: Message, all_clear: bool, ends_something: bool) -> Remark:
    if all_clear:
        return Remark("all_clear", N_("It gives the all clear."))
    if message.msg_type == "Alert":
        return Remark("alert", N_("It is a real, public alert that holds now."))
    if ends_something:
        return Remark("takes_place", N_("It takes the place of an earlier message."))
    return Remark("update_of_unknown", N_("It updates a message that is not known here and is taken as new."))

"""What a source of messages may do: what of it goes on air by itself, waits for a person, or is only listed."""

from dataclasses import dataclass
from enum import IntEnum

from alerts.cap.message import Info


class Handling(IntEnum):
    """What is done with something that may be aired, least first."""

    LISTED = 0
    PERSON = 1
    BY_ITSELF = 2


@dataclass(frozen=True, slots=True)
class Threshold:
    """Passed by a block whose three words are all among these."""

    severity: frozenset[str]
    urgency: frozenset[str]
    certainty: frozenset[str]

    def passes(self, info: Info) -> bool:
        return info.severity in self.severity and info.urgency in self.urgency and info.certainty in self.certainty


GRAVE = Threshold(
    frozenset({"Extreme", "Severe"}), frozenset({"Immediate", "Expected"}), frozenset({"Observed", "Likely"})
)
NOTABLE = Threshold(
    frozenset({"Extreme", "Severe", "Moderate", "Unknown"}), frozenset({"Immediate", "Expected", "Future", "Unknown"}),
    frozenset({"Observed", "Likely", "Possible", "Unknown"}),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trust:
    """The rule of one source.

    `by_itself` and `person` are thresholds, None for nothing at all; what passes neither is listed. `signed`: only a
    message with a verified signature counts. `senders`: only messages of these count; none named: of everybody.
    `speaks_for`: pairs of a sender and another whose messages it may update and cancel.
    """

    by_itself: Threshold | None = GRAVE
    person: Threshold | None = NOTABLE
    signed: bool = False
    senders: frozenset[str] = frozenset()
    speaks_for: frozenset[tuple[str, str]] = frozenset()

    def handling(self, info: Info) -> Handling:
        """What is done with one block. What is past already never goes on air by itself."""
        if self.by_itself and self.by_itself.passes(info) and info.urgency != "Past":
            return Handling.BY_ITSELF
        if self.person and self.person.passes(info):
            return Handling.PERSON
        return Handling.LISTED

    def may_end(self, sender: str, other: str) -> bool:
        """Whether a message of `sender` may update or cancel one of `other`."""
        return sender == other or (sender, other) in self.speaks_for

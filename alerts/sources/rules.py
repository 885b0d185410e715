"""The rule of a source as it is stored and chosen: three thresholds in plain words, who signs, who may speak."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from alerts.cap.terms import CERTAINTY, SEVERITY, URGENCY
from alerts.cap.trust import GRAVE, NOTABLE, Threshold, Trust
from core.errors import N_, InvalidInput

THRESHOLDS = ("by_itself", "person")
SCALES: dict[str, tuple[str, ...]] = {"severity": SEVERITY, "urgency": URGENCY, "certainty": CERTAINTY}
UNKNOWN_AREAS = ("person", "list")
MOST_SENDERS = 200
_MOST_CHARS = 1_000


def written(trust: Trust) -> dict[str, Any]:
    """A rule as plain values for JSON."""
    return {
        "by_itself": _threshold(trust.by_itself),
        "person": _threshold(trust.person),
        "signed": trust.signed,
        "senders": sorted(trust.senders),
        "speaks_for": sorted(list(pair) for pair in trust.speaks_for),
    }


def _threshold(threshold: Threshold | None) -> dict[str, list[str]] | None:
    if threshold is None:
        return None
    return {name: [word for word in words if word in getattr(threshold, name)] for name, words in SCALES.items()}


def read(rule: Mapping[str, Any]) -> Trust:
    """A rule from JSON; what is left out is as usual (`Trust()`). Raises InvalidInput."""
    usual: dict[str, Threshold] = {"by_itself": GRAVE, "person": NOTABLE}
    thresholds = {name: _read_threshold(name, rule[name]) if name in rule else usual[name] for name in THRESHOLDS}
    senders = _words(rule.get("senders", ()))
    pairs = rule.get("speaks_for", ())
    if not isinstance(pairs, Sequence) or len(pairs) > MOST_SENDERS or any(len(_words(pair)) != 2 for pair in pairs):  # noqa: PLR2004
        raise InvalidInput(
            N_("Write who may speak for whom as two names, the one that speaks first."), fields={"speaks_for": "form"}
        )
    return Trust(
        **thresholds, signed=bool(rule.get("signed", False)), senders=frozenset(senders),
        speaks_for=frozenset((str(one), str(other)) for one, other in pairs),
    )  # fmt: skip


def _read_threshold(name: str, chosen: Any) -> Threshold | None:
    """A threshold with nothing chosen in one of its scales lets nothing through: None."""
    if chosen is None:
        return None
    if not isinstance(chosen, Mapping):
        raise InvalidInput(N_("A threshold lists words of severity, urgency and certainty."), fields={name: "form"})
    sets = {}
    for scale, words in SCALES.items():
        wanted = set(_words(chosen.get(scale, ())))
        if not wanted <= set(words):
            raise InvalidInput(
                N_("A threshold lists words of severity, urgency and certainty."), fields={name: "unknown"}
            )
        sets[scale] = frozenset(wanted)
    return Threshold(**sets) if all(sets.values()) else None


def _words(value: Any) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) > MOST_SENDERS:
        raise InvalidInput(N_("List at most %(limit)s senders."), fields={"senders": "form"}, limit=MOST_SENDERS)
    return [" ".join(str(each).split())[:_MOST_CHARS] for each in value]


Signal = Literal["siren", "chime", "none"]

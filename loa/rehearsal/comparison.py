"""At the end: the server's reports and outcomes held against the stations' own logs, item by item."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from loa.rehearsal.post import Said
from loa.rehearsal.tally import Tally
from loa.rehearsal.witness import Log, Witness

if TYPE_CHECKING:
    from core.wire import Report
    from loa.rehearsal.receiver import Receiver

_TOLERANCE = 0.6
_WHOLE = 0.5


class _Row(NamedTuple):
    """A report as the server has it."""

    id: str
    airing: str
    item: int
    outcome: str
    reason: str | None
    seconds: float


def compare(receivers: Iterable["Receiver"], witness: Witness, said: Said) -> Tally:
    """Accuse where server and station disagree; count what became of each item."""
    tally = Tally()
    for receiver in receivers:
        if receiver.store.outbox_size():
            witness.accuse(receiver.told(), "reports were never taken", str(receiver.store.outbox_size()))
        station = receiver.id
        log = witness.log_of(station)
        reports = _reports(station, log, witness, said)
        for key, report in log.by_item.items():
            _check_truth(station, log, key, report, witness)
        for airing, outcome, reason, seconds in said.outcomes.get(station, ()):
            rows = reports.get(airing, {})
            lengths = said.seconds[airing]
            tally.airings += 1
            if lengths is None:
                if (outcome, seconds) != ("missed", 0.0) or not reason or rows:
                    witness.accuse(station, f"the server says {outcome} ({reason}) of what it never signed", airing)
                tally.count("missed", reason)
                continue
            _check_outcome(station, airing, lengths, rows, (outcome, reason, seconds), witness)
            for index in range(len(lengths)):
                row = rows.get(index)
                tally.count(row and row.outcome, row and row.reason)
    return tally


def _reports(station: str, log: Log, witness: Witness, said: Said) -> dict[str, dict[int, _Row]]:
    """The server's reports of a station by airing, each once, equal to what the station wrote."""
    found: dict[str, dict[int, _Row]] = {}
    rows = [_Row(*each) for each in said.reports.get(station, ())]
    for row in rows:
        own = log.reports.get(row.id)
        if own is None or (own.airing, own.item, own.outcome, own.reason, own.seconds) != row[1:]:
            witness.accuse(station, "the server's report is not the station's", str(tuple(row)))
        if row.outcome != "refused":
            place = found.setdefault(row.airing, {})
            if row.item in place:
                witness.accuse(station, "an item is counted twice", f"{row.airing} {row.item}")
            place[row.item] = row
    # What a station tells of its former commune after it has moved is refused.
    if len(log.reports) != len(rows) and station not in said.moved:
        witness.accuse(station, f"the station made {len(log.reports)} reports, the server has {len(rows)}", "")
    return found


def _check_truth(station: str, log: Log, key: tuple[str, int], report: "Report", witness: Witness) -> None:
    """What a station reports is what was heard there: under this airing, or an earlier one of the occurrence."""
    heard = log.seconds.get(key, 0.0)
    if abs(report.seconds - heard) <= _TOLERANCE + log.lost_of.get(key, 0.0):
        return
    twins = [
        log.seconds[airing, key[1]]
        for (_, item), (airing, _) in log.heard.items()
        if item == key[1] and airing != key[0]
    ]
    if not heard and any(abs(report.seconds - twin) <= _TOLERANCE + log.lost for twin in twins):
        return
    what = f"reported as {report.outcome} for {report.seconds:.1f} s, and {heard:.1f} s were heard"
    witness.accuse(station, what, f"{key}")


def _check_outcome(
    station: str, airing: str, items: Sequence[float], reports: dict[int, _Row],
    kept: tuple[str, str | None, float], witness: Witness,
) -> None:  # fmt: skip
    """The server's outcome is what follows from the station's reports. `items` are the lengths of the airing's."""
    outcome, reason, seconds = kept
    heard = sum(row.seconds for row in reports.values() if row.outcome in {"played", "partial"})
    whole = sum(row.outcome == "played" for row in reports.values()) == len(items)
    nearly = heard >= sum(items) * 0.98 - 1 and not any(row.reason for row in reports.values())
    expected = "played" if whole or (nearly and heard > 0) else "partial" if heard > 0 else "missed"
    right = outcome == expected or (outcome == "refused" and expected == "missed")
    if not right or abs(heard - seconds) > _WHOLE or (outcome != "played" and not reason):
        what = f"the server says {outcome} ({reason}), {seconds:.1f} s; the station {expected}, {heard:.1f} s"
        witness.accuse(station, what, airing)

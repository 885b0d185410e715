"""Some stations of a rehearsal with all that is theirs: lots, time, witness, and what they see of the server.

Stations know nothing of each other, so a shard plays its epochs for itself.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.signing import Verifier
from core.wire import Ticket
from loa.rehearsal import comparison, misfortune, province
from loa.rehearsal.agenda import Agenda
from loa.rehearsal.misfortune import Lot
from loa.rehearsal.office import Office
from loa.rehearsal.post import Call, Letter, Said
from loa.rehearsal.receiver import Receiver
from loa.rehearsal.tally import Tally
from loa.rehearsal.wishes import START, Wishes
from loa.rehearsal.witness import Violation, Witness
from station.identity import Identity


@dataclass(frozen=True)
class Ledger:
    """What came of a shard. `traffic` is bytes by kind, one counter a station."""

    tally: Tally
    violations: list[Violation]
    violation_count: int
    traffic: list[Counter[str]]
    faults: Counter[str]
    events: int
    cpu_seconds: float = 0.0


class _Remembering(Verifier):
    """Checks each ticket once for all stations: a signature that is right is right everywhere."""

    def __init__(self, public_jwks: list[dict[str, Any]]) -> None:
        super().__init__(public_jwks)
        self._known: dict[str, Ticket] = {}

    def verify(self, token: str) -> Ticket:
        ticket = self._known.get(token)
        if ticket is None:
            ticket = self._known[token] = super().verify(token)
        return ticket


def part(wishes: Wishes, number: int, of: int) -> list[int]:
    """The stations of shard `number`: whole communes, for their stations hold the same tickets."""
    return [each for each in range(wishes.stations) if each % wishes.communes % of == number]


class Shard:
    """Plays the stations with these numbers."""

    def __init__(self, wishes: Wishes, numbers: Sequence[int], public_keys: list[dict[str, Any]]) -> None:
        self._wishes = wishes
        self._agenda = Agenda(START)
        self._witness = Witness(self._agenda, wishes.seed)
        self._office = Office(self._agenda, wishes, province.ZONE)
        self._verifier = _Remembering(public_keys)
        self._lots: list[Lot] = []
        for number in numbers:
            self._enter(number, public_keys)

    def _enter(self, number: int, public_keys: list[dict[str, Any]]) -> None:
        """Put a station into service and its lot on the agenda."""
        agenda, wishes = self._agenda, self._wishes
        start = agenda.seconds
        identity = Identity(
            server="http://localhost", station=province.station_id(number), token="-",  # noqa: S106 - nobody asks for it
            name=f"Cụm loa {number}",
            unit_path=["79", province.commune_code(number % wishes.communes)], server_keys=public_keys,
        )  # fmt: skip
        lot = misfortune.draw(wishes, number)
        receiver = Receiver(number, identity, lot, self._office, self._verifier, self._witness)
        self._office.receivers[receiver.id] = receiver
        self._lots.append(lot)
        agenda.at(start + wishes.chance("boot", number).uniform(0, 600), _switch_on, receiver)
        for begin, over in lot.offline:
            agenda.at(start + begin, _network, receiver, False)
            agenda.at(start + over, _network, receiver, True)
        for begin, over in lot.dark:
            agenda.at(start + begin, _power_fails, receiver)
            agenda.at(start + over, _switch_on, receiver)

    def play(self, letter: Letter) -> list[Call]:
        """Play up to the letter's end; what stations call in then."""
        self._office.answered({answer.station: answer for answer in letter.answers})
        for news in letter.news:
            self._agenda.run(news.at)
            self._witness.hears(news.withdrawn, news.run_out)
            self._office.hear(news)
        self._agenda.run(letter.until)
        return self._office.calls()

    def close(self, said: Said) -> Ledger:
        """Hold what the server has against what the stations did, and count."""
        receivers = list(self._office.receivers.values())
        for receiver in receivers:
            receiver.ends()
        tally = comparison.compare(receivers, self._witness, said)
        lots = self._lots
        faults = Counter(
            {
                "network outages": sum(len(lot.offline) for lot in lots),
                "power cuts": sum(len(lot.dark) for lot in lots),
                "odd clocks": sum(bool(lot.drift) for lot in lots),
                "slow links": sum(bool(lot.lossy) for lot in lots),
                "answers lost": self._office.answers_lost,
            }
        )
        return Ledger(
            tally, self._witness.violations, self._witness.count, [each.traffic for each in receivers], faults,
            self._agenda.events,
        )  # fmt: skip


def _switch_on(receiver: Receiver) -> None:
    if not receiver.has_power:
        receiver.switch_on()


def _power_fails(receiver: Receiver) -> None:
    if receiver.has_power:
        receiver.power_fails()


def _network(receiver: Receiver, there: bool) -> None:
    receiver.network(there=there)

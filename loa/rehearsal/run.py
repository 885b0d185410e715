"""A rehearsal from its wishes to its result."""

import gc
import math
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

from core import settings as installed
from core.files import write_atomically
from core.ids import drawn_from
from loa import installation
from loa.rehearsal import misfortune, province
from loa.rehearsal.agenda import Agenda
from loa.rehearsal.crew import Crew, crew
from loa.rehearsal.edits import People
from loa.rehearsal.headquarters import Headquarters, PerilousDatabase, key_from
from loa.rehearsal.inspection import Inspection
from loa.rehearsal.misfortune import DAY, WEEK
from loa.rehearsal.post import BEHIND, EPOCH
from loa.rehearsal.shard import Ledger
from loa.rehearsal.tally import Tally
from loa.rehearsal.wishes import START, Wishes
from loa.rehearsal.witness import Violation, Witness
from scheduler import keys

# After the last day everything is whole again; so long it takes at most until all is told: what may be played late is
# over after two hours, an alarm after one.
DUST_SETTLES = 4 * 3_600.0
# Reports come in up to three epochs after what they tell of; most of them are to be there when it is accounted for.
_GRACE_SECONDS = 1_200
_SERVER_AWAY = (30.0, 3_600.0)


@dataclass
class Result:
    """What came of a rehearsal. `traffic` is (least, median, most) bytes of a station, by kind and together.

    `cpu_seconds` is the processor time of all its processes together.
    """

    wishes: Wishes
    tally: Tally
    violations: list[Violation]
    violation_count: int
    traffic: dict[str, tuple[float, float, float]]
    edits: Counter[str]
    refused_edits: Counter[str]
    faults: dict[str, int]
    events: int
    seconds: float
    cpu_seconds: float = 0.0


def rehearse(wishes: Wishes, tell: Callable[[float], object] | None = None, *, processes: int = 1) -> Result:
    """Play it all through, the stations in so many processes beside that of the server, or (1) in the same one.

    The number changes nothing but the time it takes.

    `tell` hears now and then which share of the time (0 to 1) is over. Raises EngineFailed if a process dies.
    """
    began, cpu = perf_counter(), process_time()
    # Millions of objects that live to the end: to look through them again and again would take half of the time.
    usual = gc.get_threshold()
    gc.set_threshold(200_000, 20, 1_000)
    try:
        with tempfile.TemporaryDirectory(prefix="loa-rehearsal-") as folder:
            result = _rehearse(wishes, Path(folder), tell, processes)
    finally:
        gc.set_threshold(*usual)
    result.seconds = perf_counter() - began
    result.cpu_seconds += process_time() - cpu
    return result


def _rehearse(wishes: Wishes, home: Path, tell: Callable[[float], object] | None, processes: int) -> Result:
    agenda = Agenda(START)
    chance = wishes.chance("ids")
    with drawn_from(lambda: (int(agenda.seconds * 1_000), chance.getrandbits(55))):
        settings = installed.load(
            home, gtts_enabled=False, zone=province.ZONE, database_url="", report_grace_seconds=_GRACE_SECONDS
        )
        write_atomically(settings.keys / "signing.jwk", key_from(wishes), mode=0o600)
        with crew(wishes, keys.public_keys(settings), processes) as stations:
            installation.prepare(settings).dispose()
            database = PerilousDatabase(settings.url)
            try:
                with database.write() as session:
                    province.settle(session, wishes)
                witness = Witness(agenda, wishes.seed)
                inspection = Inspection(witness)
                headquarters = Headquarters(
                    agenda, wishes, settings, database, keys.signer(settings), inspection.after_a_change
                )
                people = People(headquarters, inspection.moved.add)
                people.enter(wishes)
                _server_faults(wishes, headquarters, people)
                headquarters.roll()
                headquarters.beat()
                _every_midnight(wishes, headquarters)
                _play(wishes, headquarters, stations, tell)
                headquarters.account()
                ledgers = stations.close(inspection.at_the_end(headquarters))
            finally:
                database.dispose()
    return _result(wishes, agenda, people, witness, ledgers)


def _play(wishes: Wishes, headquarters: Headquarters, stations: Crew, tell: Callable[[float], object] | None) -> None:
    """Server and stations, each an epoch after the other (see `post`)."""
    agenda = headquarters.agenda
    begin = agenda.seconds
    epochs = math.ceil((wishes.days * DAY + DUST_SETTLES) / EPOCH)
    for number in range(epochs + BEHIND):
        answers = headquarters.take(stations.calls()) if number >= BEHIND else []
        if number < epochs:
            until = begin + (number + 1) * EPOCH
            agenda.run(until)
            stations.send(headquarters.letter(until, answers))
        if tell is not None and not number % 12:
            tell(number / epochs)


def _server_faults(wishes: Wishes, headquarters: Headquarters, people: People) -> None:
    agenda, chance = headquarters.agenda, wishes.chance("server")
    start, end = agenda.seconds, wishes.days * DAY
    expected = wishes.often("server") * end / WEEK
    away = [(at, min(at + chance.uniform(*_SERVER_AWAY), end)) for at in misfortune.times(chance, expected, end)]
    for begin, over in misfortune.merged(away):
        agenda.at(start + begin, headquarters.web_goes)
        agenda.at(start + over, headquarters.web_comes)
    for at in misfortune.times(chance, expected, end):
        agenda.at(start + at, _kill_worker, wishes, headquarters, people, at)


def _kill_worker(wishes: Wishes, headquarters: Headquarters, people: People, at: float) -> None:
    """Something is changed, and in the midst of planning it the worker dies: before its first commit, or its second."""
    chance = wishes.chance("kill", at)
    people.act(chance)
    if headquarters.worker_is_up:
        headquarters.database.fuse = chance.randrange(3)
        headquarters.roll()
        if headquarters.worker_is_up:
            headquarters.kill_worker()


def _every_midnight(wishes: Wishes, headquarters: Headquarters) -> None:
    """With each UTC day the plans reach a day further; the planner looks at everything once a day."""
    agenda = headquarters.agenda
    first = (agenda.seconds // DAY + 1) * DAY + 5
    for day in range(wishes.days + 1):
        agenda.at(first + day * DAY, headquarters.roll)


def _result(wishes: Wishes, agenda: Agenda, people: People, witness: Witness, ledgers: Sequence[Ledger]) -> Result:
    """All that the shards and the server have come to, in an order that does not depend on who told it."""
    tally = Tally()
    for ledger in ledgers:
        tally.add(ledger.tally)
    every = [each for ledger in ledgers for each in ledger.traffic]
    kinds = sorted({kind for each in every for kind in each})
    traffic = {kind: spread(each[kind] for each in every) for kind in kinds}
    traffic["together"] = spread(each.total() for each in every)
    faults = {name: sum(ledger.faults[name] for ledger in ledgers) for name in ledgers[0].faults}
    faults["times the broadcaster was away"] = len(misfortune.broadcaster(wishes))
    violations = sorted(
        [*witness.violations, *(each for ledger in ledgers for each in ledger.violations)],
        key=lambda each: (each.at, each.station, each.what, each.planned),
    )
    return Result(
        wishes, tally, violations, witness.count + sum(each.violation_count for each in ledgers), traffic, people.done,
        people.refused, faults, agenda.events + sum(ledger.events for ledger in ledgers), 0.0,
        sum(ledger.cpu_seconds for ledger in ledgers),
    )  # fmt: skip


def spread(values: Iterable[float]) -> tuple[float, float, float]:
    """Least, median and most."""
    ordered = sorted(values)
    return ordered[0], ordered[len(ordered) // 2], ordered[-1]

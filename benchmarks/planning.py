"""A province's week: 300 communes with 14 slots a week, from slots to signed airings to every station's plan."""

import json
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from benchmarks import _province
from core.clock import utc_now
from core.signing import Verifier
from registry import stations
from scheduler import keys, planning
from scheduler.plans import PlanBook

COMMUNES = 300
STATIONS_EACH = 17  # 5,100 stations


def run() -> dict[str, float]:
    """Seconds of each step, and planning as a multiple of the bare cost: signing the same tickets once more."""
    with tempfile.TemporaryDirectory() as folder:
        settings, database, _ = _province.installation(Path(folder))
        now = utc_now()
        _province.units(database, COMMUNES, STATIONS_EACH, now)
        _province.timetable(database, COMMUNES, now)
        signer = keys.signer(settings)

        begun = perf_counter()
        airings = planning.roll(database, settings, signer, now)
        planned = perf_counter() - begun
        begun = perf_counter()
        changed = planning.roll(database, settings, signer, now)
        unchanged = perf_counter() - begun
        begun = perf_counter()
        planning.roll(database, settings, signer, now, {"sl_00000a"})
        one = perf_counter() - begun
        assert changed == 0

        book = PlanBook()
        with database.read() as session:
            begun = perf_counter()
            book.load(session, now)
            loaded = perf_counter() - begun
            places = stations.places(session)
        begun = perf_counter()
        tags = {book.etag(place, settings.zone) for place in places}
        tagged = perf_counter() - begun
        begun = perf_counter()
        documents = [book.document(place, settings.zone, now).model_dump_json() for place in places]
        written = perf_counter() - begun
        assert len(tags) == len(documents) == COMMUNES * STATIONS_EACH

        verifier = Verifier(keys.public_keys(settings))
        tickets = [verifier.verify(token) for token in list(book.tickets.values())[:1_000]]
        begun = perf_counter()
        for ticket in tickets:
            signer.sign(ticket)
        bare = (perf_counter() - begun) / len(tickets) * airings
        database.dispose()
    return {
        "airings": airings,
        "stations": len(places),
        "from_nothing_seconds": round(planned, 2),
        "bare_signing_seconds": round(bare, 2),
        "ratio_to_bare_signing": round(planned / bare, 1),
        "nothing_changed_seconds": round(unchanged, 2),
        "one_slot_again_seconds": round(one, 3),
        "book_loaded_seconds": round(loaded, 2),
        "microseconds_a_plan_tag": round(tagged / len(places) * 1e6, 1),
        "microseconds_a_plan_document": round(written / len(places) * 1e6, 1),
    }


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=2)
    print()

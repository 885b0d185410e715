"""A province's week: 300 communes with 14 slots a week, from slots to signed airings to every station's plan."""

import json
import sys
import tempfile
from pathlib import Path
from time import process_time

from benchmarks import _province
from core.clock import utc_now
from core.signing import Verifier
from registry import stations
from scheduler import keys, planning
from scheduler.foresight import Foresight
from scheduler.plans import PlanBook

COMMUNES = 300
STATIONS_EACH = 17  # 5,100 stations


def run() -> dict[str, float]:
    """Seconds of processor time of each step, and planning as a multiple of signing the same tickets once more."""
    with tempfile.TemporaryDirectory() as folder:
        settings, database, _ = _province.installation(Path(folder))
        now = utc_now()
        _province.units(database, COMMUNES, STATIONS_EACH, now)
        _province.timetable(database, COMMUNES, now)
        signer = keys.signer(settings)

        foresight = Foresight()
        begun = process_time()
        airings = planning.roll(database, settings, signer, now, foresight=foresight)
        planned = process_time() - begun
        begun = process_time()
        changed = planning.roll(database, settings, signer, now)
        looked = process_time() - begun
        begun = process_time()
        changed += sum(planning.roll(database, settings, signer, now, foresight=foresight) for _ in range(10))
        unchanged = (process_time() - begun) / 10
        begun = process_time()
        planning.roll(database, settings, signer, now, {"sl_00000a"}, foresight)
        one = process_time() - begun
        assert changed == 0

        book = PlanBook()
        with database.read() as session:
            begun = process_time()
            book.load(session, now)
            loaded = process_time() - begun
            places = stations.places(session)
        begun = process_time()
        tags = {book.etag(place, settings.zone) for place in places}
        tagged = process_time() - begun
        begun = process_time()
        documents = [book.document(place, settings.zone, now).model_dump_json() for place in places]
        written = process_time() - begun
        assert len(tags) == len(documents) == COMMUNES * STATIONS_EACH

        verifier = Verifier(keys.public_keys(settings))
        tickets = [verifier.verify(token) for token in list(book.tickets.values())[:1_000]]
        begun = process_time()
        for ticket in tickets:
            signer.sign(ticket)
        bare = (process_time() - begun) / len(tickets) * airings
        database.dispose()
    return {
        "airings": airings,
        "stations": len(places),
        "from_nothing_seconds": round(planned, 2),
        "bare_signing_seconds": round(bare, 2),
        "ratio_to_bare_signing": round(planned / bare, 1),
        "nothing_changed_milliseconds": round(unchanged * 1_000, 1),
        "all_of_it_looked_at_again_seconds": round(looked, 2),
        "one_slot_again_seconds": round(one, 3),
        "book_loaded_seconds": round(loaded, 2),
        "microseconds_a_plan_tag": round(tagged / len(places) * 1e6, 1),
        "microseconds_a_plan_document": round(written / len(places) * 1e6, 1),
    }


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=2)
    print()

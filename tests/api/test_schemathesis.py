"""What the OpenAPI document says may be sent, and what it says may not, is sent to every call: none answers with a 500."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode
from sqlmodel import select
from village import NOW, Callers, Village

from audio.models import Clip
from scheduler import emergencies
from scheduler.models import Airing

pytestmark = pytest.mark.timeout(900)

EACH = 4  # cases of each kind (allowed, forbidden) for each operation and caller
SECONDS_TO_WAIT = {"wait": "0"}  # long polls answer at once


@pytest.fixture
def things(village: Village) -> dict[str, str]:
    """One of everything that a path can name, by the first word of the path."""
    bulletin, slot = village.on_timetable()
    village.roll()
    with village.database.write() as session:
        alarm = emergencies.Alarm(signal="none", audience=["unit:79.1"], text="Lũ lên!")
        made, _ = emergencies.raise_alarm(
            session, village.actor("root"), village.unit("commune_a"), alarm, signer=village.signer,
            default_zone="Asia/Ho_Chi_Minh", max_chars=1000, now=NOW,
        )  # fmt: skip
        clip = session.exec(select(Clip.id)).first()
        airing = session.exec(select(Airing.id)).first()
    return {
        "units": "79.1", "bulletins": bulletin, "clips": str(clip), "programmes": village.slots()[0].programme_id,
        "slots": slot, "emergencies": made.id, "stations": village.cast.stations["a1"], "airings": str(airing),
    }  # fmt: skip


def failures(app: Flask, headers: dict[str, str], things: dict[str, str], told: Callable[[Any], bool]) -> list[str]:
    """Every call of those `told` to send whose answer was the server's fault, or not JSON that says what is wrong."""
    document = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    found: list[str] = []
    called = 0
    for result in document.get_all_operations():
        operation = result.ok()
        if not told(operation):
            continue
        called += 1
        for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
            strategy = operation.as_strategy(generation_mode=mode)
            if strategy.is_empty:
                continue

            @settings(
                max_examples=EACH, derandomize=True, database=None, deadline=None,
                suppress_health_check=list(HealthCheck), phases=[Phase.generate],
            )  # fmt: skip
            @given(case=strategy, known=st.booleans())
            def send(case: Any, known: bool) -> None:
                place = case.path.strip("/").removeprefix("api/v1/").split("/")[0]
                if known and case.path_parameters and place in things:
                    name = next(iter(re.findall(r"{(\w+)}", case.path)))
                    case.path_parameters[name] = things[place]
                if isinstance(case.query, dict) and "wait" in case.query:
                    case.query.update(SECONDS_TO_WAIT)
                answer = case.call(headers={**headers, "Accept-Language": "en"})
                if answer.status_code >= 500:
                    found.append(
                        f"{answer.status_code} {case.method} {case.formatted_path} {case.query} {case.body!r}"[:400]
                    )

            send()
    assert called > 5
    return found


@pytest.mark.parametrize("who", ["root", "writer", "station"])
def test_no_call_that_the_document_allows_or_forbids_ends_in_a_500(
    app: Flask, callers: Callers, things: dict[str, str], who: str
):
    caller = callers.station("a1") if who == "station" else callers[who]
    kind = "station" if who == "station" else "person"

    def is_theirs(operation: Any) -> bool:
        names = {name for each in operation.definition.raw.get("security", []) for name in each}
        return not names or kind in names

    assert failures(app, caller.headers, things, is_theirs) == []

"""The script API of voices: what there is, and how a unit wants each language spoken."""

import pytest
from village import Callers

from audio.engines import roster as engines

SLOW = {"voices": ["piper", "gtts:vi"], "speed": 0.9, "pitch": -1.5, "preset": "speech-indoor", "twice": True}
USUAL = {"voices": [], "speed": 1.0, "pitch": 0.0, "preset": None, "twice": False}


def test_a_units_choice_is_put_listed_replaced_and_taken_back(callers: Callers):
    caller = callers["administrator"]
    assert caller.get("/units/79.1/voices").get_json() == {"items": [], "cursor": None}
    put = caller.put("/units/79.1/voices/VI", SLOW)
    assert (put.status_code, put.get_json()) == (200, {"language": "vi", **SLOW})
    assert caller.put("/units/79.1/voices/en-GB", {}).get_json() == {"language": "en-gb", **USUAL}
    assert caller.put("/units/79.1/voices/vi", {"speed": 2}).get_json() == {"language": "vi", **USUAL, "speed": 2.0}
    assert [each["language"] for each in callers["viewer"].get("/units/79.1/voices").get_json()["items"]] == [
        "en-gb",
        "vi",
    ]
    assert caller.call("DELETE", "/units/79.1/voices/vi").get_json() == {"language": "vi"}
    assert caller.call("DELETE", "/units/79.1/voices/vi").status_code == 404
    assert [each["language"] for each in caller.get("/units/79.1/voices").get_json()["items"]] == ["en-gb"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"voices": "gtts"}, {"voices": ["a b"]}, {"voices": ["x"] * 9 + ["y"] * 92}, {"speed": 3}, {"speed": "fast"},
        {"pitch": 1e999}, {"pitch": -7}, {"preset": "loud"}, [],
    ],
)  # fmt: skip
def test_what_nobody_can_speak_in_is_refused_with_a_sentence(callers: Callers, wrong):
    answer = callers["administrator"].put("/units/79.1/voices/vi", wrong)
    assert answer.status_code == 422
    assert answer.get_json()["error"]["message"]
    assert callers["administrator"].get("/units/79.1/voices").get_json()["items"] == []


def test_the_voices_of_the_installation_say_whether_they_answer(callers: Callers):
    engines._roster.cache_clear()
    found = {each["id"]: each for each in callers["viewer"].get("/voices").get_json()["items"]}
    assert found["espeak:vi"] == {
        "id": "espeak:vi", "engine": "espeak", "language": "vi", "title": "Vietnamese (Northern)", "answers": True,
        "why": "",
    }  # fmt: skip
    assert len(found) > 100
    assert callers.nobody.get("/voices").status_code == 401
    assert callers.station("a1").get("/voices").status_code in {401, 403}

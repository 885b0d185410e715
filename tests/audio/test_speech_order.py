"""Who speaks: the bulletin's own voice, the unit's order, the installation's; and whose answer is no speech."""

import threading
import time

import numpy as np
import pytest

from audio.deadline import Deadline
from audio.engines.base import Spoken, Voice
from audio.engines.espeak import EspeakEngine
from audio.engines.gtts import GttsEngine
from audio.engines.plausible import check_speech
from audio.engines.roster import Roster, answers_now
from core.errors import EngineFailed, NoSpace

TEXT = "Mời bà con ra nhà văn hóa họp."
RATE = 22_050


def tone(seconds: float, rate: int = RATE) -> np.ndarray:
    return (0.3 * np.sin(np.arange(round(seconds * rate)) / 20)).astype(np.float32)


class Said:
    """An engine with the voices `vi` and `en` that answers each phrase with what `answer` gives for it."""

    max_chars = 200

    def __init__(self, name="said", answer=lambda phrase: tone(len(phrase) * 0.06), rate=RATE) -> None:
        self.name, self.answer, self.rate = name, answer, rate
        self.asked: list[str] = []

    def voices(self, deadline):
        return [Voice(self.name, "vi", "vi"), Voice(self.name, "vi-two", "vi"), Voice(self.name, "en", "en")]

    def speak(self, phrases, voice, deadline):
        self.asked.append(voice.id)
        return Spoken(voice, self.rate, [self.answer(phrase) for phrase in phrases])

    def answers(self, deadline):
        return ""

    def broken(self, deadline):
        return []


def fails(_phrase):
    raise EngineFailed("not now")


def spoke(engines, wanted="", order=(), **more):
    speech = Roster(engines).speak(TEXT, "vi", wanted, Deadline(20), order, **more)
    return speech.spoken.voice.id, speech.degraded


def test_the_bulletins_voice_comes_first_then_the_units_order_then_the_installations():
    a, b = Said("a"), Said("b")
    espeak = EspeakEngine()
    assert spoke([a, b, espeak]) == ("a:vi", False)
    assert spoke([a, b, espeak], "", ["b:vi-two", "a"]) == ("b:vi-two", False)
    assert spoke([a, b, espeak], "espeak:vi", ["b"]) == ("espeak:vi", False)
    assert spoke([a, b, espeak], "b", ["a"]) == ("b:vi", False)
    assert spoke([a, b, espeak], "vi-two") == ("a:vi-two", False)
    roster = Roster([a, b, espeak])
    ids = [voice.id for _, voice in roster.candidates("vi", "b:en", Deadline(9), ["espeak", "b", "a:vi-two", "b"])]
    assert ids == ["b:en", "espeak:vi", "b:vi", "a:vi-two", "a:vi"]


def test_who_speaks_in_the_place_of_the_first_choice_is_degraded():
    bad, good, espeak = Said("bad", fails), Said("good"), EspeakEngine()
    assert spoke([bad, espeak]) == ("espeak:vi", True)
    assert spoke([good, bad, espeak], "bad:vi", ["good"]) == ("good:vi", True)
    assert spoke([good, bad, espeak], "", ["bad", "espeak"]) == ("espeak:vi", True)
    assert bad.asked == ["bad:vi", "bad:vi", "bad:vi"]
    assert spoke([good, espeak], "gone:vi", ["espeak"]) == ("espeak:vi", True)
    assert spoke([good, espeak], "good:gone", ["espeak"]) == ("good:vi", True)
    assert spoke([good, espeak], "", ["gone", "good"]) == ("good:vi", True)


def test_a_broken_voice_of_an_engine_is_followed_by_another_of_it():
    def answer(_phrase):
        if engine.asked[-1] == "said:vi-two":
            raise EngineFailed("damaged")
        return tone(3)

    engine = Said(answer=answer)
    assert spoke([engine, EspeakEngine()], "said:vi-two") == ("said:vi", True)


def test_with_the_first_choice_alone_nobody_stands_in():
    bad, espeak = Said("bad", fails), EspeakEngine()
    assert spoke([Said("good"), espeak], only_first=True) == ("good:vi", False)
    for wanted, order in (("bad", ()), ("", ("bad",)), ("gone:vi", ("espeak",)), ("espeak:gone", ())):
        with pytest.raises(EngineFailed):
            spoke([bad, espeak], wanted, order, only_first=True)


def test_the_first_choice_is_named_whether_or_not_it_answers():
    bad, espeak = Said("bad", fails), EspeakEngine()
    roster = Roster([bad, espeak])
    engine, voice = roster.first_choice("vi", "", Deadline(5))
    assert (engine, voice.id) == (bad, "bad:vi")
    assert not answers_now((engine, voice), Deadline(5))
    assert answers_now(roster.first_choice("vi", "", Deadline(5), ["espeak"]), Deadline(5))
    assert roster.first_choice("vi", "gone:vi", Deadline(5)) is None
    assert roster.first_choice("hmn", "", Deadline(5)) is None


NO_SPEECH = {
    "silence": lambda phrase: np.zeros(RATE * 3, np.float32),
    "nothing": lambda phrase: np.zeros(0, np.float32),
    "a click": lambda phrase: np.concatenate([tone(0.01), np.zeros(RATE * 3, np.float32)]),
    "a tenth": lambda phrase: tone(len(phrase) * 0.006),
    "no numbers": lambda phrase: np.full(RATE * 3, np.nan, np.float32),
    "one that is no number": lambda phrase: np.concatenate([tone(2), np.array([np.nan], np.float32)]),
    "infinite": lambda phrase: np.full(RATE * 3, np.inf, np.float32),
    "far too loud": lambda phrase: tone(3) * 1000,
    "without end": lambda phrase: tone(600),
    "in stereo": lambda phrase: np.stack([tone(3), tone(3)], axis=1),
    "no samples at all": lambda phrase: None,
    "a text": lambda phrase: "la la la",
}


@pytest.mark.parametrize("kind", NO_SPEECH)
def test_an_answer_that_is_no_speech_makes_the_next_engine_speak(kind):
    assert spoke([Said(answer=NO_SPEECH[kind]), EspeakEngine()]) == ("espeak:vi", True)


@pytest.mark.parametrize("rate", [0, -1, 1, 7_999, 96_000, 10**9])
def test_an_absurd_rate_makes_the_next_engine_speak(rate):
    assert spoke([Said(rate=rate), EspeakEngine()]) == ("espeak:vi", True)


def test_too_few_or_too_many_phrases_make_the_next_engine_speak():
    class Forgets(Said):
        def speak(self, phrases, voice, deadline):
            return Spoken(voice, self.rate, [tone(2)] * (len(phrases) + self.more))

    for more in (-1, 1):
        engine = Forgets()
        engine.more = more
        assert spoke([engine, EspeakEngine()]) == ("espeak:vi", True)


def test_a_bug_in_an_engine_makes_the_next_one_speak_but_a_full_disk_does_not():
    def bug(_phrase):
        raise KeyError("x")

    def full(_phrase):
        raise NoSpace("full")

    assert spoke([Said(answer=bug), EspeakEngine()]) == ("espeak:vi", True)
    with pytest.raises(NoSpace):
        spoke([Said(answer=full), EspeakEngine()])


def test_an_engine_that_cannot_name_its_voices_is_passed_over():
    class Mute(Said):
        def voices(self, deadline):
            raise EngineFailed("no list")

    assert spoke([Mute(), EspeakEngine()]) == ("espeak:vi", True)
    with pytest.raises(EngineFailed, match="no list"):
        spoke([Mute()])
    assert [each.voice.id for each in Roster([Mute(), Said("b")]).presence(Deadline(5))] == ["b:vi", "b:vi-two", "b:en"]


def test_who_comes_first_gets_no_more_than_leaves_enough_for_the_next():
    class Told(Said):
        def speak(self, phrases, voice, deadline):
            self.asked.append(deadline.remaining())
            raise EngineFailed("too slow")

    first, second = Told("first"), Told("second")
    speech = Roster([first, second, EspeakEngine()]).speak(TEXT, "vi", "", Deadline(100))
    assert (speech.spoken.voice.id, speech.degraded) == ("espeak:vi", True)
    assert 30 < first.asked[0] <= 60
    assert 30 < second.asked[0] <= 60


def test_when_patience_is_over_the_last_one_speaks_at_once():
    class Slow(Said):
        def speak(self, phrases, voice, deadline):
            self.asked.append(voice.id)
            time.sleep(deadline.remaining())
            deadline.check()

    slow, slower = Slow("slow"), Slow("slower")
    assert spoke([slow, slower, EspeakEngine()], patience_seconds=0.3) == ("espeak:vi", True)
    assert (slow.asked, slower.asked) == (["slow:vi"], [])


ODD = ["①②③ ꦲꦤꦕ", "Nghiêng nghiêng khuỷu khuỷu", "ﬁ ª ½", "สวัสดี ជំរាប 你好", "1.000.000", "kjhgf", "a", "…!"]


def test_what_espeak_says_of_odd_texts_counts_as_speech():
    engine = EspeakEngine()
    voice = next(voice for voice in engine.voices(Deadline(20)) if voice.language == "vi")
    check_speech(engine.speak(ODD, voice, Deadline(30)), ODD, "espeak-ng")


def test_gtts_that_answers_far_too_little_rests_and_the_next_one_speaks(service):
    service.behave = "short"
    engine = GttsEngine(url=service.url)
    long = "Kính mời toàn thể bà con trong thôn ra nhà văn hóa dự họp vào tối thứ bảy tuần này nhé bà con."
    both = Roster([engine, EspeakEngine()])
    assert both.speak(long, "vi", "", Deadline(20)).degraded
    assert both.speak(long, "vi", "", Deadline(20)).degraded
    assert len(service.asked) == 1


def test_presence_asks_once_a_minute_however_many_want_to_know():
    class Counted(Said):
        def answers(self, deadline):
            self.asked.append("answers")
            time.sleep(0.1)
            return "tired"

        def broken(self, deadline):
            return [(Voice(self.name, "vi-two", "vi"), "torn"), (Voice(self.name, "lost", ""), "unreadable")]

    clock, engine = [100.0], Counted()
    roster = Roster([engine], monotonic=lambda: clock[0])
    found: list = []
    threads = [threading.Thread(target=lambda: found.append(roster.presence(Deadline(5)))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert engine.asked == ["answers"]
    assert {(each.voice.name, each.why) for each in found[0]} == {
        ("vi", "tired"), ("vi-two", "tired"), ("en", "tired"), ("lost", "unreadable"),
    }  # fmt: skip
    assert found.count(found[0]) == 5
    clock[0] += 61
    roster.presence(Deadline(5))
    assert engine.asked == ["answers", "answers"]


def test_an_emergency_is_spoken_by_the_built_in_voice_at_once_and_says_that_there_is_a_better_one():
    good, espeak = Said("good"), EspeakEngine()
    assert spoke([good, espeak], at_once=True) == ("espeak:vi", True)
    assert spoke([good, espeak], "good:vi", ("good",), at_once=True) == ("espeak:vi", True)
    assert spoke([espeak], at_once=True) == ("espeak:vi", False)
    assert spoke([good, espeak], "espeak:vi", at_once=True) == ("espeak:vi", False)
    assert good.asked == []


def test_an_emergency_in_a_language_that_is_not_built_in_is_spoken_by_who_can():
    class Here(Said):
        def voices(self, deadline):
            return [Voice(self.name, "fr", "fr")]

    assert spoke([Said("good"), Here("here")], at_once=True) == ("good:vi", False)

"""Typed words as a time, told back as a sentence; and words for every rule there can be."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phrases_english import PHRASES as ENGLISH
from phrases_vietnamese import PHRASES as VIETNAMESE

from core.errors import InvalidInput
from scheduler.recurrence import occurrences, recurrence
from scheduler.wishes import Wish
from web.panel import air_choices, rrule_words
from web.panel.air_choices import Choice
from web.panel.when_reading import read_when

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)  # a Monday, ten in the morning
TODAY = date(2026, 11, 23)
PARTS = [("sang", "Buổi sáng"), ("chieu", "Buổi chiều")]


@dataclass
class Worded:
    starts: str
    rrule: str | None
    until: str | None
    exdates: tuple[str, ...]
    days: dict | None
    daypart: str | None
    after_minutes: int
    zone: str = ZONE.key
    daypart_name: str = ""
    rdates: tuple[str, ...] = ()


def sentences(choice, locale, today=TODAY):
    found = []
    for each in air_choices.times_of(choice, ZONE, NOW):
        name = dict(PARTS).get(each.daypart or "", "")
        found.append(rrule_words.when_in_words(Worded(**vars(each), daypart_name=name), locale, today=today))
    return "; ".join(found)


def told(text, locale):
    heard = read_when(text, TODAY, PARTS)
    choice = heard.choice
    said = "?" if choice is None else "soon" if choice.mode == "soon" else sentences(choice, locale)
    return said + (" | " + " ".join(heard.unknown) if heard.unknown else "")


def test_there_are_phrases_enough():
    assert len(VIETNAMESE) >= 80
    assert len(ENGLISH) >= 30


@pytest.mark.parametrize(("text", "sentence"), VIETNAMESE)
def test_a_vietnamese_phrase_is_understood(text, sentence):
    assert told(text, "vi") == sentence


@pytest.mark.parametrize(("text", "sentence"), ENGLISH)
def test_an_english_phrase_is_understood(text, sentence):
    assert told(text, "en") == sentence


@pytest.mark.parametrize(
    ("text", "sentence"), [row for row in VIETNAMESE if row[1] not in {"soon", "?"} and "|" not in row[1]]
)
def test_the_sentence_itself_is_understood_the_same(text, sentence):
    choice = read_when(text, TODAY, PARTS).choice
    if len(choice.times) > 1:
        pytest.skip("several times are told one after the other")
    again = read_when(sentence.replace("chỉ phát vào", "chỉ"), TODAY, PARTS)
    assert again.unknown == ()
    assert sentences(again.choice, "vi") == sentence


@given(st.text(max_size=400))
@settings(max_examples=150, deadline=None)
def test_no_text_at_all_breaks_the_reading(text):
    heard = read_when(text, TODAY, PARTS)
    if heard.choice is not None:
        form = air_choices.to_form(heard.choice)
        air_choices.put(form, heard.choice)
        assert form.get("when") == heard.choice.mode


JUMBLE = "mỗi ngày thứ hai 2 17h đến trừ 30/11 từ rằm tháng cuối tuần lần hết 5 giờ chiều , mai"
WORDS = st.lists(st.sampled_from(JUMBLE.split()), max_size=12)


@given(WORDS)
@settings(max_examples=200, deadline=None)
def test_what_is_understood_of_a_jumble_is_a_choice_that_the_form_can_hold(words):
    heard = read_when(" ".join(words), TODAY, PARTS)
    if heard.choice is None:
        return
    form = air_choices.to_form(heard.choice)
    try:
        again = air_choices.of_form(form)
    except InvalidInput:
        return
    assert again.mode == heard.choice.mode


# Words for rules

CLOCKS = st.sampled_from(["05:00", "17:00", "17:30", "06:15"])
DAYS = st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days)))
FIRST = st.dates(date(2026, 11, 23), date(2027, 3, 1))
CHOICES = st.builds(
    Choice, mode=st.just("repeat"), first=FIRST, times=st.tuples(CLOCKS),
    every=st.sampled_from(air_choices.EVERY), interval=st.integers(1, 4), days=DAYS,
    month_days=st.sets(st.sampled_from([1, 2, 15, 28, 31, -1]), min_size=1).map(lambda days: tuple(sorted(days))),
    nth=st.sampled_from(air_choices.NTHS), nth_day=st.integers(0, 6),
    lunar=st.sampled_from([(), ("1",), ("1", "15"), ("23/12",), ("-1",)]),
    holidays=st.sampled_from(["", "skip", "only"]),
    until=st.none() | st.dates(date(2027, 3, 2), date(2027, 12, 31)),
    skip=st.sampled_from([(), (date(2027, 1, 1),), (date(2026, 12, 25), date(2027, 1, 1))]),
)  # fmt: skip


def rule(choice):
    """What a choice does: everything that its slot would hold, with a daily rule in its weekly form."""
    (when,) = air_choices.times_of(choice, ZONE, NOW)
    return when


def instants(when):
    made = recurrence(when.starts, ZONE.key, when.rrule, exdates=when.exdates, until=when.until, days=when.days)
    begin = datetime.fromisoformat(when.starts).replace(tzinfo=ZONE) - timedelta(days=1)
    return list(islice(occurrences(made, begin, begin + timedelta(days=1_200)), 200))


@given(CHOICES, CHOICES)
@settings(max_examples=150, deadline=None)
def test_two_choices_read_the_same_just_when_they_are_the_same_rule(one, two):
    for locale in ("vi", "en"):
        assert (sentences(one, locale, None) == sentences(two, locale, None)) == (rule(one) == rule(two))


@given(CHOICES)
@settings(max_examples=60, deadline=None)
def test_the_same_choice_through_the_form_is_the_same_rule_and_the_same_sentence(choice):
    again = air_choices.of_form(air_choices.to_form(choice))
    assert rule(again) == rule(choice)
    assert sentences(again, "vi", None) == sentences(choice, "vi", None)


@given(CHOICES, CHOICES)
@settings(max_examples=40, deadline=None)
def test_rules_that_sound_at_other_instants_read_otherwise(one, two):
    if instants(rule(one)) != instants(rule(two)):
        assert sentences(one, "vi", None) != sentences(two, "vi", None)


NUMBERS = st.integers(1, 5)
PIECES = {
    "INTERVAL": NUMBERS, "COUNT": st.integers(1, 99),
    "BYMONTH": st.sampled_from(["1", "4,7", "12"]), "BYMONTHDAY": st.sampled_from(["1", "15,-1", "31"]),
    "BYYEARDAY": st.sampled_from(["1", "100,-1"]), "BYWEEKNO": st.sampled_from(["1", "20,53"]),
    "BYHOUR": st.sampled_from(["5", "5,17"]), "BYMINUTE": st.sampled_from(["0", "15,45"]),
    "BYSECOND": st.sampled_from(["0", "30"]), "BYSETPOS": st.sampled_from(["1", "-1", "2"]),
    "BYDAY": st.sampled_from(["MO", "MO,WE,FR", "SA,SU", "MO,TU,WE,TH,FR"]), "WKST": st.sampled_from(["SU", "MO"]),
}  # fmt: skip
RULES = st.builds(
    lambda frequency, parts: ";".join([f"FREQ={frequency}", *(f"{name}={value}" for name, value in parts.items())]),
    st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY"]),
    st.fixed_dictionaries({}, optional=PIECES),
)


@given(RULES, st.sampled_from(["vi", "en"]))
@settings(max_examples=300, deadline=None)
def test_every_rule_has_a_sentence_in_both_languages(text, locale):
    wish = Wish("pr", "2026-11-23T17:00", ["unit:1"], rrule=text, zone=ZONE.key)
    sentence = rrule_words.when_in_words(wish, locale)
    assert len(sentence) > 6
    assert "%" not in sentence
    assert "FREQ" not in sentence


@pytest.mark.parametrize(
    ("rule", "more", "sentence"),
    [
        (None, {}, "17:00, thứ Hai 23/11/2026"),
        ("FREQ=MONTHLY;BYDAY=2TU", {}, "mỗi tháng, thứ Ba lần thứ hai trong tháng, 17:00, từ 23/11/2026"),
        ("FREQ=MONTHLY;BYDAY=-2TU", {}, "mỗi tháng, thứ Ba lần thứ -2 trong tháng, 17:00, từ 23/11/2026"),
        ("FREQ=YEARLY;BYMONTH=9;BYMONTHDAY=2", {}, "mỗi năm, ngày 2, 17:00, trong tháng 9, từ 23/11/2026"),
        ("FREQ=DAILY;BYHOUR=5,17;BYMINUTE=0", {}, "mỗi ngày 05:00 và 17:00, từ 23/11/2026"),
        ("FREQ=DAILY", {"exdates": ("2026-12-25",)}, "mỗi ngày 17:00, từ 23/11/2026, không phát 25/12/2026"),
        ("FREQ=DAILY", {"rdates": ("2026-12-25T08:00",)}, "mỗi ngày 17:00, từ 23/11/2026, thêm 08:00 25/12/2026"),
        ("FREQ=DAILY;UNTIL=20261130", {}, "mỗi ngày 17:00, từ 23/11/2026, lặp lại đến 30/11/2026"),
    ],
)  # fmt: skip
def test_rules_of_scripts_read_naturally(rule, more, sentence):
    wish = Wish("pr", "2026-11-23T17:00", ["unit:1"], rrule=rule, zone=ZONE.key, **more)
    assert rrule_words.when_in_words(wish, "vi") == sentence


def test_so_many_times_on_lunar_days_end_with_the_day_of_the_last_one():
    choice = Choice(mode="repeat", times=("17:00",), lunar=("1", "15"), count=3)
    (when,) = air_choices.times_of(choice, ZONE, NOW)
    assert "COUNT" not in when.rrule
    assert len(instants(when)) == 3


def test_a_time_that_is_past_today_means_tomorrow():
    (when,) = air_choices.times_of(Choice(mode="time", times=("09:00",)), ZONE, NOW)
    assert when.starts == "2026-11-24T09:00"

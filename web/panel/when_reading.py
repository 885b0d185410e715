"""Typed words understood as a time: “mỗi ngày 17:00, trừ Chủ nhật, đến 30/11”, in Vietnamese or English. Pure.

The words are read from left to right as the longest phrases that are known, with or without accents; what was not
understood is handed back, so that nobody is misread in silence.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from web.panel.air_choices import Choice
from web.panel.when_acts import WEEK, State
from web.panel.when_phrases import PHRASES
from web.panel.when_vocabulary import ACCENTED, FILLERS

MAX_CHARS = 300
_MARKS = ' ,.;:!?()“”"–-'


@dataclass(frozen=True)
class Heard:
    """What was understood, and the words that were not, in order. `choice` is None where nothing at all was."""

    choice: Choice | None
    unknown: tuple[str, ...] = ()


def read_when(text: str, today: date, parts: Sequence[tuple[str, str]] = ()) -> Heard:
    """Understand `text` as typed on the day `today`; `parts` are the codes and names of its day parts."""
    words = _plain(text[:MAX_CHARS])
    state, unknown, place = State(today), [], 0
    named = [(re.compile(rf"(?:buoi )?{re.escape(_plain(name))}\b"), code) for code, name in parts if _plain(name)]
    while place < len(words):
        if words[place] in _MARKS:
            state.mode = "" if words[place] in ",;" and state.mode != "except" else state.mode
            place += 1
            continue
        step = _step(words, place, state) or _part(words, place, state, named)
        if step:
            place += step
            continue
        word = re.match(r"[^\s,;]+", words[place:])
        said = word[0] if word else words[place]
        if said.strip(".:!?()") not in FILLERS:
            unknown.append(said)
        place += len(said)
    _in_part(state, parts)
    choice = _settled(state)
    return Heard(choice, tuple(unknown))


def _plain(text: str) -> str:
    """Small letters without accents; white space as single spaces. As long as the text for common letters."""
    small = unicodedata.normalize("NFC", text.casefold())
    for accented, meant in ACCENTED:
        small = re.sub(accented, meant, small)
    small = unicodedata.normalize("NFD", small.replace("đ", "d"))
    return " ".join("".join(c for c in small if not unicodedata.combining(c)).split())


def _step(words: str, place: int, state: State) -> int:
    """Apply the first phrase that stands at `place`; how many letters it took, 0 where none does."""
    for pattern, act in PHRASES:
        found = pattern.match(words, place)
        if found is not None and act(state, found) is not False:
            return found.end() - place
    return 0


def _part(words: str, place: int, state: State, named: Sequence[tuple[re.Pattern[str], str]]) -> int:
    for pattern, code in named:
        found = pattern.match(words, place)
        if found is not None and not state.choice.times:
            state.put(part=code)
            return found.end() - place
    return 0


def _in_part(state: State, parts: Sequence[tuple[str, str]]) -> None:
    """“Sáng” alone, without an hour, is the part of the day of that name."""
    if state.half and not state.choice.times and not state.choice.part:
        code = next((code for code, name in parts if state.half in _plain(name).split()), "")
        if code:
            state.put(part=code)


def _settled(state: State) -> Choice | None:
    """The choice, once all is read: what was left out of a week is taken away, a count of days made an end."""
    choice = state.choice
    if state.soon and not (state.repeats or choice.times or choice.first):
        return Choice(mode="soon")
    if not (state.some or state.repeats):
        return None
    choice = _with_days(state, choice)
    if choice.every == "week" and not state.repeats:
        if len(choice.days) == 1 and choice.first is not None and choice.first.weekday() == choice.days[0]:
            choice = replace(choice, every="day", days=())
        elif len(choice.days) == 1 and choice.first is None:
            ahead = (choice.days[0] - state.today.weekday()) % WEEK
            choice = replace(choice, every="day", days=(), first=state.today + timedelta(days=ahead))
        else:
            state.repeats = True
    if not state.repeats:
        return replace(choice, mode="usual" if choice.part and not choice.times else "time", until=None)
    if state.count_next and choice.every == "day" and choice.interval == 1 and choice.count:
        first = choice.first or state.today
        choice = replace(choice, first=first, until=first + timedelta(days=choice.count - 1), count=None)
    return replace(choice, mode="repeat", part="" if choice.times else choice.part)


def _with_days(state: State, choice: Choice) -> Choice:
    """The days of a repetition, where some were left out or none were named."""
    if state.out:
        days = set(choice.days) if choice.every == "week" and choice.days else set(range(WEEK))
        choice = replace(choice, every="week", days=tuple(sorted(days - state.out)))
    if choice.every == "week" and not choice.days:
        choice = replace(choice, days=(state.today.weekday(),)) if choice.interval > 1 else replace(choice, every="day")
    if choice.every == "month" and not choice.month_days:
        choice = replace(choice, month_days=((choice.first or state.today).day,))
    return choice

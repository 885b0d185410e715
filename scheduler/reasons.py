"""The sentences of an explanation: one for each code, filled in with names, titles and instants."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.errors import N_

SENTENCES: dict[str, str] = {
    "alone": N_("Nothing else is to sound there at that instant."),
    "emergency": N_("It is an emergency: it goes over everything else."),
    "later_emergency": N_("It was issued later than the emergency “%(title)s”."),
    "live": N_("Somebody speaks live: that goes over every programme."),
    "priority": N_("It has priority, which goes before ordinary programmes."),
    "put_first": N_("It was put before “%(title)s”, which has the same priority, by %(by)s on %(when)s."),
    "put_after": N_("“%(title)s” was put before it by %(by)s on %(when)s."),
    "first": N_("It began before “%(title)s”, which has the same priority."),
    "resumed": N_("It was interrupted and goes on where it was cut."),
    "lifted": N_("It may break limits of the place (%(limits)s): %(reason)s"),
    "computed": N_("It lies beyond what is signed already: worked out from its slot as it stands now."),
    "not_planned_yet": N_("It is not planned yet: worked out from its slot as it stands now."),
    "exception": N_("This one occurrence was changed by %(by)s on %(when)s. %(reason)s"),
    "preempted": N_("“%(title)s” goes before it (%(priority)s)."),
    "waits": N_("It is played afterwards, as long as that is before %(until)s."),
    "joins": N_("It is joined where it will be by then."),
    "lost": N_("It was to begin while “%(title)s” sounded and may not begin late."),
    "covered": N_("“%(title)s” took its time; what was left of it is over."),
    "late": N_("Its time was over before it could begin."),
    "sounded": N_("It has sounded already and ended at %(ended)s."),
    "pause": N_("It pauses between two of its items."),
    "ahead": N_("Its next item has not begun yet."),
    "quiet_hours": N_("The station is quiet at that time of day (%(hours)s); only emergencies sound."),
    "hours": N_("The place allows no programmes at that time of day; only emergencies sound."),
    "weekdays": N_("The place allows no programmes on that day of the week; only emergencies sound."),
    "session_minutes": N_("With what sounds before it, the session would last longer than the place allows."),
    "sessions_a_day": N_("The place has as many sessions on that day as it allows; only emergencies sound."),
    "replaced": N_("A newer version took its place on %(when)s."),
    "withdrawn": N_("It was withdrawn on %(when)s by %(by)s: %(what)s."),
    "withdrawn_itself": N_("It was withdrawn on %(when)s: %(what)s."),
    "unsigned_rendering": N_("Its audio is not ready yet."),
    "unsigned_not_ready": N_("Its audio was not ready in time."),
    "unsigned_audio_failed": N_("Its audio could not be made."),
    "unsigned_nothing_approved": N_("Nothing in the programme is approved and valid then."),
    "unsigned_too_long": N_("It takes longer than there is room for."),
    "unsigned_quiet_hours": N_("It would fall into the quiet hours of the place."),
    "unsigned_hours": N_("It would fall outside the hours that the place allows."),
    "unsigned_weekdays": N_("The place allows no programmes on that day of the week."),
    "unsigned_session_minutes": N_("It would last longer than a session may there."),
    "unsigned_sessions_a_day": N_("The place has as many sessions on that day as it allows."),
    "unsigned_late": N_("It came too late to be signed."),
    "unsigned_slot_broken": N_("Its slot can't be planned: somebody must mend it."),
    "unsigned_not_planned": N_("Nobody was at work to plan it: the worker was away."),
    "unsigned_other": N_("It could not be signed (%(why)s)."),
    "never_planned": N_("It was never planned: the worker was not running, or the row has been cleared away."),
    "skipped": N_("This one occurrence was skipped by %(by)s on %(when)s. %(reason)s"),
    "moved": N_("This one occurrence was moved to %(to)s by %(by)s on %(when)s. %(reason)s"),
    "excluded": N_("This date is taken out of the slot."),
    "holiday": N_("It does not sound on holidays, and that day is %(holiday)s."),
    "no_holiday": N_("It sounds only on holidays, and that day is none."),
    "lunar": N_("It sounds only on certain days of the lunar calendar, and that day is %(lunar)s."),
    "no_window": N_("The day part “%(daypart)s” has no time on that day."),
    "ended": N_("The slot ended on %(when)s."),
    "slot_withdrawn": N_("The slot was taken off the timetable on %(when)s by %(by)s."),
    "other_languages": N_("It is the version for stations with other languages (%(languages)s)."),
    "not_for_it": N_("This station is not among those it is for."),
    "left_out_run_out": N_("“%(title)s” is left out: its validity has run out."),
    "left_out_not_yet_valid": N_("“%(title)s” is left out: it is not valid yet."),
    "left_out_not_approved": N_("“%(title)s” is left out: it is not approved."),
    "left_out_audio_failed": N_("“%(title)s” is left out: its audio could not be made."),
    "left_out_no_room": N_("“%(title)s” is left out: there was no room for it."),
    "left_out_other": N_("“%(title)s” is left out (%(why)s)."),
    "reported": N_("The station reported: %(outcome)s."),
    "reported_why": N_("The station reported: %(outcome)s, because %(why)s."),
    "not_reported": N_("The station has not reported on it yet."),
    "nothing": N_("Nothing is on the timetable of this station at that instant."),
    "all_lost": N_("All that wanted that instant was kept from it; see below."),
    "not_in_service": N_("The station is not in service."),
    "not_in_service_then": N_("The station was not in service then."),
}


@dataclass(frozen=True)
class Because:
    """One reason: a code of `SENTENCES`, and what its sentence is filled in with (instants as such)."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


def because(code: str, **params: Any) -> Because:
    """Raises KeyError for a code that has no sentence."""
    SENTENCES[code]
    return Because(code, params)


def said(reason: Because, translate: Callable[[str], str], when: Callable[[datetime], str]) -> str:
    """The sentence, in the language of `translate`, with instants as `when` writes them."""
    filled = {
        name: when(value) if isinstance(value, datetime) else _in_words(name, value, translate)
        for name, value in reason.params.items()
    }
    text = translate(SENTENCES[reason.code])
    return (text % filled if filled else text).strip()


def _in_words(name: str, value: Any, translate: Callable[[str], str]) -> Any:
    if isinstance(value, tuple):
        return ", ".join(translate(each) for each in value)
    return translate(value) if name in _TRANSLATED else value


# Values that are themselves words of the catalogue.
_TRANSLATED = frozenset({"priority", "what", "outcome", "why"})
WORDS: dict[str, str] = {
    "ordinary": N_("Ordinary"), "priority": N_("Priority"), "emergency": N_("Emergency"), "played": N_("Played"),
    "partial": N_("Partly played"), "missed": N_("Missed"), "refused": N_("Refused by the station"),
    "offline": N_("the station was off line or said nothing"), "no_audio": N_("the audio had not reached the station"),
    "bad_audio": N_("the audio was damaged"), "bad_signature": N_("the signature was not right"),
    "not_for_me": N_("the airing was not for this station"), "quiet_hours": N_("it fell into the quiet hours"),
    "preempted": N_("something more urgent took over"), "withdrawn": N_("it was withdrawn"),
    "clock": N_("the station's clock was not right"), "power": N_("the station had no power"),
    "relay_down": N_("the relayed broadcast was down"), "late": N_("it came too late"),
    "player_error": N_("the player failed"), "slot_changed": N_("its slot was changed"),
    "slot_withdrawn": N_("its slot was taken off the timetable"), "stopped": N_("it was stopped"),
    "hours": N_("it fell outside the hours allowed for programmes"),
    "weekdays": N_("programmes are not allowed on that day of the week"),
    "session_minutes": N_("a session may not last that long"),
    "sessions_a_day": N_("no more sessions are allowed on that day"),
    "not_ready": N_("its audio was not ready in time"), "audio_failed": N_("its audio could not be made"),
    "nothing_approved": N_("nothing in the programme is approved and valid"),
    "too_long": N_("there was no room for any of it"), "not_planned": N_("nobody was at work to plan it"),
    "slot_broken": N_("its slot can't be planned"),
    "bulletin_withdrawn": N_("a bulletin in it was withdrawn"), "replaced": N_("a newer version took its place"),
}  # fmt: skip


LIMITS: dict[str, str] = {
    "quiet_hours": N_("the quiet hours"), "hours": N_("the hours allowed for programmes"),
    "weekdays": N_("the days allowed for programmes"), "session_minutes": N_("the length of a session"),
    "sessions_a_day": N_("the number of sessions a day"),
}  # fmt: skip


def limits(codes: Iterable[str]) -> tuple[str, ...]:
    """The words for limits, as keys of the message catalogue."""
    return tuple(LIMITS.get(code, code) for code in codes)


def word(code: str) -> str:
    """The word for a code, as a key of the message catalogue; the code itself where there is none."""
    return WORDS.get(code, code)

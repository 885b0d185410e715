"""What was done about where and when bulletins sound, as the history shows it."""

from core.errors import N_

AIR: dict[str, str] = {
    "act:bulletin.air_wish": N_("said where and when it shall sound"),
    "act:bulletin.arrange": N_("arranged where and when it sounds"),
    "act:bulletin.air_drop": N_("took a wish for the timetable back"),
    "act:bulletin.air_undo": N_("undid the sending"),
    "act:programme.append": N_("put a bulletin into the programme"),
    "act:programme.take_out": N_("took a bulletin out of the programme"),
}

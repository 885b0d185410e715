"""What the pages of merging and moving call the things that go over."""

from flask_babel import gettext

from core.errors import N_

COUNTS = {
    "stations": N_("Stations"), "units": N_("Units below"), "groups": N_("Groups of stations"),
    "grants": N_("Roles of people"), "invitations": N_("Invitations"), "deputies": N_("Deputies"),
    "bulletins": N_("Bulletins"), "clips": N_("Recordings and spoken texts"), "programmes": N_("Programmes"),
    "slots": N_("Slots on the timetable"), "day_parts": N_("Parts of the day"), "reservations": N_("Reserved times"),
    "orders": N_("Decisions which slot goes first"), "prepared": N_("Prepared messages"), "contacts": N_("Contacts"),
    "feedback": N_("What people wrote"), "words": N_("Words of the dictionary"), "voices": N_("Choices of voices"),
    "templates": N_("Templates"), "offers": N_("Offers"), "offer_rules": N_("Rules for offers"),
    "approval_rules": N_("Rules of approval"), "second_factor": N_("Rules for the second factor"),
    "offers_to_both": N_("Offers that went to both: decided about once"),
    "notes": N_("Bulletins somebody has begun to write"),
    "air_wishes": N_("Wishes where and when something shall sound"),
    "cap_sources": N_("Sources of alerts"), "drills": N_("Drills"), "emergencies": N_("Running emergencies"),
}  # fmt: skip
CLASHES = {
    "setting": N_("Setting"), "words": N_("Word"), "voices": N_("Voice"), "day_part": N_("Part of the day"),
    "second_factor": N_("Second factor"), "offer_rules": N_("Rule for offers"),
    "approval_rules": N_("Rule of approval"), "grants": N_("Role"), "templates": N_("Template"),
}  # fmt: skip
SETTINGS = {
    "zone": N_("Time zone"), "quiet_hours": N_("Quiet hours"), "max_volume": N_("Loudest volume"),
    "codec": N_("Audio for stations"), "quota_mb": N_("Storage"), "public_radio": N_("Internet radio"),
    "public_page": N_("Page for everybody"), "public_alerts": N_("Alerts for other systems"),
    "alarm_rule": N_("Confirming emergencies"), "limits": N_("Limits of programmes"),
    "two_persons": N_("Two different people approve"), "never_own": N_("Nobody approves their own"),
    "approval_lines": N_("Who approves what"),
}  # fmt: skip
RELOCATIONS: dict[str, str] = {
    "act:unit.move": N_("moved a unit"),
    "act:unit.merge": N_("merged a unit into another"),
    "act:unit.recode": N_("gave a unit another code"),
    "act:station.move": N_("moved a station"),
    "act:station.recode": N_("gave a station a code"),
}


def counted(counts: dict[str, int]) -> list[tuple[str, int]]:
    """What goes over, in the order in which people look for it."""
    return [(gettext(word), counts[kind]) for kind, word in COUNTS.items() if counts.get(kind)]


def clash(kind: str) -> str:
    return str(gettext(CLASHES.get(kind, N_("Setting"))))


def setting(name: str) -> str:
    """A setting by its name; what is no setting is called what it is called."""
    return gettext(SETTINGS[name]) if name in SETTINGS else name

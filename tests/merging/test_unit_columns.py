"""Every column that can name a unit has a rule for the day on which two units become one, or a reason why it needs none.

New columns are found by what they refer to, by their names, and by being JSON or a long text: whoever adds one says here,
or in a module `carrying`, what becomes of it.
"""

import pytest
from merging_lab import merge, texts_with
from sqlalchemy import JSON, Column
from village import Village

from alerts import relocating
from loa.tables import metadata
from playlists import notes, offers

_WORDS = "words, numbers or codes that name no unit"
_BY_ID = "ids of other rows, which go over themselves"
_OTHERS = "messages and answers of others, as they came"
# JSON columns in which no unit is named, and why.
WITHOUT_UNITS = {
    "audit_entry.detail": "the log is never rewritten: its chain of hashes would break",
    "station_batch.value": _WORDS, "station_batch.left_out": "ids of stations",
    "unit.quiet_hours": _WORDS, "unit.limits": _WORDS, "api_token.scope": _WORDS,
    "approval_rule.two_persons": _WORDS, "approval_rule.lines": "fields, priorities, roles and people",
    "cap_source.trust": _WORDS, "clip.dictionary": _WORDS, "clip.voices": _WORDS, "clip.warnings": _WORDS,
    "clip.error_params": _WORDS, "contact.kinds": _WORDS, "day_part.windows": _WORDS, "drill_plan.said": _WORDS,
    "second_factor_rule.roles": _WORDS, "station.languages": _WORDS, "station.pending_device": _OTHERS,
    "voice_choice.voices": _WORDS, "air_wish.reason_params": "a sentence that was said", "air_wish.slots": _BY_ID,
    "cap_alert.notes": _WORDS, "cap_alert.blocks": _WORDS, "cap_alert.emergencies": _BY_ID, "cap_alert.ends": _BY_ID,
    "emergency.said": _WORDS, "emergency.replaces": _BY_ID,
    "notice.data": "a message to people, as it was written", "offer_rule.fields": _WORDS,
    "programme_item.choices": _WORDS, "slot.exdates": _WORDS, "slot.rdates": _WORDS, "slot.days": _WORDS,
    "slot.lifted": _WORDS, "slot_exception.lifted": _WORDS, "station_command.value": _WORDS,
    "station_state.faults": _OTHERS, "station_state.standing": _BY_ID, "airing.items": _BY_ID, "airing.lifted": _WORDS,
    "airing.left_out": _BY_ID, "drill_run.said": _WORDS, "drill_run.airings": _BY_ID, "drill_run.figures": _WORDS,
    "emergency_report.counts": _WORDS, "drill_check.findings": _WORDS,
}  # fmt: skip
# Texts with such a name that hold no unit.
_CALLED = {"audience", "path", "unit_path", "merged_into", "stands_for", "subject", "bearer", "home"}
NO_UNIT = {
    "audit_entry.subject": "the log is never rewritten", "concern.subject": "a station, an airing or a clip",
    "trouble.subject": "a row that was set aside", "acknowledgement.subject": "a row that was set aside",
    "notice.subject": "the first line of a message",
    "drill_check.unit_name": "what it was called then", "emergency_line.unit_name": "what it was called then",
    "emergency_report.unit_name": "what it was called then", "emergency_report.units": "a number",
}  # fmt: skip


def _every() -> list[tuple[str, "Column[object]"]]:
    return [(f"{table.name}.{column.name}", column) for table in metadata.tables.values() for column in table.columns]


def _refers(name: str, column: "Column[object]") -> bool:
    keys = {key.target_fullname for key in column.foreign_keys}
    return "unit.id" in keys or "unit" in column.name or column.name in _CALLED or name.endswith("_target.name")


def test_every_column_that_names_a_unit_has_a_rule():
    naming = {name for name, column in _every() if _refers(name, column)}
    forgotten = naming - relocating.RULES.keys() - NO_UNIT.keys()
    assert not forgotten, f"say in a module `carrying` what becomes of {sorted(forgotten)} when two units merge"


def test_every_json_column_has_a_rule_or_is_told_to_name_no_unit():
    held = {name for name, column in _every() if isinstance(column.type, JSON)}
    forgotten = held - relocating.RULES.keys() - WITHOUT_UNITS.keys()
    assert not forgotten, f"say whether a unit can be named in {sorted(forgotten)}, and what becomes of it"


@pytest.mark.parametrize("told", [relocating.RULES, WITHOUT_UNITS, NO_UNIT], ids=["rules", "json", "texts"])
def test_nothing_is_told_of_a_column_that_is_not_there(told: dict[str, str]):
    assert told.keys() <= {name for name, _ in _every()}


def test_no_column_has_a_rule_and_a_reason_for_none():
    assert not relocating.RULES.keys() & (WITHOUT_UNITS.keys() | NO_UNIT.keys())
    known = {"moves", "joined", "rewritten", "carried", "stays"}
    assert set(relocating.RULES.values()) <= known


def test_only_history_names_the_former_commune_after_the_merger(village: Village):
    village.on_timetable(to=["unit:79.1"], rrule="FREQ=DAILY")
    village.roll()
    village.alarm("79.1")
    former, root = village.cast.units["commune_a"], village.actor("root")
    with village.database.write() as session:
        notes.keep(session, root, "new-abcdefgh", {"unit": former, "text": "Họp"}, now=village.clock())
    sent = village.bulletin("province")
    with village.database.write() as session:
        offers.offer(session, root, sent, [former, village.cast.units["commune_b"]], "", village.clock())
    before = texts_with(village.database, former)
    assert {"draft_note.fields", "offer_target.unit_id", "slot.audience", "station.unit_id"} <= before
    village.clock.advance(seconds=1)
    merge(village)
    history = {name for name, rule in relocating.RULES.items() if rule in {"stays", "carried"}}
    told = {name for name in (*WITHOUT_UNITS, *NO_UNIT) if name.startswith("audit_entry.")} | {"unit.id"}
    living = texts_with(village.database, former) - history - told
    assert not living

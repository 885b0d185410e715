"""Every call of the script API, made as each of the fixed cast and compared with a table: a new call needs a line."""

import pytest
from flask import Flask
from permission_rules import CAST, compared, letter, nothing_lasts, rule_of
from test_strangers import address, bodies, script_routes, things  # noqa: F401 - a fixture
from village import LONG_AGO, Callers, Village

from core.ids import new_id
from registry import people, secrets, tokens
from registry.models import Person
from registry.rights import Role, system_actor

WHERE = "tests/api/test_permission_table_api.py"
PLAYED_BY = {
    "editor": "editor", "writer": "writer", "approver": "approver", "technician": "operator",
    "administrator": "administrator", "stranger": "nobodys", "neighbour": "stranger", "nobody": None,
}  # fmt: skip
TABLE: dict[str, str] = {
    "approve_bulletin": "approve",
    "ask_renewal": "operate",
    "change_occurrence": "schedule",
    "command_station": "operate",
    "confirm_device": "operate",
    "confirm_emergency": "alarm",
    "create_bulletin": "write",
    "create_calendar": "see",
    "create_contact": "operate",
    "create_drill": "alarm",
    "create_drill_run": "schedule",
    "create_emergency": "alarm",
    "create_group": "operate",
    "create_live": "alarm",
    "create_offer": "approve",
    "take_offer": "approve",
    "decline_offer": "approve",
    "order_offer": "schedule",
    "remind_offer": "approve",
    "show_offer": "see",
    "list_offers": "signed_in",
    "create_order": "schedule",
    "create_person": "administer",
    "create_prepared": "alarm",
    "create_programme": "write_or_schedule",
    "create_reservation": "schedule",
    "create_slot": "schedule",
    "create_stations": "operate",
    "create_unit": "administer",
    "decline_emergency": "alarm",
    "edit_bulletin": "write",
    "edit_programme": "write_or_schedule",
    "edit_slot": "schedule",
    "edit_station": "operate",
    "end_drill": "alarm",
    "end_live": "alarm",
    "explain_station": "see",
    "hurry_slot": "schedule",
    "list_airings": "signed_in",
    "list_audit": "signed_in",
    "list_bulletins": "signed_in",
    "list_contacts": "operate",
    "list_dayparts": "see",
    "list_drill_checks": "see",
    "list_drill_runs": "signed_in",
    "list_drills": "signed_in",
    "list_emergencies": "signed_in",
    "list_emergency_stations": "see",
    "list_groups": "signed_in",
    "list_live": "signed_in",
    "list_occurrences": "see",
    "list_orders": "see",
    "list_pending": "signed_in",
    "list_people": "signed_in",
    "list_prepared": "signed_in",
    "list_programmes": "signed_in",
    "list_reports": "signed_in",
    "list_reservations": "see",
    "list_slots": "signed_in",
    "list_stations": "signed_in",
    "list_tokens": "signed_in",
    "list_unit_voices": "see",
    "list_units": "signed_in",
    "list_voices": "signed_in",
    "list_words": "see",
    "preview_slot": "schedule",
    "put_daypart": "schedule",
    "put_limits": "administer",
    "show_unit": "see",
    "move_unit": "above",
    "merge_unit": "above",
    "recode_unit": "administer",
    "move_station": "operate",
    "recode_station": "operate",
    "put_page": "administer",
    "put_quota": "above",
    "put_radio": "administer",
    "put_unit_voices": "administer",
    "put_word": "write",
    "refuse_device": "operate",
    "reject_bulletin": "approve",
    "remove_contact": "operate_unseen",
    "remove_daypart": "schedule",
    "remove_unit_voices": "administer",
    "remove_word": "write",
    "renew_code": "operate",
    "renew_drill": "alarm",
    "restore_occurrence": "schedule_absent",
    "retire_prepared": "alarm",
    "revoke_calendar": "see",
    "revoke_station": "operate",
    "revoke_token": "administer",
    "send_live": "speaker",
    "show_bulletin": "see",
    "show_drill_run": "see",
    "show_emergency": "see",
    "show_limits": "see",
    "show_live": "see",
    "show_page": "see",
    "show_pending": "see",
    "show_programme": "see",
    "show_radio": "see",
    "show_slot": "see",
    "show_station": "see",
    "show_statistics": "see",
    "show_storage": "see",
    "station_plan": "see",
    "station_week": "see",
    "stop_emergency": "alarm",
    "submit_bulletin": "write",
    "take_cap": "write_page",
    "test_contact": "operate_unseen",
    "unit_calendar": "see",
    "unit_week": "see",
    "withdraw_bulletin": "approve",
    "withdraw_order": "schedule",
    "withdraw_reservation": "schedule",
    "withdraw_slot": "schedule",
}


@pytest.fixture
def cast_tokens(village: Village) -> dict[str, str | None]:
    """A token for each of the cast."""
    with village.database.write() as session:
        people.create(
            session, system_actor(), username="editor", name="Biên Tập Tỉnh", unit=village.unit("province"),
            role=Role.APPROVER, now=LONG_AGO,
        )  # fmt: skip
        hashed = secrets.hash_password("x")
        session.add(
            Person(id=new_id("pe"), username="nobodys", name="Không Ai", password_hash=hashed, created_at=LONG_AGO)
        )
        session.flush()
        made = {name: tokens.new_token(session, name, "x", LONG_AGO) for name in ("editor", "nobodys")}
    made = {**village.cast.tokens, **made}
    return {who: made[name] if name else None for who, name in PLAYED_BY.items()}


@pytest.mark.timeout(900)
def test_every_call_of_the_interface_answers_each_of_the_cast_as_the_table_says(
    app: Flask,
    callers: Callers,
    village: Village,
    things: dict[str, str],  # noqa: F811
    cast_tokens: dict[str, str | None],
):
    found, good = {}, bodies(things, own=True)
    for method, path, endpoint in script_routes(app):
        if path.split("/")[1] in {"media", "clips"}:
            continue  # who may hear what has tests of its own
        with nothing_lasts(village.database):
            answers = ""
            for who in CAST:
                answer = callers.with_token(cast_tokens[who]).call(
                    method, address(path, things), json=good.get(endpoint)
                )
                answers += letter(answer.status_code)
                answer.close()
        found[endpoint] = rule_of(answers)
    wrong = compared(TABLE, found, WHERE)
    assert not wrong, "\n".join(wrong)

"""Every route of the panel, walked as each of the fixed cast and compared with a table: a new route needs a line."""

import pytest
from panel_lab import Browser
from permission_rules import CAST, RULES, compared, letter, nothing_lasts, rule_of
from test_panel_strangers import PUBLIC, routes_with_ids

from core.ids import new_id
from registry import people, secrets, units
from registry.models import Person
from registry.rights import Role, system_actor

WHERE = "tests/panel/test_permission_table_panel.py"
PLAYED_BY = {
    "writer": "owner", "approver": "approver", "technician": "operator", "administrator": "administrator",
    "neighbour": "strange-administrator",
}  # fmt: skip
ENDING = {"POST sign_out", "POST end_others"}
TABLE: dict[str, str] = {
    "GET account": "signed_in",
    "GET alert": "see",
    "GET alert_document": "absent",
    "GET audit": "administer_page",
    "GET audit_csv": "administer_page",
    "GET audit_lines": "administer_page",
    "GET approvals": "approve_page",
    "GET bulletin_offer": "see",
    "GET deputies": "approve_page",
    "GET offers": "signed_in",
    "GET unit_approval": "administer",
    "POST approval_approve": "approve",
    "POST approval_return": "approve",
    "POST approval_undo": "approve",
    "POST bulletin_offer": "approve",
    "POST deputies": "alarm_somewhere",
    "POST deputy_end": "deputised",
    "POST offer_decline": "approve",
    "POST offer_order": "schedule",
    "POST offer_remind": "approve",
    "POST offer_take": "approve",
    "POST offers_rule": "approve",
    "POST unit_approval": "administer",
    "GET bulletin": "see",
    "GET bulletin_air": "write_or_schedule",
    "GET bulletin_air_places": "write_or_schedule",
    "GET bulletin_air_points": "write_or_schedule",
    "GET bulletin_air_words": "write_or_schedule",
    "GET bulletin_edit": "write",
    "GET bulletin_new": "signed_in",
    "GET templates": "write_page",
    "GET template_new": "write_page",
    "GET template": "write",
    "GET bulletin_marks": "see",
    "GET bulletin_sound": "see",
    "GET bulletins": "signed_in",
    "GET calendar_feed": "secret",
    "GET choose_language": "anyone",
    "GET choose_theme": "secret",
    "GET clip_card": "see",
    "GET clip_events": "see",
    "GET clip_original": "absent",
    "GET clip_progress": "see",
    "GET clip_shape": "see",
    "GET clip_sound": "see",
    "GET drill_run": "see",
    "GET drill_run_csv": "see",
    "GET drills": "schedule_page",
    "GET emergencies": "alarm_page",
    "GET emergencies_fragment": "alarm_page",
    "GET emergency_board": "see",
    "GET emergency_board_fragment": "see",
    "GET emergency_csv": "see",
    "GET emergency_events": "see",
    "GET emergency_pending": "alarm",
    "GET emergency_points": "alarm_page",
    "GET emergency_report": "see",
    "GET feedback": "signed_in",
    "GET feedback_note": "see",
    "GET group_new": "signed_in",
    "GET groups": "signed_in",
    "GET live": "alarm_page",
    "GET live_fragment": "alarm_page",
    "GET live_show": "see",
    "GET log": "signed_in",
    "GET log_entry": "see",
    "GET on_air": "signed_in",
    "GET on_air_detail": "absent",
    "GET on_air_detail_fragment": "absent",
    "GET on_air_events": "signed_in",
    "GET on_air_fragment": "signed_in",
    "GET password": "signed_in",
    "GET people": "administer_page",
    "GET people_invite": "administer_page",
    "GET people_rights": "administer_page",
    "GET person": "administer",
    "GET person_new": "administer_page",
    "GET prepared": "alarm_page",
    "GET programme": "see",
    "GET programme_edit": "see",
    "GET programme_new": "signed_in",
    "GET programmes": "signed_in",
    "GET reports": "signed_in",
    "GET reports_book": "absent",
    "GET second_factor": "signed_in",
    "GET sign_in": "anyone",
    "GET sign_in_code": "signed_in",
    "GET slot": "see",
    "GET slot_card": "see",
    "GET slot_edit": "schedule",
    "GET slot_move": "schedule",
    "GET slot_new": "signed_in",
    "GET slot_occurrence": "schedule",
    "GET slots": "signed_in",
    "GET source": "alarm",
    "GET source_edit": "alarm",
    "GET source_new": "alarm_page",
    "GET sources": "alarm_page",
    "GET station": "see",
    "GET enrol": "anyone",
    "GET station_batch": "see",
    "GET station_batch_fragment": "see",
    "GET station_device": "operate",
    "GET station_edit": "operate",
    "GET station_explain": "see",
    "GET station_import": "operate_page",
    "GET station_map": "signed_in",
    "GET station_new": "signed_in",
    "GET station_orders": "see",
    "GET station_points": "signed_in",
    "GET station_table": "signed_in",
    "GET station_week": "see",
    "GET stations": "signed_in",
    "GET system": "administer_page",
    "GET time_daypart": "schedule_absent",
    "GET time_daypart_new": "schedule",
    "GET time_unit": "see",
    "GET times": "has_role",
    "GET today": "signed_in",
    "GET token_new": "signed_in",
    "GET told": "signed_in",
    "GET told_unit": "operate",
    "GET unit_names": "signed_in",
    "GET unit_new": "administer_page",
    "GET unit_settings": "administer",
    "GET unit_words": "write",
    "GET units": "administer_page",
    "GET voice_form": "write",
    "GET voice_unit": "write",
    "GET voices": "write_page",
    "GET unit_week_copy": "schedule",
    "GET week": "signed_in",
    "GET week_open": "see",
    "GET welcome": "secret",
    "GET withdrawal": "absent",
    "GET withdrawal_fragment": "absent",
    "GET withdrawals": "signed_in",
    "GET withdrawals_fragment": "signed_in",
    "GET words": "write_page",
    "GET clip_original_mp3": "absent",
    "POST alert_air": "alarm",
    "POST alert_decline": "alarm",
    "POST alert_look": "alarm",
    "POST audit_check": "installation",
    "POST bulletin_air": "write_or_schedule",
    "POST bulletin_air_carry": "schedule",
    "POST bulletin_air_drop": "absent",
    "POST bulletin_air_look": "write_or_schedule",
    "POST bulletin_air_undo": "absent",
    "POST bulletin_approve": "approve",
    "POST bulletin_edit": "write",
    "POST bulletin_new": "write",
    "POST template_restore": "write",
    "POST template_remove": "write",
    "POST template_new": "write_form",
    "POST template": "write",
    "POST bulletin_typed": "write",
    "POST bulletin_say": "write",
    "POST bulletin_new_typed": "write_page",
    "POST bulletin_new_forget": "write_page",
    "POST bulletin_forget": "write",
    "POST bulletin_reject": "approve",
    "POST bulletin_submit": "write",
    "POST bulletin_withdraw": "approve",
    "POST clip_cancel": "write",
    "POST clip_new": "signed_in",
    "POST contact_remove": "operate_unseen",
    "POST contact_test": "operate_unseen",
    "POST drill_end": "schedule",
    "POST drill_now": "absent",
    "POST drill_renew": "schedule",
    "POST drills": "schedule_page",
    "POST emergencies": "alarm_somewhere",
    "POST emergency_confirm": "another_person",
    "POST emergency_decline": "alarm",
    "POST emergency_stop": "alarm",
    "POST end_others": "door_out",
    "POST feedback_bulletin": "write",
    "POST feedback_close": "write",
    "POST feedback_note": "write",
    "POST feedback_reopen": "write",
    "POST group_new": "operate",
    "POST invitation_revoke": "administer",
    "POST live_begin": "alarm_somewhere",
    "POST live_end": "alarm",
    "POST live_sound": "speaker_form",
    "POST live_stop": "alarm",
    "POST password": "signed_in",
    "POST people_invite": "administer_form",
    "POST person_grant": "administer",
    "POST person_new": "administer_form",
    "POST person_password": "administer",
    "POST person_password_link": "administer",
    "POST person_reset_factor": "administer_absent",
    "POST person_revoke": "administer",
    "POST prepared": "alarm_somewhere",
    "POST prepared_retire": "alarm",
    "POST programme_edit": "write_or_schedule",
    "POST programme_new": "write_or_schedule",
    "POST second_factor": "signed_in",
    "POST second_factor_codes": "absent",
    "POST second_factor_off": "absent",
    "POST session_end": "owner",
    "POST sign_in": "door",
    "POST sign_in_code": "signed_in",
    "POST sign_out": "door_out",
    "POST slot_edit": "schedule",
    "POST slot_hurry": "schedule",
    "POST slot_new": "schedule",
    "POST slot_move": "schedule",
    "POST slot_occurrence": "schedule",
    "POST slot_restore": "see",
    "POST slot_withdraw": "schedule",
    "POST source_edit": "alarm",
    "POST source_new": "alarm_somewhere",
    "POST source_switch": "alarm",
    "POST station_code": "operate",
    "POST station_confirm": "operate",
    "POST station_edit": "operate",
    "POST station_import": "operate_form",
    "POST station_labels": "operate_page",
    "POST station_many": "operate_page",
    "POST station_new": "operate",
    "POST station_order": "operate",
    "POST station_refuse": "operate",
    "POST station_renew": "operate",
    "POST station_revoke": "operate",
    "POST time_daypart": "schedule_absent",
    "POST time_daypart_new": "schedule",
    "POST time_daypart_remove": "schedule_absent",
    "POST time_give_back": "absent",
    "POST time_reserve": "schedule",
    "POST token_new": "signed_in",
    "POST token_revoke": "owner_or_above",
    "POST told_unit": "operate",
    "POST unit_alarms": "administer",
    "POST unit_alerts": "administer",
    "POST unit_calendar_code": "see",
    "POST unit_calendar_revoke": "see",
    "POST unit_factor_rule": "administer",
    "POST unit_limits": "administer",
    "GET unit_move": "above",
    "POST unit_move": "above",
    "GET unit_merge": "above",
    "POST unit_merge": "above",
    "GET unit_recode": "administer",
    "POST unit_recode": "administer",
    "GET station_move": "operate",
    "POST station_move": "operate",
    "POST station_recode": "operate",
    "POST unit_new": "administer_form",
    "POST timetable_undo": "own",
    "POST unit_order": "schedule_absent",
    "POST unit_week_copy": "schedule",
    "POST unit_order_back": "absent",
    "POST unit_page": "administer",
    "POST unit_quota": "above",
    "POST unit_radio": "administer",
    "POST unit_settings": "administer",
    "POST unit_words": "write",
    "POST voice_form": "administer",
    "POST voice_remove": "administer_absent",
    "POST welcome": "secret",
    "POST word_remove": "write_absent",
}


@pytest.fixture
def cast(app, home, database, clock):
    """A browser for each of the cast, signed in."""
    with database.write() as session:
        province = units.find(session, system_actor(), "75")
        editor, _ = people.create(
            session,
            system_actor(),
            username="editor",
            name="Biên Tập Tỉnh",
            unit=province,
            role=Role.APPROVER,
            now=clock(),
        )
        stranger = Person(
            id=new_id("pe"),
            username="nobodys",
            name="Không Ai",
            password_hash=secrets.hash_password("x"),
            created_at=clock(),
        )
        session.add(stranger)
        home.people["editor"], home.people["nobodys"] = editor.id, stranger.id
    names = {**PLAYED_BY, "editor": "editor", "stranger": "nobodys", "nobody": None}
    browsers = {who: Browser(app, home, names[who]) for who in CAST}
    browsers["nobody"].token_of("/sign-in")
    return browsers


def filled(home):
    """A form that is good for many buttons: things of the commune in every field that names some."""
    unit = home.units["75.1"]
    return {
        "title": "x", "text": "xin chào bà con", "reason": "x", "unit": unit, "role": "viewer", "do": "stop", "hours": "none",
        "quota_mb": "1", "speed": "1.2", "item-0-kind": "bulletin", "item-0-bulletin": home.bulletin, "step": "save",
        "name": "x", "code": "75.1.7", "username": "moi.toanh", "parent": unit, "for": f"unit:{unit}", "sure": "1",
        "field": "general", "priority": "ordinary", "programme": home.programme, "date": "2026-12-24", "time": "09:00",
        "kind": "flood", "bulletin": home.bulletin, "language": "vi",
    }  # fmt: skip


def routes(app, home, method):
    """Every route of the panel: `METHOD endpoint` and a path to one of our commune's things."""
    found = dict(routes_with_ids(app, home, method))
    for rule in app.url_map.iter_rules():
        if method in rule.methods and rule.endpoint.startswith("panel."):
            if rule.endpoint in PUBLIC:
                with app.test_request_context():
                    values = {each: "en" if each == "code" else "x" for each in rule.arguments}
                    found[rule.endpoint] = app.url_for(rule.endpoint, **values)
            elif not rule.arguments:
                found[rule.endpoint] = rule.rule
    return {f"{method} {endpoint.removeprefix('panel.')}": path for endpoint, path in found.items()}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_route_of_the_panel_answers_each_of_the_cast_as_the_table_says(
    app, cast, home, played, alarm, database, method
):
    found = {}
    for name, path in routes(app, home, method).items():
        form = filled(home)
        with nothing_lasts(database):
            answers = ""
            for who in CAST:
                # Signing out and the like would end the session of the cast; these have tests of their own.
                browser = Browser(app, home, None) if name in ENDING else cast[who]
                answer = browser.get(path) if method == "GET" else browser.post(path, form)
                answers += letter(answer.status_code, answer.headers.get("Location", ""))
                answer.close()
        found[name] = rule_of(answers)
    wrong = compared({name: rule for name, rule in TABLE.items() if name.startswith(method)}, found, WHERE)
    assert not wrong, "\n".join(wrong)


def test_the_rules_tell_the_cast_apart():
    assert len({*RULES.values()}) >= 20  # some answer alike today, such as approve and alarm
    assert all(len(row) == len(CAST) for row in RULES.values())

"""What ends or removes something asks first, asks for a reason or a name, or can be taken back."""

import re
from pathlib import Path

TEMPLATES = sorted((Path(__file__).parents[2] / "web/templates/panel").glob("*.html"))
ENDS = re.compile(
    r"(withdraw|stop|revoke|remove|retire|delete|cancel|(?<!e)merge(?=_|$)|refuse|reject|(?:^|_)end(?:_|$)|_off$|reset|close|decline|recode|restart)"
)
FORM = re.compile(
    r"<form[^>]*?method=\"post\"(?:[^<>]|\{\{.*?\}\}|\{%.*?%\})*>|\{\{ ui\.button\(.*?\)\s*\}\}", re.DOTALL
)
# Acts without a question, and why there is none.
WITHOUT_QUESTION = {
    "alert_decline": "has a field for the reason, and the alert can still be put on air",
    "bulletin_reject": "asks for the reason",
    "emergency_decline": "asks for the reason",
    "feedback_close": "can be opened again",
    "offer_decline": "asks for the reason",
    "second_factor_off": "asks for password and code",
    "session_end": "one signs in again",
    "slot_move": "is itself the page that asks, and can be taken back",
    "station_recode": "is a form of its own with the former code beside it, which stays known",
    "template_remove": "can be taken back",
    "unit_merge": "asks for the name",
    "clip_cancel": "can be made again",
}  # fmt: skip


def acts():
    for file in TEMPLATES:
        for form in FORM.findall(file.read_text("utf-8")):
            found = re.search(r"url_for\(['\"]panel\.(\w+)", form)
            if found and ENDS.search(found[1]):
                asks = (
                    "data-confirm" in form
                    or "confirm=" in form
                    or (form.startswith("{{ ui.button") and form.count("_(") > 1)
                )
                yield file.name, found[1], asks


def test_every_act_that_ends_something_asks_first_or_says_why_it_need_not():
    assert [f"{file}: {name}" for file, name, asks in acts() if not asks and name not in WITHOUT_QUESTION] == []


def test_there_are_such_acts():
    found = list(acts())
    assert len(found) > 15
    assert sum(asks for _, _, asks in found) > 10

"""People who are called by phone: noted with a name and a number that can be dialled, and sent nothing."""

import pytest
from sqlmodel import select
from village import Village

from alerts import board_people
from core.errors import InvalidInput
from scheduler import contacts
from scheduler.concern_models import Contact


def noted(village: Village, unit: str = "hamlet_a1", **what) -> Contact:
    wanted = {"way": "phone", "address": "0912 345 678", "kinds": (), "name": "Trưởng thôn"} | what
    with village.database.write() as session:
        return contacts.add(
            session, village.actor("operator"), village.unit(unit), settings=village.settings, now=village.clock(),
            **wanted,
        )  # fmt: skip


@pytest.mark.parametrize("number", ["0912 345 678", "+84 (251) 3555-123", "113", "0251.355.5123"])
def test_a_number_is_kept_as_it_was_typed_and_dialled_by_its_digits(village: Village, number: str):
    made = noted(village, address=f"  {number} ")
    assert made.phone == made.address == number
    person = board_people.Person(made.name, made.phone, "x")
    assert person.dialled.lstrip("+").isdecimal()
    assert person.dialled.startswith("+") is number.startswith("+")


@pytest.mark.parametrize(
    ("what", "field"),
    [
        ({"address": "ring me"}, "address"), ({"address": "12"}, "address"), ({"address": "1" * 16}, "address"),
        ({"address": "09;12345"}, "address"), ({"address": "javascript:1"}, "address"), ({"name": " "}, "name"),
        ({"name": "x" * 121}, "name"), ({"address": "٠٩١٢٣٤٥"}, "address"),
    ],
)  # fmt: skip
def test_what_can_not_be_dialled_is_refused_beside_its_field(village: Village, what: dict, field: str):
    with pytest.raises(InvalidInput) as refused:
        noted(village, **what)
    assert set(refused.value.fields) == {field}


def test_who_is_sent_messages_may_have_a_phone_as_well(village: Village):
    made = noted(
        village, way="webhook", address="https://example.org/hook", kinds=("silent",), phone="0912 345 678", name="Trực"
    )
    assert (made.phone, made.kinds) == ("0912 345 678", ["silent"])


def test_nothing_is_sent_to_somebody_who_is_called(village: Village):
    made = noted(village)
    with village.database.write() as session, pytest.raises(InvalidInput):
        contacts.test(session, village.actor("operator"), made.id, village.clock())
    with village.database.read() as session:
        assert session.exec(select(Contact.kinds)).all() == [[]]

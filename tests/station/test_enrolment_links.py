"""What the picture on a label says, as a device reads it."""

import pytest

from core.errors import InvalidInput
from station.enrolment import read_link


@pytest.mark.parametrize(
    "link",
    [
        "https://loa.example.vn/enrol#K7QM-3XPD",
        "https://loa.example.vn/enrol#code=K7QM-3XPD",
        "https://loa.example.vn/enrol?code=K7QM-3XPD",
        " loalang:enrol?server=https://loa.example.vn&code=K7QM-3XPD\n",
        "loalang:enrol?server=https%3A%2F%2Floa.example.vn&code=K7QM-3XPD",
    ],
)
def test_server_and_code_are_read_out_of_a_label(link: str) -> None:
    assert read_link(link) == ("https://loa.example.vn", "K7QM-3XPD")


def test_a_server_below_a_path_and_with_a_port_keeps_them() -> None:
    assert read_link("http://10.0.0.5:8080/loa/enrol#AB") == ("http://10.0.0.5:8080/loa", "AB")


@pytest.mark.parametrize(
    "link",
    [
        "", "K7QM-3XPD", "https://loa.example.vn/enrol", "https://loa.example.vn/other#K7QM", "loalang:enrol?code=K7QM",
        "loalang:other?server=https://a&code=K", "ftp://loa.example.vn/enrol#K7QM", "https://[/enrol#K",
        "https://loa.example.vn/enrol#" + "K" * 41, "javascript:alert(1)/enrol#K",
        "https://loa.example.vn/enrol?" + "a=1&" * 50 + "code=K7QM",
    ],
)  # fmt: skip
def test_anything_else_is_no_label(link: str) -> None:
    with pytest.raises(InvalidInput):
        read_link(link)

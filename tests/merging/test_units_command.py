"""`loa units merge|move|recode`: a rehearsal changes nothing, and an act says what it did."""

import hashlib

import pytest
from sqlmodel import select
from village import Village

from core.audit import AuditEntry
from loa.__main__ import main
from loa.tables import metadata
from registry.models import Unit


@pytest.fixture
def run(village: Village, capsys):
    """Give a command; its exit status, what it wrote, and its errors."""

    def units(*words: str) -> tuple[int, str, str]:
        status = main(["units", words[0], "--home", str(village.settings.home), *words[1:]])
        told = capsys.readouterr()
        return status, told.out, told.err

    return units


def everything(village: Village) -> str:
    """A digest of every row of every table."""
    digest = hashlib.sha256()
    with village.database.read() as session:
        for table in metadata.sorted_tables:
            rows = sorted(repr(row) for row in session.execute(table.select()).all())
            digest.update(f"{table.name}{rows}".encode())
    return digest.hexdigest()


def unit(village: Village, short: str) -> Unit:
    with village.database.read() as session:
        return session.get_one(Unit, village.cast.units[short])


@pytest.mark.parametrize(
    "words",
    [
        ("merge", "79.1", "79.2", "--name", "Xã Mới", "--code", "79.9"),
        ("move", "79.1.1", "--under", "79.2"),
        ("move", "79.1", "--top"),
        ("recode", "79.1", "79.9", "--name", "Xã Mới"),
    ],
    ids=["merge", "move", "top", "recode"],
)
def test_a_rehearsal_says_what_would_be_and_changes_not_one_row(village: Village, run, words: tuple[str, ...]):
    village.on_timetable(to=["unit:79.1"])
    before = everything(village)
    status, told, _ = run(*words, "--dry-run")
    assert status == 0
    assert "Nothing was changed." in told
    assert everything(village) == before
    assert not list(village.settings.home.glob("backups/*"))


def test_a_merger_wants_the_name_makes_a_copy_and_says_where_it_lies(village: Village, run):
    village.on_timetable(to=["unit:79.1"])
    status, _, error = run("merge", "79.1", "79.2", "--confirm", "commune_b")
    assert (status, unit(village, "commune_a").merged_into) == (1, None)
    assert "commune_a" in error
    status, told, _ = run("merge", "79.1", "79.2", "--confirm", "commune_a", "--name", "Xã Mới", "--code", "79.9")
    assert status == 0
    assert unit(village, "commune_a").merged_into == village.cast.units["commune_b"]
    assert (unit(village, "commune_b").name, unit(village, "commune_b").code) == ("Xã Mới", "79.9")
    (copy,) = village.settings.home.glob("backups/*")
    assert copy.name in told
    assert [line.split() for line in told.splitlines() if line.endswith("  stations")] == [["4", "stations"]]
    with village.database.read() as session:
        entries = session.exec(select(AuditEntry).where(AuditEntry.action == "unit.merge")).all()
        assert {each.detail["backup"] for each in entries} == {copy.name}


def test_a_move_counts_stations_and_slots_and_a_former_code_still_leads_there(village: Village, run):
    village.on_timetable(to=["unit:79.1"])
    status, told, _ = run("move", "79.1.1", "--under", "79.2")
    assert (status, unit(village, "hamlet_a1").parent_id) == (0, village.cast.units["commune_b"])
    assert "       2  stations" in told
    assert "       1  slots reach them no more" in told
    assert run("recode", "79.1.1", "79.2.9")[0] == 0
    assert run("recode", "79.1.1", "79.2.8")[0] == 0, "the former code names it no more"
    assert unit(village, "hamlet_a1").code == "79.2.8"


@pytest.mark.parametrize(
    "words",
    [
        ("move", "79.1", "--under", "79.1.1"),
        ("merge", "79", "79.1", "--confirm", "province"),
        ("recode", "79.1", "79.2"),
        ("recode", "79.77", "79.78"),
    ],
)
def test_what_can_not_be_is_one_clear_line(village: Village, run, words: tuple[str, ...]):
    before = everything(village)
    status, told, error = run(*words)
    assert (status, told, len(error.strip().splitlines())) == (1, "", 1)
    assert everything(village) == before

"""The lunar calendar by Vietnam's meridian, held against published dates and, by China's meridian, against its tables."""

from datetime import date, timedelta

import pytest
from holidays import country_holidays
from holidays.calendars.chinese import _ChineseLunisolar as ChineseTables
from hypothesis import given
from hypothesis import strategies as st

from scheduler.lunar import lunar_date, new_year, solar_date

CHINA = 8.0
FESTIVALS = {"LUNAR_NEW_YEAR": (1, 1), "DRAGON_BOAT": (5, 5), "MID_AUTUMN": (8, 15), "DOUBLE_NINTH": (9, 9)}


@pytest.mark.parametrize(
    ("vietnam", "china"),
    [
        # The years in which the two part company, as calendars printed them.
        (date(1968, 1, 29), date(1968, 1, 30)),
        (date(1969, 2, 16), date(1969, 2, 17)),
        (date(1985, 1, 21), date(1985, 2, 20)),
        (date(2007, 2, 17), date(2007, 2, 18)),
        (date(2030, 2, 2), date(2030, 2, 3)),
        (date(2053, 2, 18), date(2053, 2, 19)),
    ],
)
def test_new_year_differs_from_chinas_where_it_is_known_to(vietnam: date, china: date):
    assert new_year(vietnam.year) == vietnam
    assert new_year(china.year, CHINA) == china


@pytest.mark.parametrize("festival", sorted(FESTIVALS))
def test_by_chinas_meridian_every_festival_until_2100_is_where_chinas_tables_have_it(festival: str):
    month, day = FESTIVALS[festival]
    table = getattr(ChineseTables, f"{festival}_DATES")
    years = [year for year in table if 1968 <= year < 2199]
    assert len(years) >= 133
    wrong = [year for year in years if solar_date(year, month, day, hours=CHINA) != date(year, *table[year])]
    assert wrong == []


def test_vietnams_new_year_and_kings_day_are_public_holidays_by_the_law_of_each_year():
    for year in range(2008, 2101):
        names = country_holidays("VN", years=year, language="vi")
        assert "Nguyên Đán" in names[new_year(year)], year
        assert "Hùng Vương" in names[solar_date(year, 3, 10)], year


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 11, 23), (2026, 10, False, 15)),
        (date(2025, 7, 25), (2025, 6, True, 1)),  # the leap sixth month of Ất Tỵ
        (date(2023, 3, 22), (2023, 2, True, 1)),  # the leap second month of Quý Mão
        (date(2026, 2, 16), (2025, 12, False, 29)),  # no 30 Tết that year
        (date(1984, 12, 22), (1984, 12, False, 1)),  # in China the solstice falls on this day: still the eleventh
    ],
)
def test_days_that_calendars_print(day: date, expected: tuple[int, int, bool, int]):
    found = lunar_date(day)
    assert (found.year, found.month, found.leap, found.day) == expected


@given(st.dates(date(1968, 2, 1), date(2198, 12, 31)))
def test_every_day_has_one_lunar_date_and_the_way_back_leads_to_it(day: date):
    found = lunar_date(day)
    assert 29 <= found.days_in_month <= 30
    assert 1 <= found.day <= found.days_in_month
    assert solar_date(found.year, found.month, found.day, leap=found.leap) == day
    after = lunar_date(day + timedelta(days=1))
    assert after.day == found.day + 1 if found.day < found.days_in_month else after.day == 1


@given(st.integers(1968, 2197))
def test_a_year_has_twelve_months_or_thirteen_of_which_one_is_leap(year: int):
    first, last = new_year(year), new_year(year + 1)
    days = [lunar_date(first + timedelta(days=n)) for n in range((last - first).days)]
    months = list(dict.fromkeys((each.month, each.leap) for each in days))
    assert [month for month, leap in months if not leap] == list(range(1, 13))
    assert sum(leap for _, leap in months) == len(months) - 12 <= 1
    assert {each.year for each in days} == {year}


@pytest.mark.parametrize("day", [date(1967, 12, 31), date(2200, 1, 1)])
def test_years_outside_the_reckoning_are_refused(day: date):
    with pytest.raises(ValueError, match="1968 to 2199"):
        lunar_date(day)


def test_a_lunar_date_that_does_not_exist_is_refused():
    for wrong in ((2025, 12, 30, False), (2026, 6, 1, True), (2026, 13, 1, False), (1900, 1, 1, False)):
        with pytest.raises(ValueError, match="no such"):
            solar_date(*wrong[:3], leap=wrong[3])

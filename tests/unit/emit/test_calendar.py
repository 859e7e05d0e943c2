"""The calendar against Python's, and beyond its ends."""

import datetime

from hypothesis import given
from hypothesis import strategies as st

from pgserver.emit.times import calendar

EPOCH = datetime.date(2000, 1, 1)


@given(st.dates())
def test_days_agree_with_python(day: datetime.date) -> None:
    days = (day - EPOCH).days
    assert calendar.civil(days) == (day.year, day.month, day.day)
    assert calendar.days_of(day.year, day.month, day.day) == days


@given(st.integers(-2_451_545, 2_145_031_948))
def test_any_day_goes_there_and_back(days: int) -> None:
    assert calendar.days_of(*calendar.civil(days)) == days


def test_months_end_at_the_last_day() -> None:
    january = calendar.days_of(2024, 1, 31) * calendar.DAY_US
    assert calendar.add_interval(january, 1, 0, 0) == calendar.days_of(2024, 2, 29) * calendar.DAY_US
    assert calendar.add_interval(january, 13, 1, 5) == calendar.days_of(2025, 3, 1) * calendar.DAY_US + 5
    assert calendar.add_interval(january, -2, 0, 0) == calendar.days_of(2023, 11, 30) * calendar.DAY_US

"""Days and microseconds since 2000-01-01 as Postgres counts them, on the proleptic Gregorian calendar.

Python's datetime ends at the years 1 and 9999; constants do not. Source: src/backend/utils/adt/datetime.c, `j2date`.
"""

DAY_US = 86_400_000_000
MONTHS_PER_YEAR = 12
DATE_INFINITY = 2**31 - 1
DATE_MINUS_INFINITY = -(2**31)
TIMESTAMP_INFINITY = 2**63 - 1
TIMESTAMP_MINUS_INFINITY = -(2**63)
_EPOCH = 730_425  # days from 0000-03-01 to 2000-01-01
_ERA_DAYS = 146_097
_CUMULATIVE = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def civil(days: int) -> tuple[int, int, int]:
    """Return (year, month, day) of a day; the year 0 is 1 BC."""
    era, day = divmod(days + _EPOCH, _ERA_DAYS)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    return (
        year + era * 400 + (1 if month >= 10 else 0),
        month + 3 if month < 10 else month - 9,
        day - (153 * month + 2) // 5 + 1,
    )


def days_of(year: int, month: int, day: int) -> int:
    """Return the day of a date."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * _ERA_DAYS + of_era * 365 + of_era // 4 - of_era // 100 + of_year - _EPOCH


def month_length(year: int, month: int) -> int:
    """Return the number of days of a month."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if month == 2 and leap else _CUMULATIVE[month - 1]


def add_interval(microseconds: int, months: int, days: int, added_us: int) -> int:
    """Add an interval to a timestamp.

    Months first (a day that the month has not becomes its last), then days, then time.
    """
    day, time_us = divmod(microseconds, DAY_US)
    if months:
        year, month, of_month = civil(day)
        total = year * MONTHS_PER_YEAR + month - 1 + months
        year, month = total // MONTHS_PER_YEAR, total % MONTHS_PER_YEAR + 1
        day = days_of(year, month, min(of_month, month_length(year, month)))
    return (day + days) * DAY_US + time_us + added_us

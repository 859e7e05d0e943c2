"""Days and microseconds to calendar fields, for whole columns."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from pgserver.encode.digits import padded
from pgserver.encode.pieces import Fixed, Ints, merge

DAY_MICROS = 86_400_000_000
_TABLE_START = -25_567  # 1900-01-01
_TABLE_END = 65_744  # 2150-01-01


@dataclass(frozen=True, slots=True)
class Civil:
    """Year (astronomical: 0 is 1 BC), month and day of each row."""

    year: Ints
    month: Ints
    day: Ints


def civil(days: Ints) -> Civil:
    """Return the proleptic Gregorian dates of days since 1970-01-01.

    Source: H. Hinnant, chrono-Compatible Low-Level Date Algorithms, civil_from_days.
    """
    shifted = days + 719_468
    era = shifted // 146_097
    of_era = shifted - era * 146_097
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted_month + 2) // 5 + 1
    month = np.where(shifted_month < 10, shifted_month + 3, shifted_month - 9)
    year = year_of_era + era * 400 + (month <= 2)
    return Civil(year, month, day)


def iso_dates(days: npt.NDArray[np.signedinteger]) -> Fixed:
    """Return YYYY-MM-DD of days in the years 1 to 9999."""
    if len(days) and int(days.min()) >= _TABLE_START and int(days.max()) < _TABLE_END:
        return _iso_table().take(days - _TABLE_START)
    return _iso_dates(civil(days.astype(np.int64)))


@cache
def _iso_table() -> Fixed:
    return _iso_dates(civil(np.arange(_TABLE_START, _TABLE_END)))


def _iso_dates(date: Civil) -> Fixed:
    dash = np.broadcast_to(np.array(b"-", dtype="V1"), date.year.shape)
    fields = [padded(date.year, 4), dash, padded(date.month, 2), dash, padded(date.day, 2)]
    return np.ascontiguousarray(merge(fields)).view("V10")


def clock(seconds: Ints) -> Fixed:
    """Return HH:MM:SS of seconds since midnight (86400 is 24:00:00)."""
    return _clock_table().take(seconds)


@cache
def _clock_table() -> Fixed:
    seconds = np.arange(86_401)
    colon = np.broadcast_to(np.array(b":", dtype="V1"), seconds.shape)
    fields = [padded(seconds // 3600, 2), colon, padded(seconds // 60 % 60, 2), colon, padded(seconds % 60, 2)]
    return np.ascontiguousarray(merge(fields)).view("V8")

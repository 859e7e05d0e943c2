"""Rules such as `EST5EDT,M3.2.0,M11.1.0` (POSIX TZ): the footer of a time zone file, or what a user gives as a zone."""

import re
from dataclasses import dataclass

import numpy as np

_DAY_SECONDS = 86_400
_DEFAULT_RULES = "M3.2.0,M11.1.0"  # Postgres' own, where a rule names daylight time only
_NAME = r"(?:[A-Za-z]{3,}|<[^<>]+>)"
_OFFSET = r"[+-]?\d{1,3}(?::\d{1,2}(?::\d{1,2})?)?"
_POSIX = re.compile(
    rf"(?P<standard>{_NAME})(?P<offset>{_OFFSET})(?:(?P<daylight>{_NAME})(?P<daylight_offset>{_OFFSET})?"
    rf"(?:,(?P<start>[^,]+),(?P<end>[^,]+))?)?"
)
_RULE = re.compile(
    rf"(?:M(?P<month>\d+)\.(?P<week>\d)\.(?P<weekday>\d)|(?P<julian>J?)(?P<day>\d+))(?:/(?P<time>{_OFFSET}))?"
)


@dataclass(frozen=True, slots=True)
class _Rule:
    """When in a year the clock changes; `seconds` after that day's midnight."""

    month: int  # 0: `day` counts from the year's start
    week: int
    day: int  # weekday of a month rule (0 is Sunday), else the day of the year
    skips_leap_day: bool
    seconds: int

    def at(self, year: int) -> int:
        """Return the local seconds since 1970 of the change."""
        if self.month:
            first = np.datetime64(f"{year:04d}-{self.month:02d}", "D")
            weekday = (int(first.astype(np.int64)) + 4) % 7
            day = (self.day - weekday) % 7 + 7 * (self.week - 1)
            length = int((first.astype("M8[M]") + 1).astype("M8[D]").astype(np.int64) - first.astype(np.int64))
            start = int(first.astype(np.int64)) + (day if day < length else day - 7)
        else:
            start = int(np.datetime64(f"{year:04d}-01-01", "D").astype(np.int64)) + self.day
            leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
            if self.skips_leap_day:
                start += -1 if not leap or self.day <= 59 else 0
        return start * _DAY_SECONDS + self.seconds


@dataclass(frozen=True, slots=True)
class PosixZone:
    """Standard time, and daylight time if there is one; offsets are seconds east of UTC."""

    standard: str
    standard_offset: int
    daylight: str | None = None
    daylight_offset: int = 0
    start: _Rule | None = None
    end: _Rule | None = None

    def transitions(self, first_year: int, last_year: int) -> list[tuple[int, int]]:
        """Return (UTC seconds, 0 standard or 1 daylight) of each change, in order."""
        assert self.start is not None
        assert self.end is not None
        changes = []
        for year in range(first_year, last_year + 1):
            changes.append((self.start.at(year) - self.standard_offset, 1))
            changes.append((self.end.at(year) - self.daylight_offset, 0))
        return sorted(changes)


def parse_posix(text: str) -> PosixZone | None:
    """Read a rule; None when it is none."""
    match = _POSIX.fullmatch(text)
    if match is None:
        return None
    standard_offset = -_seconds(match["offset"])
    standard = match["standard"].strip("<>")
    if match["daylight"] is None:
        return PosixZone(standard, standard_offset)
    given = match["daylight_offset"]
    daylight_offset = -_seconds(given) if given else standard_offset + 3600
    rules = f"{match['start']},{match['end']}" if match["start"] else _DEFAULT_RULES
    start, end = (_parse_rule(rule) for rule in rules.split(","))
    if start is None or end is None:
        return None
    return PosixZone(standard, standard_offset, match["daylight"].strip("<>"), daylight_offset, start, end)


def _parse_rule(text: str) -> _Rule | None:
    match = _RULE.fullmatch(text)
    if match is None:
        return None
    seconds = _seconds(match["time"]) if match["time"] else 2 * 3600
    if match["month"]:
        return _Rule(int(match["month"]), int(match["week"]), int(match["weekday"]), False, seconds)
    return _Rule(0, 0, int(match["day"]), bool(match["julian"]), seconds)


def _seconds(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    parts = [int(part) for part in text.lstrip("+-").split(":")] + [0, 0]
    return sign * (parts[0] * 3600 + parts[1] * 60 + parts[2])

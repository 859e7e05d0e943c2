"""Calendar arithmetic and zone rules against Python's own."""

import datetime as dt

import numpy as np
import pytest

from pgserver.encode.calendar import civil, clock, iso_dates
from pgserver.encode.digits import fraction_pieces
from pgserver.encode.pieces import join
from pgserver.encode.posix_zones import PosixZone, parse_posix

EPOCH = dt.date(1970, 1, 1).toordinal()


def test_dates_of_python_s_whole_calendar() -> None:
    days = np.arange(1 - EPOCH, dt.date.max.toordinal() - EPOCH + 1, 97)
    dates = civil(days)
    wanted = [dt.date.fromordinal(int(day) + EPOCH) for day in days]
    assert dates.year.tolist() == [date.year for date in wanted]
    assert dates.month.tolist() == [date.month for date in wanted]
    assert dates.day.tolist() == [date.day for date in wanted]
    assert iso_dates(days).view("S10").tolist() == [date.isoformat().encode() for date in wanted]


@pytest.mark.parametrize(
    ("day", "date"), [(-719_528, (0, 1, 1)), (-719_529, (-1, 12, 31)), (-2_440_588, (-4713, 11, 24))]
)
def test_dates_before_christ(day: int, date: tuple[int, int, int]) -> None:
    found = civil(np.array([day]))
    assert (int(found.year[0]), int(found.month[0]), int(found.day[0])) == date


def test_every_second_of_a_day() -> None:
    texts = clock(np.arange(86_401)).view("S8").tolist()
    start = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    assert texts[:-1] == [
        (start + dt.timedelta(seconds=second)).strftime("%H:%M:%S").encode() for second in range(86_400)
    ]
    assert texts[-1] == b"24:00:00"


@pytest.mark.parametrize(
    ("micros", "texts"),
    [
        ([0, 0], [b"", b""]),
        ([500_000, 0, 120_000], [b".5", b"", b".12"]),
        ([1, 10, 123_456, 100_001, 999_000, 0], [b".000001", b".00001", b".123456", b".100001", b".999", b""]),
    ],
)
def test_fractions_of_a_second(micros: list[int], texts: list[bytes]) -> None:
    assert join(fraction_pieces(np.array(micros)), len(micros)).to_pylist() == texts


def test_a_zone_rule() -> None:
    zone = parse_posix("CET-1CEST,M3.5.0,M10.5.0/3")
    assert zone is not None
    spring, autumn = zone.transitions(2024, 2024)
    assert spring == (int(dt.datetime(2024, 3, 31, 1, tzinfo=dt.UTC).timestamp()), 1)
    assert autumn == (int(dt.datetime(2024, 10, 27, 1, tzinfo=dt.UTC).timestamp()), 0)


def test_zone_rules_with_days_of_the_year() -> None:
    julian, plain = parse_posix("AAA0BBB,J60/0,J365/0"), parse_posix("AAA0BBB,59/0,364/0")
    assert julian is not None
    assert plain is not None
    march = int(dt.datetime(2024, 3, 1, tzinfo=dt.UTC).timestamp())
    assert julian.transitions(2024, 2024)[0] == (march, 1)  # J60 is the first of March in every year
    assert plain.transitions(2024, 2024)[0] == (march - 86_400, 1)
    assert plain.transitions(2023, 2023)[0] == (int(dt.datetime(2023, 3, 1, tzinfo=dt.UTC).timestamp()), 1)


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("UTC", None),
        ("Europe/Berlin", None),
        ("<+03>-03", PosixZone("+03", 10_800)),
        ("<-02:30>+02:30", PosixZone("-02:30", -9000)),
        ("XYZ5:30:15", PosixZone("XYZ", -19_815)),
        ("", None),
        ("EST5EDT,M3", None),
    ],
)
def test_fixed_offsets(text: str, zone: PosixZone | None) -> None:
    assert parse_posix(text) == zone

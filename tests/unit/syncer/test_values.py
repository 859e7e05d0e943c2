import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.values import DATE_INFINITY, TIMESTAMP_INFINITY, Unrepresentable, days_from_civil, parse

EPOCH = datetime.date(1970, 1, 1).toordinal()


@given(st.lists(st.dates(), min_size=1))
def test_days_equal_those_of_python(dates: list[datetime.date]) -> None:
    year, month, day = (
        np.array([getattr(date, part) for date in dates], dtype=np.int64) for part in ("year", "month", "day")
    )
    assert days_from_civil(year, month, day).tolist() == [date.toordinal() - EPOCH for date in dates]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("infinity", DATE_INFINITY),
        ("-infinity", -DATE_INFINITY),
        ("1970-01-01", 0),
        ("0001-12-31 BC", -719163),  # the day before 0001-01-01
        ("4713-01-01 BC", -2440550),
        ("5874897-12-31", 2145042905),  # Postgres: '5874897-12-31'::date - '1970-01-01'
    ],
)
def test_dates(text: str, days: int) -> None:
    parsed = parse(pa.array([text, None, "infinity"]), "date", pa.date32())
    assert parsed.type == pa.date32()
    assert parsed.view(pa.int32()).to_pylist() == [days, None, DATE_INFINITY]


@pytest.mark.parametrize("zone", ["", "+00"])
def test_timestamps(zone: str) -> None:
    arrow, storage = (pa.timestamp("us", "UTC"), "timestamptz") if zone else (pa.timestamp("us"), "timestamp")
    plain = ["1970-01-01 00:00:00.000001", "0001-12-31 23:59:59 BC", "294246-12-31 23:59:59.999999", None]
    texts = [text and (text.replace(" BC", f"{zone} BC") if "BC" in text else text + zone) for text in plain]
    parsed = parse(pa.array([*texts, "infinity", "-infinity"]), storage, arrow)
    assert parsed.type == arrow
    assert parsed.view(pa.int64()).to_pylist() == [
        1,
        -719162 * 86_400_000_000 - 1_000_000,
        9223371244799999999,
        None,
        TIMESTAMP_INFINITY,
        -TIMESTAMP_INFINITY,
    ]


def test_a_timestamp_too_late_for_64_bits_is_refused() -> None:
    with pytest.raises(Unrepresentable):
        parse(pa.array(["294276-12-31 23:59:59.999999"]), "timestamp", pa.timestamp("us"))


def test_times() -> None:
    parsed = parse(pa.array(["24:00:00", None, "00:00:00.1", "23:59:59.999999"]), "time", pa.time64("us"))
    assert parsed.view(pa.int64()).to_pylist() == [86_400_000_000, None, 100_000, 86_399_999_999]


@given(st.lists(st.none() | st.binary(max_size=8)), st.integers(0, 3))
def test_bytea(values: list[bytes | None], start: int) -> None:
    texts = pa.array([value if value is None else "\\x" + value.hex() for value in values], pa.string())
    assert parse(texts.slice(start), "bytea", pa.binary()).to_pylist() == values[start:]


@given(st.lists(st.none() | st.uuids()), st.integers(0, 3))
def test_uuids(values: list[object], start: int) -> None:
    texts = pa.array([value if value is None else str(value) for value in values], pa.string())
    assert parse(texts.slice(start), "uuid", pa.uuid()).to_pylist() == values[start:]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "12345678901.5", "1.555"])
def test_no_decimal(text: str) -> None:
    with pytest.raises(Unrepresentable):
        parse(pa.array(["1.5", text]), "numeric", pa.decimal128(10, 2))


def test_an_unknown_form_is_not_guessed() -> None:
    with pytest.raises(Unrepresentable):
        parse(pa.array(["infinity", "31/12/1999"]), "date", pa.date32())

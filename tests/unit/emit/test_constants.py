"""Datums and parameters to literals that DuckDB reads as the same value."""

import datetime
import struct
import uuid
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from math import copysign

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgserver.emit import kinds
from pgserver.emit.constants import literal, parameter_literal, value_literal
from pgserver.emit.errors import NeedsTwin, NoRule
from pgserver.emit.reading.datums import decode, numeric
from pgserver.emit.reading.jsonb import json_string
from pgserver.emit.times import calendar

DUCKDB = duckdb.connect()


def value(sql: str) -> object:
    row = DUCKDB.execute(f"SELECT {sql}").fetchone()
    assert row is not None
    return row[0]


def kind(sql: str) -> object:
    return value(f"typeof({sql})")


def varlena(body: bytes) -> bytes:
    return ((len(body) + 4) << 2).to_bytes(4, "little") + body


def numeric_body(number: Decimal) -> bytes:
    """A numeric as Postgres holds it: the short form where it fits, else the long one."""
    sign, _, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    scale = max(-exponent, 0)
    whole, _, fraction = f"{number.copy_abs():f}".partition(".")
    whole = whole.rjust(-(-len(whole) // 4) * 4, "0")
    fraction = fraction.ljust(-(-len(fraction) // 4) * 4, "0")
    groups = [int((whole + fraction)[i : i + 4]) for i in range(0, len(whole + fraction), 4)]
    weight = len(whole) // 4 - 1
    while groups and groups[0] == 0:
        groups.pop(0)
        weight -= 1
    while groups and groups[-1] == 0:
        groups.pop()
    if not groups:
        weight = 0
    packed = struct.pack(f"<{len(groups)}h", *groups)
    if scale < 64 and -64 <= weight < 64:
        return struct.pack("<H", 0x8000 | sign << 13 | scale << 7 | weight & 0x7F) + packed
    return struct.pack("<Hh", sign << 14 | scale, weight) + packed


NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=None, min_value=-(10**30), max_value=10**30).filter(
    lambda number: -number.as_tuple().exponent <= 70  # type: ignore[operator]
)


@given(NUMBERS)
def test_numeric_datums(number: Decimal) -> None:
    found = numeric(numeric_body(number))
    assert found == number
    assert found.as_tuple().exponent == min(number.as_tuple().exponent, 0)  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("text", "duckdb_type"),
    [
        ("1", "DECIMAL(1,0)"),
        ("0.05", "DECIMAL(2,2)"),
        ("1.50", "DECIMAL(3,2)"),
        ("-100", "DECIMAL(3,0)"),
        ("0", "DECIMAL(1,0)"),
    ],
)
def test_numeric_literals_are_narrow(text: str, duckdb_type: str) -> None:
    sql = literal(kinds.NUMERIC, varlena(numeric_body(Decimal(text))))
    assert kind(sql) == duckdb_type
    assert value(sql) == Decimal(text)


def test_numeric_specials_have_no_rule() -> None:
    for header in (0xC000, 0xD000, 0xF000):
        with pytest.raises(NoRule):
            literal(kinds.NUMERIC, varlena(struct.pack("<H", header)))


@given(st.integers(-(2**31), 2**31 - 1))
def test_integer_literals_have_their_type(number: int) -> None:
    assert kind(literal(kinds.INT4, struct.pack("<q", number))) == "INTEGER"
    assert value(literal(kinds.INT8, struct.pack("<q", number))) == number


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))))
def test_text_literals(text: str) -> None:
    assert value(literal(kinds.TEXT, varlena(text.encode()))) == text


def is_negative_zero(number: float) -> bool:
    return number == 0 and copysign(1, number) < 0


@given(st.floats().filter(lambda number: not is_negative_zero(number)))
def test_double_literals(number: float) -> None:
    found = value(literal(kinds.FLOAT8, struct.pack("<d", number)))
    assert struct.pack("<d", found) == struct.pack("<d", number) or (found != found and number != number)


@given(st.floats(width=32).filter(lambda number: not is_negative_zero(number)))
def test_float_literals(number: float) -> None:
    found = value(literal(kinds.FLOAT4, struct.pack("<f", number)))
    assert struct.pack("<f", found) == struct.pack("<f", number) or (found != found and number != number)


@pytest.mark.parametrize(
    "write",
    [
        partial(value_literal, kinds.FLOAT8, -0.0),
        partial(value_literal, kinds.FLOAT4, -0.0),
        partial(value_literal, 1022, [0.0, -0.0]),
        partial(parameter_literal, kinds.FLOAT8, 0, b"-0"),
        partial(parameter_literal, kinds.FLOAT4, 0, b"-0.0"),
        partial(parameter_literal, kinds.FLOAT8, 1, struct.pack("!d", -0.0)),
    ],
)
def test_negative_zero_would_be_taken_for_zero(write: Callable[[], str]) -> None:
    with pytest.raises(NoRule):
        write()


@given(st.binary())
def test_bytea_literals(data: bytes) -> None:
    assert value(literal(kinds.BYTEA, varlena(data))) == data


@given(st.uuids())
def test_uuid_literals(identifier: uuid.UUID) -> None:
    assert value(literal(kinds.UUID, identifier.bytes)) == identifier


@given(st.datetimes())
def test_timestamp_literals(moment: datetime.datetime) -> None:
    days = calendar.days_of(moment.year, moment.month, moment.day)
    of_day = ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 1_000_000 + moment.microsecond
    assert value(literal(kinds.TIMESTAMP, struct.pack("<q", days * calendar.DAY_US + of_day))) == moment


@pytest.mark.parametrize(
    "days", [calendar.days_of(-4712, 1, 1), calendar.days_of(0, 12, 31), calendar.days_of(5_874_897, 12, 31)]
)
def test_dates_beyond_python(days: int) -> None:
    since_1970 = value(f"{value_literal(kinds.DATE, days)} - DATE '1970-01-01'")
    assert since_1970 == days + 10_957


def test_infinite_dates() -> None:
    assert value(f"CAST({value_literal(kinds.DATE, 2**31 - 1)} AS VARCHAR)") == "infinity"
    assert value(f"CAST({value_literal(kinds.TIMESTAMPTZ, -(2**63))} AS VARCHAR)") == "-infinity"


@given(st.integers(-1000, 1000), st.integers(-40_000, 40_000), st.integers(-(10**15), 10**15))
def test_interval_literals(months: int, days: int, microseconds: int) -> None:
    sql = literal(kinds.INTERVAL, struct.pack("<qii", microseconds, days, months))
    parts = value(f"[datepart('year', x) * 12 + datepart('month', x), datepart('day', x)] FROM (SELECT {sql} AS x)")
    assert parts == [months, days]


@given(st.lists(st.none() | st.integers(-(2**31), 2**31 - 1)))
def test_integer_array_datums(items: list[int | None]) -> None:
    has_null = None in items
    bitmap = bytearray(-(-len(items) // 8))
    for index, item in enumerate(items):
        bitmap[index // 8] |= (item is not None) << index % 8
    data_offset = -(-(24 + len(bitmap)) // 8) * 8 if has_null else 0
    header = struct.pack("<iiI", 1 if items else 0, data_offset, kinds.INT4)
    if items:
        header += struct.pack("<ii", len(items), 1)
    if has_null:
        header += bytes(bitmap)
        header = header.ljust(data_offset - 4, b"\0")
    body = header + b"".join(struct.pack("<i", item) for item in items if item is not None)
    assert decode(1007, varlena(body)) == items
    assert value(literal(1007, varlena(body))) == items
    assert kind(literal(1007, varlena(body))) == "INTEGER[]"


TEXT_PARAMETERS = [
    (kinds.INT4, " -5 ", -5),
    (kinds.INT8, "9223372036854775807", 2**63 - 1),
    (kinds.BOOL, "yes", True),
    (kinds.BOOL, "OFF", False),
    (kinds.NUMERIC, "1.50", Decimal("1.50")),
    (kinds.NUMERIC, "1.5e-3", Decimal("0.0015")),
    (kinds.NUMERIC, "15e2", Decimal(1500)),
    (kinds.FLOAT8, "Infinity", float("inf")),
    (kinds.FLOAT4, "0.1", struct.unpack("<f", struct.pack("<f", 0.1))[0]),
    (kinds.BYTEA, r"\x00ff", b"\x00\xff"),
    (kinds.TEXT, "it's", "it's"),
    (kinds.UUID, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
]


@pytest.mark.parametrize(("type_oid", "text", "expected"), TEXT_PARAMETERS)
def test_text_parameters(type_oid: int, text: str, expected: object) -> None:
    assert value(parameter_literal(type_oid, 0, text.encode())) == expected


@pytest.mark.parametrize(
    ("type_oid", "text", "printed"),
    [
        (kinds.DATE, "2024-02-29", "2024-02-29"),
        (kinds.TIMESTAMP, "2024-02-29T12:34:56.7", "2024-02-29 12:34:56.7"),
        (kinds.TIMESTAMP, "2024-02-29", "2024-02-29 00:00:00"),
        (kinds.TIMESTAMPTZ, "2024-02-29 01:00:00+02", "2024-02-28 23:00:00"),
        (kinds.TIMESTAMPTZ, "2024-02-29 01:00:00-05:30", "2024-02-29 06:30:00"),
        (kinds.TIMESTAMPTZ, "2024-02-29 01:00Z", "2024-02-29 01:00:00"),
        (kinds.TIME, "24:00", "24:00:00"),
    ],
)
def test_time_parameters(type_oid: int, text: str, printed: str) -> None:
    DUCKDB.execute("SET TimeZone = 'UTC'")
    found = value(f"CAST({parameter_literal(type_oid, 0, text.encode())} AS VARCHAR)")
    assert str(found).removesuffix("+00") == printed


@pytest.mark.parametrize(
    ("type_oid", "text"),
    [
        (kinds.DATE, "yesterday"),
        (kinds.DATE, "02/03/2024"),
        (kinds.TIMESTAMPTZ, "2024-02-29 01:00"),
        (kinds.TIMESTAMP, "2024-02-29 01:00 BC"),
        (kinds.INT4, "0x10"),
        (kinds.INT4, "1_000"),
        (kinds.NUMERIC, "infinity"),
        (kinds.INTERVAL, "1 day"),
        (kinds.BYTEA, "abc"),
        (1007, "{1,2}"),
    ],
)
def test_texts_for_the_twin(type_oid: int, text: str) -> None:
    with pytest.raises(NeedsTwin):
        parameter_literal(type_oid, 0, text.encode())


BINARY_PARAMETERS = [
    (kinds.INT2, struct.pack("!h", -7), -7),
    (kinds.INT8, struct.pack("!q", 7), 7),
    (kinds.BOOL, b"\x01", True),
    (kinds.FLOAT8, struct.pack("!d", 0.1), 0.1),
    (kinds.NUMERIC, struct.pack("!hhHHh", 1, 0, 0x4000, 2, 3), Decimal("-3.00")),
    (kinds.NUMERIC, struct.pack("!hhHHhh", 2, 0, 0, 1, 1, 5000), Decimal("1.5")),
    (kinds.TEXT, "ß".encode(), "ß"),
    (1007, struct.pack("!iiIiiiiii", 1, 1, kinds.INT4, 2, 1, 4, 5, -1, 0)[:-4], [5, None]),
]


@pytest.mark.parametrize(("type_oid", "data", "expected"), BINARY_PARAMETERS)
def test_binary_parameters(type_oid: int, data: bytes, expected: object) -> None:
    assert value(parameter_literal(type_oid, 1, data)) == expected


def test_null_parameters_are_typed() -> None:
    assert kind(parameter_literal(kinds.INT8, 0, None)) == "BIGINT"
    assert kind(parameter_literal(kinds.TEXT, 1, None)) == "VARCHAR"
    assert kind(parameter_literal(1015, 1, None)) == "VARCHAR[]"


def test_json_strings_are_escaped_as_postgres_does() -> None:
    assert json_string('a"b\\\n\x01é/') == '"a\\"b\\\\\\n\\u0001é/"'

"""Random values of every type: what we send in binary format is what Postgres reads, prints and sends again.

Arrow values go into a temp table as our own binary format; Postgres' text and binary output of them must be ours.
"""

import decimal
import itertools
import random
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pytest
from psycopg import pq

from catalog.types import BY_NAME
from pgserver.encode import numeric_binary
from pgserver.encode.encoders import encoder_for
from pgserver.encode.memo import memoized
from pgserver.encode.pieces import join, joined
from pgserver.encode.rows import WireColumn, WireSettings

ROWS = 1000
MICROS_MIN, MICROS_MAX = -210_866_803_200_000_000, 9_223_371_331_199_999_999  # Postgres' timestamps
DAYS_MIN, DAYS_MAX = -2_440_588, 2_145_031_948
UNICODE = "aZ09 ,{}\"'\\\t\n\r\v\f%éß☃𝄞NULL"


@pytest.fixture(scope="module")
def connection(postgres) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres.new_database("random"), autocommit=True) as connection:
        connection.execute("SET client_encoding = 'UTF8'")
        yield connection


@pytest.fixture
def seeded() -> random.Random:
    return random.Random(20_261_125)


def with_nulls(values: Sequence[Any], chance: random.Random) -> list[Any]:
    return [None if chance.random() < 0.1 else value for value in values]


def texts(chance: random.Random) -> pa.Array:
    return pa.array(with_nulls(["".join(chance.choices(UNICODE, k=chance.randrange(12))) for _ in range(ROWS)], chance))


def integers(bits: int) -> Callable[[random.Random], pa.Array]:
    def make(chance: random.Random) -> pa.Array:
        values = [chance.getrandbits(chance.randrange(1, bits)) * chance.choice((1, -1)) for _ in range(ROWS)]
        return pa.array(with_nulls(values, chance), f"int{bits}")

    return make


def decimals(precision: int, scale: int) -> Callable[[random.Random], pa.Array]:
    def make(chance: random.Random) -> pa.Array:
        context = decimal.Context(prec=60)
        values = []
        for _ in range(ROWS):
            unscaled = chance.randrange(10 ** chance.randrange(1, precision + 1)) * chance.choice((1, -1))
            values.append(context.scaleb(decimal.Decimal(unscaled), -scale))
        return pa.array(with_nulls(values, chance), pa.decimal128(precision, scale))

    return make


def numeric_texts(chance: random.Random) -> pa.Array:
    values = []
    for _ in range(ROWS):
        digits = str(chance.randrange(10 ** chance.randrange(1, 60)))
        point = "." + "".join(chance.choices("0123456789", k=chance.randrange(1, 40))) if chance.random() < 0.6 else ""
        zero = not (digits + point).strip("0.")
        values.append(("-" if chance.random() < 0.3 and not zero else "") + digits + point)
    return pa.array(with_nulls([*values, "NaN", "Infinity", "-Infinity", "0.0000"], chance), pa.large_string())


def floats(kind: str) -> Callable[[random.Random], pa.Array]:
    def make(chance: random.Random) -> pa.Array:
        generator = np.random.default_rng(chance.getrandbits(32))
        width = 64 if kind == "float64" else 32
        with np.errstate(over="ignore"):
            values = np.concatenate(
                [
                    generator.integers(0, 2**width, ROWS, dtype=f"uint{width}").view(kind),
                    (generator.standard_normal(ROWS) * 10.0 ** generator.integers(-9, 19, ROWS)).astype(kind),
                    (generator.integers(-(10**9), 10**9, ROWS) / 10.0 ** generator.integers(0, 12, ROWS)).astype(kind),
                    (generator.integers(1, 10**6, ROWS) * 10.0 ** generator.integers(0, 25, ROWS)).astype(kind),
                    np.ldexp(1.0, generator.integers(-120, 120, ROWS)).astype(kind),
                    np.array([0.0, -0.0, np.inf, -np.inf, np.nan], dtype=kind),
                ]
            )
        return pa.array(with_nulls(values.tolist(), chance), kind.replace("64", "64"))

    return make


def dates(chance: random.Random) -> pa.Array:
    near = [chance.randrange(-30_000, 100_000) for _ in range(ROWS)]
    far = [chance.randrange(DAYS_MIN, DAYS_MAX) for _ in range(ROWS)]
    days = [*near, *far, 2**31 - 1, -(2**31) + 1, DAYS_MIN, DAYS_MAX]
    return pa.array(with_nulls(days, chance), pa.int32()).cast(pa.date32())


def near_dates(chance: random.Random) -> pa.Array:
    return pa.array(with_nulls(range(-30_000, 80_000, 7), chance), pa.int32()).cast(pa.date32())


def micros(chance: random.Random) -> list[int | None]:
    near = [
        chance.randrange(-(10**16), 10**16) // 10 ** chance.randrange(8) * 10 ** chance.randrange(8)
        for _ in range(ROWS)
    ]
    far = [chance.randrange(MICROS_MIN + 10**12, MICROS_MAX - 10**12) for _ in range(ROWS)]
    bounded = [min(max(value, MICROS_MIN + 10**12), MICROS_MAX - 10**12) for value in near + far]
    return with_nulls([*bounded, 2**63 - 1, -(2**63) + 1], chance)


def timestamps(zone: str | None) -> Callable[[random.Random], pa.Array]:
    return lambda chance: pa.array(micros(chance), pa.int64()).cast(pa.timestamp("us", zone))


def times(chance: random.Random) -> pa.Array:
    values = [chance.randrange(86_400_000_001) // 10**power * 10**power for power in range(7) for _ in range(300)]
    return pa.array(with_nulls([*values, 86_400_000_000], chance), pa.int64()).cast(pa.time64("us"))


def blobs(chance: random.Random) -> pa.Array:
    return pa.array(with_nulls([chance.randbytes(chance.randrange(20)) for _ in range(ROWS)], chance))


def uuids(chance: random.Random) -> pa.Array:
    return pa.array(with_nulls([chance.randbytes(16) for _ in range(ROWS)], chance), pa.binary(16))


def bools(chance: random.Random) -> pa.Array:
    return pa.array(with_nulls([chance.random() < 0.5 for _ in range(ROWS)], chance))


def intervals(chance: random.Random) -> pa.Array:
    def part(bits: int) -> int:
        return 0 if chance.random() < 0.4 else chance.getrandbits(chance.randrange(1, bits)) * chance.choice((1, -1))

    values = [(part(20), part(20), part(50) * 1000) for _ in range(ROWS)]
    small = itertools.product((-1, 0, 1, 13), (-1, 0, 1), (-1_000_000, 0, 1_000_000, 3_600_000_000, -1))
    values += [(months, days, micros * 1000) for months, days, micros in small]
    return pa.array(with_nulls(values, chance), pa.month_day_nano_interval())


CASES: list[tuple[str, str, Callable[[random.Random], pa.Array]]] = [
    ("bool", "bool", bools),
    ("bytea", "bytea", blobs),
    ("int2", "int2", integers(16)),
    ("int4", "int4", integers(32)),
    ("int8", "int8", integers(64)),
    ("text", "text", texts),
    ("varchar", "varchar", texts),
    ("numeric", "numeric(15,2)", decimals(15, 2)),
    ("numeric", "numeric(9,9)", decimals(9, 9)),
    ("numeric", "numeric(18,18)", decimals(18, 18)),
    ("numeric", "numeric(38,0)", decimals(38, 0)),
    ("numeric", "numeric(38,10)", decimals(38, 10)),
    ("numeric", "numeric(38,37)", decimals(38, 37)),
    ("numeric", "numeric(4,1)", decimals(4, 1)),
    ("numeric", "numeric", numeric_texts),
    ("float4", "float4", floats("float32")),
    ("float8", "float8", floats("float64")),
    ("date", "date", dates),
    ("date", "date", near_dates),
    ("time", "time", times),
    ("timestamp", "timestamp", timestamps(None)),
    ("timestamptz", "timestamptz", timestamps("UTC")),
    ("uuid", "uuid", uuids),
    ("interval", "interval", intervals),
]
SETTINGS = [
    WireSettings(),
    WireSettings("America/New_York", "SQL, MDY", "sql_standard", "escape", 3),
    WireSettings("Asia/Kolkata", "German, DMY", "iso_8601", "hex", 0),
    WireSettings("Australia/Lord_Howe", "Postgres, DMY", "postgres_verbose", "escape", -4),
    WireSettings("Europe/Dublin", "Postgres, MDY", "postgres", "hex", 1),
    WireSettings("EST5EDT", "SQL, DMY", "postgres", "hex", 1),
    WireSettings("<-02:30>+02:30", "ISO, DMY", "postgres", "hex", 1),
]


def oids(name: str) -> tuple[int, int]:
    return (1186, 1187) if name == "interval" else (BY_NAME[name].oid, BY_NAME[name].array_oid)


def load(connection: psycopg.Connection, type_name: str, values: Sequence[bytes | None]) -> None:
    connection.execute("DROP TABLE IF EXISTS loaded")
    connection.execute(f"CREATE TEMP TABLE loaded (id int, value {type_name})")
    with connection.cursor().copy("COPY loaded FROM STDIN (FORMAT binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for position, value in enumerate(values):
            length = struct.pack(">i", -1 if value is None else len(value))
            copy.write(struct.pack(">hii", 2, 4, position) + length + (value or b""))
        copy.write(b"\xff\xff")


def answers(connection: psycopg.Connection, form: int) -> list[bytes | None]:
    result = connection.pgconn.exec_params(b"SELECT value FROM loaded ORDER BY id", [], result_format=form)
    assert result.status == pq.ExecStatus.TUPLES_OK, result.error_message
    return [result.get_value(row, 0) for row in range(result.ntuples)]


def apply(connection: psycopg.Connection, settings: WireSettings) -> None:
    for name, value in (
        ("TimeZone", settings.time_zone),
        ("DateStyle", settings.date_style),
        ("IntervalStyle", settings.interval_style),
        ("bytea_output", settings.bytea_output),
        ("extra_float_digits", str(settings.extra_float_digits)),
    ):
        connection.execute("SELECT set_config(%s, %s, false)", [name, value])


def encoded(array: pa.Array, column: WireColumn, settings: WireSettings) -> list[bytes | None]:
    return joined(encoder_for(column, array.type, settings)(array), len(array)).to_pylist()


@pytest.mark.parametrize(
    ("name", "type_name", "make"), CASES, ids=[f"{name}-{number}" for number, (name, _, _) in enumerate(CASES)]
)
def test_values(connection, seeded, name: str, type_name: str, make) -> None:
    array = make(seeded)
    oid, _ = oids(name)
    binary = encoded(array, WireColumn(oid, -1, 1), WireSettings())
    load(connection, type_name, binary)
    assert answers(connection, 1) == binary
    for settings in SETTINGS:
        apply(connection, settings)
        assert encoded(array, WireColumn(oid, -1, 0), settings) == answers(connection, 0)


@pytest.mark.parametrize(
    ("name", "type_name", "make"), CASES, ids=[f"{name}-{number}" for number, (name, _, _) in enumerate(CASES)]
)
def test_arrays(connection, seeded, name: str, type_name: str, make) -> None:
    elements = make(seeded)
    ends = sorted(seeded.choices(range(len(elements) + 1), k=ROWS // 2))
    lists = pa.ListArray.from_arrays(pa.array([0, *ends, len(elements)], pa.int32()), elements)
    array = pa.concat_arrays([lists, pa.nulls(2, lists.type), lists[: ROWS // 4]])[3:]
    _, oid = oids(name)
    binary = encoded(array, WireColumn(oid, -1, 1), WireSettings())
    load(connection, f"{type_name}[]", binary)
    assert answers(connection, 1) == binary
    for settings in SETTINGS[:3]:
        apply(connection, settings)
        assert encoded(array, WireColumn(oid, -1, 0), settings) == answers(connection, 0)


def hundredths(numbers: list[int | None], kind: pa.DataType) -> pa.Array:
    return pa.array([None if number is None else decimal.Decimal(number) / 100 for number in numbers], kind)


@pytest.mark.parametrize("form", [0, 1])
@pytest.mark.parametrize(
    "kind", [pa.int16(), pa.int32(), pa.int64(), pa.decimal128(15, 2), pa.decimal128(38, 3)], ids=str
)
def test_a_table_of_numbers_in_front_changes_nothing(seeded, kind: pa.DataType, form: int) -> None:
    oid = 1700 if pa.types.is_decimal(kind) else {16: 21, 32: 23, 64: 20}[kind.bit_width]
    plain = encoder_for(WireColumn(oid, -1, form), kind, WireSettings())
    memo = memoized(plain, kind)
    for width in (5, 100, 1000, 5000, 30_000, 10):  # the last but one is too wide, and ends the table
        numbers = with_nulls([seeded.randrange(-width, width) for _ in range(500)], seeded)
        array = pa.array(numbers, pa.int64()).cast(kind) if oid != 1700 else hundredths(numbers, kind)
        direct, taken = plain(array), memo(array)
        lengths = np.broadcast_to(np.asarray(direct.lengths), (500,))
        assert (
            join([lengths.astype(">i4"), *direct.pieces], 500).to_pylist()
            == join(taken.pieces if taken.sized else [lengths.astype(">i4"), *taken.pieces], 500).to_pylist()
        )
        assert (np.asarray(taken.lengths) == lengths).all()
        assert taken.sized == (width < 30_000 and memo._table is not None)


def test_numerics_of_very_many_digits_do_not_take_memory_for_all_rows(connection, seeded, monkeypatch) -> None:
    monkeypatch.setattr(numeric_binary, "_MATRIX_CELLS", 20_000)
    values = [str(seeded.getrandbits(seeded.choice((10, 100, 3000)))) + seeded.choice(("", ".5")) for _ in range(100)]
    array = pa.array(with_nulls(values, seeded))
    binary = encoded(array, WireColumn(1700, -1, 1), WireSettings())
    load(connection, "numeric", binary)
    assert answers(connection, 1) == binary
    assert answers(connection, 0) == [value and value.encode() for value in array.to_pylist()]

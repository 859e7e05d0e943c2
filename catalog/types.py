"""One row per natively stored type: its Postgres OID, Iceberg, Arrow and DuckDB forms, and nasty values of it.

Every other type is text-backed: stored as Postgres' own text, typed in the twin.
"""

from dataclasses import dataclass

import pyarrow as pa
from pyiceberg import types as iceberg

from catalog.columns import Column

TEXT_BACKED = "text_backed"


@dataclass(frozen=True, slots=True)
class NativeType:
    """A type that DuckDB computes with. `samples` are values in Postgres' text form, ISO styles, UTC."""

    name: str  # pg_type.typname; the `storage` of a column
    oid: int
    array_oid: int
    iceberg: iceberg.PrimitiveType
    arrow: pa.DataType
    duckdb: str
    samples: tuple[str, ...]


_TEXT_SAMPLES = (
    "",
    "a",
    "NULL",
    "\\N",
    "\\.",
    'q"q',
    "a,b",
    "tab\there",
    "line\nfeed\r\n",
    "\\back",
    "Zoë ☃ 𝄞",
    " pad ",
)
_JSON_SAMPLES = ("{}", "[]", "null", "1.50", '"x"', '{"a": 1, "b": [1, 2, {"c": null}]}', '{"k\\"ey": "v\\nw"}')
_TIMESTAMP_SAMPLES = (
    "2000-01-01 00:00:00",
    "1999-12-31 23:59:59.999999",
    "0001-01-01 00:00:00",
    "4713-01-01 00:00:00 BC",
    "294246-12-31 23:59:59.999999",
    "infinity",
    "-infinity",
    "2024-02-29 12:00:00.1",
)

NATIVE_TYPES: tuple[NativeType, ...] = (
    NativeType("bool", 16, 1000, iceberg.BooleanType(), pa.bool_(), "BOOLEAN", ("t", "f")),
    NativeType(
        "bytea", 17, 1001, iceberg.BinaryType(), pa.binary(), "BLOB", ("\\x", "\\x00", "\\xdeadbeef", "\\x5c27220a")
    ),
    NativeType("char", 18, 1002, iceberg.StringType(), pa.string(), "VARCHAR", ("a", "", '"')),
    NativeType("name", 19, 1003, iceberg.StringType(), pa.string(), "VARCHAR", ("pg_class", "Größe", "")),
    NativeType(
        "int8",
        20,
        1016,
        iceberg.LongType(),
        pa.int64(),
        "BIGINT",
        ("0", "-1", "9223372036854775807", "-9223372036854775808"),
    ),
    NativeType("int2", 21, 1005, iceberg.IntegerType(), pa.int32(), "SMALLINT", ("0", "-1", "32767", "-32768")),
    NativeType(
        "int4", 23, 1007, iceberg.IntegerType(), pa.int32(), "INTEGER", ("0", "-1", "2147483647", "-2147483648")
    ),
    NativeType("text", 25, 1009, iceberg.StringType(), pa.string(), "VARCHAR", _TEXT_SAMPLES),
    NativeType("oid", 26, 1028, iceberg.LongType(), pa.int64(), "BIGINT", ("0", "16384", "4294967295")),
    NativeType("json", 114, 199, iceberg.StringType(), pa.string(), "VARCHAR", (*_JSON_SAMPLES, '{ "a" :1,"a":2 }')),
    NativeType(
        "float4",
        700,
        1021,
        iceberg.FloatType(),
        pa.float32(),
        "FLOAT",
        ("0", "-0", "0.1", "1e-45", "3.4028235e+38", "NaN", "Infinity", "-Infinity", "1.6777216e+07", "1.1754944e-38"),
    ),
    NativeType(
        "float8",
        701,
        1022,
        iceberg.DoubleType(),
        pa.float64(),
        "DOUBLE",
        (
            "0",
            "-0",
            "0.1",
            "1e+15",
            "1e+16",
            "123456789012345.6",
            "5e-324",
            "1.7976931348623157e+308",
            "NaN",
            "Infinity",
            "-Infinity",
            "0.0001",
            "1e-05",
        ),
    ),
    NativeType(
        "bpchar", 1042, 1014, iceberg.StringType(), pa.string(), "VARCHAR", ("a         ", "          ", "é         ")
    ),
    NativeType("varchar", 1043, 1015, iceberg.StringType(), pa.string(), "VARCHAR", _TEXT_SAMPLES),
    NativeType(
        "date",
        1082,
        1182,
        iceberg.DateType(),
        pa.date32(),
        "DATE",
        (
            "2000-01-01",
            "1999-12-31",
            "2024-02-29",
            "0001-01-01",
            "0001-12-31 BC",
            "4713-01-01 BC",
            "5874897-12-31",
            "infinity",
            "-infinity",
        ),
    ),
    NativeType(
        "time",
        1083,
        1183,
        iceberg.TimeType(),
        pa.time64("us"),
        "TIME",
        ("00:00:00", "23:59:59.999999", "12:30:00.1", "24:00:00"),
    ),
    NativeType("timestamp", 1114, 1115, iceberg.TimestampType(), pa.timestamp("us"), "TIMESTAMP", _TIMESTAMP_SAMPLES),
    NativeType(
        "timestamptz",
        1184,
        1185,
        iceberg.TimestamptzType(),
        pa.timestamp("us", "UTC"),
        "TIMESTAMPTZ",
        tuple(v if "inf" in v else (v[:-3] + "+00 BC" if v.endswith("BC") else v + "+00") for v in _TIMESTAMP_SAMPLES),
    ),
    NativeType(
        "numeric",
        1700,
        1231,
        iceberg.DecimalType(38, 10),
        pa.decimal128(38, 10),
        "DECIMAL(38,10)",
        ("0", "0.0000000001", "-1.5", "12345678901234567890.12", "9999999999999999999999999999.9999999999"),
    ),
    NativeType(
        "uuid",
        2950,
        2951,
        iceberg.UUIDType(),
        pa.binary(16),
        "UUID",
        (
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        ),
    ),
    NativeType("jsonb", 3802, 3807, iceberg.StringType(), pa.string(), "VARCHAR", _JSON_SAMPLES),
    NativeType("enum", 0, 0, iceberg.StringType(), pa.string(), "VARCHAR", ("ok", "so so", "Ünhappy")),
)

BY_NAME = {native.name: native for native in NATIVE_TYPES}
BY_OID = {native.oid: native for native in NATIVE_TYPES if native.oid}
BY_ARRAY_OID = {native.array_oid: native for native in NATIVE_TYPES if native.array_oid}


def arrow_type(column: Column) -> pa.DataType:
    """Return the Arrow type that a column is written to Parquet with (lists get their field ids from the writer)."""
    if column.storage == TEXT_BACKED:
        return pa.string()
    element = BY_NAME[column.storage].arrow
    if column.storage == "numeric":
        element = pa.decimal128(_precision(column), _scale(column))
    return pa.list_(element) if column.array else element


def duckdb_type(column: Column) -> str:
    """Return the DuckDB type that a column is read with."""
    if column.storage == TEXT_BACKED:
        return "VARCHAR"
    element = BY_NAME[column.storage].duckdb
    if column.storage == "numeric":
        element = f"DECIMAL({_precision(column)},{_scale(column)})"
    return element + "[]" if column.array else element


def iceberg_element(column: Column) -> iceberg.PrimitiveType:
    """Return the Iceberg type of a column, of its elements where it is an array."""
    if column.storage == TEXT_BACKED:
        return iceberg.StringType()
    if column.storage == "numeric":
        return iceberg.DecimalType(_precision(column), _scale(column))
    return BY_NAME[column.storage].iceberg


def _precision(column: Column) -> int:
    assert column.precision is not None, column.name
    return column.precision


def _scale(column: Column) -> int:
    assert column.scale is not None, column.name
    return column.scale

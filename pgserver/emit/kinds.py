"""Postgres' types as the emitter sees them: OIDs by name, and what DuckDB holds their values in."""

from typing import Final

from catalog.types import BY_ARRAY_OID, BY_OID

BOOL: Final = 16
BYTEA: Final = 17
CHAR: Final = 18  # "char"
NAME: Final = 19
INT8: Final = 20
INT2: Final = 21
INT4: Final = 23
TEXT: Final = 25
OID: Final = 26
JSON: Final = 114
FLOAT4: Final = 700
FLOAT8: Final = 701
UNKNOWN: Final = 705
BPCHAR: Final = 1042
VARCHAR: Final = 1043
DATE: Final = 1082
TIME: Final = 1083
TIMESTAMP: Final = 1114
TIMESTAMPTZ: Final = 1184
INTERVAL: Final = 1186
INTERVAL_ARRAY: Final = 1187
NUMERIC: Final = 1700
NUMERIC_ARRAY: Final = 1231
UUID: Final = 2950
JSONB: Final = 3802
JSONPATH: Final = 4072
RECORD: Final = 2249
VOID: Final = 2278

INTEGERS: Final = frozenset({INT2, INT4, INT8, OID})
FLOATS: Final = frozenset({FLOAT4, FLOAT8})
TEXTS: Final = frozenset({TEXT, VARCHAR, BPCHAR, NAME, CHAR, UNKNOWN})
JSONS: Final = frozenset({JSON, JSONB})

# Types that DuckDB computes with; numeric is held in many DECIMAL types, see `numeric.py`.
DUCKDB: Final[dict[int, str]] = {oid: native.duckdb for oid, native in BY_OID.items()} | {
    INTERVAL: "INTERVAL",
    UNKNOWN: "VARCHAR",
}
ELEMENTS: Final[dict[int, int]] = {oid: native.oid for oid, native in BY_ARRAY_OID.items()} | {
    INTERVAL_ARRAY: INTERVAL,
}
ARRAYS: Final[dict[int, int]] = {element: array for array, element in ELEMENTS.items()}
# Values that are equal and print differently: 1.0 and 1.00 in jsonb. json has no equality.
SPELLED: Final = JSONS | {ARRAYS[JSON], ARRAYS[JSONB]}

# Collations under which text orders and folds case as the lake's C.UTF-8 does; the last two order so, but fold ASCII
# only.
UTF8_COLLATIONS: Final = frozenset({0, 100, 811})  # none, default, pg_c_utf8
BYTE_COLLATIONS: Final = UTF8_COLLATIONS | {950, 951, 962}  # C, POSIX, ucs_basic

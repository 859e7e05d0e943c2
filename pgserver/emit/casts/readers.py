"""Casts of text to numbers, truth values, times, uuids, bytes and enums.

DuckDB's parsers take other spellings than Postgres', and other numbers: a text is matched first, and what is not
spelled plainly goes to the bridge, errors among it.
"""

from dataclasses import replace

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.literals import text_literal
from pgserver.emit.numeric import from_text
from pgserver.emit.operators.comparisons import trimmed
from pgserver.emit.reading.names import CatalogNames
from pgserver.emit.values import Value

SOURCES = (kinds.TEXT, kinds.VARCHAR, kinds.BPCHAR)
FORMS = {
    kinds.INT2: "CAST(pg_integer_of({}) AS SMALLINT)",
    kinds.INT4: "CAST(pg_integer_of({}) AS INTEGER)",
    kinds.INT8: "CAST(pg_integer_of({}) AS BIGINT)",
    kinds.FLOAT4: "pg_float4_of({})",
    kinds.FLOAT8: "pg_float8_of({})",
    kinds.BOOL: "pg_bool_of({})",
    kinds.BYTEA: "pg_bytea_of({})",
    kinds.UUID: "pg_uuid_of({})",
    kinds.DATE: "pg_date_of({})",
    kinds.TIME: "pg_time_of({})",
    kinds.TIMESTAMP: "pg_timestamp_of({})",
    kinds.TIMESTAMPTZ: "pg_timestamptz_of({})",
    kinds.INTERVAL: "pg_interval_of({})",
    kinds.JSON: "pg_json_of({})",
    kinds.JSONB: "pg_jsonb_of({})",
}


def read(value: Value, target: int, names: CatalogNames) -> Value:
    """Cast a text.

    Raises: NoRule for a type that is not read here.
    """
    if target in kinds.JSONS and value.type in kinds.JSONS and not value.opaque:
        return replace(value, type=target) if target == kinds.JSON else Value(f"pg_jsonb_of({value.sql})", target)
    if value.opaque or value.type not in SOURCES or (target in kinds.JSONS and value.type == kinds.BPCHAR):
        raise NoRule(f"cast from {names.type_name(value.type)} to {names.type_name(target)}")
    text = trimmed(value).operand
    if target == kinds.NUMERIC:
        return from_text(f"pg_numeric_of({text})")
    if labels := names.labels(target):
        known = ", ".join(map(text_literal, labels))
        return Value(f"CASE WHEN {text} NOT IN ({known}) THEN error('bridge') ELSE {text} END", target)
    if target not in FORMS:
        raise NoRule(f"cast from {names.type_name(value.type)} to {names.type_name(target)}")
    return Value(FORMS[target].format(text), target)

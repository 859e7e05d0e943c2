"""Functions of json and jsonb."""

from pgserver.emit import kinds
from pgserver.emit.json_values import JsonWriter
from pgserver.emit.numeric import from_text
from pgserver.emit.once import of_first, once
from pgserver.emit.operators.json_operators import at_path
from pgserver.emit.rules import Call, Rules, built, table
from pgserver.emit.values import Value


def extract_path(call: Call) -> Value:
    """jsonb_extract_path and jsonb_extract_path_text, of constant keys."""
    keys = call.args[1].constant.value if call.args[1].constant is not None else None
    if not isinstance(keys, list):
        raise call.no_rule("by what is no constant")
    return at_path(call, keys, as_text="_text(" in call.signature)


def to_json(call: Call) -> Value:
    """to_json, to_jsonb, array_to_json."""
    return call.result(writer(call).value(call.args[0]), atom=False)


def build_object(call: Call) -> Value:
    """json_build_object, jsonb_build_object."""
    if len(call.args) % 2:
        raise call.no_rule("of an odd number of arguments")
    return call.result(writer(call).object(list(zip(call.args[::2], call.args[1::2], strict=True))))


def build_array(call: Call) -> Value:
    """json_build_array, jsonb_build_array."""
    return call.result(writer(call).array(call.args))


def to_integer(call: Call) -> Value:
    """int2, int4, int8 of a jsonb; a fraction is rounded."""
    number = once(_number(call), lambda sql: f"pg_jsonb_whole({sql})")
    return call.result(f"CAST({number} AS {kinds.DUCKDB[call.type]})", atom=True)


def to_float(call: Call) -> Value:
    """float8 of a jsonb."""
    return call.result(once(_number(call), lambda sql: f"pg_jsonb_double({sql})"), atom=True)


def to_numeric(call: Call) -> Value:
    """numeric of a jsonb, with the decimals that it shows."""
    return from_text(_number(call))


def _number(call: Call) -> str:
    return once(call.args[0].sql, lambda sql: f"pg_jsonb_number({sql})")


def writer(call: Call) -> JsonWriter:
    """Return what writes json or jsonb, as the call's result is."""
    return JsonWriter(call.names, call.assume, jsonb=call.type == kinds.JSONB)


JSON: Rules = table(
    (built(f"{name}(jsonb)", to_integer) for name in ("int2", "int4", "int8")),
    built("float8(jsonb)", to_float),
    built('"numeric"(jsonb)', to_numeric),
    of_first("bool(jsonb)", "pg_jsonb_bool($1)"),
    (built(f"{name}(anyelement)", to_json) for name in ("to_json", "to_jsonb")),
    built("array_to_json(anyarray)", to_json),
    built("row_to_json(record)", to_json),
    (built(f'{kind}_build_object("any")', build_object) for kind in ("json", "jsonb")),
    (built(f'{kind}_build_array("any")', build_array) for kind in ("json", "jsonb")),
    (built(f"{kind}_build_object()", build_object) for kind in ("json", "jsonb")),
    (built(f"{kind}_build_array()", build_array) for kind in ("json", "jsonb")),
    of_first("jsonb_typeof(jsonb)", "pg_json_typeof($1)"),
    of_first("json_typeof(json)", "pg_json_typeof(pg_json_trimmed($1))"),
    of_first("jsonb_array_length(jsonb)", "pg_json_length($1, $1[1])"),
    of_first("json_array_length(json)", "pg_json_length($1, pg_json_trimmed($1)[1])"),
    of_first("jsonb_object_field(jsonb,text)", "CASE WHEN $1[1] = '{' THEN pg_jsonb_at($1, pg_json_pointer($2)) END"),
    (built(f"{kind}_extract_path({kind},text[])", extract_path) for kind in ("json", "jsonb")),
    (built(f"{kind}_extract_path_text({kind},text[])", extract_path) for kind in ("json", "jsonb")),
)

"""Aggregates that build json and jsonb."""

from collections.abc import Iterator

from pgserver.emit import kinds
from pgserver.emit.json_values import JsonWriter
from pgserver.emit.nodes.aggregate_calls import AggregateCall, AggregateRule
from pgserver.emit.values import Value


def array(call: AggregateCall) -> Value:
    """Collect values into an array; json puts arrays and rows on lines of their own."""
    value, writer = call.args[0], _writer(call)
    strict = f"{value.operand} IS NOT NULL" if "_strict" in call.signature else ""
    if (call.names.element(value.type) or value.type == kinds.RECORD) and not writer.jsonb:
        item = f"CASE WHEN {value.operand} IS NULL THEN ' null' ELSE ' \n ' || {writer.value(value)} END"
        lines = call.write("string_agg", item, "','", where=strict)
        items = f"ltrim({lines}, ' \n')"
    else:
        items = call.write("string_agg", f"coalesce({writer.value(value)}, 'null')", "', '", where=strict)
    return call.result(f"pg_json_around('[', {items}, ']', {_any_row(call)})")


def object_(call: AggregateCall) -> Value:
    """Collect keys and values into an object."""
    (key, value), writer = call.args, _writer(call)
    strict = f"{value.operand} IS NOT NULL" if "_strict" in call.signature else ""
    text = f"coalesce({writer.value(value)}, 'null')"
    if not writer.jsonb:
        items = call.write("string_agg", f"{writer.key(key)} || ' : ' || {text}", "', '", where=strict)
        return call.result(f"pg_json_around('{{ ', {items}, ' }}', {_any_row(call)})")
    if key.type not in kinds.TEXTS - {kinds.BPCHAR}:
        raise call.no_rule("by keys that are no texts")
    known = f"CASE WHEN {key.operand} IS NULL THEN error('22023') ELSE {key.sql} END"
    entry = f"{{'n': strlen({known}), 'k': {key.sql}, 'v': {text}}}"
    return call.result(f"pg_jsonb_object({call.write('array_agg', entry, where=strict)})")


def _any_row(call: AggregateCall) -> str:
    """Whether there was a row at all: without one the result is NULL, without one that counts it is empty."""
    return f"{call.write('count', '*', order='')} > 0" if "_strict" in call.signature else "false"


def _writer(call: AggregateCall) -> JsonWriter:
    if call.distinct or call.over:
        raise call.no_rule("DISTINCT, or over a window")
    return JsonWriter(call.names, call.assume, jsonb=call.signature.startswith("jsonb"))


def rules() -> Iterator[AggregateRule]:
    """Return the rows of the table of aggregates."""
    for kind in ("json", "jsonb"):
        for suffix in ("", "_strict"):
            yield AggregateRule(f"{kind}_agg{suffix}(anyelement)", array)
        yield AggregateRule(f'{kind}_object_agg("any","any")', object_)

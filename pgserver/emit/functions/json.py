"""Functions of json and jsonb."""

from pgserver.emit.json_operators import at_path
from pgserver.emit.rules import Call, Rules, built, rewritten, table
from pgserver.emit.values import Value


def extract_path(call: Call) -> Value:
    """jsonb_extract_path and jsonb_extract_path_text, of constant keys."""
    keys = call.args[1].constant.value if call.args[1].constant is not None else None
    if not isinstance(keys, list):
        raise call.no_rule("by what is no constant")
    return at_path(call, keys, as_text="_text(" in call.signature)


JSON: Rules = table(
    rewritten("jsonb_typeof(jsonb)", "pg_json_typeof($1)"),
    rewritten("json_typeof(json)", "pg_json_typeof(pg_json_trimmed($1))"),
    rewritten("jsonb_array_length(jsonb)", "pg_json_length($1, $1[1])"),
    rewritten("json_array_length(json)", "pg_json_length($1, pg_json_trimmed($1)[1])"),
    rewritten("jsonb_object_field(jsonb,text)", "CASE WHEN $1[1] = '{' THEN pg_jsonb_at($1, pg_json_pointer($2)) END"),
    built("jsonb_extract_path(jsonb,text[])", extract_path),
    built("jsonb_extract_path_text(jsonb,text[])", extract_path),
)

"""Functions of bytea. Parts are cut from the hexadecimal digits: DuckDB cuts no BLOB."""

from pgserver.emit.rules import Call, Rules, built, rewritten, same, table
from pgserver.emit.texts import constant_text
from pgserver.emit.values import Value

ENCODED = {"hex": "lower(hex({}))", "base64": "pg_to_base64({})"}
DECODED = {"hex": "pg_from_hex({})", "base64": "pg_from_base64({})"}
UTF8 = frozenset({"utf8", "utf-8", "unicode"})


def encode(call: Call) -> Value:
    """Write bytes as text."""
    return _by_format(call, ENCODED)


def decode(call: Call) -> Value:
    """Read text as bytes."""
    return _by_format(call, DECODED)


def _by_format(call: Call, forms: dict[str, str]) -> Value:
    name = (constant_text(call.args[1]) or "").lower()
    if name not in forms:
        raise call.no_rule("of another format")
    return call.result(forms[name].format(call.args[0].sql), atom=True)


def convert_from(call: Call) -> Value:
    """Read bytes as UTF-8."""
    _check_utf8(call)
    return call.result(f"pg_decode({call.args[0].sql})", atom=True)


def convert_to(call: Call) -> Value:
    """Write text in UTF-8."""
    _check_utf8(call)
    return call.result(f"encode({call.args[0].sql})", atom=True)


def _check_utf8(call: Call) -> None:
    if (constant_text(call.args[1]) or "").lower() not in UTF8:
        raise call.no_rule("of another encoding")


BYTEA: Rules = table(
    (rewritten(f"{name}(bytea)", "CAST(octet_length($1) AS INTEGER)") for name in ("length", "octet_length")),
    rewritten("bit_length(bytea)", "CAST(8 * octet_length($1) AS INTEGER)"),
    (rewritten(f"{name}(bytea,integer)", "pg_bytes_from($1, $2)") for name in ("substr", '"substring"')),
    (rewritten(f"{name}(bytea,integer,integer)", "pg_bytes($1, $2, $3)") for name in ("substr", '"substring"')),
    rewritten("get_byte(bytea,integer)", "pg_get_byte($1, $2)"),
    same("md5(bytea)"),
    rewritten("sha256(bytea)", "unhex(sha256($1))"),
    built("encode(bytea,text)", encode),
    built("decode(text,text)", decode),
    built("convert_from(bytea,name)", convert_from),
    built("convert_to(text,name)", convert_to),
)

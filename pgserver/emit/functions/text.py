"""Functions of text: lengths, parts, padding, replacing."""

from collections.abc import Iterator
from string import ascii_lowercase, ascii_uppercase

from pgserver.emit import kinds
from pgserver.emit.operators.comparisons import trimmed
from pgserver.emit.rules import Call, Rule, Rules, built, renamed, rewritten, same, table
from pgserver.emit.texts import constant_integer, constant_text
from pgserver.emit.values import Value

SAFE_LENGTH = 10_000  # of what lpad makes without a guard: DuckDB makes 2048 texts at once


def substring(call: Call) -> Value:
    """Cut from a position, for a length.

    Positions before the first count, so only constants inside the text are plain.
    """
    source, start = call.args[:2]
    length = call.args[2] if len(call.args) > 2 else None
    bounds = [constant_integer(arg) for arg in call.args[1:]]
    if all(bound is not None and bound >= least for bound, least in zip(bounds, (1, 0), strict=False)):
        return call.result(f"substr({source.sql}, {', '.join(map(str, bounds))})", atom=True)
    if length is None:
        return call.result(f"pg_substr2({source.sql}, {start.sql})", atom=True)
    return call.result(f"pg_substr3({source.sql}, {start.sql}, {length.sql})", atom=True)


def padded_length(call: Call) -> Value:
    """Count the characters of a char(n) before its padding."""
    return call.result(f"CAST(length({trimmed(call.args[0]).sql}) AS INTEGER)", atom=True)


def folded(call: Call) -> Value:
    """Change case: C.UTF-8 maps single characters of Unicode 16, DuckDB those of an older Unicode."""
    name = call.signature.partition("(")[0]
    if call.collation in kinds.UTF8_COLLATIONS:
        return call.result(f"pg_{name}({call.args[0].sql})", atom=True)
    if name == "initcap":
        raise call.no_rule("under a collation that knows ASCII only")
    letters = ascii_lowercase, ascii_uppercase
    before, after = letters if name == "upper" else letters[::-1]
    return call.result(f"translate({call.args[0].sql}, '{before}', '{after}')", atom=True)


def right(call: Call) -> Value:
    """Take the last characters; of -2147483648 Postgres gives the whole text."""
    name = "right" if constant_integer(call.args[1]) is not None else "pg_right"
    return call.result(f"{name}({call.args[0].sql}, {call.args[1].sql})", atom=True)


def pad(call: Call) -> Value:
    """Pad or cut to a length: DuckDB refuses an empty fill, and a huge length would take the memory."""
    name = call.signature.partition("(")[0]
    source, length = call.args[:2]
    fill = call.args[2].sql if len(call.args) > 2 else "' '"
    known, filling = constant_integer(call.args[1]), constant_text(call.args[2]) if len(call.args) > 2 else " "
    if known is not None and 0 <= known <= SAFE_LENGTH and filling:
        return call.result(f"{name}({source.sql}, {known}, {fill})", atom=True)
    return call.result(f"pg_{name}({source.sql}, {length.sql}, {fill})", atom=True)


def repeat(call: Call) -> Value:
    """Repeat a text."""
    times = constant_integer(call.args[1])
    if times is not None and times <= 100:
        return call.result(f"repeat({call.args[0].sql}, {times})", atom=True)
    return call.result(f"pg_repeat({call.args[0].sql}, {call.args[1].sql})", atom=True)


def split_part(call: Call) -> Value:
    """Take the nth field; the plain form is that of a separator and a place that are usual constants."""
    source, separator, place = call.args
    if constant_text(separator) and (constant_integer(place) or 0) > 0:
        return call.result(f"split_part({source.sql}, {separator.sql}, {place.sql})", atom=True)
    return call.result(f"pg_split_part({source.sql}, {separator.sql}, {place.sql})", atom=True)


def quoted(call: Call) -> Value:
    """quote_literal, quote_nullable: a backslash makes it an E'' literal."""
    name = call.signature.partition("(")[0]
    return call.result(f"pg_{name}({call.args[0].sql})", atom=True)


def _lengths() -> Iterator[Rule]:
    for name in ("length", "char_length", "character_length"):
        yield rewritten(f"{name}(text)", "CAST(length($1) AS INTEGER)")
        yield built(f"{name}(character)", padded_length)
    yield from (rewritten(f"octet_length({kind})", "CAST(strlen($1) AS INTEGER)") for kind in ("text", "character"))
    yield rewritten("bit_length(text)", "CAST(8 * strlen($1) AS INTEGER)")


def _radix() -> Iterator[Rule]:
    for name, held in (("to_hex", "lower(to_hex($1))"), ("to_bin", "to_binary($1)")):
        yield rewritten(f"{name}(bigint)", held)
        unsigned = held.replace("$1", "CASE WHEN $1 < 0 THEN CAST($1 AS BIGINT) + 4294967296 ELSE $1 END")
        yield rewritten(f"{name}(integer)", unsigned)


TEXT: Rules = table(
    _lengths(),
    _radix(),
    (built(f"{name}(text)", folded) for name in ("lower", "upper", "initcap")),
    built('"substring"(text,integer,integer)', substring),
    built('"substring"(text,integer)', substring),
    built("substr(text,integer,integer)", substring),
    built("substr(text,integer)", substring),
    renamed('"left"(text,integer)', to="left"),
    built('"right"(text,integer)', right),
    (
        built(f"{name}({kinds_of})", pad)
        for name in ("lpad", "rpad")
        for kinds_of in ("text,integer", "text,integer,text")
    ),
    rewritten("btrim(text)", "trim($1, ' ')"),  # DuckDB's default is all of Unicode's spaces
    rewritten("ltrim(text)", "ltrim($1, ' ')"),
    rewritten("rtrim(text)", "rtrim($1, ' ')"),
    renamed("btrim(text,text)", to="trim"),
    same("ltrim(text,text)"),
    same("rtrim(text,text)"),
    built("repeat(text,integer)", repeat),
    same("replace(text,text,text)"),
    rewritten("reverse(text)", "pg_reverse($1)"),
    same("translate(text,text,text)"),
    rewritten("strpos(text,text)", "CAST(strpos($1, $2) AS INTEGER)"),
    rewritten('"position"(text,text)', "CAST(strpos($1, $2) AS INTEGER)"),
    built("split_part(text,text,integer)", split_part),
    rewritten('"overlay"(text,text,integer)', "pg_overlay($1, $2, $3, length($2))"),
    rewritten('"overlay"(text,text,integer,integer)', "pg_overlay($1, $2, $3, $4)"),
    renamed("starts_with(text,text)", to="prefix"),
    rewritten("text(name)", "$1"),
    rewritten('text("char")', "$1"),
    same("md5(text)"),
    same("ascii(text)"),
    rewritten("chr(integer)", "pg_chr($1)"),
    rewritten("quote_ident(text)", "pg_quote_ident($1)"),
    built("quote_literal(text)", quoted),
    built("quote_nullable(text)", quoted),
)

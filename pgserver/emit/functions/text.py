"""Functions of text."""

from pgserver.emit.rules import Call, Rules, built, renamed, rewritten, same, table
from pgserver.emit.values import Value


def substring(call: Call) -> Value:
    """Cut from a position, for a length.

    Positions before the first count, so only constants inside the text are plain.
    """
    text, start = call.args[:2]
    length = call.args[2] if len(call.args) > 2 else None
    bounds = [arg.constant.value if arg.constant is not None else None for arg in call.args[1:]]
    if all(isinstance(bound, int) and bound >= least for bound, least in zip(bounds, (1, 0), strict=False)):
        return call.result(f"substr({text.sql}, {', '.join(map(str, bounds))})", atom=True)
    if length is None:
        return call.result(f"pg_substr2({text.sql}, {start.sql})", atom=True)
    return call.result(f"pg_substr3({text.sql}, {start.sql}, {length.sql})", atom=True)


TEXT: Rules = table(
    rewritten("length(text)", "CAST(length($1) AS INTEGER)"),
    same("lower(text)"),
    built('"substring"(text,integer,integer)', substring),
    built('"substring"(text,integer)', substring),
    built("substr(text,integer,integer)", substring),
    built("substr(text,integer)", substring),
    renamed("btrim(text)", to="trim"),
)

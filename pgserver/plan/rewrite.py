"""Rewriting a text for the bridge: `schema.table` of the lake becomes `pg_temp.table`.

A temporary table hides others of its name, so unqualified names need no change. Only tokens are replaced: the rest of
the text, its positions in error messages included where lengths allow, stays as the client wrote it.
"""

from collections.abc import Collection

from pglast.parser import Token, scan

DOT = "ASCII_46"
TEMPORARY = "pg_temp"
COMMENTS = frozenset(("SQL_COMMENT", "C_COMMENT"))

Name = tuple[str, str]  # schema and table


def use_temporary_tables(text: str, names: Collection[Name]) -> str:
    """Replace the schema in front of each of these tables.

    Args: one statement that parses; schema and name of the lake's tables in it.
    """
    tokens = [token for token in scan(text) if token.name not in COMMENTS]
    changes = [change for position in range(len(tokens)) if (change := _schema_at(text, tokens, position, names))]
    for start, end in reversed(changes):
        text = text[:start] + TEMPORARY + text[end:]
    return text


def _schema_at(text: str, tokens: list[Token], position: int, names: Collection[Name]) -> tuple[int, int] | None:
    """Return the place of a schema's name (and a database's in front of it) when a table of `names` follows its dot."""
    if position + 2 >= len(tokens) or tokens[position + 1].name != DOT:
        return None
    schema, table = _identifier(text, tokens[position]), _identifier(text, tokens[position + 2])
    if schema is None or table is None or (schema, table) not in names:
        return None
    start = tokens[position].start
    if position >= 2 and tokens[position - 1].name == DOT:
        if position >= 4 and tokens[position - 3].name == DOT:
            return None  # a field of a field
        start = tokens[position - 2].start
    return start, tokens[position].end + 1


def _identifier(text: str, token: Token) -> str | None:
    """Return the name that a token spells, None for what is no identifier."""
    spelled = text[token.start : token.end + 1]
    if spelled.startswith('"') and spelled.endswith('"'):
        return spelled[1:-1].replace('""', '"')
    if token.name == "IDENT" and spelled[:2].lower() in ('u&"', "u&"):
        return None
    if token.name == "IDENT" or token.kind != "NO_KEYWORD":
        return spelled.lower()
    return None

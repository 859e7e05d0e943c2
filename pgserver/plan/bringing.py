"""Statements that bring rows of the lake into temporary tables: CREATE TABLE AS, SELECT INTO, INSERT ... SELECT.

The query inside runs where the lake's queries run; its rows go by COPY into a table that the twin has made for them.
"""

from pglast import ast
from pglast.enums import ObjectType
from pglast.parser import ParseError, Token, scan

from pgserver.plan.inner import CLOSE, COMMENTS, OPEN, Inner, find_inner
from pgserver.plan.statement import Kind, Statement, parse
from pgserver.plan.utility import Bringing, Probe, emptied

ROWS = 'pg_temp."_bemidb_rows"'  # what INSERT reads
PREFIX, SUFFIX = "CREATE TEMP TABLE {} AS ", " WITH NO DATA"
DOT = "ASCII_46"
TEMPORARY = frozenset(("TEMP", "TEMPORARY", "LOCAL", "GLOBAL", "TABLE"))


def bringing(statement: Statement) -> Bringing | None:
    """Read a statement that brings the rows of a query into a temporary table; None for every other."""
    node = parse(statement.text)
    if isinstance(node, ast.CreateTableAsStmt):
        return _created(statement, node)
    if isinstance(node, ast.InsertStmt) and node.withClause is None:
        return _inserted(statement)
    if isinstance(node, ast.SelectStmt):
        return _selected(statement, node)
    return None


def brings_nothing(node: ast.Node | None) -> bool:
    """Tell whether a statement makes a temporary table WITH NO DATA: the twin can do that alone."""
    return isinstance(node, ast.CreateTableAsStmt) and node.into is not None and bool(node.into.skipData)


def _created(statement: Statement, node: ast.CreateTableAsStmt) -> Bringing | None:
    inner = find_inner(statement)
    name = _temporary(node.into)
    if inner is None or name is None or node.objtype != ObjectType.OBJECT_TABLE or brings_nothing(node):
        return None
    text = statement.text
    make = Probe(text[: inner.end] + SUFFIX)
    return Bringing(text[inner.start : inner.end], make, name, unless_exists=bool(node.if_not_exists))


def _selected(statement: Statement, node: ast.SelectStmt) -> Bringing | None:
    first = node
    while first.larg is not None:
        first = first.larg
    name = _temporary(first.intoClause)
    if name is None:
        return None
    tokens = _tokens(statement.text)
    start = _at_top(tokens, "INTO")
    end = start + 1
    while tokens[end].name in TEMPORARY:
        end += 1
    while tokens[end + 1].name == DOT:
        end += 2
    cut = slice(tokens[start].start, tokens[end].end + 1)
    query = statement.text[: cut.start] + " " * (cut.stop - cut.start) + statement.text[cut.stop :].rstrip("; \n\t")
    prefix = PREFIX.format(name)
    return Bringing(query, Probe(prefix + query + SUFFIX, ((0, len(prefix)),)), name)


def _inserted(statement: Statement) -> Bringing | None:
    inner = find_inner(statement)
    if inner is None:
        return None
    text = statement.text
    if any(token.name == "PARAM" for token in _tokens(text[: inner.start]) + _tokens(text[inner.end :])):
        return None
    query = text[inner.start : inner.end]
    create = f"CREATE TEMP TABLE {ROWS} ON COMMIT DROP AS "
    probe = emptied(create + query, Inner(len(create), len(create) + len(query)))
    then = f"{text[: inner.start]}TABLE {ROWS}{text[inner.end :]}"
    return Bringing(query, Probe(probe.text + SUFFIX), ROWS, Probe(then))


def _temporary(into: ast.IntoClause | None) -> str | None:
    """Return the SQL name of a temporary table that a query is to make, None for any other."""
    if into is None or into.rel is None:
        return None
    if into.rel.relpersistence != "t" and not (into.rel.schemaname or "").startswith("pg_temp"):
        return None
    name = (into.rel.relname or "").replace('"', '""')
    return f'pg_temp."{name}"'


def _tokens(text: str) -> list[Token]:
    try:
        return [token for token in scan(text) if token.name not in COMMENTS]
    except ParseError:
        return []


def _at_top(tokens: list[Token], word: str) -> int:
    """Return the position of a word outside of all parentheses; those around the whole query do not count."""
    depth = 0
    least = next((position for position, token in enumerate(tokens) if token.name != OPEN), 0)
    for position, token in enumerate(tokens):
        depth += (token.name == OPEN) - (token.name == CLOSE)
        if depth <= least and token.name == word:
            return position
    raise AssertionError(f"no {word}")


def may_bring(statement: Statement) -> bool:
    """Whether a statement that the planner refuses is worth a look."""
    return statement.kind is Kind.WRITE or "into" in statement.text.lower()

"""Statements of which only what stands above FROM and WHERE needs Postgres: the engine joins, filters and groups below.

    SELECT soundex(c.name), sum(o.total) FROM orders o JOIN customers c ON ... WHERE c.country = 'PT' GROUP BY 1

becomes what the engine runs, and what Postgres makes of its rows:

    SELECT c.name AS "_bemidb_1", o.total AS "_bemidb_2" FROM orders o JOIN customers c ON ... WHERE c.country = 'PT'
    SELECT soundex("_bemidb_1"), sum("_bemidb_2") FROM pg_temp."_bemidb_rows" GROUP BY 1

The text is cut and its names of columns are replaced; it is never printed from its parse tree.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pglast import ast
from pglast.enums import SetOperation
from pglast.parser import ParseError, scan

from pgserver.plan.inner import CLOSE, COMMENTS, OPEN
from pgserver.plan.statement import parse

ROWS = 'pg_temp."_bemidb_rows"'
DOT, SEMICOLON = "ASCII_46", "ASCII_59"
TAIL = frozenset(("GROUP_P", "HAVING", "WINDOW", "ORDER", "LIMIT", "OFFSET", "FETCH"))
BEFORE_OTHER_FROM = frozenset(("IS", "NOT"))  # DISTINCT FROM


@dataclass(frozen=True, slots=True)
class Above:
    """The two texts, and how many columns lie between them."""

    rows: str
    text: str


class _Cannot(Exception):
    """The statement is left as it is."""


def split_above(text: str, outputs: Sequence[str]) -> Above | None:
    """Split one query; None where it has one table alone, or where the upper part reads more than columns.

    Args: the query; the names of its result columns.
    """
    node = parse(text)
    if not isinstance(node, ast.SelectStmt) or node.op != SetOperation.SETOP_NONE or not _has_many(node):
        return None
    if node.intoClause or node.lockingClause:
        return None
    try:
        above = _Splitter(text, node, outputs).split()
    except (_Cannot, ParseError):
        return None
    lower, upper = parse(above.rows), parse(above.text)
    if not isinstance(lower, ast.SelectStmt) or not isinstance(upper, ast.SelectStmt):
        return None
    if (lower.fromClause, lower.whereClause) != (node.fromClause, node.whereClause) or upper.whereClause:
        return None
    return above


def _has_many(node: ast.SelectStmt) -> bool:
    """Tell whether FROM has more than a table: a lone table's conditions decide anyway what is brought of it."""
    items = node.fromClause or ()
    return len(items) > 1 or any(not isinstance(item, ast.RangeVar) for item in items)


class _Splitter:
    """Cuts one text."""

    def __init__(self, text: str, node: ast.SelectStmt, outputs: Sequence[str]) -> None:
        """Args: the text; its parse tree; the names of the result columns."""
        self._text = text
        self._node = node
        self._outputs = outputs
        self._tokens = [token for token in scan(text) if token.name not in COMMENTS]
        self._at = {token.start: position for position, token in enumerate(self._tokens)}
        self._columns: dict[tuple[str, ...], str] = {}  # what the engine returns, by its name there
        self._changes: list[tuple[int, int, str]] = []

    def split(self) -> Above:
        """Return both texts. Raises: _Cannot."""
        node = self._node
        for item in (*(node.sortClause or ()), *(node.distinctClause or ())):
            target = item.node if isinstance(item, ast.SortBy) else item
            if not self._by_position(target):
                self._replace(item)
        for item in node.groupClause or ():
            self._check_group(item)
        upper = (node.targetList, node.groupClause, node.havingClause, node.windowClause)
        for part in (*upper, node.limitOffset, node.limitCount):
            self._replace(part)
        if not self._columns:
            raise _Cannot
        start, below, behind = self._bounds()
        columns = ", ".join(f"{'.'.join(map(quoted, names))} AS {ours}" for names, ours in self._columns.items())
        text = self._text
        head, tail = self._changed(start, below), self._changed(behind, len(text))
        return Above(f"{text[:start]}SELECT {columns} {text[below:behind]}", f"{head}FROM {ROWS} {tail}")

    def _replace(self, part: object) -> None:
        """Note the columns in a part of the tree."""
        for reference in columns_in(part):
            names = names_of(reference)
            ours = self._columns.setdefault(names, f'"_bemidb_{len(self._columns) + 1}"')
            self._changes.append((*self._place(reference, len(names)), ours))

    def _by_position(self, target: object) -> bool:
        """Name a result column by its position, where ORDER BY or DISTINCT ON names it by its name."""
        if not isinstance(target, ast.ColumnRef) or len(names := names_of(target)) > 1:
            return False
        positions = [position for position, output in enumerate(self._outputs, start=1) if output == names[0]]
        if len(positions) > 1:
            raise _Cannot
        self._changes += [(*self._place(target, 1), str(position)) for position in positions]
        return bool(positions)

    def _check_group(self, item: object) -> None:
        """GROUP BY means a column of FROM by a name, if there is one, else one of the result: who knows."""
        if isinstance(item, ast.ColumnRef) and len(names := names_of(item)) == 1:
            for output, target in zip(self._outputs, self._node.targetList or (), strict=False):
                if output == names[0] and not isinstance(target.val, ast.ColumnRef):
                    raise _Cannot

    def _place(self, reference: ast.ColumnRef, name_count: int) -> tuple[int, int]:
        """Return where a column's name begins and ends."""
        position = self._at.get(reference.location or 0)
        if position is None:
            raise _Cannot
        last = position + 2 * (name_count - 1)
        if any(token.name != DOT for token in self._tokens[position + 1 : last : 2]):
            raise _Cannot
        return self._tokens[position].start, self._tokens[last].end + 1

    def _bounds(self) -> tuple[int, int, int]:
        """Return where SELECT, FROM, and what comes after WHERE begin."""
        tokens, depth = self._tokens, 0
        found = [-1, -1, tokens[-1].start if tokens[-1].name == SEMICOLON else len(self._text)]
        for position, token in enumerate(tokens):
            depth += (token.name == OPEN) - (token.name == CLOSE)
            before = [other.name for other in tokens[max(0, position - 2) : position]]
            if depth or before[-1:] == [DOT] or before[-1:] == ["AS"]:
                continue
            if token.name == "SELECT" and found[0] < 0:
                found[0] = token.start
            elif token.name == "FROM" and found[1] < 0 and not _is_comparison(before):
                found[1] = token.start
            elif token.name in TAIL and found[1] >= 0:
                found[2] = token.start
                break
        if min(found) < 0:
            raise _Cannot
        return found[0], found[1], found[2]

    def _changed(self, start: int, end: int) -> str:
        text = self._text[start:end]
        for low, high, new in sorted(self._changes, reverse=True):
            if start <= low < end:
                text = text[: low - start] + new + text[high - start :]
        return text


def _is_comparison(before: list[str]) -> bool:
    return len(before) == 2 and before[1] == "DISTINCT" and before[0] in BEFORE_OTHER_FROM


def columns_in(part: object) -> Iterator[ast.ColumnRef]:
    """Yield the columns that a part of a raw parse tree names. Raises: _Cannot where it has a query within."""
    if isinstance(part, ast.SubLink):
        raise _Cannot
    if isinstance(part, ast.ColumnRef):
        yield part
    elif isinstance(part, ast.Node):
        for slot in part:
            yield from columns_in(getattr(part, slot))
    elif isinstance(part, tuple):
        for member in part:
            yield from columns_in(member)


def names_of(reference: ast.ColumnRef) -> tuple[str, ...]:
    """Return the parts of a column's name. Raises: _Cannot for a star."""
    fields = reference.fields or ()
    names = tuple(field.sval or "" for field in fields if isinstance(field, ast.String))
    if len(names) != len(fields):
        raise _Cannot
    return names


def quoted(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'

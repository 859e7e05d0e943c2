"""Statements of which only what stands above their groups needs Postgres: see `plan/above.py`.

    SELECT ts_rank(to_tsvector(kind), q), sum(x) FROM events WHERE y > 1 GROUP BY kind, q HAVING count(*) > 2 ORDER BY 2

becomes

    SELECT kind AS "_bemidb_1", q AS "_bemidb_2", sum(x) AS "_bemidb_3" FROM events WHERE y > 1
        GROUP BY 1, 2 HAVING count(*) > 2
    SELECT ts_rank(to_tsvector("_bemidb_1"), "_bemidb_2"), "_bemidb_3" FROM pg_temp."_bemidb_rows" ORDER BY 2
"""

import contextlib
from collections.abc import Collection, Iterator, Sequence

from pglast import ast

from pgserver.emit.aggregates.table import AGGREGATES
from pgserver.plan.above import (
    ROWS,
    TAIL,
    Above,
    Cannot,
    Cutter,
    columns_in,
    is_cut_from,
    names_of,
    plain_query,
)
from pgserver.plan.inner import CLOSE, OPEN
from pgserver.plan.statement import parse
from pgserver.plan.utility import quoted

COMMA = "ASCII_44"
NAMES = frozenset(signature.partition("(")[0] for signature in AGGREGATES)
SELECT_WORDS = frozenset(("SELECT", "DISTINCT", "ALL"))


def split_groups(text: str, outputs: Sequence[str], known: Collection[str]) -> Above | None:
    """Split one query above its groups; None where it has none, or where the upper part reads more than these.

    Args: the query; the names of its result columns; those of all columns of its tables.
    """
    node = plain_query(text)
    if node is None or node.windowClause or (node.distinctClause and node.distinctClause[0] is not None):
        return None
    with contextlib.suppress(Cannot):
        above = _Groups(text, node, outputs, known).split()
        upper = parse(above.text)
        if is_cut_from(parse(above.rows), node) and isinstance(upper, ast.SelectStmt) and not upper.groupClause:
            return above
    return None


class _Groups(Cutter):
    """Cuts above GROUP BY and HAVING: what the engine returns are groups' keys and aggregates."""

    def __init__(self, text: str, node: ast.SelectStmt, outputs: Sequence[str], known: Collection[str]) -> None:
        """Args: the text; its parse tree; the names of the result columns; those that FROM may have."""
        super().__init__(text, node, outputs)
        self._known = known
        self._is_known = node.withClause is None and all(map(_is_of_tables, node.fromClause or ()))
        self._clauses = self.clauses()
        self._targets: tuple[ast.ResTarget, ...] = tuple(node.targetList or ())
        self._spans = list(self._target_spans())
        if len(self._spans) != len(self._targets) or len(outputs) != len(self._targets):
            raise Cannot
        self._keys: list[tuple[ast.Node, str]] = []  # a key's expression, and its name among the engine's columns

    def split(self) -> Above:
        """Return both texts. Raises: Cannot."""
        node = self.node
        for item in node.groupClause or ():
            self._take_key(item)
        targets = [self._target(target, *span) for target, span in zip(self._targets, self._spans, strict=True)]
        for item in node.sortClause or ():
            if not self.by_position(item.node):
                self._replace(item.node)
        clauses = self._clauses
        text, start, below = self.text, self.start(clauses["SELECT"]), self.start(clauses["FROM"])
        grouped = self.start(min(clauses[name] for name in TAIL | {"end"} if name in clauses))
        ordered = self.start(min(clauses[name] for name in (TAIL - {"GROUP_P", "HAVING"}) | {"end"} if name in clauses))
        having = text[self.start(clauses["HAVING"]) : ordered] if "HAVING" in clauses else ""
        keys = ", ".join(str(number) for number in range(1, len(self._keys) + 1))
        rows = f"{text[:start]}{self.selected()} {text[below:grouped]}{' GROUP BY ' + keys if keys else ''} {having}"
        distinct = "DISTINCT " if node.distinctClause else ""
        tail = self.changed(ordered, len(text))
        return Above(rows, f"SELECT {distinct}{', '.join(targets)} FROM {ROWS} {tail}")  # noqa: S608  # the client's text

    def _target_spans(self) -> Iterator[tuple[int, int]]:
        """Yield where the expression of each result column begins and ends, without its alias."""
        first, end = self._clauses["SELECT"] + 1, self._clauses["FROM"]
        while first < end and self.tokens[first].name in SELECT_WORDS:
            first += 1
        depth, targets = 0, iter(self._targets)
        for position in range(first, end + 1):
            name = self.tokens[position].name
            depth += (name in (OPEN, "ASCII_91")) - (name in (CLOSE, "ASCII_93"))
            if position == end or (name == COMMA and not depth):
                target = next(targets, None)
                last = position
                if target is not None and target.name is not None:
                    last -= 2 if self.tokens[position - 2].name == "AS" else 1
                if last <= first:
                    raise Cannot
                yield self.start(first), self.tokens[last - 1].end + 1
                first = position + 1

    def _take_key(self, item: object) -> None:
        """Make a column of what GROUP BY names: a number or a name of the result, or an expression of it."""
        number = self._number(item)
        if number is not None:
            if not 0 < number <= len(self._targets):
                raise Cannot
            expression, text = self._targets[number - 1].val, self.text[slice(*self._spans[number - 1])]
        elif isinstance(item, ast.ColumnRef):
            expression, text = item, ".".join(map(quoted, names_of(item)))
        else:
            raise Cannot
        if expression is None or isinstance(expression, ast.A_Const) or any(self._aggregates(expression)):
            raise Cannot
        if isinstance(expression, ast.ColumnRef):
            text = ".".join(map(quoted, names_of(expression)))
        self._keys.append((expression, self.column(text)))
        if len(self.columns) != len(self._keys):
            raise Cannot  # a key that stands there twice

    def _number(self, item: object) -> int | None:
        """Return which column of the result GROUP BY means; none for a column of FROM."""
        if isinstance(item, ast.A_Const):
            return item.val.ival if isinstance(item.val, ast.Integer) else 0
        if not isinstance(item, ast.ColumnRef):
            return next((number for number, target in enumerate(self._targets, 1) if target.val == item), 0)
        names = names_of(item)
        found = [number for number, output in enumerate(self.outputs, 1) if output == names[0]]
        if len(names) > 1 or names[0] in self._known or not found:
            return None
        if len(found) > 1 or not self._is_known:
            raise Cannot
        return found[0]

    def _target(self, target: ast.ResTarget, start: int, end: int) -> str:
        """Return a result column above the groups."""
        for expression, ours in self._keys:
            if target.val == expression:
                return ours
        self._replace(target.val)
        return self.changed(start, end)

    def _replace(self, part: object) -> None:
        """Replace the aggregates and keys in a part of the tree. Raises: Cannot where it has other columns."""
        inside: set[int | None] = set()
        for call in self._aggregates(part):
            start, end = self._call(call)
            self.changes.append((start, end, self.column(self.text[start:end])))
            inside |= {reference.location for reference in columns_in(call)}
        keys = {names_of(expression): ours for expression, ours in self._keys if isinstance(expression, ast.ColumnRef)}
        for reference in columns_in(part):
            if reference.location not in inside:
                if names_of(reference) not in keys:
                    raise Cannot
                self.replace(reference, keys[names_of(reference)])

    def _aggregates(self, part: object) -> Iterator[ast.FuncCall]:
        """Yield the aggregates in a part of the tree. Raises: Cannot for windows and for what only groups know."""
        if isinstance(part, ast.GroupingFunc) or (isinstance(part, ast.FuncCall) and part.over is not None):
            raise Cannot
        if isinstance(part, ast.FuncCall) and (part.funcname or ())[-1].sval in NAMES:
            yield part
        elif isinstance(part, ast.Node):
            for slot in part:
                yield from self._aggregates(getattr(part, slot))
        elif isinstance(part, tuple):
            for member in part:
                yield from self._aggregates(member)

    def _call(self, call: ast.FuncCall) -> tuple[int, int]:
        """Return where a call begins and ends, with WITHIN GROUP (...) and FILTER (...)."""
        position = self.at.get(call.location or 0)
        if position is None:
            raise Cannot
        start = self.tokens[position].start
        position = self._closing(position + 2 * len(call.funcname or ()) - 1)
        for word, words in (("WITHIN", 2), ("FILTER", 1)):
            if position + 1 < len(self.tokens) and self.tokens[position + 1].name == word:
                position = self._closing(position + 1 + words)
        return start, self.tokens[position].end + 1

    def _closing(self, position: int) -> int:
        """Return the position of the parenthesis that closes one."""
        depth = 0
        for place in range(position, len(self.tokens)):
            depth += (self.tokens[place].name == OPEN) - (self.tokens[place].name == CLOSE)
            if depth == 0:
                if place == position:
                    break
                return place
        raise Cannot


def _is_of_tables(item: object) -> bool:
    """Tell whether an item of FROM has columns of tables alone, under their names."""
    if isinstance(item, ast.JoinExpr):
        return item.alias is None and _is_of_tables(item.larg) and _is_of_tables(item.rarg)
    return isinstance(item, ast.RangeVar) and (item.alias is None or not item.alias.colnames)

"""Random statements over the tables of `nasty`: every clause, in an order of rows that is total where it is said."""

from dataclasses import dataclass
from random import Random

from tests.compat.generator.catalog import TYPES, Catalog, Signature, Table
from tests.compat.generator.expressions import EXACT, Column, Expressions, Scope
from tests.compat.generator.tree import EMPTY, Node, expression, items, maybe, sql

GROUPED = sorted(EXACT)
FRAMES = (
    "", "", " ROWS BETWEEN 2 PRECEDING AND CURRENT ROW", " ROWS UNBOUNDED PRECEDING", " RANGE UNBOUNDED PRECEDING",
    " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING", " ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING",
    " GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING", " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW",
)  # fmt: skip
UNREACHED = ("nasty.empty", "NULL::")  # where DuckDB need not compute what fails
SESSION_ZONES = ("UTC", "UTC", "UTC", "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
JOINS = ("JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement and the seed that gives it again. `certain`: no clause lets a server leave an expression out."""

    seed: int
    node: Node
    certain: bool
    zone: str  # the session's

    @property
    def text(self) -> str:
        """The SQL."""
        return str(self.node)


def generate(catalog: Catalog, seed: int) -> Statement:
    """Return the statement of a seed."""
    return Queries(catalog, seed).statement()


class Queries:
    """Grows one statement."""

    def __init__(self, catalog: Catalog, seed: int) -> None:
        """Begin at a seed."""
        self.seed = seed
        self.random = Random(seed)
        self.catalog = catalog
        self.tables = [table for table in catalog.tables if table.keys]
        self.expressions = Expressions(catalog, self.random)
        self._aliases = 0

    def statement(self) -> Statement:
        """Choose a form."""
        self.depth = self.random.choice((0, 0, 0, 1, 1, 1, 2))
        form = self.random.choice((
            self._row, self._row, self._row, self._row, self._plain, self._plain, self._grouped, self._grouped,
            self._windows, self._set_operation, self._derived, self._distinct,
        ))  # fmt: skip
        node = form()
        certain = form == self._row and not any(word in str(node) for word in UNREACHED)
        return Statement(self.seed, node, certain, self.random.choice(SESSION_ZONES))

    def _root(self, kind: str) -> Signature:
        """Choose what a target calls: each name by turns, those with a rule nearly always."""
        table = (
            self.catalog.ruled
            if self.random.random() < 0.97 or not self.catalog.unruled[kind]
            else self.catalog.unruled
        )
        return self.random.choice(self.random.choice(self.random.choice(table[kind])))

    def _table_for(self, kinds: tuple[str, ...]) -> Table:
        """Choose a table, the rather the more of the types it has."""
        weights = [0.3 + 4 * len(set(kinds) & {kind for _, kind in table.columns}) for table in self.tables]
        return self.random.choices(self.tables, weights)[0]

    def _from(self, kinds: tuple[str, ...], outer: Scope | None = None) -> tuple[Node, Scope]:
        """Return a FROM list and what it offers; a subquery sees the columns around it, too."""
        text, columns, order = self._relation(self._table_for(kinds))
        parts: list[str | Node] = [text]
        while self.random.random() < 0.2 and len(order) < 3:
            other, more, key = self._relation(self._table_for(kinds))
            on: list[str | Node] = [f"{order[0]} = {key[0]}"]
            columns, order = columns + more, order + key
            if self.random.random() < 0.3:
                on.append(maybe(" AND ", self.expressions.grow("boolean", self._scope(columns, order), 1)))
            parts.append(maybe(f" {self.random.choice(JOINS)} {other} ON ", *on))
        scope = self._scope(columns, order)
        if outer is not None:
            scope.columns = scope.columns * 2 + outer.columns
        return sql(" FROM ", *parts), scope

    def _relation(self, table: Table) -> tuple[str, list[Column], list[str]]:
        alias = self._alias()
        columns = [Column(f"{alias}.{name}", kind) for name, kind in table.columns if kind in TYPES]
        return f"{table.name} {alias}", columns, [f"{alias}.{key}" for key in table.keys]

    def _alias(self) -> str:
        self._aliases += 1
        return f"t{self._aliases}"

    def _scope(self, columns: list[Column], order: list[str]) -> Scope:
        return Scope(columns, order, self._sublink)

    def _where(self, scope: Scope, chance: float) -> Node:
        if self.random.random() > chance:
            return EMPTY
        return maybe(" WHERE ", self.expressions.grow("boolean", scope, self.depth + 1))

    def _target(self, scope: Scope, signature: Signature | None = None) -> Node:
        signature = signature or self._root(self.random.choice("fffoocc"))
        return self.expressions.call(signature, scope, self.depth)

    def _row(self) -> Node:
        """SELECT over one table's rows, all of them."""
        signature = self._root(self.random.choice("fffoocc"))
        text, columns, order = self._relation(self._table_for(signature.args))
        scope = self._scope(columns, order)
        targets = [self._target(scope, signature)]
        if self.random.random() < 0.3:
            targets.append(self._target(scope))
        return sql("SELECT ", items(targets), f" FROM {text}")

    def _plain(self) -> Node:
        """SELECT with WHERE, ORDER BY a total order, LIMIT."""
        signature = self._root(self.random.choice("fffoocc"))
        source, scope = self._from(signature.args)
        targets = [self._target(scope, signature)]
        while self.random.random() < 0.3:
            targets.append(self._target(scope))
        return sql("SELECT ", items(targets), source, self._where(scope, 0.7), self._order(scope))

    def _order(self, scope: Scope, first: str = "") -> Node:
        if not first and self.random.random() < 0.5:
            return EMPTY
        keys: list[str | Node] = [first] if first else []
        if not first and self.random.random() < 0.6:
            key = self.expressions.grow(self.expressions.any_type(scope), scope, 1)
            keys.append(maybe(key, self.random.choice(("", " DESC", " NULLS FIRST", " DESC NULLS LAST")), ", "))
        limit = maybe(self.random.choice((" LIMIT 5", " LIMIT 3 OFFSET 2", " OFFSET 4", " FETCH FIRST 2 ROWS ONLY")))
        order = ", ".join(scope.order)
        return maybe(" ORDER BY ", *keys, order, limit if self.random.random() < 0.4 else EMPTY)

    def _grouped(self) -> Node:
        """Aggregates, with or without groups."""
        signature = self._root("a")
        source, scope = self._from(signature.args)
        grow = self.expressions.aggregate
        targets = [grow(signature, scope, self.depth)]
        while self.random.random() < 0.3:
            targets.append(grow(self._root("a"), scope, self.depth))
        keys = [
            self.expressions.grow(self.random.choice(GROUPED), scope, self.depth)
            for _ in range(self.random.choice((0, 0, 1, 1, 2)))
        ]
        if self.random.random() < 0.2:
            targets[0] = self._above_aggregate(targets[0], scope)
        group, having = EMPTY, EMPTY
        if keys:
            places = ", ".join(str(place) for place in range(1, len(keys) + 1))
            group = sql(
                " GROUP BY ", self.random.choice((places, places, places, f"ROLLUP ({places})", f"CUBE ({places})"))
            )
        if self.random.random() < 0.25:
            counted = grow(self._root("a"), scope, 0)
            having = maybe(" HAVING ", self.random.choice((sql(counted, " IS NOT NULL"), sql("count(*) > 1"))))
        head = [sql(items(keys), ", ")] if keys else []
        return sql("SELECT ", *head, items(targets), source, self._where(scope, 0.4), group, having)

    def _above_aggregate(self, aggregate: Node, scope: Scope) -> Node:
        """Put a call or a CASE over an aggregate's result."""
        bare = self._scope([Column(str(aggregate), aggregate.type)], scope.order)
        wanted = self.random.choice((aggregate.type, "text", "boolean"))
        bare.sublink = _no_sublink
        return self.expressions.grow(wanted, bare, 2)

    def _windows(self) -> Node:
        """Window functions and aggregates over a total order."""
        kind = self.random.choice("wwa")
        signature = self._root(kind)
        source, scope = self._from(signature.args)
        if kind == "a":
            call = self.expressions.aggregate(signature, scope, self.depth, over=True)
        else:
            call = self.expressions.call(signature, scope, self.depth)
        partition, key = EMPTY, EMPTY
        if self.random.random() < 0.5:
            partition = maybe("PARTITION BY ", self.expressions.grow(self.random.choice(GROUPED), scope, 1), " ")
        if self.random.random() < 0.6:
            grown = self.expressions.grow(self.expressions.any_type(scope), scope, 1)
            key = maybe(grown, self.random.choice(("", " DESC", " NULLS FIRST")), ", ")
        frame = maybe(self.random.choice(FRAMES))
        over = sql(" OVER (", partition, "ORDER BY ", key, ", ".join(scope.order), frame, ")")
        target = expression(signature.result, call, over)
        return sql("SELECT ", items([target, *(sql(k) for k in scope.order)]), source, self._where(scope, 0.3))

    def _set_operation(self) -> Node:
        kinds = [self.random.choice(GROUPED) for _ in range(self.random.choice((1, 1, 2)))]
        word = self.random.choice(
            (" UNION ALL ", " UNION ", " INTERSECT ", " EXCEPT ", " EXCEPT ALL ", " INTERSECT ALL ")
        )
        if word == " UNION ALL ":
            kinds.append(
                self.random.choice(("numeric", "double precision", "character varying", "timestamp without time zone"))
            )
        return sql(self._select_of(kinds), word, self._select_of(kinds))

    def _select_of(self, kinds: list[str], names: list[str] | None = None) -> Node:
        """Return a SELECT of columns of these types."""
        source, scope = self._from(tuple(kinds))
        grown = [self.expressions.grow(kind, scope, self.depth + 1) for kind in kinds]
        if names:
            grown = [sql(node, f" AS {name}") for node, name in zip(grown, names, strict=True)]
        return sql("SELECT ", _listed(grown), source, self._where(scope, 0.4))

    def _derived(self) -> Node:
        """SELECT from a CTE or from a subquery, joined with nothing or with a table."""
        signature = self._root(self.random.choice("fffoocc"))
        kinds = ["integer", *signature.args, self.random.choice(("numeric", "text", "date"))]
        names = [f"x{place}" for place in range(len(kinds))]
        inner = self._select_of(kinds, names)
        alias = self._alias()
        scope = self._scope([Column(f"{alias}.{name}", kind) for name, kind in zip(names, kinds, strict=True)], [])
        targets = items([self._target(scope, signature), *(sql(column.sql) for column in scope.columns[:2])])
        where = self._where(scope, 0.5)
        if self.random.random() < 0.5:
            word = self.random.choice(("", " MATERIALIZED", " NOT MATERIALIZED"))
            return sql(f"WITH {alias} AS{word} (", inner, ") SELECT ", targets, f" FROM {alias}", where)
        return sql("SELECT ", targets, " FROM (", inner, f") {alias}", where)

    def _distinct(self) -> Node:
        signature = self._root(self.random.choice("fffoocc"))
        source, scope = self._from(signature.args)
        if self.random.random() < 0.5:
            grown = [self.expressions.grow(self.random.choice(GROUPED), scope, self.depth + 1) for _ in range(2)]
            return sql("SELECT DISTINCT ", items(grown), source, self._where(scope, 0.3))
        key = self.expressions.grow(self.random.choice(GROUPED), scope, 1)
        return sql(
            "SELECT DISTINCT ON (", key, ") ", items([self._target(scope, signature)]),
            source, self._where(scope, 0.3),
            " ORDER BY ", key, f", {', '.join(scope.order)}",
        )  # fmt: skip

    def _sublink(self, wanted: str, outer: Scope) -> Node | None:
        """Return a subquery as an expression: of one row always."""
        if self._aliases > 4:
            return None
        source, scope = self._from((wanted,), outer)
        scope.sublink = _no_sublink
        where = self._where(scope, 0.8)
        if wanted == "boolean":
            form = self.random.choice(("EXISTS", "NOT EXISTS", "IN", "NOT IN", "= ANY"))
            if form.endswith("EXISTS"):
                return expression(wanted, f"({form} (SELECT 1", source, where, "))")
            kind = self.random.choice(GROUPED)
            one, other = self.expressions.leaf(kind, outer), self.expressions.grow(kind, scope, 1)
            return expression(wanted, "(", one, f" {form} (SELECT ", other, source, where, "))")
        if wanted.endswith("[]"):
            value = self.expressions.grow(wanted.removesuffix("[]"), scope, 1)
            return expression(wanted, "ARRAY(SELECT ", value, source, where, f" ORDER BY {', '.join(scope.order)})")
        value = self.expressions.grow(wanted, scope, 1)
        return expression(wanted, "(SELECT ", value, source, where, f" ORDER BY {', '.join(scope.order)} LIMIT 1)")


def _no_sublink(_wanted: str, _outer: Scope) -> Node | None:
    return None


def _listed(nodes: list[Node]) -> Node:
    """Return nodes with commas between them, none of which may be dropped."""
    parts: list[str | Node] = [part for node in nodes for part in (", ", node)]
    return sql(*parts[1:])

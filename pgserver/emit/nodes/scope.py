"""Where a column comes from: the queries around an expression, and what stands in their FROM."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from catalog.columns import Column, TableView
from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.numeric import from_text
from pgserver.emit.parts import Condition, ParameterHole, Part, RelationHole, SessionHole
from pgserver.emit.reading.families import Family
from pgserver.emit.reading.names import CatalogNames
from pgserver.emit.reading.tree import Node
from pgserver.emit.values import Numeric, Value, numeric_of


@dataclass(slots=True)
class Source:
    """A relation, subquery, CTE, function or VALUES list of FROM: an alias and its columns by attribute number."""

    alias: str
    columns: list[Value]

    def column(self, attnum: int) -> Value:
        """Return a column."""
        if not 1 <= attnum <= len(self.columns):
            raise NoRule("a whole row" if attnum == 0 else "a system column")
        return self.columns[attnum - 1]

    def row(self) -> list[Value]:
        """Return all columns."""
        return [self.column(attnum) for attnum in range(1, len(self.columns) + 1)]


@dataclass(slots=True)
class RelationSource(Source):
    """A lake table; it remembers which columns are used."""

    relid: int = 0
    only: bool = False
    family: Family | None = None
    used: set[int] = field(default_factory=set)
    conditions: list[Condition] = field(default_factory=list)

    def column(self, attnum: int) -> Value:
        """Return a column and note that it is read."""
        value = Source.column(self, attnum)
        if self.family is not None and attnum in self.family.unlike:
            raise NoRule("a column that the tables of a hierarchy store in different ways")
        self.used.add(attnum)
        return value

    def hole(self) -> RelationHole:
        """Return what must be filled when the statement runs."""
        columns, conditions = tuple(sorted(self.used or {1})), tuple(self.conditions)
        members = self.family.members if self.family is not None else None
        return RelationHole(self.alias, self.relid, self.only, columns, conditions, members)


@dataclass(slots=True)
class JoinSource:
    """A join's merged columns: expressions over its sides."""

    expressions: list[Node | None]


@dataclass(slots=True)
class GroupSource:
    """The grouping expressions of a query."""

    expressions: list[Node]


AnySource = Source | JoinSource | GroupSource


@dataclass(slots=True)
class Cte:
    """A WITH item that is in scope."""

    name: str
    columns: list[Value]  # templates; `sql` is the column's name


@dataclass(slots=True)
class Scope:
    """One query level. `above_group` says that what is emitted now stands above this query's GROUP BY."""

    query: Node
    parent: "Scope | None"
    sources: dict[int, AnySource] = field(default_factory=dict)
    ctes: dict[str, Cte] = field(default_factory=dict)
    grouped: bool = False
    above_group: bool = False
    sets: dict[int, Value] = field(default_factory=dict)  # set-returning functions of the target list, by node
    set_items: list[str] = field(default_factory=list)
    set_lists: list[str] = field(default_factory=list)
    sets_alias: str = ""

    def up(self, levels: int) -> "Scope":
        """Return the scope so many levels up."""
        scope = self
        for _ in range(levels):
            assert scope.parent is not None
            scope = scope.parent
        return scope


@dataclass(slots=True)
class Context:
    """What one emission collects."""

    names: CatalogNames
    views: dict[int, TableView]
    holes: list[Callable[[], Part]] = field(default_factory=list)
    assumes: set[str] = field(default_factory=set)
    families: Mapping[int, Family] = field(default_factory=dict)
    numbers: int = 0
    intervals: dict[int, tuple[int, int, int]] = field(default_factory=dict)  # constants, by length
    case_values: list[Value] = field(default_factory=list)
    sublink_values: list[list[Value]] = field(default_factory=list)
    volatile: bool = False  # another run gives other rows
    late: bool = False  # groups are looked at before they are given
    filters: set[int] = field(default_factory=set)  # terms of a WHERE, by node: false and unknown are one there

    def number(self) -> int:
        """Return a number that no other alias of this statement has."""
        self.numbers += 1
        return self.numbers

    def hole(self, build: Callable[[], Part]) -> str:
        """Return the mark of a hole: NUL is in no SQL."""
        self.holes.append(build)
        return f"\0{len(self.holes) - 1}\0"

    def parameter(self, number: int, type_oid: int, part: str = "value") -> str:
        """Return the mark of a parameter."""
        hole = ParameterHole(number, type_oid, part)
        return self.hole(lambda: hole)

    def session(self, key: str) -> str:
        """Return the mark of a session value."""
        hole = SessionHole(key)
        return self.hole(lambda: hole)

    def parts(self, sql: str) -> tuple[Part, ...]:
        """Cut emitted SQL at its marks."""
        pieces = sql.split("\0")
        return tuple(
            self.holes[int(piece)]() if index % 2 else piece for index, piece in enumerate(pieces) if piece or index % 2
        )


def relation_source(context: Context, relid: int, only: bool) -> RelationSource:
    """Return a lake table as a source; its children's rows are its own unless `only`."""
    view = context.views.get(relid)
    if view is None:
        raise NoRule("a relation that is not in the lake")
    family = context.families.get(relid)
    if family is not None and only:
        family = replace(family, members=(), missing=()) if view.kind == "p" else None
    if family is not None and (family.missing or not family.view.columns):
        raise NoRule("a table whose children are not all in the lake")
    alias = f"t{context.number()}"
    columns = [_column_value(alias, column) for column in (family.view if family is not None else view).columns]
    return RelationSource(alias, columns, relid=relid, only=only, family=family)


def _column_value(alias: str, column: Column) -> Value:
    sql = f"{alias}.c{column.attnum}"
    numeric = None
    if column.storage == "numeric":
        assert column.precision is not None
        assert column.scale is not None
        numeric = Numeric(column.precision, column.scale)
    opaque = column.storage == "text_backed"
    if opaque and column.type_oid == kinds.NUMERIC and not column.array:  # of values that show different scales
        value = from_text(sql, column.typmod)
        return replace(value, numeric=replace(numeric_of(value), display=f"pg_text_scale(pg_number_text({sql}))"))
    return Value(sql, column.type_oid, column.typmod, numeric=numeric, opaque=opaque)


def exported(alias: str, templates: list[Value]) -> list[Value]:
    """Return the columns of a derived table, given its target list: `sql` of a template is the column's name."""
    return [_exported(alias, template) for template in templates]


def _exported(alias: str, template: Value) -> Value:
    sql = f"{alias}.{template.sql}"
    held = template.numeric
    if held is not None and held.display is not None:
        held = replace(held, display=f"{sql}s", text=None if held.text is None else f"{sql}t")
    return replace(template, sql=sql, numeric=held)


def is_native(names: CatalogNames, type_oid: int) -> bool:
    """Tell whether DuckDB computes with a type."""
    base = names.base_type(type_oid)
    return base in (kinds.NUMERIC, kinds.NUMERIC_ARRAY) or names.duckdb_type(base) is not None

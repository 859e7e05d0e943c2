"""A call of an aggregate, and rows of the table of aggregates."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pgserver.emit.errors import NoRule
from pgserver.emit.reading.names import CatalogNames
from pgserver.emit.values import Numeric, Value

UNREPEATABLE = re.compile(r"\(SELECT|\bpg_|\berror\(")  # subqueries, and macros that may raise

FRAME = re.compile(r"\b(?:ORDER BY|ROWS|RANGE|GROUPS)\b")


@dataclass(frozen=True, slots=True)
class AggregateCall:
    """An aggregate to write. `order`, `filter` and `over` are SQL, "" where they are not given.

    `assume` notes a setting whose default the text relies on.
    """

    signature: str
    args: tuple[Value, ...]
    type: int
    names: CatalogNames
    assume: Callable[[str], None]
    distinct: bool = False
    order: str = ""
    filter: str = ""
    over: str = ""
    direct: tuple[Value, ...] = ()

    @property
    def adds_alike(self) -> bool:
        """Whether DuckDB adds floats as it does for a group: not for frames, which it adds in parts."""
        return not FRAME.search(self.over)

    def write(self, name: str, *args: str, order: str | None = None, where: str = "") -> str:
        """Return one DuckDB aggregate with the modifiers of this call; `where` is a further condition on its rows."""
        inside = ("DISTINCT " if self.distinct else "") + ", ".join(args)
        order = self.order if order is None else order
        if self.distinct and UNREPEATABLE.search(order):
            raise self.no_rule("DISTINCT of what DuckDB does not know again in ORDER BY")
        if order:
            inside += f" ORDER BY {order}"
        conditions = [condition for condition in (self.filter, where) if condition]
        suffix = f" FILTER (WHERE {' AND '.join(f'({condition})' for condition in conditions)})" if conditions else ""
        return f"{name}({inside}){suffix}{self.over}"

    def result(self, sql: str, *, atom: bool = True, numeric: Numeric | None = None) -> Value:
        """Return an expression of the result type."""
        return Value(sql, self.type, atom=atom, numeric=numeric)

    def no_rule(self, why: str = "") -> NoRule:
        """Name the signature as what has no rule."""
        return NoRule(f"aggregate {self.signature}" + (f" ({why})" if why else ""))


Build = Callable[[AggregateCall], Value]


@dataclass(frozen=True, slots=True)
class AggregateRule:
    """A row of the table."""

    signature: str
    build: Build = field(repr=False)
    opaque: bool = False

    def apply(self, call: AggregateCall) -> Value:
        """Write a call.

        Raises: NoRule where an argument is of a type that only Postgres computes with.
        """
        if not self.opaque and any(arg.opaque for arg in (*call.args, *call.direct)):
            raise call.no_rule("of a value that DuckDB holds as text")
        return self.build(call)


def same(signature: str, name: str | None = None) -> AggregateRule:
    """DuckDB's aggregate of the same name, with the same type."""
    name = name or signature.partition("(")[0]

    def build(call: AggregateCall) -> Value:
        return call.result(call.write(name, *(arg.sql for arg in call.args)))

    return AggregateRule(signature, build)


def cast(signature: str, duckdb_type: str) -> AggregateRule:
    """DuckDB's aggregate of the same name, of a wider type: cast back, which raises where it does not fit."""
    name = signature.partition("(")[0]

    def build(call: AggregateCall) -> Value:
        return call.result(f"CAST({call.write(name, *(arg.sql for arg in call.args))} AS {duckdb_type})")

    return AggregateRule(signature, build)

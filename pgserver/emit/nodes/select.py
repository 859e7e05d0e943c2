"""A query that is emitted but not yet written out.

Its target list can still be brought to the form its reader needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.numeric import (
    MAX_DIGITS,
    QUOTIENT_SCALE,
    alike,
    decimal_type,
    display_of,
    scaled,
    text_of,
    unify,
)
from pgserver.emit.values import Numeric, Value, numeric_of


@dataclass(slots=True)
class Select:
    """One query: `head` (WITH), the targets, and what follows them (`tail`: FROM ... LIMIT).

    A set operation has `arms` instead of a tail of its own: (operator, query) in order, whose columns were unified.
    `prefix` numbers the query: its columns are `<prefix>c1`, ... and are nobody else's names.
    """

    prefix: str
    targets: list[Value]
    head: str = ""
    modifier: str = ""  # DISTINCT, DISTINCT ON (...)
    tail: str = ""
    finish: str = ""  # ORDER BY, LIMIT
    distinct: bool = False

    def names(self) -> list[Value]:
        """Return the columns as templates: `sql` is the column's name."""
        return [
            replace(value, sql=f"{self.prefix}c{index}", atom=True, constant=None, numeric=stored(value))
            for index, value in enumerate(self.targets, 1)
        ]

    def text(self) -> str:
        """Write the query with its columns named.

        A numeric whose scale differs by row has a second column, its display.
        """
        items: list[str] = []
        for index, value in enumerate(self.targets, 1):
            items.extend(export(value, f"{self.prefix}c{index}"))
        return self.write(items)

    def write(self, items: Sequence[str]) -> str:
        """Write the query with a target list."""
        return f"{self.head}SELECT {self.modifier}{', '.join(items)}{self.tail}{self.finish}"


def stored(value: Value) -> Numeric | None:
    """Return how a numeric is held once it is a column: a parameter's scale is known then only as a display."""
    if value.numeric is None:
        return None
    return numeric_of(scaled(value))


def export(value: Value, name: str) -> list[str]:
    """Return the target list items of a derived table's column."""
    if value.numeric is not None:
        value = scaled(value)
    items = [f"{value.sql} AS {name}"]
    if value.numeric is not None and value.numeric.display is not None:
        items.append(f"{value.numeric.display} AS {name}s")
    if value.numeric is not None and value.numeric.text is not None:
        items.append(f"{value.numeric.text} AS {name}t")
    return items


def unified(columns: Sequence[Value], *, keep_all: bool, may_vary: bool = False) -> Value:
    """Return how a column of a set operation is held, given that column in each arm.

    Args: the columns; whether all rows are kept (else rows are compared, and equal ones must print alike); whether
    numerics may show different scales.
    """
    first = columns[0]
    if len({column.opaque for column in columns if not column.is_null}) > 1:
        raise NoRule("a set operation over a value that DuckDB holds as text")
    opaque = any(column.opaque for column in columns)
    if opaque and not keep_all:
        raise NoRule("a set operation over a value that DuckDB holds as text")
    typmods = {column.typmod for column in columns if not column.is_null}
    typmod = typmods.pop() if len(typmods) == 1 else -1
    if first.type == kinds.BPCHAR and typmod < 0 and not keep_all:
        raise NoRule("a set operation over character columns of different lengths")
    if first.type in kinds.SPELLED and not keep_all:
        raise NoRule("a set operation over json")
    numeric = _unified_numeric(columns, keep_all=keep_all or may_vary) if first.type in NUMERICS else None
    return replace(first, typmod=typmod, numeric=numeric, opaque=opaque, constant=None)


NUMERICS = (kinds.NUMERIC, kinds.NUMERIC_ARRAY)


def _unified_numeric(columns: Sequence[Value], *, keep_all: bool) -> Numeric:
    if any(numeric_of(column).text is not None for column in columns):
        if not keep_all:
            raise NoRule("a set operation over numerics of different scales")
        return Numeric(MAX_DIGITS, QUOTIENT_SCALE, display="", text="")
    held = unify(columns)
    if alike(columns):
        return held
    if not keep_all or columns[0].type == kinds.NUMERIC_ARRAY:
        raise NoRule("a set operation over numerics of different scales")
    return Numeric(held.precision, held.scale, display="")


def as_held(value: Value, form: Value) -> Value:
    """Bring a target to the form that a set operation's column is held in."""
    held = form.numeric
    if held is None or value.type not in NUMERICS:
        return value
    display = None if held.display is None else ("0" if value.is_null else display_of(value))
    text = None
    if held.text is not None:
        text = "CAST(NULL AS VARCHAR)" if value.is_null else text_of(value)
    value = scaled(value)
    suffix = "[]" if value.type == kinds.NUMERIC_ARRAY else ""
    sql = value.sql
    if decimal_type(numeric_of(value)) != decimal_type(held) or value.is_null:
        sql = f"CAST({'NULL' if value.is_null else value.sql} AS {decimal_type(held)}{suffix})"
    return replace(value, sql=sql, atom=True, numeric=Numeric(held.precision, held.scale, display, text))

"""An emitted expression and what is known of it before it runs."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Self

from pgserver.emit import kinds
from pgserver.emit.constants import null_literal, value_literal
from pgserver.emit.errors import NoRule
from pgserver.emit.literals import decimal_digits


@dataclass(frozen=True, slots=True)
class Constant:
    """The value of a constant, as `datums` decodes it; None is NULL."""

    value: object


@dataclass(frozen=True, slots=True)
class Numeric:
    """How a numeric (or the elements of a numeric array) is held: as a DECIMAL, whose scale is one for all rows.

    Postgres keeps a display scale in each value: `coalesce(amount, 0)` prints 0, not 0.00. So where not every value
    shows exactly `scale` decimals, `display` is the SQL of each value's own. Where the text is what DuckDB computes
    (a quotient has as many digits as its value wants), `text` is its SQL, and the value is made from it.
    """

    precision: int
    scale: int
    display: str | None = None
    text: str | None = None
    late: tuple[str, str, str] | None = None  # of an average: sum, count, and its text made of {0} and {1}
    wide: str | None = None  # of a bare parameter, whose scale is known only when bound: itself at a wide scale


@dataclass(frozen=True, slots=True)
class Value:
    """A DuckDB expression of a Postgres type.

    `atom` says that it can stand beside an operator without parentheses. `opaque` values are in Postgres' text form,
    of a type that DuckDB does not compute with: they can be passed on, tested for NULL, counted, and nothing else.
    """

    sql: str
    type: int
    typmod: int = -1
    atom: bool = True
    numeric: Numeric | None = None
    constant: Constant | None = None
    opaque: bool = False

    @property
    def operand(self) -> str:
        """The expression, in parentheses where it needs them."""
        return self.sql if self.atom else f"({self.sql})"

    @property
    def is_null(self) -> bool:
        """Whether this is the constant NULL."""
        return self.constant is not None and self.constant.value is None

    def typed(self, type_oid: int, typmod: int = -1) -> Self:
        """Return the same expression as a value of another type that is held alike."""
        return replace(self, type=type_oid, typmod=typmod)


def constant(type_oid: int, value: object, typmod: int = -1) -> Value:
    """Return a constant."""
    sql = null_literal(type_oid) if value is None else value_literal(type_oid, value)
    return Value(sql, type_oid, typmod, constant=Constant(value), numeric=numeric_of_constant(type_oid, value))


def numeric_of_constant(type_oid: int, value: object) -> Numeric | None:
    """Return how a constant of a numeric type is held."""
    if type_oid == kinds.NUMERIC:
        return Numeric(*decimal_digits(value)) if isinstance(value, Decimal) else Numeric(1, 0)
    if type_oid == kinds.NUMERIC_ARRAY:
        items = [item for item in value if item is not None] if isinstance(value, list) else []
        return Numeric(*decimal_digits(items[0])) if items else Numeric(1, 0)
    return None


def numeric_of(value: Value) -> Numeric:
    """Return how a numeric is held.

    Raises: NoRule for a value that is only known as text of another type.
    """
    if value.numeric is None:
        raise NoRule("a numeric of unknown scale")
    return value.numeric

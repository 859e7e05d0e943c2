"""Conditions of a statement to what PyIceberg prunes files by. Leaving a condition out is always right, only slower."""

import datetime
from collections.abc import Mapping, Sequence
from decimal import Context, Decimal, InvalidOperation
from functools import reduce
from typing import Any

from pyiceberg.expressions import (
    AlwaysTrue,
    And,
    BooleanExpression,
    EqualTo,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    IsNull,
    LessThan,
    LessThanOrEqual,
    NotNull,
    Reference,
)
from pyiceberg.expressions.literals import literal

from catalog.columns import Column, TableView
from pgserver.emit.parts import Condition

# Any: PyIceberg's own types describe these as pydantic models, which are made by name.
PREDICATES: Mapping[str, Any] = {
    "=": EqualTo,
    "<": LessThan,
    "<=": LessThanOrEqual,
    ">": GreaterThan,
    ">=": GreaterThanOrEqual,
    "in": In,
    "is null": IsNull,
    "is not null": NotNull,
}
# Types whose order and equality are the same in Postgres and in Iceberg's bounds, and the Python types of their values.
COMPARABLE: Mapping[str, tuple[type, ...]] = {
    "int2": (int,),
    "int4": (int,),
    "int8": (int,),
    "numeric": (Decimal, int),
    "date": (datetime.date,),
    "text": (str,),
    "varchar": (str,),
}

DIGITS = Context(prec=38)


def row_filter(view: TableView, names: Mapping[int, str], conditions: Sequence[Condition]) -> BooleanExpression:
    """Return the conjunction of the conditions that PyIceberg understands.

    Args: the table; the snapshot's column names by field id; conjuncts of WHERE on the table.
    """
    columns = {column.attnum: column for column in view.columns}
    terms = [
        term
        for condition in conditions
        if (column := columns[condition.attnum]).field_id in names
        and (term := _term(names[column.field_id], column, condition)) is not None
    ]
    return reduce(And, terms) if terms else AlwaysTrue()


def _term(name: str, column: Column, condition: Condition) -> BooleanExpression | None:
    predicate = PREDICATES.get(condition.op)
    if column.array or predicate is None:
        return None
    term: BooleanExpression
    if condition.op in ("is null", "is not null"):
        term = predicate(Reference(name))
    elif condition.op == "in":
        values = [_value(column, value) for value in condition.value] if isinstance(condition.value, tuple) else [None]
        known = {literal(value) for value in values if value is not None}
        if None in values:
            return None
        term = predicate(Reference(name), known)
    else:
        value = _value(column, condition.value)
        if value is None:
            return None
        term = predicate(Reference(name), literal(value))
    return term


def _value(column: Column, value: object) -> Any:
    """Return a value as Iceberg compares it, None where it cannot be said exactly."""
    if type(value) not in COMPARABLE.get(column.storage, ()):
        return None
    if column.storage != "numeric":
        return value
    assert column.scale is not None
    number = Decimal(value)  # type: ignore[arg-type]
    if not number.is_finite():
        return None
    try:
        scaled = number.quantize(Decimal(1).scaleb(-column.scale), context=DIGITS)
    except InvalidOperation:
        return None
    return scaled if scaled == number else None

"""Conditions to PyIceberg's expressions."""

import datetime
from decimal import Decimal

import pytest
from pyiceberg.expressions import AlwaysTrue, And, EqualTo, GreaterThan, In, NotNull
from pyiceberg.expressions.literals import literal
from pyiceberg.expressions.visitors import bind
from pyiceberg.schema import Schema
from pyiceberg.types import DateType, DecimalType, IntegerType, NestedField, StringType

from catalog.columns import Column, Origin, TableView
from pgserver.emit.parts import Condition, ParameterValue
from pgserver.plan.prune import row_filter

COLUMNS = (
    Column("id", 1, 11, "integer", 23, -1, "int4"),
    Column("amount", 2, 12, "numeric(9,2)", 1700, 589830, "numeric", precision=9, scale=2),
    Column("day", 3, 13, "date", 1082, -1, "date"),
    Column("code", 4, 14, "character(3)", 1042, 7, "bpchar"),
)
VIEW = TableView(COLUMNS, (), (), None, 0, 0, 0, Origin("", "", "", "", "", ""))
NAMES = {11: "id", 12: "amount", 13: "day", 14: "code"}
SCHEMA = Schema(
    NestedField(11, "id", IntegerType()),
    NestedField(12, "amount", DecimalType(9, 2)),
    NestedField(13, "day", DateType()),
    NestedField(14, "code", StringType()),
)


def test_conditions_are_joined() -> None:
    found = row_filter(VIEW, NAMES, [Condition(1, "=", 5), Condition(3, ">", datetime.date(2024, 2, 29))])
    assert found == And(EqualTo("id", 5), GreaterThan("day", literal(datetime.date(2024, 2, 29))))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition(1, "in", (1, 2)), In("id", (1, 2))),
        (Condition(1, "is not null", None), NotNull("id")),
        (Condition(2, "=", Decimal("1.5")), EqualTo("amount", Decimal("1.50"))),
        (Condition(2, "=", Decimal("1.505")), AlwaysTrue()),  # equal to no value: left to the engine
        (Condition(2, "=", Decimal("NaN")), AlwaysTrue()),
        (Condition(4, "=", "a"), AlwaysTrue()),  # padding
        (Condition(1, "=", ParameterValue(1)), AlwaysTrue()),
        (Condition(1, "<>", 1), AlwaysTrue()),
        (Condition(1, "=", True), AlwaysTrue()),
    ],
)
def test_what_cannot_be_said_exactly_is_left_out(condition: Condition, expected: object) -> None:
    found = row_filter(VIEW, NAMES, [condition])
    assert found == expected
    assert bind(SCHEMA, found, case_sensitive=True) is not None

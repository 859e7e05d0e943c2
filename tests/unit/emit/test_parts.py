"""Filling the holes of emitted SQL."""

import pytest

from pgserver.emit.constants import parameter_literal
from pgserver.emit.errors import NoRule
from pgserver.emit.kinds import INT4, NUMERIC
from pgserver.emit.parts import Emitted, ParameterHole, RelationHole, SessionHole

RELATION = RelationHole("t1", 16384, only=False, columns=(1,), conditions=())


def render(*parts: str | ParameterHole | RelationHole | SessionHole, parameters: tuple[str | None, ...] = ()) -> str:
    session = {"now": 946_684_800_000_000, "current_user": "o'b"}
    return Emitted(parts, (16384,), "SELECT").render({RELATION: "x AS t1"}, parameters, session)


def test_holes_are_filled_in_place() -> None:
    sql = render("SELECT ", ParameterHole(1, INT4), " FROM ", RELATION, parameters=("CAST(5 AS INTEGER)",))
    assert sql == "SELECT CAST(5 AS INTEGER) FROM x AS t1"


def test_session_values_are_quoted() -> None:
    assert render(SessionHole("current_user")) == "'o''b'"
    assert render(SessionHole("now")) == "CAST('2000-01-01 00:00:00+00' AS TIMESTAMPTZ)"


def test_a_numeric_parameter_has_its_own_scale() -> None:
    literal = parameter_literal(NUMERIC, 0, b"1.50")
    assert render(ParameterHole(1, NUMERIC, "scale"), parameters=(literal,)) == "2"
    assert render(ParameterHole(1, NUMERIC, "wide"), parameters=(literal,)) == f"CAST({literal} AS DECIMAL(38,10))"
    assert render(ParameterHole(1, NUMERIC, "scale"), parameters=(None,)) == "0"


def test_a_numeric_parameter_of_many_digits_has_no_rule() -> None:
    literal = parameter_literal(NUMERIC, 0, b"0.12345678901")
    with pytest.raises(NoRule):
        render(ParameterHole(1, NUMERIC, "wide"), parameters=(literal,))


@pytest.mark.parametrize(
    ("literal", "inside"),
    [
        ("CAST([1, 2] AS INTEGER[])", "1, 2"),
        ("CAST(['a] AS b', NULL] AS VARCHAR[])", "'a] AS b', NULL"),
        ("CAST([] AS INTEGER[])", "SELECT NULL WHERE false"),
        (None, "NULL"),
    ],
)
def test_elements_of_an_array_parameter(literal: str | None, inside: str) -> None:
    assert render(ParameterHole(1, 1007, "elements"), parameters=(literal,)) == inside

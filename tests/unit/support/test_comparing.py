"""The comparison sees what differs, and nothing else."""

import struct
from dataclasses import replace

import pytest

from tests.support.asking import Answer, Column
from tests.support.comparing import difference, is_ordered

TEXT = Column("t", 25, -1, 0)
ANSWER = Answer((TEXT,), [(b"a",), (b"b",), (None,)], "SELECT 3")
NO_NAMES: tuple[dict[int, str], dict[int, str]] = ({}, {})


def found(ours: Answer, *, ordered: bool = True, theirs: Answer = ANSWER) -> str | None:
    return difference([theirs], [ours], NO_NAMES, ordered=ordered)


def test_equal_answers_do_not_differ() -> None:
    assert found(replace(ANSWER)) is None


@pytest.mark.parametrize(
    "ours",
    [
        replace(ANSWER, columns=(replace(TEXT, name="T"),)),
        replace(ANSWER, columns=(replace(TEXT, type_oid=1043),)),
        replace(ANSWER, columns=(replace(TEXT, typmod=5),)),
        replace(ANSWER, columns=(replace(TEXT, format=1),)),
        replace(ANSWER, columns=(TEXT, TEXT)),
        replace(ANSWER, rows=ANSWER.rows[:2]),
        replace(ANSWER, rows=[*ANSWER.rows, (None,)]),
        replace(ANSWER, rows=[(b"a",), (b"b",), (b"",)]),
        replace(ANSWER, rows=ANSWER.rows[::-1]),
        replace(ANSWER, tag="SELECT 2"),
        Answer(sqlstate="22012", message="division by zero"),
    ],
)
def test_whatever_differs_is_seen(ours: Answer) -> None:
    assert found(ours) is not None


def test_rows_without_an_order_are_a_multiset() -> None:
    assert found(replace(ANSWER, rows=ANSWER.rows[::-1]), ordered=False) is None
    assert found(replace(ANSWER, rows=[(b"a",), (b"a",), (b"b",)]), ordered=False) is not None


def test_errors_have_the_same_sqlstate() -> None:
    error = Answer(sqlstate="22012", message="division by zero")
    assert found(replace(error, message="another text"), theirs=error) is None
    assert found(replace(error, sqlstate="22003"), theirs=error) is not None


def test_another_number_of_results_is_seen() -> None:
    assert difference([ANSWER, ANSWER], [ANSWER], NO_NAMES, ordered=True) is not None


def test_types_of_users_are_compared_by_name() -> None:
    theirs, ours = (Answer((Column("m", oid, -1, 0),)) for oid in (16400, 16500))
    assert difference([theirs], [ours], ({16400: "mood"}, {16500: "mood"}), ordered=True) is None
    assert difference([theirs], [ours], ({16400: "mood"}, {16500: "pair"}), ordered=True) is not None


def test_element_types_of_users_are_hidden_in_binary_arrays() -> None:
    def array(element: int, item: bytes) -> Answer:
        value = struct.pack(">iiIii", 1, 0, element, 1, 1) + struct.pack(">i", len(item)) + item
        return Answer((Column("a", 16401, -1, 1),), [(value,)])

    names = ({16401: "mood[]"}, {16401: "mood[]"})
    assert difference([array(16400, b"ok")], [array(16500, b"ok")], names, ordered=True) is None
    assert difference([array(16400, b"ok")], [array(16500, b"no")], names, ordered=True) is not None
    assert difference([array(25, b"ok")], [array(1043, b"ok")], names, ordered=True) is not None


@pytest.mark.parametrize(
    ("text", "ordered"),
    [
        ("SELECT a FROM t ORDER BY a", True),
        ("SELECT a FROM t", False),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a) x", False),
        ("SELECT a FROM t UNION SELECT b FROM u ORDER BY 1", True),
        ("WITH x AS (SELECT a FROM t ORDER BY a) SELECT * FROM x", False),
        ("TABLE t", False),
    ],
)
def test_order_counts_where_the_statement_orders(text: str, ordered: bool) -> None:
    assert is_ordered(text) is ordered

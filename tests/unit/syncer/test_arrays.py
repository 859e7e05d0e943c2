import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.arrays import parse_arrays
from syncer.values import Unrepresentable

TEXT_LISTS = pa.list_(pa.string())


def literal(elements: list[str | None] | None) -> str | None:
    """Print an array as Postgres' array_out does."""
    if elements is None:
        return None
    return "{" + ",".join(map(element_literal, elements)) + "}"


def element_literal(text: str | None) -> str:
    if text is None:
        return "NULL"
    if text == "" or text.upper() == "NULL" or any(c in '{}",\\ \t\n\r\v\f' for c in text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text


TEXTS = st.text(st.sampled_from('ab,"\\{} \nNUL[é𝄞'), max_size=6) | st.sampled_from(
    ["NULL", "null", "", "{}", "[0:1]={1}"]
)


@given(st.lists(st.none() | st.lists(st.none() | TEXTS, max_size=5), max_size=8))
def test_what_postgres_prints_is_what_we_read(arrays: list[list[str | None] | None]) -> None:
    texts = pa.array([literal(elements) for elements in arrays], pa.string())
    assert parse_arrays(texts, "text", TEXT_LISTS).to_pylist() == arrays


@given(st.lists(st.none() | st.lists(st.none() | TEXTS, max_size=3), min_size=2, max_size=8), st.data())
def test_slices_of_arrays(arrays: list[list[str | None] | None], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(arrays)))
    texts = pa.array([literal(elements) for elements in arrays], pa.string()).slice(start)
    assert parse_arrays(texts, "text", TEXT_LISTS).to_pylist() == arrays[start:]


@pytest.mark.parametrize(
    ("storage", "arrow", "text", "expected"),
    [
        ("int4", pa.int32(), "{1,NULL,-3}", [1, None, -3]),
        ("bool", pa.bool_(), "{t,f,NULL}", [True, False, None]),
        ("bytea", pa.binary(), '{"\\\\x00ff","\\\\x",NULL}', [b"\0\xff", b"", None]),
        ("float8", pa.float64(), "{Infinity,-Infinity,1e+16}", [float("inf"), float("-inf"), 1e16]),
    ],
)
def test_elements_are_parsed(storage: str, arrow: pa.DataType, text: str, expected: list[object]) -> None:
    assert parse_arrays(pa.array([text]), storage, pa.list_(arrow)).to_pylist() == [expected]


@pytest.mark.parametrize("text", ["{{1,2},{3,4}}", "[0:1]={1,2}", "[-1:-1]={5}", "{{1},{NULL}}"])
def test_what_is_not_a_list_is_refused(text: str) -> None:
    with pytest.raises(Unrepresentable):
        parse_arrays(pa.array(["{1}", None, text]), "int4", pa.list_(pa.int32()))


def test_a_numeric_that_is_no_decimal_is_refused() -> None:
    with pytest.raises(Unrepresentable):
        parse_arrays(pa.array(["{1.5,NaN}"]), "numeric", pa.list_(pa.decimal128(10, 2)))

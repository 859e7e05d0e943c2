import io
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile

from catalog.columns import Column
from catalog.files import WrittenFile, _upper_text, data_file
from catalog.schemas import assign_field_ids, file_schema


def described(storage: str, values: list[Any], **more: Any) -> tuple[DataFile, Any]:
    columns, schema = assign_field_ids([Column("c", 1, 0, storage, 0, -1, storage, **more)], None)
    buffer = io.BytesIO()
    pq.write_table(pa.table([values], schema=file_schema(columns, schema)), buffer, row_group_size=2)
    footer = pq.read_metadata(io.BytesIO(buffer.getvalue()))
    file = data_file(WrittenFile("file:///c", footer, len(buffer.getvalue())), schema)
    return file, schema.fields[0].field_type


@pytest.mark.parametrize(
    ("storage", "values", "low", "high"),
    [
        ("int4", [3, None, -5, 2], -5, 3),
        ("int8", [2**63 - 1, -(2**63)], -(2**63), 2**63 - 1),
        ("bool", [True, False, None], False, True),
        ("date", [date(2000, 1, 1), date(1999, 1, 1)], 10592, 10957),
        ("text", ["b", "ä", None, ""], "", "ä"),
        ("text", ["x" * 40], "x" * 16, "x" * 15 + "y"),
        ("uuid", [b"\xff" * 16, b"\x01" * 16], b"\x01" * 16, b"\xff" * 16),
    ],
)
def test_bounds(storage: str, values: list[Any], low: Any, high: Any) -> None:
    file, field_type = described(storage, values)
    raw = (lambda bound: bound) if storage == "uuid" else (lambda bound: from_bytes(field_type, bound))
    assert (raw(file.lower_bounds[1]), raw(file.upper_bounds[1])) == (low, high)
    assert file.null_value_counts == {1: values.count(None)}
    assert file.value_counts == {1: len(values)}
    assert file.record_count == len(values)


@given(st.lists(st.none() | st.integers(-(10**38) + 1, 10**38 - 1), min_size=1, max_size=5))
def test_bounds_of_numerics_are_exact(unscaled: list[int | None]) -> None:
    values = [None if value is None else Decimal(value).scaleb(-5) for value in unscaled]
    exact = [
        None if v is None else Decimal((int(u < 0), tuple(map(int, str(abs(u)))), -5))
        for u, v in zip(unscaled, values, strict=True)
        if u is not None or v is None
    ]
    file, field_type = described("numeric", exact, precision=38, scale=5)
    present = [value for value in exact if value is not None]
    if present:
        assert from_bytes(field_type, file.lower_bounds[1]) == min(present)
        assert from_bytes(field_type, file.upper_bounds[1]) == max(present)
    else:
        assert file.lower_bounds == {}


@pytest.mark.parametrize(
    ("storage", "values"), [("float8", [1.0, float("nan")]), ("bytea", [b"a"]), ("int4", [None, None])]
)
def test_no_bounds_where_they_would_lie_or_say_nothing(storage: str, values: list[Any]) -> None:
    file, _ = described(storage, values)
    assert (file.lower_bounds, file.upper_bounds) == ({}, {})


def test_arrays_are_counted_by_element_without_bounds() -> None:
    file, _ = described("int4", [[1, 2], None, []], array=True)
    assert (file.lower_bounds, list(file.value_counts)) == ({}, [2])
    assert file.record_count == 3


def test_a_file_of_another_table_is_refused() -> None:
    columns, schema = assign_field_ids([Column("c", 1, 0, "int4", 23, -1, "int4")], None)
    buffer = io.BytesIO()
    pq.write_table(pa.table({"c": [1]}), buffer)
    footer = pq.read_metadata(io.BytesIO(buffer.getvalue()))
    with pytest.raises(ValueError, match=r"field ids \[-1\]"):
        data_file(WrittenFile("file:///c", footer, 1), schema)
    assert columns


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_an_upper_bound_of_a_text_is_not_below_it(value: str) -> None:
    bound = _upper_text(value)
    assert bound is None or bound >= value.encode()
    assert bound is None or len(bound.decode()) <= 16


@pytest.mark.parametrize(
    ("value", "bound"),
    [("\ud7ff" * 17, "\ud7ff" * 15 + "\ue000"), ("\U0010ffff" * 17, None), ("a" + "\U0010ffff" * 16, "b")],
)
def test_an_upper_bound_steps_over_what_is_no_character(value: str, bound: str | None) -> None:
    assert _upper_text(value) == (None if bound is None else bound.encode())

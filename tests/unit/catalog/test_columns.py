import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.columns import Column, Key, Origin, TableView, UserType

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))  # what PostgreSQL can hold
NUMBER = st.integers(-(2**31), 2**63 - 1)


def tuples(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=3).map(tuple)


OPTIONAL = {"comment": st.none() | TEXT}
COLUMNS = st.builds(Column, **OPTIONAL, precision=st.none() | NUMBER, scale=st.none() | NUMBER, array=st.booleans())
KEYS = st.builds(
    Key,
    **OPTIONAL,
    columns=tuples(TEXT),
    references=st.none() | st.tuples(TEXT, TEXT),
    referenced_columns=tuples(TEXT),
)
TYPES = st.builds(
    UserType, **OPTIONAL, labels=tuples(TEXT), base=st.none() | TEXT, fields=tuples(st.tuples(TEXT, TEXT))
)
VIEWS = st.builds(
    TableView,
    columns=tuples(COLUMNS),
    keys=tuples(KEYS),
    types=tuples(TYPES),
    comment=st.none() | TEXT,
    origin=st.builds(Origin, *[TEXT] * 6),
    format_version=st.just(1),
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # a busy machine is no fault
@given(VIEWS)
def test_a_view_survives_json(view: TableView) -> None:
    assert TableView.from_json(json.loads(view.to_json())) == view


def test_a_view_of_a_later_version_is_refused() -> None:
    with pytest.raises(ValueError, match="columns format 2 is not 1"):
        TableView.from_json({"format_version": 2})

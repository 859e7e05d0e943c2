"""Macros grow a text by what they copy: the size is known before DuckDB binds it."""

import re
from pathlib import Path

import pytest

from pgserver.emit.errors import NoRule
from pgserver.emit.expansion import MACROS, Growth, check_size, growth


def test_an_argument_counts_once_for_each_place_that_names_it() -> None:
    assert growth("pg_text_scale") == Growth(base=25, copies=(3,))
    assert growth("length") is None


def test_calls_in_calls_multiply() -> None:
    grown = growth("pg_imod")
    assert grown is not None
    assert grown.copies[0] > 1
    text = "t1.c1"
    check_size(f"SELECT pg_imod({text}, 3)")
    for _ in range(20):
        text = f"pg_imod({text}, 3)"
    with pytest.raises(NoRule, match="grows too large"):
        check_size(f"SELECT {text}")


def test_a_text_in_quotes_is_one_word() -> None:
    check_size(f"SELECT 'pg_justify_interval(', pg_idiv('{'(' * 200_000}', 1)")


@pytest.mark.parametrize("path", sorted(MACROS.glob("*.sql")), ids=lambda path: path.name)
def test_every_macro_is_known(path: Path) -> None:
    text = path.read_text("utf-8")
    for name in re.findall(r"^CREATE MACRO (\w+)", text, re.MULTILINE):
        assert growth(name) is not None, name

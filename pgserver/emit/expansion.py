"""How large a text grows where DuckDB puts the bodies of macros for their calls.

An argument is copied to each place that names it, so calls in calls grow by the product: a short text may take DuckDB
minutes to bind. A size is linear in the sizes of the arguments, so each macro is read once.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pgserver.emit.errors import NoRule

MAX_SIZE = 100_000  # words after all macros: about a second of binding
MACROS = Path(__file__).with_name("macros")

_TOKEN = re.compile(r"'(?:[^']|'')*'|[A-Za-z_]\w*|[^\s\w]|\w+")
_MACRO = re.compile(r"^CREATE MACRO (\w+)\(([^)]*)\) AS (.*?);[^\n]*\n(?=CREATE|--|\n|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Growth:
    """The size of a body: `base`, and how often each parameter is copied into it."""

    base: int
    copies: tuple[int, ...]


def check_size(sql: str) -> None:
    """Refuse a text that DuckDB would take long to bind.

    Raises: NoRule.
    """
    if "pg_" in sql and _Reader(sql, ()).read().base > MAX_SIZE:
        raise NoRule("an expression that grows too large")


@cache
def _bodies() -> dict[str, tuple[tuple[str, ...], str]]:
    found = [match for path in sorted(MACROS.glob("*.sql")) for match in _MACRO.finditer(path.read_text("utf-8"))]
    return {
        match[1]: (tuple(name.strip() for name in match[2].split(",") if name.strip()), match[3]) for match in found
    }


@cache
def growth(name: str) -> Growth | None:
    """Return how a macro grows; None for what is no macro of ours."""
    if name not in _bodies():
        return None
    parameters, body = _bodies()[name]
    return _Reader(body, parameters).read()


class _Reader:
    """Adds up the tokens of a text from left to right."""

    def __init__(self, text: str, parameters: Sequence[str]) -> None:
        self._tokens = _TOKEN.findall(text)
        self._at = 0
        self._places = {name: place for place, name in enumerate(parameters, 1)}
        self._width = len(parameters) + 1

    def read(self) -> Growth:
        """Return the size of the whole text."""
        sums = [0] * self._width
        while self._at < len(self._tokens):
            self._add(sums)
        return Growth(sums[0], tuple(sums[1:]))

    def _add(self, sums: list[int]) -> None:
        """Add the next word, or the next call of a macro with all its arguments."""
        word = self._tokens[self._at]
        self._at += 1
        sums[self._places.get(word, 0)] += 1
        called = self._at < len(self._tokens) and self._tokens[self._at] == "("
        grown = growth(word) if called and word.startswith("pg_") else None
        if grown is None:
            return
        sums[0] += grown.base
        for place, argument in enumerate(self._arguments()):
            copies = grown.copies[place] if place < len(grown.copies) else 1
            for index, size in enumerate(argument):
                sums[index] += copies * size

    def _arguments(self) -> list[list[int]]:
        """Read the arguments up to the closing parenthesis, each to its size."""
        arguments, depth = [[0] * self._width], 0
        while self._at < len(self._tokens):
            word = self._tokens[self._at]
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(word, 0)
            if depth == 0:
                self._at += 1
                return arguments
            if depth == 1 and word in ("(", ","):
                self._at += 1
                if word == ",":
                    arguments.append([0] * self._width)
                continue
            self._add(arguments[-1])
        return arguments

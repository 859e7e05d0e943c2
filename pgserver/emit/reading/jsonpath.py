"""A jsonpath constant's bytes to what it says, where that is simple: keys, places, [*], filters, comparisons.

Source: `flattenJsonPathParseItem` in src/backend/utils/adt/jsonpath.c; `JsonPathItemType` in
src/include/utils/jsonpath.h.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from pgserver.emit.errors import NoRule
from pgserver.emit.reading.datums import numeric

VERSION, LAX = 1, 0x80000000
NULL, STRING, NUMBER, BOOL, AND, OR, NOT = range(7)
COMPARISONS = {8: "=", 9: "<>", 10: "<", 11: ">", 12: "<=", 13: ">="}
ANY_ITEM, PLACE, KEY, CURRENT, ROOT, FILTER, EXISTS = 21, 23, 25, 26, 27, 29, 30
MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Key:
    """`.key`."""

    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """`[n]`."""

    number: int


@dataclass(frozen=True, slots=True)
class AnyItem:
    """`[*]`."""


@dataclass(frozen=True, slots=True)
class Filter:
    """`? (predicate)`."""

    predicate: "Predicate"


@dataclass(frozen=True, slots=True)
class Steps:
    """Where a path goes, from `$` or (`relative`) from `@`."""

    relative: bool
    steps: "tuple[Key | Place | AnyItem | Filter, ...]"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A path compared with a number, a string, true, false or null."""

    operator: str
    path: Steps
    literal: Decimal | str | bool | None


@dataclass(frozen=True, slots=True)
class Both:
    """`&&`, or `||` unless `every`."""

    every: bool
    left: "Predicate"
    right: "Predicate"


@dataclass(frozen=True, slots=True)
class Not:
    """`!`."""

    predicate: "Predicate"


@dataclass(frozen=True, slots=True)
class Exists:
    """`exists (path)`."""

    path: Steps


Predicate = Comparison | Both | Not | Exists
MIRRORED = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


def jsonpath(data: bytes) -> Steps | Predicate:
    """Return what a constant says.

    Args: its bytes, with the varlena header.
    Raises: NoRule for what is not simple.
    """
    size, header = struct.unpack_from("<II", data)
    if size & 3 or header != VERSION | LAX:
        raise NoRule("a jsonpath in strict mode")
    return _Items(data[8:]).read(0, 0)


@dataclass(frozen=True, slots=True)
class _Items:
    data: bytes

    def read(self, at: int, depth: int) -> Steps | Predicate:
        """Read a path or a predicate."""
        if depth > MAX_DEPTH:
            raise NoRule("a deeply nested jsonpath")
        kind, following, content = self._item(at)
        if kind in (ROOT, CURRENT):
            return Steps(kind == CURRENT, tuple(self._steps(at, depth)))
        if following:
            raise NoRule("a jsonpath that goes on behind a predicate")
        if kind in (AND, OR):
            return Both(kind == AND, *(self._predicate(at + place, depth) for place in self._places(content, 2)))
        if kind == NOT:
            return Not(self._predicate(at + self._places(content, 1)[0], depth))
        if kind == EXISTS:
            path = self.read(at + self._places(content, 1)[0], depth + 1)
            if isinstance(path, Steps):
                return Exists(path)
        if kind in COMPARISONS:
            left, right = (at + place for place in self._places(content, 2))
            return self._comparison(COMPARISONS[kind], left, right, depth)
        raise NoRule(f"a jsonpath with an item of kind {kind}")

    def _predicate(self, at: int, depth: int) -> Predicate:
        found = self.read(at, depth + 1)
        if isinstance(found, Steps):
            raise NoRule("a jsonpath with a path for a predicate")
        return found

    def _comparison(self, operator: str, left: int, right: int, depth: int) -> Comparison:
        if self._item(left)[0] <= BOOL:
            left, right, operator = right, left, MIRRORED[operator]
        path = self.read(left, depth + 1)
        if not isinstance(path, Steps):
            raise NoRule("a jsonpath that compares a predicate")
        return Comparison(operator, path, self._literal(right))

    def _literal(self, at: int) -> Decimal | str | bool | None:
        kind, following, content = self._item(at)
        if kind == NULL and not following:
            return None
        if kind == BOOL and not following:
            return self.data[content] != 0
        if kind == STRING and not following:
            return self._string(content)
        if kind == NUMBER and not following:
            return self._number(content)
        raise NoRule("a jsonpath that compares two paths")

    def _steps(self, at: int, depth: int) -> Iterator[Key | Place | AnyItem | Filter]:
        _, following, _ = self._item(at)
        while following:
            at += following
            kind, following, content = self._item(at)
            if kind == KEY:
                yield Key(self._string(content))
            elif kind == ANY_ITEM:
                yield AnyItem()
            elif kind == PLACE:
                yield self._place(at, content)
            elif kind == FILTER:
                yield Filter(self._predicate(at + self._places(content, 1)[0], depth))
            else:
                raise NoRule(f"a jsonpath with an item of kind {kind}")

    def _place(self, at: int, content: int) -> Place:
        count, first, last = self._places(content, 3)
        kind, following, number = self._item(at + first)
        if count != 1 or last or kind != NUMBER or following:
            raise NoRule("a jsonpath with a place that is no number")
        place = self._number(number)
        if place != place.to_integral_value() or not 0 <= place < 2**31:
            raise NoRule("a jsonpath with a place that is no number")
        return Place(int(place))

    def _item(self, at: int) -> tuple[int, int, int]:
        """Return an item's kind, how far behind it the next one is (0 for none), and where its content is."""
        aligned = (at + 4) // 4 * 4
        return self.data[at], self._places(aligned, 1)[0], aligned + 4

    def _places(self, at: int, count: int) -> tuple[int, ...]:
        return struct.unpack_from(f"<{count}i", self.data, at)

    def _string(self, at: int) -> str:
        length = self._places(at, 1)[0]
        return self.data[at + 4 : at + 4 + length].decode()

    def _number(self, at: int) -> Decimal:
        length = struct.unpack_from("<I", self.data, at)[0] >> 2
        return numeric(self.data[at + 4 : at + length])

"""Which tables to copy, and what they are called in the lake. Pure."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from catalog.errors import OperatorError

Name = tuple[str, str]  # schema, table

_PART = r'(?:"(?:[^"]|"")*"|[^".,])+'
_PATTERN = re.compile(rf"\s*({_PART})\.({_PART})\s*")
_PIECE = re.compile(r'"(?:[^"]|"")*"|\*|[^"*]+')
_ITEM = re.compile(r'(?:"(?:[^"]|"")*"|[^",])+')


@dataclass(frozen=True, slots=True)
class Pattern:
    """A `schema.table` with `*` for any characters; parts in double quotes are taken as they are."""

    text: str
    schema: re.Pattern[str]
    table: re.Pattern[str]

    def matches(self, name: Name) -> bool:
        """Tell whether a table is meant."""
        return self.schema.fullmatch(name[0]) is not None and self.table.fullmatch(name[1]) is not None

    def names(self, name: Name) -> bool:
        """Tell whether exactly this table is meant, not one of many by a wildcard."""
        return self.matches(name) and ".*" not in self.schema.pattern + self.table.pattern


def parse_patterns(variable: str, text: str) -> tuple[Pattern, ...]:
    """Read a comma-separated list of patterns.

    Raises: OperatorError for an item that is not `schema.table`.
    """
    items = [item.strip() for item in _ITEM.findall(text) if item.strip()]
    return tuple(_parse_pattern(variable, item) for item in items)


def _parse_pattern(variable: str, item: str) -> Pattern:
    match = _PATTERN.fullmatch(item)
    if match is None:
        raise OperatorError(
            variable, f"{item} is not schema.table", 'write for example public.users or sales.*, odd names in "quotes"'
        )
    return Pattern(item, _expression(match[1].strip()), _expression(match[2].strip()))


def _expression(part: str) -> re.Pattern[str]:
    pieces = []
    for piece in _PIECE.findall(part):
        if piece.startswith('"'):
            pieces.append(re.escape(piece[1:-1].replace('""', '"')))
        else:
            pieces.append(".*" if piece == "*" else re.escape(piece))
    return re.compile("".join(pieces), re.DOTALL)


def select(variable: str, patterns: Sequence[Pattern], names: Iterable[Name], *, exclude: bool) -> list[Name]:
    """Return the names that the include (or exclude) patterns leave; no pattern leaves all.

    Raises: OperatorError when a pattern matches nothing: a mistyped one must not silently copy less, or more.
    """
    known = list(names)
    for pattern in patterns:
        if not any(pattern.matches(name) for name in known):
            near = difflib.get_close_matches(pattern.text, [f"{schema}.{table}" for schema, table in known], n=3)
            fix = f"did you mean {' or '.join(near)}?" if near else "check the schema, the name and the role's rights"
            raise OperatorError(variable, f"no table of the source matches {pattern.text}", fix)
    if not patterns:
        return known
    return [name for name in known if any(pattern.matches(name) for pattern in patterns) is not exclude]


def destination(name: Name, schema: str | None) -> Name:
    """Return where a source table goes.

    Without a destination schema it keeps its own. With `x`: `public.users` is `x.users`, `sales.orders` is
    `x.sales_orders`, `x.orders` stays.
    """
    if schema is None:
        return name
    return (schema, name[1] if name[0] in ("public", schema) else f"{name[0]}_{name[1]}")


def check_collisions(variable: str, names: Iterable[Name], schema: str | None) -> None:
    """Refuse two source tables for one place in the lake.

    Raises: OperatorError that names both.
    """
    taken: dict[Name, Name] = {}
    for name in names:
        place = destination(name, schema)
        other = taken.setdefault(place, name)
        if other != name:
            raise OperatorError(
                variable,
                f"{'.'.join(other)} and {'.'.join(name)} would both become {'.'.join(place)}",
                "copy them in two runs with different schemas",
            )

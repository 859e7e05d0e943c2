"""Emitted SQL: text with holes for what is known only when a statement runs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pgserver.emit.errors import NoRule
from pgserver.emit.literals import text_literal, timestamptz_literal
from pgserver.emit.sessions import TIMES


@dataclass(frozen=True, slots=True)
class ParameterValue:
    """A condition's value is that of a parameter."""

    number: int


@dataclass(frozen=True, slots=True)
class Condition:
    """A conjunct `column op constant` of WHERE, by which files may be left out.

    `op` is one of = <> < <= > >= "in" "is null" "is not null"; `value` is a Python value of the column's type (int,
    float, Decimal, str, bool, datetime.date, datetime.datetime, uuid.UUID, bytes), a tuple of them for "in", or a
    parameter.
    """

    attnum: int
    op: str
    value: object


@dataclass(frozen=True, slots=True)
class RelationHole:
    """A FROM item. What fills it must be named `alias` and have a column `c<attnum>` for each of `columns`.

    `members` are the tables whose rows it has, None for the table itself alone.
    """

    alias: str
    relid: int
    only: bool
    columns: tuple[int, ...]
    conditions: tuple[Condition, ...]
    members: tuple[int, ...] | None = None

    @property
    def relids(self) -> tuple[int, ...]:
        """The tables that are read."""
        return (self.relid,) if self.members is None else self.members


@dataclass(frozen=True, slots=True)
class ParameterHole:
    """A bind parameter.

    `part`: its literal; of a numeric also its scale, or the value at a wide scale; an array's elements.
    """

    number: int
    type_oid: int
    part: str = "value"  # value, scale, wide, elements


@dataclass(frozen=True, slots=True)
class SessionHole:
    """A value of the session.

    Now, statement_timestamp, current_user, session_user, current_schema, current_database.
    """

    key: str


Part = str | RelationHole | ParameterHole | SessionHole

WIDE_SCALE = 10
WIDE_TYPE = f"DECIMAL(38,{WIDE_SCALE})"
_DECIMAL = re.compile(r"CAST\('.*' AS DECIMAL\((\d+),(\d+)\)\)")


@dataclass(frozen=True, slots=True)
class Emitted:
    """A statement in DuckDB's SQL.

    `assumes` names the settings (DateStyle, IntervalStyle, TimeZone, bytea_output, extra_float_digits) whose default
    the text relies on: in a session where one differs, the statement has no rule. `volatile`: another run gives other
    rows. `late`: each group is looked at before it is given, so the last one may still send the statement over the
    bridge.
    """

    parts: tuple[Part, ...]
    relids: tuple[int, ...]
    tag: str
    assumes: frozenset[str] = frozenset()
    volatile: bool = False
    late: bool = False

    @property
    def relations(self) -> tuple[RelationHole, ...]:
        """The FROM items to fill."""
        return tuple(part for part in self.parts if isinstance(part, RelationHole))

    def render(
        self,
        relations: Mapping[RelationHole, str],
        parameters: Sequence[str | None],
        session: Mapping[str, str | int],
    ) -> str:
        """Fill the holes.

        Args: a FROM item per relation; the parameters' literals (`constants.parameter_literal`), None for NULL; the
        session's values, times in microseconds since 1970.
        Raises: NoRule for a parameter that this text cannot hold.
        """
        texts: list[str] = []
        for part in self.parts:
            if isinstance(part, str):
                texts.append(part)
            elif isinstance(part, RelationHole):
                texts.append(relations[part])
            elif isinstance(part, ParameterHole):
                texts.append(_parameter(part, parameters[part.number - 1]))
            else:
                texts.append(_session_value(part.key, session[part.key]))
        return "".join(texts)


def _session_value(key: str, value: str | int) -> str:
    if key in TIMES:
        return timestamptz_literal(int(value) - UNIX_TO_POSTGRES_US)
    return text_literal(str(value))


UNIX_TO_POSTGRES_US = 946_684_800_000_000


def _parameter(hole: ParameterHole, literal: str | None) -> str:
    if hole.part == "value":
        return "NULL" if literal is None else literal
    if hole.part == "elements":
        return _elements(literal)
    if literal is None or literal.startswith("CAST(NULL"):
        return "0" if hole.part == "scale" else f"CAST(NULL AS {WIDE_TYPE})"
    match = _DECIMAL.fullmatch(literal)
    if match is None:
        raise NoRule("a numeric parameter that is not a finite number of at most 38 digits")
    precision, scale = int(match[1]), int(match[2])
    if hole.part == "scale":
        return str(scale)
    if scale > WIDE_SCALE or precision - scale > 38 - WIDE_SCALE:
        raise NoRule("arithmetic with a numeric parameter of many digits")
    return f"CAST({literal} AS {WIDE_TYPE})"


def _elements(literal: str | None) -> str:
    """Return what stands in `x IN (...)` for an array.

    An empty one is a subquery without rows, so that NULL is not in it.
    """
    if literal is None:
        return "NULL"
    inside = literal.removeprefix("CAST([").rpartition("] AS ")[0]
    return inside or "SELECT NULL WHERE false"

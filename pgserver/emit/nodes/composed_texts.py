"""Rows and arrays as Postgres prints them: the texts of their fields or elements, quoted where these would be misread.

Source: `record_out` in src/backend/utils/adt/rowtypes.c, `array_out` in arrayfuncs.c.
"""

from collections.abc import Callable, Sequence

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.reading.names import CatalogNames
from pgserver.emit.values import Value

# Texts of these never hold what must be quoted.
BARE = kinds.INTEGERS | kinds.FLOATS | {kinds.BOOL, kinds.NUMERIC, kinds.UUID, kinds.TIME}

Printed = Callable[[Value], Value]


def row_text(fields: Sequence[Value], printed: Printed) -> str:
    """Return the SQL of a row's text; of NULL fields there is nothing between the commas."""
    texts = " || ',' || ".join(f"coalesce({_quoted(value, printed, 'pg_row_field')}, '')" for value in fields)
    return f"'(' || {texts} || ')'" if texts else "'()'"


def array_text(array: Value, names: CatalogNames, printed: Printed) -> str:
    """Return the SQL of an array's text."""
    item = Value("e_", names.element(array.type), array.typmod, numeric=array.numeric)
    items = f"list_transform({array.sql}, lambda e_: coalesce({_quoted(item, printed, 'pg_array_item')}, 'NULL'))"
    return f"CASE WHEN {array.operand} IS NOT NULL THEN '{{' || coalesce(array_to_string({items}, ','), '') || '}}' END"


def _quoted(value: Value, printed: Printed, macro: str) -> str:
    if value.is_null:
        return "CAST(NULL AS VARCHAR)"
    text = printed(value)
    if text.opaque:
        raise NoRule("a text within another")
    return text.operand if value.type in BARE else f"{macro}({text.sql})"

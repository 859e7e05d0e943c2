"""Values written as json or jsonb: to_json and its like, the functions and clauses that build objects and arrays.

Source: `datum_to_json_internal` and `datum_to_jsonb_internal` in src/backend/utils/adt.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.literals import text_literal
from pgserver.emit.nodes.coercions import printed
from pgserver.emit.numeric import text_of
from pgserver.emit.reading.jsonb import json_string
from pgserver.emit.reading.names import CatalogNames
from pgserver.emit.values import Value

TIMES = {kinds.DATE: "{}", kinds.TIMESTAMP: "pg_json_timestamp({})", kinds.TIMESTAMPTZ: "pg_json_timestamptz({})"}
QUOTED = frozenset((kinds.UUID, kinds.TIME, kinds.INTERVAL))  # their texts hold nothing to escape


@dataclass(frozen=True, slots=True)
class JsonWriter:
    """How to write values: as jsonb prints them, or as json does; `assume` notes a setting that a text relies on."""

    names: CatalogNames
    assume: Callable[[str], None]
    jsonb: bool

    def value(self, value: Value) -> str:
        """Return the SQL of a value's JSON; NULL for NULL.

        Raises: NoRule for a type that only Postgres writes.
        """
        if value.is_null:
            return "CAST(NULL AS VARCHAR)"
        if value.type == kinds.RECORD and not value.opaque:  # see `json_rows`
            return value.sql
        if value.opaque or (value.type == kinds.JSON and self.jsonb):
            raise NoRule(f"json of {self.names.type_name(value.type)}")
        if value.type in kinds.JSONS:
            return value.sql
        if value.type == kinds.NUMERIC:
            text = text_of(value)
            return f"pg_number_text({text})" if value.numeric is not None and value.numeric.text is not None else text
        if value.type == kinds.BOOL or value.type in kinds.INTEGERS - {kinds.OID}:
            return f"CAST({value.sql} AS VARCHAR)"
        if self.names.element(value.type):
            return self._array(value)
        return self._text(value)

    def _text(self, value: Value) -> str:
        if value.type == kinds.UNKNOWN:
            return f"pg_json_string({value.sql})"
        text = printed(value, self.names, self._assume_but_dates).sql
        if value.type in kinds.FLOATS:
            return f"pg_json{'b' if self.jsonb else ''}_float({text})"
        if value.type in TIMES:
            return f"'\"' || {TIMES[value.type].format(text)} || '\"'"
        return f"'\"' || {text} || '\"'" if value.type in QUOTED else f"pg_json_string({text})"

    def _assume_but_dates(self, setting: str) -> None:
        """In JSON dates are ISO's, whatever the session's style is."""
        if setting != "DateStyle":
            self.assume(setting)

    def _array(self, array: Value) -> str:
        item = Value("j_", self.names.element(array.type), array.typmod, numeric=array.numeric)
        items = f"list_transform({array.sql}, lambda j_: coalesce({self.value(item)}, 'null'))"
        separator = "', '" if self.jsonb else "','"
        inside = f"coalesce(array_to_string({items}, {separator}), '')"
        return f"CASE WHEN {array.operand} IS NOT NULL THEN '[' || {inside} || ']' END"

    def array(self, values: Sequence[Value], *, absent: bool = False) -> str:
        """Return the SQL of an array of values, with or without those that are NULL."""
        return _joined("[", [self._item("", value, absent=absent) for value in values], "]")

    def object(self, pairs: Sequence[tuple[Value, Value]], *, absent: bool = False) -> str:
        """Return the SQL of an object; jsonb has its keys in an order of its own, and of doubled ones the last."""
        if not self.jsonb:
            return _joined(
                "{", [self._item(f"{self.key(key)} || ' : '", item, absent=absent) for key, item in pairs], "}"
            )
        if len(pairs) == 1 and pairs[0][0].constant is None:
            ((key, item),) = pairs
            return _joined("{", [self._item(f"{self.key(key)} || ': '", item, absent=absent)], "}")
        found: dict[bytes, Value] = {}
        for key, item in pairs:
            word = key.constant.value if key.constant is not None else None
            if not isinstance(word, str) or (absent and word.encode() in found):
                raise NoRule("a jsonb object whose keys are not constants")
            found[word.encode()] = item
        ordered = sorted(found.items(), key=lambda pair: (len(pair[0]), pair[0]))
        items = [
            self._item(text_literal(json_string(key.decode()) + ": "), item, absent=absent) for key, item in ordered
        ]
        return _joined("{", items, "}")

    def row(self, fields: Sequence[tuple[Value, Value]]) -> str:
        """Return the SQL of a row as json."""
        items = [
            f"{text_literal(json_string(str(name.constant.value)) + ':')} || coalesce({self.value(value)}, 'null')"
            for name, value in fields
            if name.constant is not None
        ]
        return " || ',' || ".join([f"'{{' || {items[0]}", *items[1:]]) + " || '}'" if items else "'{}'"

    def key(self, key: Value) -> str:
        """Return the SQL of an object's key; NULL is an error."""
        if key.type in (*kinds.TEXTS - {kinds.BPCHAR}, kinds.INT2, kinds.INT4, kinds.INT8):
            return f"pg_json_key(CAST({key.sql} AS VARCHAR))"
        raise NoRule(f"a key of {self.names.type_name(key.type)}")

    def _item(self, prefix: str, value: Value, *, absent: bool) -> str:
        text = self.value(value)
        prefix = prefix and f"{prefix} || "
        if absent:
            return f"CASE WHEN {value.operand} IS NOT NULL THEN {prefix}{text} END"
        return f"{prefix}coalesce({text}, 'null')"


def _joined(start: str, items: Sequence[str], end: str) -> str:
    """DuckDB's array_to_string leaves NULLs out."""
    if not items:
        return text_literal(start + end)
    return f"'{start}' || coalesce(array_to_string([{', '.join(items)}], ', '), '') || '{end}'"

"""Set-returning functions, keyed by what `regprocedure` prints: each column that they return is a list to unnest.

In a target list they stand in Postgres above WHERE and below ORDER BY, side by side, the shorter ones filled up with
NULLs, as DuckDB's unnest does: so they become one more FROM item; above groups they stay in the target list.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.functions.regex import regexp_matches
from pgserver.emit.functions.table import FUNCTIONS
from pgserver.emit.nodes.walk import Walk
from pgserver.emit.once import once
from pgserver.emit.reading.tree import Node
from pgserver.emit.rules import Call
from pgserver.emit.times import zones
from pgserver.emit.values import Value


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a set: the list of its values, and what is known of each; `cast` is its type where the list's is
    another.
    """

    list: str
    value: Value
    cast: str = ""

    def unnested(self) -> str:
        """Return a target list item that gives the values, one a row."""
        rows = f"unnest({self.list})"
        return f"CAST({rows} AS {self.cast})" if self.cast else rows


def elements(call: Call) -> list[Column]:
    """unnest: an array's elements."""
    (array,) = call.args
    return [Column(array.sql, Value("", call.names.element(array.type), array.typmod, numeric=array.numeric))]


def series(call: Call) -> list[Column]:
    """generate_series of integers: a step of 0 is an error."""
    start, stop, *steps = (arg.sql for arg in call.args)
    numbers = f"pg_series({start}, {stop}, {steps[0]})" if steps else f"generate_series({start}, {stop})"
    return [Column(numbers, Value("", call.type), "" if call.type == kinds.INT8 else kinds.DUCKDB[call.type])]


def times(call: Call) -> list[Column]:
    """generate_series of timestamps: each is the one before plus the step, by the clock of the session's zone."""
    if call.type == kinds.TIMESTAMPTZ:
        call.assume(zones.RULES)
    return [Column(f"pg_time_series({', '.join(arg.sql for arg in call.args)})", Value("", call.type))]


def subscripts(call: Call) -> list[Column]:
    """generate_subscripts of the only dimension."""
    array, dimension, *_ = call.args
    places = f"generate_series(1, CASE WHEN {dimension.operand} = 1 THEN len({array.sql}) END)"
    return [Column(places, Value("", kinds.INT4), "INTEGER")]


def of_form(*columns: tuple[str, int]) -> Callable[[Call], list[Column]]:
    """Return a rule: a form and a type for each column."""

    def build(call: Call) -> list[Column]:
        return [Column(once(call.args[0].sql, form.format), Value("", type_oid)) for form, type_oid in columns]

    return build


def of_function(signature: str) -> Callable[[Call], list[Column]]:
    """Return a rule: the elements of the array that another function gives."""

    def build(call: Call) -> list[Column]:
        if signature not in FUNCTIONS:
            raise call.no_rule()
        return [Column(FUNCTIONS[signature].apply(call).sql, Value("", call.type))]

    return build


def matches(call: Call) -> list[Column]:
    """regexp_matches: an array of groups for each match."""
    return [Column(regexp_matches(call), Value("", call.type))]


AS_TEXT = "list_transform({}, lambda r_: pg_jsonb_text(r_))"
JSON_KINDS = (("jsonb", "pg_jsonb", "pg_jsonb_keys", kinds.JSONB), ("json", "pg_json", "pg_json_all_keys", kinds.JSON))

SETS: dict[str, Callable[[Call], list[Column]]] = {
    "unnest(anyarray)": elements,
    **{f"generate_series({kind},{kind})": series for kind in ("integer", "bigint")},
    **{f"generate_series({kind},{kind},{kind})": series for kind in ("integer", "bigint")},
    **{
        f"generate_series({kind},{kind},interval)": times
        for kind in ("timestamp without time zone", "timestamp with time zone")
    },
    "generate_subscripts(anyarray,integer)": subscripts,
    "string_to_table(text,text)": of_function("string_to_array(text,text)"),
    "string_to_table(text,text,text)": of_function("string_to_array(text,text,text)"),
    "regexp_matches(text,text)": matches,
    "regexp_matches(text,text,text)": matches,
    "regexp_split_to_table(text,text)": of_function("regexp_split_to_array(text,text)"),
    "regexp_split_to_table(text,text,text)": of_function("regexp_split_to_array(text,text,text)"),
}
for _kind, _macro, _keys, _oid in JSON_KINDS:
    _values, _texts = f"{_macro}_values({{}})", AS_TEXT.format(f"{_macro}_values({{}})")
    SETS |= {
        f"{_kind}_array_elements({_kind})": of_form((f"{_macro}_elements({{}})", _oid)),
        f"{_kind}_array_elements_text({_kind})": of_form((AS_TEXT.format(f"{_macro}_elements({{}})"), kinds.TEXT)),
        f"{_kind}_object_keys({_kind})": of_form((f"{_keys}({{}})", kinds.TEXT)),
        f"{_kind}_each({_kind})": of_form((f"{_keys}({{}})", kinds.TEXT), (_values, _oid)),
        f"{_kind}_each_text({_kind})": of_form((f"{_keys}({{}})", kinds.TEXT), (_texts, kinds.TEXT)),
    }


def columns_of(node: Node, walk: Walk) -> list[Column]:
    """Return the columns of a call of a set-returning function.

    Raises: NoRule naming the signature, where it has no rule.
    """
    if node.tag != "FUNCEXPR":
        raise NoRule(f"node {node.tag} in FROM")
    signature = walk.names.functions.get(node.integer("funcid"), "unknown")
    if signature not in SETS:
        raise NoRule(f"function {signature}, a set")
    walk.check_collation(node)
    args = walk.expressions(node.nodes("args"))
    call = walk.call(signature, args, walk.names.base_type(node.integer("funcresulttype")))
    if any(arg.opaque for arg in args):
        raise call.no_rule("of a value that DuckDB holds as text")
    return SETS[signature](call)


def target_set(node: Node, walk: Walk) -> Value:
    """A set-returning function in a target list: a column of this query's FROM item of sets."""
    scope = walk.scope
    above = scope.above_group and scope.grouped
    if scope.query.flag("hasWindowFuncs") or (above and scope.query.has("distinctClause")):
        raise NoRule("a set beside window functions, or of distinct groups")
    known = scope.sets.get(id(node))
    if known is not None:
        return known
    before = len(scope.sets)
    columns = columns_of(node, walk)
    if len(columns) != 1 or len(scope.sets) != before:
        raise NoRule("a set of rows, or of sets, in a target list")
    scope.set_lists.append(columns[0].list)
    if above:
        if scope.set_items:
            raise NoRule("sets below and above groups")
        scope.sets[id(node)] = replace(columns[0].value, sql=columns[0].unnested(), atom=True)
        return scope.sets[id(node)]
    name = f"f{walk.context.number()}"
    scope.sets_alias = scope.sets_alias or f"t{walk.context.number()}"
    scope.set_items.append(f"{columns[0].unnested()} AS {name}")
    scope.sets[id(node)] = _named(columns[0], f"{scope.sets_alias}.{name}")
    return scope.sets[id(node)]


def set_places(walk: Walk) -> list[str]:
    """Return the sort key that keeps the rows of each set in their order: Postgres makes sets of sorted rows."""
    scope = walk.scope
    if not scope.set_lists or scope.query.has("distinctClause"):
        return []
    if scope.grouped and scope.set_items:  # a grouping key stands below the groups
        return []
    places = f"unnest(generate_series(1, {_longest(scope.set_lists)}))"
    if not scope.set_items:
        return [places]
    name = f"f{walk.context.number()}"
    scope.set_items.append(f"{places} AS {name}")
    return [f"{scope.sets_alias}.{name}"]


def _longest(lists: Sequence[str]) -> str:
    lengths = ", ".join(f"len({one})" for one in lists)
    return f"greatest({lengths})" if len(lists) > 1 else lengths


def sets_item(from_text: str, walk: Walk) -> str:
    """Return FROM with the sets of the target list added to it."""
    if not walk.scope.set_items:
        return from_text
    item = f"LATERAL (SELECT {', '.join(walk.scope.set_items)}) AS {walk.scope.sets_alias}"
    return f"{from_text}, {item}" if from_text else item.removeprefix("LATERAL ")


def table_of(functions: Sequence[Node], walk: Walk, *, ordinality: bool) -> tuple[list[Value], str]:
    """Return functions side by side as a FROM item: its columns, named but not qualified, and its SELECT."""
    columns = [column for function in functions for column in columns_of(function.node("funcexpr"), walk)]
    if ordinality:
        longest = _longest([column.list for column in columns])
        columns.append(Column(f"generate_series(1, {longest})", Value("", kinds.INT8)))
    names = [f"f{walk.context.number()}" for _ in columns]
    items = [f"{column.unnested()} AS {name}" for column, name in zip(columns, names, strict=True)]
    return [_named(column, name) for column, name in zip(columns, names, strict=True)], f"SELECT {', '.join(items)}"


def _named(column: Column, name: str) -> Value:
    value = column.value
    return Value(name, value.type, value.typmod, numeric=value.numeric)

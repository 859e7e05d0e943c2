"""Window functions, keyed by what `regprocedure` prints; aggregates over a frame are those of `aggregates.py`.

Source of the frame's bits: FRAMEOPTION_* in src/include/nodes/parsenodes.h.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from pgserver.emit import kinds
from pgserver.emit.aggregates.table import AGGREGATES
from pgserver.emit.errors import NoRule
from pgserver.emit.nodes.aggregate_calls import AggregateCall
from pgserver.emit.nodes.branches import combine
from pgserver.emit.nodes.grouping import group_key
from pgserver.emit.nodes.ordering import sort_key, sort_keys, target_of
from pgserver.emit.nodes.walk import NodeFunction, Walk
from pgserver.emit.reading.tree import Node
from pgserver.emit.times import calendar
from pgserver.emit.values import Value

NON_DEFAULT, RANGE, ROWS, GROUPS = 0x1, 0x2, 0x4, 0x8
MODES = {RANGE: "RANGE", ROWS: "ROWS", GROUPS: "GROUPS"}
STARTS = {0x20: "UNBOUNDED PRECEDING", 0x200: "CURRENT ROW", 0x800: "{} PRECEDING", 0x2000: "{} FOLLOWING"}
ENDS = {0x100: "UNBOUNDED FOLLOWING", 0x400: "CURRENT ROW", 0x1000: "{} PRECEDING", 0x4000: "{} FOLLOWING"}
EXCLUSIONS = {0x8000: " EXCLUDE CURRENT ROW", 0x10000: " EXCLUDE GROUP", 0x20000: " EXCLUDE TIES"}

# What these collect has an order only if the window has.
COLLECTING = frozenset(("array_agg(anynonarray)", "string_agg(text,text)"))

Build = Callable[[str, tuple[Value, ...], str], str]  # signature, arguments, OVER clause -> SQL


def ranking(signature: str, args: tuple[Value, ...], over: str) -> str:
    """row_number, rank and the like: the same in DuckDB."""
    return f"{signature.partition('(')[0]}({', '.join(arg.sql for arg in args)}){over}"


def ntile(signature: str, args: tuple[Value, ...], over: str) -> str:
    """ntile of a constant: Postgres raises for one below 1."""
    return f"CAST({ranking(signature, (whole_number(signature, args[0], 1),), over)} AS INTEGER)"


def neighbour(signature: str, args: tuple[Value, ...], over: str) -> str:
    """lag and lead, by any distance; the default has the value's type already."""
    return ranking(signature, args, over)


def of_frame(signature: str, args: tuple[Value, ...], over: str) -> str:
    """first_value, last_value, nth_value: within the frame."""
    place = (whole_number(signature, args[1], 1),) if len(args) > 1 else ()
    return ranking(signature, (args[0], *place), over)


def whole_number(signature: str, value: Value, least: int) -> Value:
    """Return a constant that is not less than a number.

    Raises: NoRule for any other.
    """
    number = value.constant.value if value.constant is not None else None
    if not isinstance(number, int) or number < least:
        raise NoRule(f"function {signature} (by what is no constant from {least} up)")
    return Value(str(number), value.type)


WINDOW_FUNCTIONS: dict[str, Build] = {
    **dict.fromkeys(("row_number()", "rank()", "dense_rank()", "percent_rank()", "cume_dist()"), ranking),
    "ntile(integer)": ntile,
    **{f"{name}(anyelement)": neighbour for name in ("lag", "lead")},
    **{f"{name}(anyelement,integer)": neighbour for name in ("lag", "lead")},
    **{f"{name}(anycompatible,integer,anycompatible)": neighbour for name in ("lag", "lead")},
    **{f"{name}(anyelement)": of_frame for name in ("first_value", "last_value")},
    "nth_value(anyelement,integer)": of_frame,
}


def window_function(node: Node, walk: Walk) -> Value:
    """A call with OVER."""
    signature = walk.names.functions.get(node.integer("winfnoid"), "unknown")
    walk.check_collation(node)
    over = f" OVER ({window_of(node, walk)})"
    args = walk.expressions(node.nodes("args"))
    condition = node.optional("aggfilter")
    result = walk.names.base_type(node.integer("wintype"))
    if node.flag("winagg"):
        rule = AGGREGATES.get(signature)
        if rule is None or (signature in COLLECTING and "ORDER BY" not in over):
            raise NoRule(f"aggregate {signature} over a window")
        assume = walk.context.assumes.add
        where = walk.expression(condition).sql if condition is not None else ""
        return rule.apply(AggregateCall(signature, args, result, walk.names, assume, filter=where, over=over))
    build = WINDOW_FUNCTIONS.get(signature)
    if build is None or condition is not None:
        raise NoRule(f"window function {signature}")
    if not args or signature == "ntile(integer)":
        return Value(build(signature, args, over), result)
    return of_rows(args, result, lambda texts: build(signature, tuple(map(_bare, texts, args)), over), signature)


def _bare(sql: str, value: Value) -> Value:
    return value if sql == value.sql else Value(sql, value.type)


def of_rows(args: tuple[Value, ...], type_oid: int, write: Callable[[Sequence[str]], str], signature: str) -> Value:
    """Return the first argument of another row, or else the third: what is known of it in its row is known here.

    Args: the arguments; the result's type; how to write the function, given the SQL of its arguments.
    """
    first, others, defaults = args[0], args[1:2], args[2:]
    values = [first, *defaults]
    if any(value.opaque for value in (*others, *defaults)):
        raise NoRule(f"function {signature} of a value that DuckDB holds as text")

    def in_rows(texts: Sequence[str]) -> str:
        return write([texts[0], *(other.sql for other in others), *texts[1:]])

    return replace(combine(values, type_oid, in_rows), typmod=first.typmod if not defaults else -1)


def window_of(node: Node, walk: Walk) -> str:
    """Return what stands in OVER (...)."""
    reference = node.word("winref")
    query = walk.scope.query
    clause = next(item for item in query.nodes("windowClause") if item.word("winref") == reference)
    targets = query.nodes("targetList")
    texts = []
    partition = [walk.expression(target_of(item, targets).node("expr")) for item in clause.nodes("partitionClause")]
    if partition:
        texts.append("PARTITION BY " + ", ".join(group_key(value) for value in partition))
    frame = frame_of(clause, walk)
    order = sort_keys(clause.nodes("orderClause"), targets, walk)
    if "INTERVAL" in frame:
        (item,) = clause.nodes("orderClause")
        key = walk.expression(target_of(item, targets).node("expr"))
        order = [sort_key(replace(key, sql=f"pg_not_ancient({key.sql})", atom=True), item, walk)]
    if order:
        texts.append("ORDER BY " + ", ".join(order))
    return " ".join([*texts, frame] if frame else texts)


def frame_of(clause: Node, walk: Walk) -> str:
    """Return the frame, "" for the default one, which is DuckDB's too."""
    bits = clause.integer("frameOptions")
    if not bits & NON_DEFAULT:
        return ""
    mode = next(word for bit, word in MODES.items() if bits & bit)
    start = _bound(clause, "startOffset", next(form for bit, form in STARTS.items() if bits & bit), mode, walk)
    end = _bound(clause, "endOffset", next(form for bit, form in ENDS.items() if bits & bit), mode, walk)
    exclusion = next((text for bit, text in EXCLUSIONS.items() if bits & bit), "")
    return f"{mode} BETWEEN {start} AND {end}{exclusion}"


def _bound(clause: Node, field: str, form: str, mode: str, walk: Walk) -> str:
    if "{}" not in form:
        return form
    offset = walk.expression(clause.node(field))
    if mode == "RANGE":
        return form.format(_distance(clause, offset, walk))
    return form.format(whole_number("of a frame's offset", offset, 0).sql)


def _distance(clause: Node, offset: Value, walk: Walk) -> str:
    """Return a constant by which the only sort key of a RANGE frame may differ.

    Raises: NoRule for one that is negative or longer than a century or so, and for other types than these.
    """
    (item,) = clause.nodes("orderClause")
    key = walk.expression(target_of(item, walk.scope.query.nodes("targetList")).node("expr"))
    value = offset.constant.value if offset.constant is not None else None
    parts = value if isinstance(value, tuple) else (value,)
    plain = all(isinstance(part, int | Decimal) and part >= 0 for part in parts)
    if isinstance(value, tuple):
        months, days, microseconds = value
        plain = plain and months <= 1200 and days <= 36_525 and microseconds <= 36_525 * calendar.DAY_US
    if not plain or key.type in kinds.FLOATS or key.type not in RANGE_KEYS:
        raise NoRule(f"a RANGE frame with an offset over {walk.names.type_name(key.type)}")
    return offset.operand


RANGE_KEYS = frozenset(
    (kinds.INT2, kinds.INT4, kinds.INT8, kinds.NUMERIC, kinds.DATE, kinds.TIMESTAMP, kinds.TIMESTAMPTZ)
)


WINDOWS: dict[str, NodeFunction] = {"WINDOWFUNC": window_function}

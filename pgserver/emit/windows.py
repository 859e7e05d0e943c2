"""Window functions, keyed by what `regprocedure` prints; aggregates over a frame are those of `aggregates.py`.

Source of the frame's bits: FRAMEOPTION_* in src/include/nodes/parsenodes.h.
"""

from collections.abc import Callable
from dataclasses import replace

from pgserver.emit import kinds
from pgserver.emit.aggregates import AGGREGATES, AggregateCall
from pgserver.emit.errors import NoRule
from pgserver.emit.grouping import group_key
from pgserver.emit.ordering import sort_keys, target_of
from pgserver.emit.tree import Node
from pgserver.emit.values import Value
from pgserver.emit.walk import NodeFunction, Walk

NON_DEFAULT, RANGE, ROWS, GROUPS = 0x1, 0x2, 0x4, 0x8
MODES = {RANGE: "RANGE", ROWS: "ROWS", GROUPS: "GROUPS"}
STARTS = {0x20: "UNBOUNDED PRECEDING", 0x200: "CURRENT ROW", 0x800: "{} PRECEDING", 0x2000: "{} FOLLOWING"}
ENDS = {0x100: "UNBOUNDED FOLLOWING", 0x400: "CURRENT ROW", 0x1000: "{} PRECEDING", 0x4000: "{} FOLLOWING"}
EXCLUSIONS = {0x8000: " EXCLUDE CURRENT ROW", 0x10000: " EXCLUDE GROUP", 0x20000: " EXCLUDE TIES"}

# DuckDB adds the floats of a frame in another order, and has no order of its own for what these collect.
UNORDERED = frozenset(
    ("sum(double precision)", "avg(double precision)", "array_agg(anynonarray)", "string_agg(text,text)")
)

Build = Callable[[str, tuple[Value, ...], str], str]  # signature, arguments, OVER clause -> SQL


def ranking(signature: str, args: tuple[Value, ...], over: str) -> str:
    """row_number, rank and the like: the same in DuckDB."""
    return f"{signature.partition('(')[0]}({', '.join(arg.sql for arg in args)}){over}"


def ntile(signature: str, args: tuple[Value, ...], over: str) -> str:
    """ntile of a constant: Postgres raises for one below 1."""
    return f"CAST({ranking(signature, (whole_number(signature, args[0], 1),), over)} AS INTEGER)"


def neighbour(signature: str, args: tuple[Value, ...], over: str) -> str:
    """lag and lead, by a constant distance; the default has the value's type already."""
    distance = (whole_number(signature, args[1], 0),) if len(args) > 1 else ()
    return ranking(signature, (args[0], *distance, *args[2:]), over)


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
        if rule is None or signature in UNORDERED:
            raise NoRule(f"aggregate {signature} over a window")
        where = walk.expression(condition).sql if condition is not None else ""
        return rule.apply(AggregateCall(signature, args, result, walk.names, filter=where, over=over))
    build = WINDOW_FUNCTIONS.get(signature)
    if build is None or condition is not None:
        raise NoRule(f"window function {signature}")
    return of_type(signature, args, Value(build(signature, args, over), result))


def of_type(signature: str, args: tuple[Value, ...], value: Value) -> Value:
    """Give a value that comes from the first argument what is known of that."""
    if not args or signature == "ntile(integer)":
        return value
    if any(arg.opaque for arg in args):
        raise NoRule(f"function {signature} of a value that DuckDB holds as text")
    first = args[0]
    if value.type == kinds.NUMERIC:
        held = first.numeric
        if held is None or held.display is not None or held.text is not None or len(args) > 2:
            raise NoRule(f"function {signature} of numerics of different scales")
        return replace(value, numeric=held)
    return value.typed(value.type, first.typmod)


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
    order = sort_keys(clause.nodes("orderClause"), targets, walk)
    if order:
        texts.append("ORDER BY " + ", ".join(order))
    frame = frame_of(clause, walk)
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
    if mode == "RANGE":
        raise NoRule("a RANGE frame with an offset")
    return form.format(whole_number("of a frame's offset", walk.expression(clause.node(field)), 0).sql)


WINDOWS: dict[str, NodeFunction] = {"WINDOWFUNC": window_function}

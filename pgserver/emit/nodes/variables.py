"""Nodes that name a value: columns, constants, parameters, session values."""

from dataclasses import replace

from pgserver.emit import kinds, sessions
from pgserver.emit.errors import NoRule
from pgserver.emit.nodes.coercions import row_of
from pgserver.emit.nodes.grouping import of_group, varied
from pgserver.emit.nodes.json_rows import row_fields, where_present
from pgserver.emit.nodes.scope import GroupSource, JoinSource, is_native
from pgserver.emit.nodes.walk import NodeFunction, Walk
from pgserver.emit.parts import WIDE_SCALE
from pgserver.emit.reading.datums import decode
from pgserver.emit.reading.tree import Node
from pgserver.emit.times import zones
from pgserver.emit.times.calendar import DAY_US
from pgserver.emit.values import Constant, Numeric, Value, constant

PARAM_EXTERN, PARAM_SUBLINK = 0, 2
ONCE_FOR_EQUALS = kinds.FLOATS | {kinds.INTERVAL}  # a correlated subquery runs once for each distinct outer value
ARROW_INTERVAL_US = 2**63 // 1000 - 1  # it holds nanoseconds


def var(node: Node, walk: Walk) -> Value:
    """A column of a FROM item, a merged column of a join, or a grouping expression."""
    levels = node.integer("varlevelsup")
    scope = walk.scope.up(levels)
    source = scope.sources.get(node.integer("varno"))
    attnum = node.integer("varattno")
    if source is None:
        raise NoRule("a column of a FROM item that is not emitted")
    if isinstance(source, GroupSource):
        return _group_column(source.expressions[attnum - 1], walk.within(scope), levels)
    if isinstance(source, JoinSource):
        expression = source.expressions[attnum - 1] if attnum > 0 else None
        if expression is None:
            raise NoRule("a whole row")
        return walk.within(scope).expression(expression)
    if attnum == 0:
        fields = row_fields(node, walk) or ()
        text = row_of(fields, node.integer("vartype"), walk)
        return replace(text, sql=where_present(node, walk, text.sql))
    value = source.column(attnum)
    type_oid = walk.names.base_type(node.integer("vartype"))
    if type_oid != value.type:  # most are the same, and a copy takes longer than all else here
        value = replace(value, type=type_oid)
    if levels and value.type in ONCE_FOR_EQUALS:
        raise NoRule("a subquery that depends on a float or an interval, whose equal values differ in text")
    if not scope.above_group:
        return value
    if levels:
        raise NoRule("a column that depends on a grouped key, inside a subquery")
    return _dependent(value)


def _group_column(expression: Node, walk: Walk, levels: int) -> Value:
    if levels and expression.tag != "VAR":
        raise NoRule("a grouped expression inside a subquery")
    with walk.below_group():
        value = of_group(walk.expression(expression))
    if not varied(value):
        return value
    if levels:
        raise NoRule("a grouped numeric of different scales inside a subquery")
    walk.context.late = True
    return value


def _dependent(value: Value) -> Value:
    """A column that the grouped primary key determines: all rows of a group have the same value."""
    held = value.numeric
    if held is not None and (held.display is not None or held.text is not None):
        raise NoRule("a numeric of different scales that depends on a grouped key")
    return replace(value, sql=f"any_value({value.sql})", atom=True)


def const(node: Node, walk: Walk) -> Value:
    """A constant, by its bytes."""
    type_oid = walk.names.base_type(node.integer("consttype"))
    typmod = node.integer("consttypmod")
    if node.flag("constisnull"):
        if not is_native(walk.names, type_oid):
            return Value("CAST(NULL AS VARCHAR)", type_oid, typmod, constant=Constant(None), opaque=True)
        return _null(type_oid, typmod, walk)
    data = node.datum("constvalue")
    labels = walk.names.labels(type_oid)
    if labels:
        oids = walk.names.types[type_oid].label_oids
        return constant(type_oid, labels[oids.index(int.from_bytes(data[:4], "little"))], typmod)
    try:
        value = decode(type_oid, data)
        found = constant(type_oid, value, typmod)
    except NoRule:
        raise NoRule(f"a constant of type {walk.names.type_name(type_oid)}") from None
    if type_oid == kinds.INTERVAL:
        assert isinstance(value, tuple)
        _note_interval(value, walk)
    return found


def _note_interval(interval: tuple[int, int, int], walk: Walk) -> None:
    """DuckDB computes expressions of equal constants once, and takes 1 month, 30 days and 720 hours for equal."""
    months, days, microseconds = interval
    if abs(microseconds) > ARROW_INTERVAL_US:
        raise NoRule("an interval of more time than Arrow holds")
    length = abs((months * 30 + days) * DAY_US + microseconds)
    parts = (abs(months), abs(days), abs(microseconds))
    if walk.context.intervals.setdefault(length, parts) != parts:
        raise NoRule("two intervals of one length")


def _null(type_oid: int, typmod: int, walk: Walk) -> Value:
    value = constant(type_oid, None, typmod)
    held = walk.names.duckdb_type(type_oid)
    return value if held is None or type_oid == kinds.NUMERIC else replace(value, sql=f"CAST(NULL AS {held})")


def param(node: Node, walk: Walk) -> Value:
    """A bind parameter, or a column of the subquery that a sublink compares with."""
    number = node.integer("paramid")
    if node.integer("paramkind") == PARAM_SUBLINK:
        return walk.context.sublink_values[-1][number - 1]
    type_oid = node.integer("paramtype")
    if node.integer("paramkind") != PARAM_EXTERN or not is_native(walk.names, type_oid):
        raise NoRule(f"a parameter of type {walk.names.type_name(type_oid)}")
    if type_oid in (kinds.NUMERIC_ARRAY, kinds.JSONB) or walk.names.base_type(type_oid) != type_oid:
        raise NoRule(f"a parameter of type {walk.names.type_name(type_oid)}")
    sql = walk.context.parameter(number, type_oid)
    if type_oid != kinds.NUMERIC:
        return Value(sql, type_oid, node.integer("paramtypmod"))
    held = Numeric(
        38,
        WIDE_SCALE,
        display=walk.context.parameter(number, type_oid, "scale"),
        wide=walk.context.parameter(number, type_oid, "wide"),
    )
    return Value(sql, type_oid, numeric=held)


SESSION_TEXTS = {
    "9": sessions.CURRENT_USER,  # current_role
    "10": sessions.CURRENT_USER,
    "11": sessions.CURRENT_USER,  # user
    "12": sessions.SESSION_USER,
    "13": sessions.CURRENT_DATABASE,  # current_catalog
    "14": sessions.CURRENT_SCHEMA,
}
NOW_CASTS = {
    "0": (kinds.DATE, "CAST({} AS DATE)"),
    "3": (kinds.TIMESTAMPTZ, "{}"),
    "7": (kinds.TIMESTAMP, "CAST({} AS TIMESTAMP)"),
    "5": (kinds.TIME, "CAST(CAST({} AS TIMESTAMP) AS TIME)"),
}
ROUNDED_NOW = {
    "4": (kinds.TIMESTAMPTZ, "pg_timestamptz_to"),
    "8": (kinds.TIMESTAMP, "pg_local_now_to"),
}


def sql_value_function(node: Node, walk: Walk) -> Value:
    """CURRENT_DATE, CURRENT_TIMESTAMP, LOCALTIMESTAMP, CURRENT_USER, ..."""
    op = node.word("op")
    if op in SESSION_TEXTS:
        return Value(walk.context.session(SESSION_TEXTS[op]), kinds.NAME)
    if op in NOW_CASTS:
        type_oid, form = NOW_CASTS[op]
        if type_oid != kinds.TIMESTAMPTZ:
            walk.context.assumes.add(zones.RULES)
        return Value(form.format(walk.context.session(sessions.NOW)), type_oid)
    if op in ROUNDED_NOW:
        type_oid, macro = ROUNDED_NOW[op]
        digits, now = node.integer("typmod"), walk.context.session(sessions.NOW)
        if type_oid == kinds.TIMESTAMP:
            walk.context.assumes.add(zones.RULES)
        return Value(f"{macro}({now}, {10 ** (6 - digits)})", type_oid, digits)
    raise NoRule("a time of day with a zone or a precision")


VARIABLES: dict[str, NodeFunction] = {
    "VAR": var,
    "CONST": const,
    "PARAM": param,
    "SQLVALUEFUNCTION": sql_value_function,
}

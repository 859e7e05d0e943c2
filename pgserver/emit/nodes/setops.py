"""UNION, INTERSECT, EXCEPT: each arm is brought to one form per column, then the whole is a FROM item."""

from dataclasses import replace

from pgserver.emit import kinds
from pgserver.emit.casts.table import CASTS
from pgserver.emit.errors import NoRule
from pgserver.emit.nodes.grouping import alike_in_group, varied
from pgserver.emit.nodes.scope import Source, exported
from pgserver.emit.nodes.select import Select, as_held, export, unified
from pgserver.emit.nodes.walk import Walk
from pgserver.emit.reading.tree import Node
from pgserver.emit.sizes import check_arms
from pgserver.emit.values import Value

UNION = 1
WORDS = {UNION: "UNION", 2: "INTERSECT", 3: "EXCEPT"}


def set_operation(query: Node, walk: Walk) -> str:
    """Emit a tree of set operations as one FROM item; all its arms' columns become that item's."""
    operations = query.node("setOperations")
    arms = collect(operations, query.nodes("rtable"), walk)
    types = operations.numbers("colTypes")
    for arm in arms.values():
        arm.targets = [coerced(value, type_oid, walk) for value, type_oid in zip(arm.targets, types, strict=True)]
    prefix = f"u{walk.context.number()}"
    alias = f"t{walk.context.number()}"
    forms = column_forms(operations, arms)
    if any(varied(form) for form in forms) and not keeps_all(operations):
        walk.context.late = True
        text = write_different(arms, forms, prefix)
    else:
        text = write_operation(operations, arms, forms, prefix)
    columns = [replace(form, sql=f"{prefix}c{place}", atom=True) for place, form in enumerate(forms, 1)]
    source = Source(alias, exported(alias, columns))
    for index in arms:
        walk.scope.sources[index] = source
    return f"({text}) AS {alias}"


CAST_FUNCTIONS = {
    kinds.INT4: "int4",
    kinds.INT8: "int8",
    kinds.FLOAT4: "float4",
    kinds.FLOAT8: "float8",
    kinds.NUMERIC: '"numeric"',
    kinds.TEXT: "text",
    kinds.TIMESTAMP: '"timestamp"',
    kinds.TIMESTAMPTZ: "timestamptz",
}


def coerced(value: Value, type_oid: int, walk: Walk) -> Value:
    """Return an arm's column cast to the column's type: Postgres leaves that to its planner."""
    type_oid = walk.names.base_type(type_oid)
    if value.type == type_oid or {value.type, type_oid} <= {kinds.TEXT, kinds.VARCHAR}:
        return value.typed(type_oid, value.typmod)
    signature = f"{CAST_FUNCTIONS.get(type_oid)}({walk.names.type_name(value.type)})"
    if signature not in CASTS:
        raise NoRule(f"a set operation that casts by {signature}")
    return CASTS[signature].apply(walk.call(signature, (value,), type_oid))


def collect(node: Node, tables: list[Node], walk: Walk) -> dict[int, Select]:
    """Emit the arms, by range table index, in order. A long chain leans left: it is walked without recursion."""
    arms: dict[int, Select] = {}
    pending = [node]
    while pending:
        item = pending.pop()
        if item.tag == "RANGETBLREF":
            index = item.integer("rtindex")
            check_arms(len(arms) + 1)
            arms[index] = walk.select(tables[index - 1].node("subquery"), walk)
        elif item.tag == "SETOPERATIONSTMT" and item.numbers("colTypes") == node.numbers("colTypes"):
            pending.extend((item.node("rarg"), item.node("larg")))
        else:
            raise NoRule(f"node {item.tag} of other types in a set operation")
    return arms


def column_forms(operations: Node, arms: dict[int, Select]) -> list[Value]:
    """Return how each column of the whole is held."""
    keep_all = keeps_all(operations)
    may_vary = keep_all or joins_all(operations)
    columns = zip(*(arm.targets for arm in arms.values()), strict=True)
    return [unified(column, keep_all=keep_all, may_vary=may_vary) for column in columns]


def keeps_all(node: Node) -> bool:
    """Tell whether a tree is made of UNION ALL only, so that no rows are compared."""
    pending = [node]
    while pending:
        item = pending.pop()
        if item.tag == "SETOPERATIONSTMT":
            if item.integer("op") != UNION or not item.flag("all"):
                return False
            pending.extend((item.node("larg"), item.node("rarg")))
    return True


def joins_all(node: Node) -> bool:
    """Tell whether a tree is made of UNION only, so that comparing rows once at its top is enough."""
    pending = [node]
    while pending:
        item = pending.pop()
        if item.tag == "SETOPERATIONSTMT":
            if item.integer("op") != UNION:
                return False
            pending.extend((item.node("larg"), item.node("rarg")))
    return not node.flag("all")


def write_different(arms: dict[int, Select], forms: list[Value], prefix: str) -> str:
    """Write a UNION of numerics that show different scales: its rows are groups, see `grouping.of_group`."""
    rows = " UNION ALL ".join(write_arm(arm, forms, prefix) for arm in arms.values())
    items, keys = [], []
    for place, form in enumerate(forms, 1):
        name = f"{prefix}c{place}"
        keys.append(name)
        items.append(name)
        if form.numeric is not None:
            shown = {"s": form.numeric.display, "t": form.numeric.text}
            items += [
                f"{alike_in_group(name, name + suffix)} AS {name}{suffix}"
                for suffix, held in shown.items()
                if held is not None
            ]
    return f"SELECT {', '.join(items)} FROM ({rows}) GROUP BY {', '.join(keys)}"


def write_operation(node: Node, arms: dict[int, Select], forms: list[Value], prefix: str) -> str:
    """Write a tree of set operations; the left spine is a loop."""
    spine: list[Node] = []
    while node.tag == "SETOPERATIONSTMT":
        spine.append(node)
        node = node.node("larg")
    text = write_arm(arms[node.integer("rtindex")], forms, prefix)
    previous = ""
    for operation in reversed(spine):
        word = WORDS[operation.integer("op")] + (" ALL" if operation.flag("all") else "")
        right = operation.node("rarg")
        if right.tag == "SETOPERATIONSTMT":
            right_text = f"({write_operation(right, arms, forms, prefix)})"
        else:
            right_text = write_arm(arms[right.integer("rtindex")], forms, prefix)
        left = text if previous in ("", word) else f"({text})"
        text, previous = f"{left} {word} {right_text}", word
    return text


def write_arm(arm: Select, forms: list[Value], prefix: str) -> str:
    """Write one arm with its columns in the common form."""
    items: list[str] = []
    for place, (value, form) in enumerate(zip(arm.targets, forms, strict=True), 1):
        items.extend(export(as_held(value, form), f"{prefix}c{place}"))
    text = arm.write(items)
    return f"({text})" if arm.finish or arm.head else text

"""Functions of arrays."""

from collections.abc import Callable
from dataclasses import replace

from pgserver.emit import kinds
from pgserver.emit.operators.array_operators import append, comparable, concatenate, joined, prepend
from pgserver.emit.operators.comparisons import trimmed
from pgserver.emit.rules import Call, Rules, built, rewritten, table
from pgserver.emit.values import Value


def of_array(form: str) -> Callable[[Call], Value]:
    """Return a rule for an array that is made of the first argument's elements."""

    def build(call: Call) -> Value:
        sql = form.format(*(arg.sql for arg in call.args))
        return replace(call.result(sql, atom=True, numeric=call.args[0].numeric), typmod=call.args[0].typmod)

    return build


def searched(form: str) -> Callable[[Call], Value]:
    """Return a rule for a search of the elements that are not distinct from the second argument."""

    def build(call: Call) -> Value:
        array, item = call.args
        if call.names.element(array.type) == kinds.BPCHAR or trimmed(item) is not item:
            raise call.no_rule("of char(n)")
        comparable(call, array)
        return replace(call.result(form.format(array.sql, item.sql), atom=True), typmod=array.typmod)

    return build


def positions(call: Call) -> Value:
    """array_positions: in a constant that holds NULLs DuckDB fails."""
    if call.args[0].constant is not None:
        raise call.no_rule("in a constant")
    return searched("pg_array_positions({0}, {1})")(call)


def removed(call: Call) -> Value:
    """array_remove: what is left shows the decimals that it showed."""
    left = searched("list_filter({0}, lambda e_: e_ IS DISTINCT FROM ({1}))")(call)
    return replace(left, numeric=call.args[0].numeric)


def replaced(call: Call) -> Value:
    """array_replace."""
    array, old, new = call.args
    comparable(call, array)
    if array.numeric is not None:
        raise call.no_rule("of numerics")
    form = "list_transform({}, lambda e_: CASE WHEN e_ IS NOT DISTINCT FROM ({}) THEN {} ELSE e_ END)"
    return joined(call, form, (array, old, new))


def sort(call: Call) -> Value:
    """array_sort: NULLs last, or first where the order is descending."""
    comparable(call, call.args[0], ordered=True)
    if call.names.element(call.args[0].type) in kinds.FLOATS:
        raise call.no_rule("of floats")
    descending = False
    if len(call.args) > 1:
        if call.args[1].constant is None or not isinstance(call.args[1].constant.value, bool):
            raise call.no_rule("in a direction that is no constant")
        descending = call.args[1].constant.value
    order = "'DESC', 'NULLS FIRST'" if descending else "'ASC', 'NULLS LAST'"
    return of_array(f"list_sort({{0}}, {order})")(call)


ARRAYS: Rules = table(
    rewritten("cardinality(anyarray)", "CAST(len($1) AS INTEGER)"),
    rewritten("array_length(anyarray,integer)", "pg_array_length($1, $2)"),
    rewritten("array_upper(anyarray,integer)", "pg_array_length($1, $2)"),
    rewritten("array_lower(anyarray,integer)", "CASE WHEN $2 = 1 AND len($1) > 0 THEN 1 END"),
    rewritten("array_ndims(anyarray)", "CASE WHEN len($1) > 0 THEN 1 END"),
    rewritten("array_dims(anyarray)", "CASE WHEN len($1) > 0 THEN concat('[1:', len($1), ']') END"),
    built("array_append(anycompatiblearray,anycompatible)", append),
    built("array_prepend(anycompatible,anycompatiblearray)", prepend),
    built("array_cat(anycompatiblearray,anycompatiblearray)", concatenate),
    built("array_remove(anycompatiblearray,anycompatible)", removed),
    built("array_replace(anycompatiblearray,anycompatible,anycompatible)", replaced),
    built("array_position(anycompatiblearray,anycompatible)", searched("CAST(list_position({0}, {1}) AS INTEGER)")),
    built("array_positions(anycompatiblearray,anycompatible)", positions),
    built("array_reverse(anyarray)", of_array("list_reverse({0})")),
    built("array_sort(anyarray)", sort),
    built("array_sort(anyarray,boolean)", sort),
    built("trim_array(anyarray,integer)", of_array("pg_trim_array({0}, {1})")),
)

"""Functions in FROM."""

from dataclasses import replace

from pgserver.emit.functions.sets import table_of
from pgserver.emit.nodes.scope import Source
from pgserver.emit.nodes.walk import Walk
from pgserver.emit.reading.tree import Node


def table_function(entry: Node, walk: Walk) -> tuple[Source, str]:
    """Emit a function of FROM, or several side by side, with or without their rows' numbers.

    Returns: the source of its columns, and the FROM item.
    """
    columns, select = table_of(entry.nodes("functions"), walk, ordinality=entry.flag("funcordinality"))
    alias = f"t{walk.context.number()}"
    qualified = [replace(column, sql=f"{alias}.{column.sql}") for column in columns]
    return Source(alias, qualified), f"LATERAL ({select}) AS {alias}"

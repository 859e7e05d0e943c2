"""An expression that a form names several times is written, and computed, once: nested calls stay short."""

import re
from collections.abc import Callable
from dataclasses import replace

from pgserver.emit.rules import Call, Rule, built, template
from pgserver.emit.values import Value

_BARE = re.compile(r"\w+(\.\w+)?")


def once(sql: str, write: Callable[[str], str]) -> str:
    """Return what `write` makes of an expression: of itself if it is a column, else of a lambda's parameter."""
    if _BARE.fullmatch(sql):
        return write(sql)
    return f"list_transform([{sql}], lambda d_: {write('d_')})[1]"


def of_first(signature: str, form: str) -> Rule:
    """A rule by a form that names its first argument several times."""
    write = template(form)

    def build(call: Call) -> Value:
        first, *others = call.args
        return call.result(
            once(first.sql, lambda sql: write((replace(first, sql=sql, atom=True), *others))), atom=False
        )

    return built(signature, build)

"""Which functions, operators and aggregates a query tree calls, as the rules name them."""

import re

from pgserver.emit.reading.names import CatalogNames

FUNCTION = re.compile(r":(?:funcid|aggfnoid|winfnoid)\s(\d+)")
OPERATOR = re.compile(r":opno\s(\d+)")


def signatures(tree: str, names: CatalogNames) -> tuple[str, ...]:
    """Return the signatures that a tree's text names, each once."""
    functions = (names.functions.get(int(oid)) for oid in FUNCTION.findall(tree))
    operators = (names.operators.get(int(oid)) for oid in OPERATOR.findall(tree))
    return tuple(sorted({name for found in (functions, operators) for name in found if name}))

"""Write docs/engine.md from the tables of the emitter (`make docs`); a test compares."""

import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from pgserver.emit.aggregates.table import AGGREGATES
from pgserver.emit.casts.table import CASTS
from pgserver.emit.functions.table import FUNCTIONS
from pgserver.emit.operators.table import OPERATORS

FILE = Path(__file__).parent.parent / "docs" / "engine.md"

INTRODUCTION = """# What runs in DuckDB

<!-- Written by `make docs` from the tables of `pgserver/emit`: do not edit. -->

The signatures that the emitter has a rule for, as PostgreSQL prints them. A statement that uses others is answered
too, over the bridge (see [compatibility](compatibility.md)); so is one where a rule has found a value or an argument
of which DuckDB would not give PostgreSQL's answer. `EXPLAIN` says which way a statement goes, and why.
"""
SECTIONS: tuple[tuple[str, Iterable[str]], ...] = (
    ("Functions", FUNCTIONS),
    ("Operators", OPERATORS),
    ("Casts by function", CASTS),
    ("Aggregates, also as window functions", AGGREGATES),
)


def page() -> str:
    """Return the text of docs/engine.md."""
    parts = [INTRODUCTION]
    for title, signatures in SECTIONS:
        grouped: dict[str, list[str]] = defaultdict(list)
        for signature in sorted(signatures):
            name, _, arguments = signature.partition("(")
            grouped[name.strip('"')].append(arguments.removesuffix(")").replace(",", ", "))
        rows = "\n".join(
            f"| `{name}` | {_listed(arguments)} |".replace("||", "\\|\\|")
            for name, arguments in sorted(grouped.items())
        )
        parts.append(f"## {title}\n\n| name | of |\n| --- | --- |\n{rows}\n")
    return "\n".join(parts)


def _listed(arguments: list[str]) -> str:
    return "; ".join(argument or "no argument" for argument in arguments)


def main() -> int:
    """Write the page."""
    FILE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

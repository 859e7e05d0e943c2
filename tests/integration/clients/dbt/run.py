"""Several commands of dbt in one process, for its start takes longer than they do. Run by the Python that has dbt.

Arguments: the project's folder; a folder for what dbt makes. Prints a JSON object: by command what dbt reports.
"""

import json
import sys
from typing import Any

from dbt.cli.main import dbtRunner

COMMANDS = {
    "debug": ["debug"],
    "show": ["show", "--select", "revenue"],
    "test": ["test"],
    "run": ["run", "--select", "revenue segments"],
    "docs": ["docs", "generate"],
    "failing": ["show", "--inline", "SELECT 1 / (n_nationkey - 1) FROM nation"],
    "view": ["run", "--select", "made_as_view"],
    "table": ["run", "--select", "made_as_table"],
}


def main(project: str, made: str) -> None:
    """Run all commands, whatever becomes of them."""
    places = ["--project-dir", project, "--profiles-dir", project, "--log-path", made]
    runner = dbtRunner()
    report = {}
    for name, command in COMMANDS.items():
        target = [] if name == "debug" else ["--target-path", made]
        answer = runner.invoke(["--quiet", *command, *places, *target])
        nodes = [node for node in getattr(answer.result, "results", None) or [] if hasattr(node, "status")]
        report[name] = {
            "success": answer.success,
            "error": str(answer.exception or ""),
            "nodes": [[node.node.name, str(node.status), node.message, rows(node)] for node in nodes],
        }
    sys.stdout.write("\n" + json.dumps(report) + "\n")


def rows(node: Any) -> list[list[str]] | None:
    """Return the rows that dbt shows, as texts."""
    table = getattr(node, "agate_table", None)
    return None if table is None else [[str(cell) for cell in row] for row in table.rows]


main(*sys.argv[1:])

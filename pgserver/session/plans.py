"""A plan as EXPLAIN prints it: text, JSON, XML or YAML. Source: Postgres' explain.c, explain_format.c."""

import json
from collections.abc import Callable, Mapping
from typing import TypeAlias
from xml.sax.saxutils import escape

Value: TypeAlias = "str | int | float | bool | list[dict[str, Value]] | None"
Plan: TypeAlias = "dict[str, Value]"
Members: TypeAlias = "Mapping[str, Value | Plan]"

XML_NAMESPACE = "http://www.postgresql.org/2009/explain"
DUCKDB_PLAN = "DuckDB Plan"
IN_HEADLINE = frozenset(
    (
        *("Node Type", "Parent Relationship", "Parallel Aware", "Async Capable", "Relation Name", "Schema", "Alias"),
        *("Startup Cost", "Total Cost", "Plan Rows", "Plan Width", "Plans"),
        *("Actual Startup Time", "Actual Total Time", "Actual Rows", "Actual Loops"),
    )
)


def render(plan: Plan, duckdb: str, summary: Plan, form: str) -> list[str]:
    """Return the rows that EXPLAIN returns.

    Args: the topmost node; DuckDB's plan; the times; the format.
    """
    members: dict[str, Value | Plan] = {"Plan": plan}
    if duckdb:
        members[DUCKDB_PLAN] = duckdb
    return RENDERERS[form](members | summary)


def _text(members: Members) -> list[str]:
    plan = members["Plan"]
    assert isinstance(plan, dict)
    lines = list(_node_lines(plan, 0))
    for key, value in members.items():
        if key == DUCKDB_PLAN:
            lines.append(f"{key}:")
            lines += [f"  {line}".rstrip() for line in str(value).splitlines() if line.strip()]
        elif key != "Plan":
            lines.append(f"{key}: {_number(value)} ms")
    return lines


def _node_lines(node: Plan, indent: int) -> list[str]:
    head = " " * (indent - 6) + "  ->  " if indent else ""
    lines = [head + str(node["Node Type"]) + _target(node) + _costs(node) + _actual(node)]
    inside = " " * (indent + 2)
    lines += [f"{inside}{key}: {value}" for key, value in node.items() if key not in IN_HEADLINE]
    children = node.get("Plans") or []
    assert isinstance(children, list)
    for child in children:
        lines += _node_lines(child, indent + 6 if indent else 6)
    return lines


def _target(node: Plan) -> str:
    if "Relation Name" not in node:
        return ""
    schema = f"{node['Schema']}." if "Schema" in node else ""
    return f" on {schema}{node['Relation Name']}"


def _costs(node: Plan) -> str:
    if "Total Cost" not in node:
        return ""
    costs = f"cost={node['Startup Cost']:.2f}..{node['Total Cost']:.2f}"
    return f"  ({costs} rows={node['Plan Rows']} width={node['Plan Width']})"


def _actual(node: Plan) -> str:
    if "Actual Rows" not in node:
        return ""
    times = ""
    if "Actual Total Time" in node:
        times = f"time={node['Actual Startup Time']:.3f}..{node['Actual Total Time']:.3f} "
    return f" (actual {times}rows={node['Actual Rows']:.2f} loops={node['Actual Loops']})"


def _number(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _json(members: Members) -> list[str]:
    return [json.dumps([members], indent=2, ensure_ascii=False)]


def _xml(members: Members) -> list[str]:
    lines = [f'<explain xmlns="{XML_NAMESPACE}">', "  <Query>"]
    for key, value in members.items():
        lines += _xml_lines(key, value, 4)
    return ["\n".join([*lines, "  </Query>", "</explain>"])]


def _xml_lines(key: str, value: object, indent: int) -> list[str]:
    name, space = key.replace(" ", "-"), " " * indent
    if isinstance(value, dict):
        inside = [line for inner, item in value.items() for line in _xml_lines(inner, item, indent + 2)]
        return [f"{space}<{name}>", *inside, f"{space}</{name}>"]
    if isinstance(value, list):
        inside = [line for item in value for line in _xml_lines("Plan", item, indent + 2)]
        return [f"{space}<{name}>", *inside, f"{space}</{name}>"]
    return [f"{space}<{name}>{escape(_plain(value))}</{name}>"]


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _yaml(members: Members) -> list[str]:
    lines = [line for key, value in members.items() for line in _yaml_lines(key, value, 2)]
    return ["\n".join(["- " + lines[0][2:], *lines[1:]])]


def _yaml_lines(key: str, value: object, indent: int) -> list[str]:
    space = " " * indent
    if isinstance(value, dict):
        return [f"{space}{key}: ", *(line for k, v in value.items() for line in _yaml_lines(k, v, indent + 2))]
    if isinstance(value, list):
        lines = [f"{space}{key}: "]
        for item in value:
            inside = [line for k, v in item.items() for line in _yaml_lines(k, v, indent + 4)]
            lines += [f"{space}  - {inside[0].lstrip()}", *inside[1:]]
        return lines
    return [f"{space}{key}: {json.dumps(value, ensure_ascii=False)}"]


RENDERERS: Mapping[str, Callable[[Members], list[str]]] = {"text": _text, "json": _json, "xml": _xml, "yaml": _yaml}

"""EXPLAIN's formats."""

import json
import xml.etree.ElementTree as ElementTree

from pgserver.session import plans

SCAN: plans.Plan = {
    "Node Type": "Lake Scan",
    "Parent Relationship": "Member",
    "Relation Name": "a<b",
    "Startup Cost": 0.0,
    "Total Cost": 12.5,
    "Plan Rows": 7,
    "Plan Width": 0,
    "Files Read": 1,
}
PLAN: plans.Plan = {
    "Node Type": "Lake Query",
    "Parallel Aware": False,
    "Startup Cost": 0.0,
    "Total Cost": 12.5,
    "Plan Rows": 7,
    "Plan Width": 0,
    "Actual Startup Time": 1.0,
    "Actual Total Time": 2.5,
    "Actual Rows": 3.0,
    "Actual Loops": 1,
    "Plans": [SCAN],
}


def test_text_has_a_node_a_line() -> None:
    assert plans.render(PLAN, "┌─┐\n└─┘\n", {"Planning Time": 0.5}, "text") == [
        "Lake Query  (cost=0.00..12.50 rows=7 width=0) (actual time=1.000..2.500 rows=3.00 loops=1)",
        "  ->  Lake Scan on a<b  (cost=0.00..12.50 rows=7 width=0)",
        "        Files Read: 1",
        "DuckDB Plan:",
        "  ┌─┐",
        "  └─┘",
        "Planning Time: 0.500 ms",
    ]


def test_json_is_a_list_of_one_plan() -> None:
    (text,) = plans.render(PLAN, "", {"Planning Time": 0.5}, "json")
    assert json.loads(text) == [{"Plan": PLAN, "Planning Time": 0.5}]


def test_xml_is_in_the_namespace_of_postgres() -> None:
    (text,) = plans.render(PLAN, "<plan>", {}, "xml")
    root = ElementTree.fromstring(text)  # our own text
    names = {"p": "http://www.postgresql.org/2009/explain"}
    assert root.tag == "{http://www.postgresql.org/2009/explain}explain"
    found = root.find("p:Query/p:Plan/p:Plans/p:Plan/p:Relation-Name", names)
    assert found is not None
    assert found.text == "a<b"
    assert root.findtext("p:Query/p:DuckDB-Plan", namespaces=names) == "<plan>"


def test_yaml_nests_by_indentation() -> None:
    (text,) = plans.render(
        {"Node Type": "Lake Query", "Plans": [{"Node Type": "Lake Scan", "Files Read": 1}]}, "", {}, "yaml"
    )
    assert text.splitlines() == [
        "- Plan: ",
        '    Node Type: "Lake Query"',
        "    Plans: ",
        '      - Node Type: "Lake Scan"',
        "        Files Read: 1",
    ]

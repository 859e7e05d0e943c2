"""jsonb containment of a constant, `@>`: written out as tests of what stands at each path.

Source: "jsonb Containment and Existence" in PostgreSQL's documentation; `JsonbDeepContains` in jsonb_util.c.
"""

import json
from decimal import Decimal

from pgserver.emit.errors import NoRule
from pgserver.emit.literals import text_literal
from pgserver.emit.reading.jsonb import json_string

MAX_TESTS = 100


def contains(document: str, text: str) -> str:
    """Return a test of whether a document contains a constant; NULL for no document.

    Args: the document, an SQL operand; the constant as jsonb prints it.
    """
    needle = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    tests = _Tests()
    if isinstance(needle, dict | list):
        test = tests.at(document, "", needle)
    else:  # an array may contain a plain value, and a plain value is one itself
        member, itself = tests.member(document, "", needle), tests.at(document, "", needle)
        test = f"CASE WHEN {document}[1] = '[' THEN {member} ELSE {itself} END"
    return f"CASE WHEN {document} IS NOT NULL THEN {test} END"


class _Tests:
    """Tests of one constant; each is never NULL."""

    def __init__(self) -> None:
        self.count = 0

    def at(self, document: str, pointer: str, needle: object) -> str:
        """Test what stands at a pointer."""
        self.count += 1
        if self.count > MAX_TESTS:
            raise NoRule("operator @>(jsonb,jsonb) of a large constant")
        place = text_literal(pointer)
        if isinstance(needle, dict):
            fields = [self.at(document, _below(pointer, key), value) for key, value in needle.items()]
            return " AND ".join([f"coalesce(json_type({document}, {place}) = 'OBJECT', false)", *fields])
        if isinstance(needle, list):
            members = [self.member(document, pointer, value) for value in needle]
            return " AND ".join([f"coalesce(json_type({document}, {place}) = 'ARRAY', false)", *members])
        found = f"CAST(json_extract({document}, {place}) AS VARCHAR)"
        return f"coalesce({_equals(found, needle)}, false)"

    def member(self, document: str, pointer: str, needle: object) -> str:
        """Test whether an element of the array at a pointer contains a value."""
        self.count += 1
        elements = f"CAST(json_extract(json_extract({document}, {text_literal(pointer)}), '$[*]') AS VARCHAR[])"
        if isinstance(needle, dict | list):
            name = f"m{self.count}_"
            return f"coalesce(len(list_filter({elements}, lambda {name}: {self.at(name, '', needle)})) > 0, false)"
        if isinstance(needle, Decimal):
            name = f"m{self.count}_"
            return f"coalesce(len(list_filter({elements}, lambda {name}: {_equals(name, needle)})) > 0, false)"
        return f"coalesce(list_contains({elements}, {text_literal(json_scalar(needle))}), false)"


def _below(pointer: str, key: str) -> str:
    return pointer + "/" + key.replace("~", "~0").replace("/", "~1")


def _equals(found: str, needle: object) -> str:
    if isinstance(needle, Decimal):
        return f"pg_json_is_number({found}, {text_literal(f'{needle:f}')})"
    return f"{found} = {text_literal(json_scalar(needle))}"


def json_scalar(needle: object) -> str:
    """Return a value as DuckDB's parser writes it."""
    if not isinstance(needle, str):
        return json.dumps(needle)  # true, false, null
    text = json_string(needle)
    if "\\u00" in text:
        raise NoRule("operator @>(jsonb,jsonb) of a control character")
    return text

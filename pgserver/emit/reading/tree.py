"""Read the text of Postgres' node trees (`nodeToString`).

The text is `{NAME :field value ...}`, lists `( ... )`, `(i 1 2)`, `(o 1 2)`, `(b 1 2)`, null `<>`, tokens with
backslashes before odd characters, and datums `length [ byte byte ... ]` of signed bytes. Postgres folds lines at 78
bytes: at a blank, also at an escaped one, and in the middle of a token that has no blank. So names are never taken
from a tree, and the one thing that folding could damage, a token of 78 bytes or more, is refused. Names are the
users' own: nothing in one may be read as structure, hence exactly Postgres' three blanks part tokens, and a token
after a field's name is always its value.

A node keeps its fields as read; accessors say what a field is and fail with the node's and the field's name, so that
fields which we do not know are simply never asked for. Reading uses no recursion.

Source: src/backend/nodes/outfuncs.c, read.c; `format_node_dump` in print.c.
"""

import re
from collections.abc import Iterator
from typing import Union

from pgserver.emit.errors import TreeError

Field = Union[str, "Node", "Datum", list["Field"], None]

LINE_BYTES = 78
MAX_TREE_CHARACTERS = 16 * 1024 * 1024  # two seconds of a processor; no statement that people write has 1 MiB

# Positions and other fields that nothing asks for: dropped before tokenising, they are a third of all tokens.
_NOISE = re.compile(
    r"[ \n]:(?:location|varnosyn|varattnosyn|varcollid|varreturningtype|list_start|list_end|stmt_location|stmt_len"
    r"|aggno|aggtransno|aggsplit|querySource|rellockmode|aggtranstype)[ \n]-?[0-9]+(?=[ \n}])"
    r"|[ \n]:varnullingrels[ \n]\(b[ \n0-9]*\)|[ \n]:opretset[ \n]false(?=[ \n])"
)
_WORD = re.compile(r"[(){}]|(?:[^ \n\t(){}\\]|\\.)+", re.DOTALL)
_BRACKETS = "(){}"
# What str.split would take for a blank and Postgres does not, and the escape character.
_ODD = re.compile(r"[\\\x0b-\x1f]")


class Datum:
    """The bytes of a constant, as Postgres holds them in memory (little-endian)."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        """Keep the bytes."""
        self.data = data


class Node:
    """A node of the tree: its tag ("VAR", "OPEXPR", ...) and its fields."""

    __slots__ = ("fields", "tag")

    def __init__(self, tag: str, fields: "dict[str, Field] | None" = None) -> None:
        """Make a node; the reader fills its fields afterwards."""
        self.tag = tag
        self.fields: dict[str, Field] = {} if fields is None else fields

    def __repr__(self) -> str:
        """Name the tag only: fields may hold a user's constants."""
        return f"<Node {self.tag}>"

    def word(self, field: str) -> str:
        """Return a field that is one token."""
        value = self.fields.get(field)
        if isinstance(value, str):
            return value
        raise TreeError(f"{self.tag}.{field} is not a word")

    def integer(self, field: str) -> int:
        """Return a field that is a number."""
        value = self.fields.get(field)
        if isinstance(value, str):
            return int(value)
        raise TreeError(f"{self.tag}.{field} is not a number")

    def flag(self, field: str) -> bool:
        """Return a field that is a boolean; a field that is not there is false."""
        return self.fields.get(field) == "true"

    def node(self, field: str) -> "Node":
        """Return a field that is a node."""
        value = self.fields.get(field)
        if isinstance(value, Node):
            return value
        raise TreeError(f"{self.tag}.{field} is not a node")

    def optional(self, field: str) -> "Node | None":
        """Return a field that is a node or null."""
        value = self.fields.get(field)
        if value is None or isinstance(value, Node):
            return value
        raise TreeError(f"{self.tag}.{field} is not a node")

    def has(self, field: str) -> bool:
        """Tell whether a field is there and not null."""
        return self.fields.get(field) is not None

    def nodes(self, field: str) -> "list[Node]":
        """Return a field that is a list of nodes; null is the empty list."""
        value = self.fields.get(field)
        if value is None:
            return []
        if isinstance(value, list):
            return [self._expect_node(field, item) for item in value]
        raise TreeError(f"{self.tag}.{field} is not a list of nodes")

    def lists(self, field: str) -> "list[list[Node]]":
        """Return a field that is a list of lists of nodes."""
        value = self.fields.get(field)
        if value is None:
            return []
        if isinstance(value, list) and all(isinstance(item, list) for item in value):
            return [[self._expect_node(field, item) for item in row] for row in value if isinstance(row, list)]
        raise TreeError(f"{self.tag}.{field} is not a list of lists")

    def optional_nodes(self, field: str) -> "list[Node | None]":
        """Return a field that is a list in which an element may be null."""
        value = self.fields.get(field)
        if value is None:
            return []
        if isinstance(value, list):
            return [None if item is None else self._expect_node(field, item) for item in value]
        raise TreeError(f"{self.tag}.{field} is not a list of nodes")

    def numbers(self, field: str) -> list[int]:
        """Return a field that is a list of integers, OIDs or a bitmap."""
        value = self.fields.get(field)
        if value is None:
            return []
        if isinstance(value, list) and value[:1] in (["i"], ["o"], ["b"]):
            return [int(item) for item in value[1:] if isinstance(item, str)]
        raise TreeError(f"{self.tag}.{field} is not a list of numbers")

    def words(self, field: str) -> list[str]:
        """Return a field that is a list of strings, without their quotes."""
        value = self.fields.get(field)
        if value is None:
            return []
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return [item.strip('"') for item in value if isinstance(item, str)]
        raise TreeError(f"{self.tag}.{field} is not a list of words")

    def datum(self, field: str) -> bytes:
        """Return a field that is a datum."""
        value = self.fields.get(field)
        if isinstance(value, Datum):
            return value.data
        raise TreeError(f"{self.tag}.{field} is not a datum")

    def without_targets(self) -> "Node":
        """Return this query with an empty target list."""
        return Node(self.tag, self.fields | {"targetList": None})

    def below(self) -> Iterator["Node"]:
        """Yield the nodes in this one's fields."""
        pending: list[Field] = list(self.fields.values())
        while pending:
            value = pending.pop()
            if isinstance(value, Node):
                yield value
            elif isinstance(value, list):
                pending += value

    def _expect_node(self, field: str, item: Field) -> "Node":
        if isinstance(item, Node):
            return item
        raise TreeError(f"{self.tag}.{field} holds something that is not a node")


def parse_tree(text: str) -> list[Node]:
    """Read the DETAIL of "rewritten parse tree:" into its queries.

    Raises: TreeError for a text that Postgres would not write, or that folding may have damaged.
    """
    if len(text) > MAX_TREE_CHARACTERS:
        raise TreeError("a statement whose query tree is too long")
    _refuse_broken_tokens(text)
    try:
        root = _Reader(_words(_NOISE.sub("", text))).read()
    except ValueError as error:  # a byte of a constant that is no number
        raise TreeError("a constant without bytes") from error
    queries = [item for item in root if isinstance(item, Node)]
    if len(queries) != len(root):
        raise TreeError("tree is not a list of queries")
    return queries


def _refuse_broken_tokens(text: str) -> None:
    for line in text.split("\n"):
        if len(line) * 4 >= LINE_BYTES and " " not in line[1:] and len(line.encode()) >= LINE_BYTES:
            raise TreeError("a token is longer than a line")


def _words(text: str) -> list[str]:
    """Cut a text into brackets and tokens; a plain text (the usual case) by str.split, which is 6x faster."""
    if not text.isascii() or _ODD.search(text):
        return _WORD.findall(text)
    for bracket in _BRACKETS:
        text = text.replace(bracket, f" {bracket} ")
    return text.split()


class _Reader:
    """One pass over the words. `top` is the open list or node, `stack` those around it with their pending field."""

    def __init__(self, words: list[str]) -> None:
        self.words = iter(words)
        self.stack: list[tuple[list[Field] | Node, str]] = []

    def read(self) -> list[Field]:
        """Return the one list that the words are."""
        root: list[Field] = []
        top: list[Field] | Node = root
        field = ""  # the field of `top` that waits for its value
        value: Field
        for word in self.words:
            if word not in _BRACKETS:
                value = None if word == "<>" else word
            elif word == "(" or word == "{":
                self.stack.append((top, field))
                top = [] if word == "(" else Node(next(self.words, ""))
                field = ""
                continue
            else:
                value = top
                top, field = self._close(top, word)
            if isinstance(top, list):
                top.append(value)
            elif field:
                top.fields[field] = self._constant(word) if field == "constvalue" else value
                field = ""
            elif word[0] == ":":
                field = word[1:]
            else:
                raise TreeError("a value without a field")
        if self.stack or len(root) != 1 or not isinstance(root[0], list):
            raise TreeError("unbalanced tree")
        return root[0]

    def _close(self, top: list[Field] | Node, word: str) -> tuple[list[Field] | Node, str]:
        if not self.stack or isinstance(top, Node) is (word == ")"):
            raise TreeError("unbalanced tree")
        return self.stack.pop()

    def _constant(self, length: str) -> Datum | None:
        """Read `length [ byte ... ]`, of which `length` is consumed, or null."""
        if length == "<>":
            return None
        signed: list[int] = []
        if next(self.words, "") == "[":
            for word in self.words:
                if word == "]":
                    return Datum(bytes(byte & 0xFF for byte in signed))
                signed.append(int(word))
        raise TreeError("a constant without bytes")

"""Postgres' regular expressions, read: the part of the syntax of AREs whose meaning is beyond doubt.

Source: Regular Expression Details, in Pattern Matching. What is not read here has no rule: back references,
look-around, word boundaries, other flavours, collating elements, and what only warns or fails in Postgres.
"""

from dataclasses import dataclass
from typing import NoReturn

from pgserver.emit.errors import NoRule
from pgserver.emit.regex.charsets import ANY, CharSet, in_both_cases, named, span, span_in_both_cases, union

MAX_COUNT = 255  # Postgres' limit of {m,n}
MAX_DEPTH = 50
CONTROLS = {"f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
CLASS_ESCAPES = {"d": "digit", "s": "space", "w": "word"}
OPTIONS = {"i": True, "c": False, "s": None, "t": None}  # s, t: the defaults, a tight syntax that minds no new line


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set."""

    charset: CharSet


@dataclass(frozen=True, slots=True)
class Anchor:
    """The start (^) or the end ($) of the text."""

    kind: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Alternation:
    """One of several."""

    branches: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """From `least` to `most` times (None: any number)."""

    item: "Node"
    least: int
    most: int | None
    lazy: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Parentheses; the number is that of a capturing group."""

    item: "Node"
    number: int | None


Node = Chars | Anchor | Sequence | Alternation | Repeat | Group


def parse(pattern: str, *, ignore_case: bool, ascii_only: bool) -> tuple[Node, int]:
    """Read a pattern.

    Returns: the tree, and how many groups capture.
    Raises: NoRule for what is not read here.
    """
    start = 0
    if pattern.startswith("(?") and pattern[2:3].isalpha():
        start = pattern.find(")") + 1
        for letter in pattern[2 : start - 1]:
            if letter not in OPTIONS:
                _refuse("an option")
            given = OPTIONS[letter]
            ignore_case = ignore_case if given is None else given
    if pattern.startswith("***"):
        _refuse("a director")
    reader = _Reader(pattern, start, ignore_case=ignore_case, ascii_only=ascii_only)
    node = reader.alternation(0)
    if reader.position < len(pattern):
        _refuse("an unbalanced parenthesis")
    return node, reader.groups


def _refuse(what: str) -> NoReturn:
    raise NoRule(f"a regular expression with {what}")


class _Reader:
    """A recursive descent over the pattern."""

    def __init__(self, pattern: str, position: int, *, ignore_case: bool, ascii_only: bool) -> None:
        self.pattern = pattern
        self.position = position
        self.ignore_case = ignore_case
        self.ascii_only = ascii_only
        self.groups = 0

    def peek(self, length: int = 1) -> str:
        return self.pattern[self.position : self.position + length]

    def take(self) -> str:
        if self.position >= len(self.pattern):
            _refuse("an end that comes too early")
        self.position += 1
        return self.pattern[self.position - 1]

    def alternation(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            _refuse("many parentheses")
        branches = [self.sequence(depth)]
        while self.peek() == "|":
            self.take()
            branches.append(self.sequence(depth))
        if len(branches) == 1:
            return branches[0]
        if any(branch == Sequence(()) for branch in branches):
            _refuse("an empty branch")
        return Alternation(tuple(branches))

    def sequence(self, depth: int) -> Node:
        items: list[Node] = []
        while self.position < len(self.pattern) and self.peek() not in "|)":
            items.append(self.quantified(self.atom(depth)))
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def atom(self, depth: int) -> Node:
        character = self.take()
        if character == "(":
            return self.group(depth)
        if character == "[":
            return Chars(self.bracket())
        if character == "\\":
            return self.escape()
        if character in "^$":
            return Anchor(character)
        if character == ".":
            return Chars(ANY)
        if character in "*+?{":
            _refuse("a quantifier of nothing")
        return Chars(self.character(character))

    def character(self, character: str) -> CharSet:
        if self.ignore_case:
            return in_both_cases(character, ascii_only=self.ascii_only)
        return span(character, character)

    def group(self, depth: int) -> Node:
        number = None
        if self.peek() == "?":
            if self.peek(2) != "?:":
                _refuse("a constraint")
            self.position += 2
        else:
            self.groups += 1
            number = self.groups
        item = self.alternation(depth + 1)
        if item == Sequence(()):
            _refuse("an empty group")
        if self.position >= len(self.pattern):
            _refuse("an unbalanced parenthesis")
        self.take()
        return Group(item, number)

    def quantified(self, item: Node) -> Node:
        character = self.peek()
        if not character or character not in "*+?{":
            return item
        if isinstance(item, Anchor):
            _refuse("a quantified anchor")
        self.take()
        least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(character) or self.bounds()
        lazy = self.peek() == "?"
        if lazy:
            self.take()
        if self.peek() and self.peek() in "*+?{":
            _refuse("a quantified quantifier")
        return Repeat(item, least, most, lazy)

    def bounds(self) -> tuple[int, int | None]:
        end = self.pattern.find("}", self.position)
        least, comma, most = self.pattern[self.position : end].partition(",")
        numbers = [text for text in (least, most) if text]
        if end < 0 or not least or not all(text.isascii() and text.isdigit() and len(text) < 4 for text in numbers):
            _refuse("a brace that is no bound")
        self.position = end + 1
        lower, upper = int(least), int(most) if most else (None if comma else int(least))
        if max(lower, upper or 0) > MAX_COUNT or (upper is not None and not lower <= upper) or upper == 0:
            _refuse("an odd bound")
        return lower, upper

    def escape(self) -> Node:
        letter = self.take()
        if letter in CLASS_ESCAPES:
            return Chars(named(CLASS_ESCAPES[letter], ascii_only=self.ascii_only))
        if letter.lower() in CLASS_ESCAPES:
            charset = named(CLASS_ESCAPES[letter.lower()], ascii_only=self.ascii_only)
            return Chars(union([charset], negated=True))
        if letter in "AZ":
            return Anchor("^" if letter == "A" else "$")
        return Chars(self.character(self.literal(letter)))

    def literal(self, letter: str) -> str:
        if letter in CONTROLS:
            return CONTROLS[letter]
        if letter.isalnum():
            _refuse(f"the escape {letter}")
        return letter

    def bracket(self) -> CharSet:
        """Read what follows the opening bracket."""
        negated = self.peek() == "^"
        if negated:
            self.take()
        parts: list[CharSet] = []
        while self.peek() != "]" or not parts:
            if self.peek(2) in ("[.", "[="):
                _refuse("a collating element")
            if self.peek(2) == "[:":
                parts.append(self.posix_class())
                self.no_range()
            elif self.peek() == "\\" and self.peek(2)[1:] in CLASS_ESCAPES:
                self.take()
                parts.append(named(CLASS_ESCAPES[self.take()], ascii_only=self.ascii_only))
                self.no_range()
            else:
                parts.append(self.bracket_range())
        self.take()
        return union(parts, negated=negated)

    def posix_class(self) -> CharSet:
        end = self.pattern.find(":]", self.position)
        name = self.pattern[self.position + 2 : end]
        if end < 0 or name in ("<", ">"):
            _refuse("a word boundary")
        self.position = end + 2
        if self.ignore_case and name in ("upper", "lower"):
            name = "alpha"
        return named(name, ascii_only=self.ascii_only)

    def bracket_range(self) -> CharSet:
        first = self.bracket_character()
        if self.peek() != "-" or self.peek(2) in ("-]", "-"):
            return self.character(first)
        self.take()
        if first == "-" or self.peek(2) in ("[.", "[=", "[:"):
            _refuse("an odd range")
        last = self.bracket_character()
        if ord(last) < ord(first):
            _refuse("a range that is empty")
        self.no_range()
        if self.ignore_case:
            return span_in_both_cases(first, last, ascii_only=self.ascii_only)
        return span(first, last)

    def no_range(self) -> None:
        """Refuse a range that begins with a class or a range."""
        if self.peek() == "-" and self.peek(2) != "-]":
            _refuse("a range of ranges")

    def bracket_character(self) -> str:
        character = self.take()
        return character if character != "\\" else self.literal(self.take())

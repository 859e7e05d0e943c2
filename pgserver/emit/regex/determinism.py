"""Which part of a text a pattern matches: where RE2 cannot but find the one that Postgres finds.

Postgres takes the longest match (the shortest, if the first quantifier is lazy), RE2 the one that backtracking would
find first. They are the same
- where each character can be read in one way only: no set of those that may follow the same character overlaps another
  (Glushkov's automaton is deterministic), every quantifier is greedy, and no branch is empty;
- where one quantifier alone decides on the length: one repeated set, all else of a fixed length;
- where the pattern ends with `$`, since no match that begins at the same place is longer. Its groups hold the same if
  they and what stands between them are deterministic each: both engines first try the longest text of the first part,
  then that of the second, and so on, Postgres because earlier parts go before later ones.
"""

from dataclasses import dataclass, field
from functools import singledispatchmethod

from pgserver.emit.regex.charsets import CharSet
from pgserver.emit.regex.syntax import Alternation, Anchor, Chars, Group, Node, Repeat, Sequence

MAX_POSITIONS = 300


class _Ambiguous(Exception):
    """Not deterministic, or not known to be."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Of a part of a pattern: whether it matches nothing, and the positions that it starts and ends with."""

    nullable: bool
    first: tuple[int, ...]
    last: tuple[int, ...]


NOTHING = _Part(nullable=True, first=(), last=())


@dataclass(slots=True)
class _Automaton:
    """Glushkov's construction; counted repetitions are written out."""

    charsets: list[CharSet] = field(default_factory=list)
    follow: list[set[int]] = field(default_factory=list)

    @singledispatchmethod
    def part(self, node: Node) -> _Part:
        raise _Ambiguous(node)

    @part.register
    def _(self, node: Chars) -> _Part:
        if len(self.charsets) >= MAX_POSITIONS:
            raise _Ambiguous
        self.charsets.append(node.charset)
        self.follow.append(set())
        position = (len(self.charsets) - 1,)
        return _Part(nullable=False, first=position, last=position)

    @part.register
    def _(self, node: Group) -> _Part:
        return self.part(node.item)

    @part.register
    def _(self, node: Sequence) -> _Part:
        whole = NOTHING
        for item in node.items:
            whole = self.then(whole, self.part(item))
        return whole

    @part.register
    def _(self, node: Alternation) -> _Part:
        parts = [self.part(branch) for branch in node.branches]
        if any(part.nullable for part in parts):
            raise _Ambiguous
        first = tuple(position for part in parts for position in part.first)
        return _Part(nullable=False, first=first, last=tuple(position for part in parts for position in part.last))

    @part.register
    def _(self, node: Repeat) -> _Part:
        if node.lazy:
            raise _Ambiguous
        whole = NOTHING
        for _ in range(max(node.least - (node.most is None), 0)):
            whole = self.then(whole, self.part(node.item))
        return self.then(whole, self.rest(node))

    def rest(self, node: Repeat) -> _Part:
        """What may still be repeated: any number of times, or one in the other: (x(x)?)?."""
        if node.most is None:
            loop = self.part(node.item)
            self.link(loop.last, loop.first)
            return _Part(loop.nullable or node.least == 0, loop.first, loop.last)
        whole = NOTHING
        for _ in range(node.most - node.least):
            inner = self.then(self.part(node.item), whole)
            whole = _Part(nullable=True, first=inner.first, last=inner.last)
        return whole

    def then(self, left: _Part, right: _Part) -> _Part:
        self.link(left.last, right.first)
        first = left.first + right.first if left.nullable else left.first
        last = left.last + right.last if right.nullable else right.last
        return _Part(left.nullable and right.nullable, first, last)

    def link(self, before: tuple[int, ...], after: tuple[int, ...]) -> None:
        for position in before:
            self.follow[position].update(after)

    def is_deterministic(self, positions: "tuple[int, ...] | set[int]") -> bool:
        ordered = sorted(positions)
        return not any(
            self.charsets[a].overlaps(self.charsets[b]) for index, a in enumerate(ordered) for b in ordered[:index]
        )


def without_anchors(node: Node) -> Node:
    """Return a pattern without the anchors at its ends, which change nothing here."""
    items = list(node.items) if isinstance(node, Sequence) else [node]
    while items and items[0] == Anchor("^"):
        items.pop(0)
    while items and items[-1] == Anchor("$"):
        items.pop()
    return Sequence(tuple(items))


def is_determined(node: Node) -> bool:
    """Tell whether both engines must find the same match, and the same text in each group that is always read."""
    if _trims(node):
        return True
    node = without_anchors(node)
    return _one_decides(node) or _is_deterministic(node)


def _trims(node: Node) -> bool:
    """Tell whether a pattern is that of trimming, `^ +| +$`: where both branches match, they match the same."""
    if not isinstance(node, Alternation) or len(node.branches) != 2:
        return False
    left, right = (branch.items if isinstance(branch, Sequence) else () for branch in node.branches)
    run = right[0] if right else None
    if not isinstance(run, Repeat) or not isinstance(run.item, Chars) or run != Repeat(run.item, 1, None, lazy=False):
        return False
    return left == (Anchor("^"), run) and right == (run, Anchor("$"))


def ends_at_the_end(node: Node, *, with_groups: bool) -> bool:
    """Tell whether a pattern ends with `$` and so matches the same; with the same text in each of its groups if asked.

    The parts between groups must be read as a whole: of `a?(?:ab)?` Postgres takes the longest text, RE2 the first.
    """
    if not isinstance(node, Sequence) or node.items[-1:] != (Anchor("$"),):
        return False
    if not with_groups:
        return True
    parts: list[list[Node]] = [[]]
    items = without_anchors(node)
    assert isinstance(items, Sequence)
    for item in items.items:
        if isinstance(item, Group) and item.number is not None:
            parts += [[item.item], []]
        else:
            parts[-1].append(item)
    wholes = [Sequence(tuple(part)) for part in parts]
    return not any(map(_captures, wholes)) and all(map(_is_deterministic, wholes))


def _captures(node: Node) -> bool:
    if isinstance(node, Group):
        return node.number is not None or _captures(node.item)
    if isinstance(node, Repeat):
        return _captures(node.item)
    if isinstance(node, Sequence):
        return any(map(_captures, node.items))
    return isinstance(node, Alternation) and any(map(_captures, node.branches))


def _is_deterministic(node: Node) -> bool:
    automaton = _Automaton()
    try:
        whole = automaton.part(node)
    except _Ambiguous:
        return False
    return automaton.is_deterministic(whole.first) and all(map(automaton.is_deterministic, automaton.follow))


def _one_decides(node: Node) -> bool:
    variable = 0
    for item in _flat(node):
        if isinstance(item, Repeat) and isinstance(item.item, Chars):
            variable += item.least != item.most
        elif not isinstance(item, Chars):
            return False
    return variable <= 1


def _flat(node: Node) -> list[Node]:
    if isinstance(node, Group):
        return _flat(node.item)
    if isinstance(node, Sequence):
        return [found for item in node.items for found in _flat(item)]
    return [node]


def is_nullable(node: Node) -> bool:
    """Tell whether a pattern may match an empty text."""
    if isinstance(node, Chars):
        return False
    if isinstance(node, Anchor):
        return True
    if isinstance(node, Group):
        return is_nullable(node.item)
    if isinstance(node, Sequence):
        return all(map(is_nullable, node.items))
    if isinstance(node, Alternation):
        return any(map(is_nullable, node.branches))
    return node.least == 0 or is_nullable(node.item)


def optional_groups(node: Node, *, inside: bool = False) -> bool:
    """Tell whether a capturing group may not take part in a match, or take part more than once."""
    if isinstance(node, Group):
        return (inside and node.number is not None) or optional_groups(node.item, inside=inside)
    if isinstance(node, Sequence):
        return any(optional_groups(item, inside=inside) for item in node.items)
    if isinstance(node, Alternation):
        return any(optional_groups(branch, inside=True) for branch in node.branches)
    if isinstance(node, Repeat):
        return optional_groups(node.item, inside=True)
    return False

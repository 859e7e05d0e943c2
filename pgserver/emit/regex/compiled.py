"""A pattern as the rules use it."""

from dataclasses import dataclass

from pgserver.emit.errors import NoRule
from pgserver.emit.regex.determinism import ends_at_the_end, is_determined, is_nullable, optional_groups
from pgserver.emit.regex.syntax import Alternation, Anchor, Chars, Group, Node, Sequence, parse


@dataclass(frozen=True, slots=True)
class Regex:
    """A pattern that means the same in both engines, as far as a match goes."""

    node: Node
    groups: int

    @property
    def re2(self) -> str:
        """The pattern as DuckDB takes it, with its option `s`."""
        return written(self.node)

    @property
    def nullable(self) -> bool:
        """Whether it may match an empty text."""
        return is_nullable(self.node)

    @property
    def plain_only(self) -> bool:
        """Whether the text must be one of `pg_plain`."""
        return r"\p{" in self.re2

    def check_match(self, *, with_groups: bool = False) -> None:
        """Refuse a pattern of which the engines may find other matches.

        Raises: NoRule.
        """
        if not is_determined(self.node) and not ends_at_the_end(self.node, with_groups=with_groups):
            raise NoRule("a regular expression whose match may differ")
        if with_groups and optional_groups(self.node):
            raise NoRule("a regular expression with a group that may not match")

    def literal(self) -> tuple[str, bool, bool] | None:
        """Return the text that a pattern without wildcards is, and whether it is anchored at its start and end."""
        items = list(self.node.items) if isinstance(self.node, Sequence) else [self.node]
        start = bool(items) and items[0] == Anchor("^")
        end = len(items) > start and items[-1] == Anchor("$")
        singles = [
            item.charset.single() if isinstance(item, Chars) else None for item in items[start : len(items) - end]
        ]
        found = [single for single in singles if single is not None]
        return ("".join(found), start, end) if len(found) == len(singles) else None


def compiled(pattern: str, *, ignore_case: bool, ascii_only: bool) -> Regex:
    """Read a pattern.

    Raises: NoRule.
    """
    return Regex(*parse(pattern, ignore_case=ignore_case, ascii_only=ascii_only))


def written(node: Node) -> str:
    """Write a pattern for RE2."""
    if isinstance(node, Chars):
        return node.charset.re2()
    if isinstance(node, Anchor):
        return node.kind
    if isinstance(node, Sequence):
        return "".join(
            f"(?:{written(item)})" if isinstance(item, Alternation) else written(item) for item in node.items
        )
    if isinstance(node, Alternation):
        return "|".join(map(written, node.branches))
    if isinstance(node, Group):
        return f"({'?:' if node.number is None else ''}{written(node.item)})"
    bounds = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((node.least, node.most))
    if bounds is None:
        most = "" if node.most is None else node.most
        bounds = f"{{{node.least}}}" if node.least == node.most else f"{{{node.least},{most}}}"
    return written(node.item) + bounds + ("?" if node.lazy else "")

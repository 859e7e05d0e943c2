"""Files of SQL statements without results, as `psql -f` runs them too.

A statement may carry `-- differs: docs/compatibility.md#anchor` behind its semicolon: an accepted difference, and then
it must differ. `SET` and `RESET` are not tests: they hold for the statements below them in the file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pglast.parser import split

DIFFERS = re.compile(r"[ \t]*--[ \t]*differs:[ \t]*(\S+)")
COMMENT = re.compile(r"\s*(--[^\n]*(\n|$)|/\*.*?\*/)|\s+", re.DOTALL)
SETTING = re.compile(r"(SET|RESET)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a file; `settings` are the SETs above it."""

    path: Path
    line: int
    text: str
    settings: tuple[str, ...] = ()
    differs: str | None = None

    @property
    def name(self) -> str:
        """Topic, file and line: `pytest -k` finds it by each."""
        return f"{self.path.parent.name}/{self.path.name}:{self.line}"


def read(path: Path) -> Iterator[Statement]:
    """Give the statements of a file in their order."""
    text = path.read_text("utf-8")
    settings: tuple[str, ...] = ()
    end = 0
    for found in split(text, with_parser=False, only_slices=True):
        start = _after_comments(text, found.start)
        body = text[start : found.stop]
        _nothing_left(path, text[end : found.start])
        end = found.stop + 1
        if SETTING.match(body):
            settings = (*settings, body)
            continue
        differs = DIFFERS.match(text, found.stop + 1)
        line = text.count("\n", 0, start) + 1
        yield Statement(path, line, body, settings, differs[1] if differs else None)
    _nothing_left(path, text[end:])


def read_all(folder: Path) -> list[Statement]:
    """Return the statements of all files below a folder."""
    return [statement for path in sorted(folder.rglob("*.sql")) for statement in read(path)]


def _nothing_left(path: Path, text: str) -> None:
    """Refuse what the scanner passes over: a statement without a single keyword."""
    left = text[_after_comments(text, 0) :].strip("; \n")
    if left:
        raise ValueError(f"{path}: no statement: {left}")


def _after_comments(text: str, at: int) -> int:
    while found := COMMENT.match(text, at):
        at = found.end()
    return at

"""Random patterns: where the emitter takes one, DuckDB finds in every text what PostgreSQL finds."""

import random
from collections.abc import Iterator

import pytest

from pgserver.emit.errors import NoRule
from pgserver.emit.literals import text_literal
from pgserver.emit.regex.compiled import Regex, compiled
from tests.support.emit_lab import EmitLab

LETTERS = "ab1 -éÉkK\u212asS\u017f_\n漢"
ATOMS: tuple[str, ...] = (*"aab1 -ékS_.", r"\d", r"\s", r"\w", r"\S", r"\W")
MEMBERS = ("a", "b", "1", "a-b", "0-9", r"\d", r"\s", "[:alpha:]", "[:upper:]", "-", "é", "k")
QUANTIFIERS = ("", "", "", "", "*", "+", "?", "{2}", "{1,2}", "{0,2}", "{2,}", "*?", "+?", "??")
PATTERNS = 150


class Patterns:
    """Writes patterns, more or less as people do."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def atom(self, depth: int) -> str:
        kind: float = self.random.random()
        if kind < 0.6 or (kind > 0.8 and not depth):
            return self.random.choice(ATOMS)
        if kind < 0.8:
            members = "".join(self.random.choices(MEMBERS, k=self.random.randint(1, 3)))
            return f"[{self.random.choice(('', '', '^'))}{members}]"
        return f"{self.random.choice(('(', '(?:'))}{self.alternation(depth - 1)})"

    def alternation(self, depth: int) -> str:
        branches = self.random.choice((1, 1, 1, 2))
        return "|".join(self.sequence(depth) for _ in range(branches))

    def sequence(self, depth: int) -> str:
        items = self.random.choice((1, 1, 2, 3, 4))
        return "".join(self.atom(depth) + self.random.choice(QUANTIFIERS) for _ in range(items))

    def pattern(self) -> str:
        start, end = self.random.choice(("", "", "^")), self.random.choice(("", "", "$"))
        return start + self.alternation(2) + end


def pairs(pattern: str, regex: Regex, flags: str) -> Iterator[tuple[str, str]]:
    """Give what Postgres is asked, and DuckDB."""
    theirs, ours = text_literal(pattern), text_literal(regex.re2)
    yield f"regexp_like(t, {theirs}, '{flags}')", f"regexp_matches(t, {ours}, 's')"
    try:
        regex.check_match()
    except NoRule:
        return
    yield f"regexp_replace(t, {theirs}, '<\\&>', '{flags}')", f"regexp_replace(t, {ours}, '<\\0>', 's')"
    if not regex.nullable:
        yield f"regexp_replace(t, {theirs}, '<\\&>', 'g{flags}')", f"regexp_replace(t, {ours}, '<\\0>', 'gs')"
        yield f"regexp_count(t, {theirs}, 1, '{flags}')", f"len(regexp_extract_all(t, {ours}, 0, 's'))"
    try:
        regex.check_match(with_groups=True)
    except NoRule:
        return
    for group in range(1, regex.groups + 1):
        found = f"coalesce((regexp_match(t, {theirs}, '{flags}'))[{group}], '')"
        yield found, f"regexp_extract(t, {ours}, {group}, 's')"


@pytest.mark.parametrize("seed", [1, 2])
def test_both_engines_find_the_same(emit_lab: EmitLab, seed: int) -> None:
    patterns = Patterns(seed)
    texts = ["".join(patterns.random.choices(LETTERS, k=patterns.random.randint(0, 8))) for _ in range(200)]
    rows = f"(VALUES {', '.join(f'({number}, {text_literal(text)})' for number, text in enumerate(texts))}) AS x(i, t)"
    asked = 0
    for _ in range(PATTERNS):
        pattern, flags = patterns.pattern(), patterns.random.choice(("", "i"))
        try:
            regex = compiled(pattern, ignore_case=flags == "i", ascii_only=False)
        except NoRule:
            continue
        theirs, ours = (", ".join(side) for side in zip(*pairs(pattern, regex, flags), strict=True))
        wanted = emit_lab.reader.execute(f"SELECT i, {theirs} FROM {rows} ORDER BY i".encode()).fetchall()
        found = emit_lab.duckdb.execute(f"SELECT i, {ours} FROM {rows} ORDER BY i").fetchall()
        wrong = [(texts[a[0]], a, b) for a, b in zip(wanted, found, strict=True) if a != b]
        assert not wrong, (pattern, flags, regex.re2, wrong[:3])
        asked += 1
    assert asked > PATTERNS // 2

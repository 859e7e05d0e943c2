"""Characters, all that Unicode has letters among (to U+323AF): DuckDB's tables beside Postgres' own."""

import pytest

from pgserver.emit.errors import NoRule
from pgserver.emit.regex.charsets import BEYOND, MORE, in_both_cases, named
from pgserver.emit.regex.compiled import compiled
from tests.support.emit_lab import EmitLab

EACH = "SELECT i::int AS i, chr(i::int) AS c FROM generate_series(1, 205743) AS g(i)"
ALL = f"({EACH} WHERE i NOT BETWEEN 55296 AND 57343)"


def theirs(lab: EmitLab, expression: str, where: str = "true") -> dict[int, object]:
    return dict(lab.reader.execute(f"SELECT i, {expression} FROM {ALL} AS u WHERE {where}".encode()).fetchall())


def ours(lab: EmitLab, expression: str) -> dict[int, object]:
    return dict(lab.duckdb.execute(f"SELECT i, {expression} FROM {ALL} AS u").fetchall())


def difference(left: dict[int, object], right: dict[int, object]) -> list[str]:
    return [f"U+{code:04X}: {left[code]!r} {value!r}" for code, value in right.items() if left[code] != value]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["upper", "lower"])
def test_each_character_changes_case_as_in_postgres(emit_lab: EmitLab, name: str) -> None:
    assert not difference(theirs(emit_lab, f"{name}(c)"), ours(emit_lab, f"pg_{name}(c)"))


@pytest.fixture(scope="module")
def plain(emit_lab: EmitLab) -> set[int]:
    """The characters that may be in a text for classes of letters to be used."""
    found = {code for code, is_plain in ours(emit_lab, "pg_is_plain(c)").items() if is_plain}
    assert len(found) > 100_000
    return found


@pytest.mark.slow
def test_initcap_of_plain_texts(emit_lab: EmitLab, plain: set[int]) -> None:
    expression = "initcap('a' || c || 'bC ' || c || 'x')"
    found = ours(emit_lab, f"CASE WHEN pg_is_plain(c) THEN pg_{expression} END")
    assert not difference(theirs(emit_lab, expression), {code: found[code] for code in plain})


@pytest.mark.slow
@pytest.mark.parametrize("name", [*BEYOND, *MORE, "ascii", "digit"])
def test_classes_of_plain_texts(emit_lab: EmitLab, plain: set[int], name: str) -> None:
    found = ours(emit_lab, f"regexp_matches(c, '{named(name, ascii_only=False).re2()}')")
    assert not difference(theirs(emit_lab, f"c ~ '[[:{name}:]]'"), {code: found[code] for code in plain})


def test_letters_in_both_cases(emit_lab: EmitLab) -> None:
    cases = theirs(emit_lab, "ARRAY[lower(c), upper(c)]", "i < 100000")
    taken = 0
    for code, forms in cases.items():
        try:
            charset = in_both_cases(chr(code), ascii_only=False)
        except NoRule:
            continue
        taken += 1
        assert isinstance(forms, list)
        assert {chr(a) for first, last in charset.ranges for a in range(first, last + 1)} == set(forms), hex(code)
    assert taken > 30_000


@pytest.mark.parametrize("pattern", ["k", "S", "[ks]", "(?:k|s)", "x|k|s", "k+", "(k|s)x?"])
def test_a_letter_in_both_cases_is_not_a_sign_that_looks_alike(emit_lab: EmitLab, pattern: str) -> None:
    text = "\u212a\u017f"
    re2 = compiled(pattern, ignore_case=True, ascii_only=False).re2
    (found,) = emit_lab.duckdb.execute("SELECT regexp_matches(?, ?, 's')", [text, re2]).fetchall()[0]
    (wanted,) = emit_lab.reader.execute("SELECT %s::text ~* %s::text", [text, pattern]).fetchall()[0]
    assert found == wanted


def test_words_that_are_quoted(emit_lab: EmitLab) -> None:
    words = emit_lab.reader.execute("SELECT word, quote_ident(word) FROM pg_get_keywords()").fetchall()
    for word, quoted in words:
        assert emit_lab.duckdb.execute("SELECT pg_quote_ident(?)", [word]).fetchall() == [(quoted,)]

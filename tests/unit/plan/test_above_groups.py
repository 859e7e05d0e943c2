import pytest

from pgserver.plan.above_groups import split_groups

KNOWN = {"a", "at", "k", "q", "x", "y"}
ONE, TWO, THREE, FOUR = (f'"_bemidb_{number}"' for number in range(1, 5))
ROWS = 'FROM pg_temp."_bemidb_rows"'


@pytest.mark.parametrize(
    ("text", "outputs", "rows", "above"),
    [
        (
            "SELECT f(g(k), q) AS r, sum(x) FILTER (WHERE a > 1), mode() WITHIN GROUP (ORDER BY x) p"
            " FROM t WHERE y > $1 GROUP BY k, q HAVING count(*) > 2 ORDER BY r DESC, sum(x) LIMIT 3;",
            ["r", "sum", "p"],
            f'SELECT "k" AS {ONE}, "q" AS {TWO}, sum(x) FILTER (WHERE a > 1) AS {THREE}, '
            f'mode() WITHIN GROUP (ORDER BY x) AS {FOUR}, sum(x) AS "_bemidb_5" FROM t WHERE y > $1  GROUP BY 1, 2 '
            "HAVING count(*) > 2 ",
            f'SELECT f(g({ONE}), {TWO}), {THREE}, {FOUR} {ROWS} ORDER BY 1 DESC, "_bemidb_5" LIMIT 3;',
        ),
        (
            "SELECT date_trunc('month', at) AS month, f(count(*)::int, 1) FROM t GROUP BY month ORDER BY month",
            ["month", "f"],
            f"SELECT date_trunc('month', at) AS {ONE}, count(*) AS {TWO} FROM t  GROUP BY 1 ",
            f"SELECT {ONE}, f({TWO}::int, 1) {ROWS} ORDER BY 1",
        ),
        (
            "SELECT lower(k) AS k, f(count(*)) FROM t GROUP BY k",  # the table's k
            ["k", "f"],
            f'SELECT "k" AS {ONE}, count(*) AS {TWO} FROM t  GROUP BY 1 ',
            f"SELECT lower({ONE}), f({TWO}) {ROWS} ",
        ),
        (
            "SELECT DISTINCT lower(k), f(count(*)) FROM t GROUP BY lower(k)",
            ["lower", "f"],
            f"SELECT lower(k) AS {ONE}, count(*) AS {TWO} FROM t  GROUP BY 1 ",
            f"SELECT DISTINCT {ONE}, f({TWO}) {ROWS} ",
        ),
        (
            "SELECT ARRAY[sum(x), 1], f(sum(x)) / count(*) FROM t",
            ["array", "?column?"],
            f"SELECT sum(x) AS {ONE}, count(*) AS {TWO} FROM t ",
            f"SELECT ARRAY[{ONE}, 1], f({ONE}) / {TWO} {ROWS} ",
        ),
    ],
)
def test_a_statement_is_cut(text: str, outputs: list[str], rows: str, above: str) -> None:
    found = split_groups(text, outputs, KNOWN)
    assert found is not None
    assert (found.rows, found.text) == (rows, above)


@pytest.mark.parametrize(
    ("text", "outputs"),
    [
        ("SELECT f(k) FROM t", ["f"]),
        ("SELECT f(k), x FROM t GROUP BY k", ["f", "x"]),
        ("SELECT f(sum(x)) OVER () FROM t", ["f"]),
        ("SELECT rank() OVER (ORDER BY sum(x)) FROM t", ["rank"]),
        ("SELECT f(sum(x)) FROM t GROUP BY ROLLUP (k)", ["f"]),
        ("SELECT f(sum(x)), grouping(k) FROM t GROUP BY k", ["f", "grouping"]),
        ("SELECT k, f(k) FROM t GROUP BY k, k", ["k", "f"]),
        ("SELECT f(sum(x)), (SELECT 1) FROM t", ["f", "x"]),
        ("SELECT DISTINCT ON (k) k, f(sum(x)) FROM t GROUP BY k", ["k", "f"]),
        ("SELECT lower(b) AS c, f(count(*)) FROM (SELECT 1 AS b, 2 AS c) s GROUP BY c", ["c", "f"]),
        ("WITH t AS (SELECT 1 AS b, 2 AS c) SELECT lower(b) AS c, f(count(*)) FROM t GROUP BY c", ["c", "f"]),
        ("SELECT lower(b) AS c, f(count(*)) FROM t AS t(b, c) GROUP BY c", ["c", "f"]),
        ("SELECT f(max(x)) FROM t GROUP BY 2", ["f"]),
        ("SELECT f(max(x)) FROM t GROUP BY f(max(x))", ["f"]),
    ],
)
def test_others_are_left_as_they_are(text: str, outputs: list[str]) -> None:
    assert split_groups(text, outputs, KNOWN) is None

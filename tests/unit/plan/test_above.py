import pytest

from pgserver.plan.above import split_above

COLUMNS = [f'"_bemidb_{number}"' for number in range(1, 4)]
ONE, TWO, THREE = COLUMNS
ROWS = 'FROM pg_temp."_bemidb_rows"'


@pytest.mark.parametrize(
    ("text", "outputs", "rows", "above"),
    [
        (
            "SELECT f(c.n) AS s, sum(o.t) FROM o JOIN c ON o.c = c.i WHERE c.x = $1 GROUP BY 1 ORDER BY s LIMIT 3;",
            ["s", "sum"],
            f'SELECT "c"."n" AS {ONE}, "o"."t" AS {TWO} FROM o JOIN c ON o.c = c.i WHERE c.x = $1 ',
            f"SELECT f({ONE}) AS s, sum({TWO}) {ROWS} GROUP BY 1 ORDER BY 1 LIMIT 3;",
        ),
        (
            "WITH x AS (SELECT a FROM t ORDER BY 1) SELECT DISTINCT ON (k) f(x.a) k,"
            " y.b IS DISTINCT FROM 'é' AS p, -- é from\n"
            ' y."Order" FROM x, y WHERE x.a = y.a ORDER BY k, y.b',
            ["k", "p", "Order"],
            f'WITH x AS (SELECT a FROM t ORDER BY 1) SELECT "y"."b" AS {ONE}, "x"."a" AS {TWO}, "y"."Order" AS {THREE} '
            "FROM x, y WHERE x.a = y.a ",
            f"SELECT DISTINCT ON (1) f({TWO}) k, {ONE} IS DISTINCT FROM 'é' AS p, -- é from\n"
            f" {THREE} {ROWS} ORDER BY 1, {ONE}",
        ),
        (
            "SELECT f(n) FROM (SELECT count(*) AS n FROM t GROUP BY a) s;",
            ["f"],
            f'SELECT "n" AS {ONE} FROM (SELECT count(*) AS n FROM t GROUP BY a) s',
            f"SELECT f({ONE}) {ROWS} ;",
        ),
        (
            "SELECT max(f(a.x)) OVER w, (b.c).d, b.l[1] FROM a, b WINDOW w AS (PARTITION BY b.l)",
            ["max", "d", "l"],
            f'SELECT "a"."x" AS {ONE}, "b"."c" AS {TWO}, "b"."l" AS {THREE} FROM a, b ',
            f"SELECT max(f({ONE})) OVER w, ({TWO}).d, {THREE}[1] {ROWS} WINDOW w AS (PARTITION BY {THREE})",
        ),
        (
            "SELECT f(x) AS n FROM a, b GROUP BY x HAVING count(*) > 1 ORDER BY x",
            ["n"],
            f'SELECT "x" AS {ONE} FROM a, b ',
            f"SELECT f({ONE}) AS n {ROWS} GROUP BY {ONE} HAVING count(*) > 1 ORDER BY {ONE}",
        ),
        (
            "SELECT x::text FROM a, b ORDER BY x",  # the result's x, not the column
            ["x"],
            f'SELECT "x" AS {ONE} FROM a, b ',
            f"SELECT {ONE}::text {ROWS} ORDER BY 1",
        ),
    ],
)
def test_a_statement_is_cut(text: str, outputs: list[str], rows: str, above: str) -> None:
    found = split_above(text, outputs)
    assert found is not None
    assert (found.rows, found.text) == (rows, above)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT f(x) FROM a WHERE x > 1",
        "SELECT f(x)",
        "SELECT f(a.x) FROM a, b UNION SELECT 1",
        "SELECT a.*, f(b.x) FROM a, b",
        "SELECT (SELECT f(a.x)) FROM a, b",
        "SELECT f(a.x) FROM a, b ORDER BY (SELECT b.x)",
        "SELECT f(x) AS f FROM a, b GROUP BY f",
        "SELECT f(a.x), f(b.x) FROM a, b ORDER BY f",
        "SELECT count(*) FROM a, b",
        "SELECT f(a.x) FROM a, b FOR UPDATE",
        "SELECT f(a.x) INTO c FROM a, b",
        "(SELECT f(a.x) FROM a, b)",
        "not a statement",
    ],
)
def test_others_are_left_as_they_are(text: str) -> None:
    assert split_above(text, ["f", "f"]) is None

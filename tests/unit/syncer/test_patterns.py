import pytest

from catalog.errors import OperatorError
from syncer.patterns import check_collisions, destination, parse_patterns, select

NAMES = [("public", "users"), ("public", "user_logs"), ("sales", "orders"), ("we.ird", 'a,"b*'), ("public", "Users")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("public.users", [("public", "users")]),
        ("public.*", [("public", "users"), ("public", "user_logs"), ("public", "Users")]),
        (" public.user* ,sales.orders, ", [("public", "users"), ("public", "user_logs"), ("sales", "orders")]),
        ("*.*s", [("public", "users"), ("public", "user_logs"), ("sales", "orders"), ("public", "Users")]),
        ('"we.ird"."a,""b*"', [("we.ird", 'a,"b*')]),
        ('"we.ird".*', [("we.ird", 'a,"b*')]),
        ('pub"lic".us"er"s', [("public", "users")]),
    ],
)
def test_include(text: str, expected: list[tuple[str, str]]) -> None:
    chosen = select("INCLUDE", parse_patterns("INCLUDE", text), NAMES, exclude=False)
    assert chosen == expected


def test_exclude_leaves_the_rest() -> None:
    chosen = select("EXCLUDE", parse_patterns("EXCLUDE", "public.*,sales.orders"), NAMES, exclude=True)
    assert chosen == [("we.ird", 'a,"b*')]


def test_without_patterns_all_are_chosen() -> None:
    assert select("EXCLUDE", (), NAMES, exclude=True) == NAMES


def test_a_dot_in_a_pattern_is_no_wildcard() -> None:
    with pytest.raises(OperatorError):
        select("INCLUDE", parse_patterns("INCLUDE", "public.user.logs"), NAMES, exclude=False)


@pytest.mark.parametrize("exclude", [True, False])
def test_a_pattern_that_matches_nothing_names_the_near_misses(exclude: bool) -> None:
    with pytest.raises(OperatorError, match=r"INCLUDE: .*public\.usres; did you mean public\.users"):
        select("INCLUDE", parse_patterns("INCLUDE", "sales.*,public.usres"), NAMES, exclude=exclude)


@pytest.mark.parametrize("text", ["users", "public.", ".users", 'public."users', "a.b.c.d"])
def test_not_a_pattern(text: str) -> None:
    with pytest.raises(OperatorError, match="INCLUDE: "):
        select("INCLUDE", parse_patterns("INCLUDE", text), NAMES, exclude=False)


def test_a_wildcard_does_not_name_a_table() -> None:
    wildcard, exact = parse_patterns("INCLUDE", 'public.user*,public."users"')
    assert wildcard.matches(("public", "users"))
    assert not wildcard.names(("public", "users"))
    assert exact.names(("public", "users"))


@pytest.mark.parametrize(
    ("name", "schema", "expected"),
    [
        (("public", "users"), None, ("public", "users")),
        (("public", "users"), "x", ("x", "users")),
        (("sales", "orders"), "x", ("x", "sales_orders")),
        (("x", "orders"), "x", ("x", "orders")),
    ],
)
def test_destination(name: tuple[str, str], schema: str | None, expected: tuple[str, str]) -> None:
    assert destination(name, schema) == expected


def test_collisions_name_both() -> None:
    with pytest.raises(OperatorError, match=r"a\.b_c and a_b\.c would both become x\.a_b_c"):
        check_collisions("DESTINATION_SCHEMA_NAME", [("a", "b_c"), ("a_b", "c")], "x")
    check_collisions("DESTINATION_SCHEMA_NAME", [("a", "b_c"), ("a_b", "c")], None)

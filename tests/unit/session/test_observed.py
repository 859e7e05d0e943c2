import pytest

from pgserver.session.observed import LONGEST_TEXT, redacted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("SELECT 'é', 'x' FROM é WHERE a = $$it's$$ AND b = $1", "SELECT ?, ? FROM é WHERE a = ? AND b = $1"),
        ("SELECT 1, -2.5, 1e5, 0x1F, B'1', X'ff', E'\\n', U&'d'", "SELECT ?, -?, ?, ?, ?, ?, ?, ?"),
        ("SELECT a -- hunter2\n, /* hunter2 */ b", "SELECT a , b"),
        ("ALTER ROLE a PASSWORD 'hunter2'", "ALTER ROLE a PASSWORD ?"),
        ("SELECT 'hunter2", "(not readable)"),
        ("SELECT $$hunter2", "(not readable)"),
        ("SELECT '" + "x" * LONGEST_TEXT + "'", "(long)"),
        ("SELECT 1\0", "SELECT ?"),
        ("", ""),
    ],
)
def test_no_literal_and_no_comment_is_shown(text: str, shown: str) -> None:
    assert redacted(text) == shown

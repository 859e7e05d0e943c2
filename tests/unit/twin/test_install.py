"""Names that may be configured, SQL files in their order."""

import pytest

from catalog.errors import OperatorError
from pgserver.twin import install


@pytest.mark.parametrize(
    ("database", "user", "variable"),
    [
        ("template0", None, "BEMIDB_DATABASE"),
        ("template1", None, "BEMIDB_DATABASE"),
        ("x" * 64, None, "BEMIDB_DATABASE"),
        ("bemidb", "bemidb_admin", "BEMIDB_USER"),
        ("bemidb", "pg_someone", "BEMIDB_USER"),
        ("bemidb", "public", "BEMIDB_USER"),
    ],
)
def test_names_that_cannot_be(database: str, user: str | None, variable: str) -> None:
    with pytest.raises(OperatorError) as refused:
        install.check_names(database, user)
    assert refused.value.variable == variable


def test_names_that_can_be() -> None:
    install.check_names("postgres", "postgres")
    install.check_names('we"ird', None)


def test_the_files_are_found_in_order() -> None:
    texts = install.sql_files()
    assert "REVOKE" in texts[0]
    assert "trigger_in" in texts[-1]
    assert len(texts) >= 4

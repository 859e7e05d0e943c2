"""How large a part of a statement may be for the engine. Beyond, DuckDB plans for minutes where Postgres, over the
bridge, takes a second: its time grows with the square of the terms of an OR, and faster with the tables of a join.

Measured with DuckDB 1.5.5, processor seconds: OR of 1,000 pairs 2, of 3,000 20; AND of 6,000 terms 0.7, of 50,000 more
than 60; 40 tables joined 0.3, 60 1.5, 200 more than 100; 1,000 arms of UNION ALL 0.5.
"""

from pgserver.emit.errors import NoRule

MAX_TERMS = {"and": 5000, "or": 1000, "not": 1}
MAX_TABLES = 64
MAX_ARMS = 1000
MAX_CHARACTERS = 8 * 1024 * 1024  # some forms name an argument twice: nested, they would double and double


def check_terms(operator: str, count: int) -> None:
    """Refuse an AND or OR of too many terms.

    Raises: NoRule.
    """
    if count > MAX_TERMS[operator]:
        raise NoRule(f"more than {MAX_TERMS[operator]} terms of {operator.upper()}")


def check_tables(count: int) -> None:
    """Refuse a FROM of too many tables.

    Raises: NoRule.
    """
    if count > MAX_TABLES:
        raise NoRule(f"more than {MAX_TABLES} tables in one FROM")


def check_arms(count: int) -> None:
    """Refuse a set operation of too many arms.

    Raises: NoRule.
    """
    if count > MAX_ARMS:
        raise NoRule(f"more than {MAX_ARMS} arms of a set operation")


def check_text(characters: int) -> None:
    """Refuse an expression whose form is too long.

    Raises: NoRule.
    """
    if characters > MAX_CHARACTERS:
        raise NoRule(f"an expression of more than {MAX_CHARACTERS} characters of the engine's SQL")

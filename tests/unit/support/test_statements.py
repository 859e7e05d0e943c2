"""Files of statements are read as psql reads them."""

from pathlib import Path

import pytest

from tests.support.statements import read

TEXT = """-- Größe ☃: what is not ASCII must not move anything
SET TimeZone = 'UTC';
SELECT 'ä;ö' -- a comment; with a semicolon
  FROM t;
/* another; */ SELECT 2;  -- differs: docs/compatibility.md#float-sums

RESET ALL;
SELECT $$a;b$$;
SELEKT 3 FROM t;
"""


def test_statements_settings_lines_and_marks(tmp_path: Path) -> None:
    path = tmp_path / "topic.sql"
    path.write_text(TEXT, "utf-8")
    found = list(read(path))
    assert [(s.line, s.text) for s in found] == [
        (3, "SELECT 'ä;ö' -- a comment; with a semicolon\n  FROM t"),
        (5, "SELECT 2"),
        (8, "SELECT $$a;b$$"),
        (9, "SELEKT 3 FROM t"),
    ]
    assert [s.differs for s in found] == [None, "docs/compatibility.md#float-sums", None, None]
    assert [s.settings for s in found][:2] == [("SET TimeZone = 'UTC'",)] * 2
    assert found[2].settings == ("SET TimeZone = 'UTC'", "RESET ALL")


def test_no_statement_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "topic.sql"
    path.write_text("SELECT 1;\nfoo bar;\nSELECT 2;\n")
    with pytest.raises(ValueError, match="foo bar"):
        list(read(path))

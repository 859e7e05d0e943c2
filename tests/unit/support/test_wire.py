"""Message scripts: reading, the bytes they send, writing answers back."""

import re
from pathlib import Path

import pytest

from pgserver.protocol.backend import DataRow, ErrorResponse, RowDescription
from pgserver.protocol.frontend import Bind, Execute, Parse, Query, Sync
from tests.support import wire

SCRIPT = """# What is shown
> Parse {"query": "SELECT $1", "parameter_types": [23]}
> Bind {"parameters": ["1", null, {"hex": "00ff"}]}
> Sync
< ParseComplete
< BindComplete
# A remark
> Query "SELECT 1"

> Execute {"max_rows": 2}
"""


def script(tmp_path: Path, text: str) -> wire.Script:
    path = tmp_path / "x.wire"
    path.write_text(text, "utf-8")
    return wire.read(path)


def test_runs_end_at_answers_empty_lines_and_comments(tmp_path: Path) -> None:
    steps = script(tmp_path, SCRIPT).steps
    assert [step.data for step in steps] == [
        Parse("", b"SELECT $1", (23,)).encode() + Bind("", "", (), (b"1", None, b"\0\xff")).encode() + Sync().encode(),
        Query(b"SELECT 1").encode(),
        Execute("", 2).encode(),
    ]
    assert steps[0].answers == ("ParseComplete", "BindComplete")


def test_a_line_that_is_neither_sent_nor_answered_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape("neither sent nor answered")):
        script(tmp_path, "> Sync\nReadyForQuery\n")


def test_answers_are_written_as_scripts_have_them() -> None:
    assert wire.describe(DataRow((b"a", None, b"\xff"))) == 'DataRow ["a", null, {"hex": "ff"}]'
    error = ErrorResponse({"S": "FEHLER", "V": "ERROR", "C": "22012", "M": "by zero", "P": "8", "F": "int.c"})
    text = 'ErrorResponse {"severity": "ERROR", "sqlstate": "22012", "message": "by zero", "position": "8"}'
    assert wire.describe(error) == text
    assert wire.describe(RowDescription(())) == "RowDescription []"


def test_every_script_has_answers() -> None:
    folder = Path(__file__).parents[2] / "compat" / "wire"
    scripts = [wire.read(path) for path in folder.glob("*.wire")]
    assert scripts
    for found in scripts:
        assert any(step.answers for step in found.steps), f"{found.path}: make record"

from io import StringIO

import pytest
from rich.console import Console

from syncer.progress import Outcome, show_summary

OUTCOMES = [
    Outcome("public.t", "x.t", 1_234_567, 89_029_324, 2.0),
    Outcome("public.[red]", "x.[red]", 0, 0, 0.5, "permission denied (42501)"),
]


@pytest.mark.parametrize("terminal", [True, False])
def test_the_summary_names_all_that_was_done(terminal: bool) -> None:
    printed = StringIO()
    show_summary(Console(file=printed, force_terminal=terminal, width=200, color_system=None), OUTCOMES, 3.0)
    text = printed.getvalue()
    parts = ["public.t", "x.t", "public.[red]", "permission denied (42501)", "total"]
    parts += ["1,234,567", "89.0 MB", "617,284"] if terminal else ["1234567 rows", "89029324 bytes", "617284 rows/s"]
    for part in parts:
        assert part in text

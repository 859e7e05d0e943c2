"""What `make bench` makes of its measurements: ratios, verdicts, and a history that grows."""

from pathlib import Path

import pytest

from benchmarks import run
from benchmarks.figure import Figure, speed_ratio


@pytest.mark.parametrize(
    ("value", "bar", "holds"),
    [
        (0.9, ">= 0.9", True),
        (0.89, ">= 0.9", False),
        (399.0, "< 400", True),
        (400.0, "< 400", False),
        (3.0, "<= 3", True),
        (7.0, "", True),
    ],
)
def test_a_figure_is_held_against_its_bar(value: float, bar: str, holds: bool) -> None:
    assert Figure("f", value, "x", bar, "").holds() is holds


def test_a_ratio_above_one_means_that_we_are_faster() -> None:
    ratio, spread = speed_ratio(ours=[1.0, 2.0, 4.0], reference=[4.0, 4.0, 4.0])
    assert ratio == 2.0
    assert spread == "spread 1.00 to 4.00 in 3 pairs"


def test_every_run_is_kept_in_the_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "RESULTS", tmp_path / "results.md")
    run.write([Figure("first", 1.0, "x", ">= 2", "d")])
    run.write([Figure("second", 2.0, "ms", "<= 3", "d")])
    run.write([Figure("third", 3.0, "MB", "", "d")])
    latest, history = (tmp_path / "results.md").read_text().split("## History")
    assert "third" in latest
    assert "first" not in latest
    rows = [row for row in history.splitlines() if row.startswith("| 2")]
    assert [row.split("|")[3].strip() for row in rows] == ["third", "second", "first"]


def test_a_missed_bar_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "RESULTS", tmp_path / "results.md")
    run.write([Figure("slow", 1.0, "x", ">= 2", "d"), Figure("fast", 2.0, "x", ">= 2", "d")])
    latest = (tmp_path / "results.md").read_text().split("## History")[0]
    assert [line.split("|")[1].strip() for line in latest.splitlines() if "**missed**" in line] == ["slow"]


def test_an_unknown_benchmark_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SystemExit, match="overhead"):
        run.benchmarks(["overheat"])

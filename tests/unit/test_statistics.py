import statistics

import pytest

from pgserver.statistics import MAX_ENTRIES, StatementStatistics


def test_calls_of_one_text_are_added_up() -> None:
    times = [3.0, 1.0, 8.0]
    kept = StatementStatistics()
    for ms in times:
        kept.add(("ann", "lake", "SELECT ?"), ms, 10, 100)
    (record,) = kept.records()
    assert (record["calls"], record["rows"], record["read_bytes"]) == (3, 30, 300)
    assert (record["min_exec_time"], record["max_exec_time"], record["total_exec_time"]) == (1.0, 8.0, 12.0)
    assert record["mean_exec_time"] == pytest.approx(statistics.mean(times))
    assert record["stddev_exec_time"] == pytest.approx(statistics.pstdev(times))


def test_what_was_not_run_for_longest_is_dropped() -> None:
    kept = StatementStatistics()
    for number in range(MAX_ENTRIES):
        kept.add(("ann", "lake", str(number)), 1, 0, 0)
    kept.add(("ann", "lake", "0"), 1, 0, 0)
    kept.add(("ann", "lake", "new"), 1, 0, 0)
    texts = [record["query"] for record in kept.records()]
    assert len(texts) == MAX_ENTRIES
    assert "0" in texts
    assert "1" not in texts

"""What an observer of `pg_stat_activity` is told."""

from types import SimpleNamespace
from typing import Any

from pgserver.session.observers import shown


def session(user: str, **changes: Any) -> Any:
    progress = SimpleNamespace(statement="SELECT 1", began=0.0, ended=1.5)
    known = {
        "user": user,
        "process_id": 7,
        "resting": False,
        "runs_in_lake": False,
        "progress": progress,
        "client": SimpleNamespace(peer="10.0.0.1", peer_port=4711),
        "twin": SimpleNamespace(status=ord("T")),
    }
    return SimpleNamespace(**(known | changes))


def test_only_sessions_of_its_users_are_told() -> None:
    assert [item["pid"] for item in shown([session("a"), session("b", process_id=8)], {"b", "owner"})] == [8]


def test_a_session_that_has_run_nothing_is_the_twins() -> None:
    assert not list(shown([session("a", progress=SimpleNamespace(statement=""))], {"a"}))


def test_what_runs_and_what_rests() -> None:
    running, resting = shown([session("a", runs_in_lake=True), session("a", resting=True)], {"a"})
    assert (running["state"], running["in_lake"], running["state_change"]) == (
        "active",
        True,
        "1970-01-01T00:00:00+00:00",
    )
    assert (resting["state"], resting["in_lake"], resting["state_change"]) == (
        "idle in transaction",
        False,
        "1970-01-01T00:00:01.500000+00:00",
    )


def test_a_long_text_is_cut_between_characters() -> None:
    progress = SimpleNamespace(statement="ü" * 1000, began=0.0, ended=0.0)
    (item,) = shown([session("a", progress=progress)], {"a"})
    assert item["query"] == "ü" * 511

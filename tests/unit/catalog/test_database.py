import pytest

from catalog.database import wait_for
from catalog.errors import NotReachable, OperatorError


class Clock:
    """Time that passes only by pausing."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def test_waiting_pauses_longer_and_longer_until_it_is_there() -> None:
    clock, answers = Clock(), iter([False] * 6 + [True])

    def attempt() -> str:
        if not next(answers):
            raise NotReachable("X", "asleep")
        return "there"

    assert wait_for(attempt, what="x", timeout_s=None, pause=clock.pause, clock=clock) == "there"
    assert len(clock.pauses) == 6
    assert clock.pauses[0] <= 0.25
    assert clock.pauses == sorted(clock.pauses)
    assert clock.pauses[-1] <= 5.0


def test_waiting_gives_up_in_time_and_names_the_variable() -> None:
    clock = Clock()

    def attempt() -> None:
        raise NotReachable("CATALOG_DATABASE_URL", "connection refused")

    with pytest.raises(OperatorError, match=r"CATALOG_DATABASE_URL: .*60 s \(connection refused\)"):
        wait_for(attempt, what="the catalog", timeout_s=60.0, pause=clock.pause, clock=clock)
    assert 50 < clock.now <= 60


def test_what_the_operator_must_mend_is_not_waited_for() -> None:
    clock = Clock()

    def attempt() -> None:
        raise OperatorError("X", "wrong", "mend it")

    with pytest.raises(OperatorError, match="X: wrong; mend it"):
        wait_for(attempt, what="x", timeout_s=None, pause=clock.pause, clock=clock)
    assert clock.pauses == []

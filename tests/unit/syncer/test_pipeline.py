import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from syncer.pipeline import HUGE_BYTES, ahead


@dataclass(frozen=True)
class Item:
    nbytes: int


def test_items_come_in_order() -> None:
    items = [Item(size) for size in (1, 500, 3, 0, 7)]
    assert list(ahead(items, 10, "test")) == items


def test_an_error_of_the_producer_is_raised_after_its_items() -> None:
    def produce() -> Iterator[Item]:
        yield Item(1)
        raise LookupError("gone")

    items = ahead(produce(), 10, "test")
    assert next(items) == Item(1)
    with pytest.raises(LookupError, match="gone"):
        next(items)


def test_the_producer_stays_within_the_bound() -> None:
    made, enough = 0, threading.Event()

    def produce() -> Iterator[Item]:
        nonlocal made
        for _ in range(1000):
            made += 1
            if made == 5:
                enough.set()
            yield Item(4)

    items = ahead(produce(), 10, "test")
    next(items)
    assert not enough.wait(0.05)  # one taken, two between, one in the producer's hand
    items.close()
    assert made <= 5


def test_a_consumer_that_stops_closes_the_producer_in_its_thread() -> None:
    closed_in: list[str] = []

    def produce() -> Iterator[Item]:
        try:
            while True:
                yield Item(1)
        finally:
            closed_in.append(threading.current_thread().name)

    items = ahead(produce(), 10, "the producer")
    next(items)
    items.close()
    assert closed_in == ["the producer"]


def test_a_huge_item_is_done_with_before_the_next_is_made() -> None:
    events: list[str] = []

    def produce() -> Iterator[Item]:
        for number in range(3):
            events.append(f"made {number}")
            yield Item(HUGE_BYTES)

    for number, _ in enumerate(ahead(produce(), HUGE_BYTES * 10, "test")):
        events.append(f"used {number}")
    assert events == ["made 0", "used 0", "made 1", "used 1", "made 2", "used 2"]

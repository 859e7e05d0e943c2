import asyncio

import pytest

from pgserver.engine.admission import LIGHT_BYTES, Admission
from pgserver.protocol.errors import QueryCanceled

HEAVY = LIGHT_BYTES + 1


async def queue(admission: Admission, user: str, read_bytes: int, done: list[str], name: str) -> None:
    heavy = await admission.enter(user, read_bytes)
    done.append(name)
    await asyncio.sleep(0)
    admission.leave(heavy)


async def in_order(admission: Admission, held: list[bool], *waiting: tuple[str, int, str]) -> list[str]:
    """Queue statements up while all places are held, free these, and return the names in the order of their turns."""
    done: list[str] = []
    tasks = []
    for user, read_bytes, name in waiting:
        tasks.append(asyncio.create_task(queue(admission, user, read_bytes, done, name)))
        await asyncio.sleep(0)
    assert done == []
    for heavy in held:
        admission.leave(heavy)
    await asyncio.gather(*tasks)
    return done


async def test_users_take_turns() -> None:
    admission = Admission(1)
    held = [await admission.enter("", 0)]
    waiting = (("a", 0, "a1"), ("a", 0, "a2"), ("a", 0, "a3"), ("b", 0, "b1"), ("c", 0, "c1"))
    assert await in_order(admission, held, *waiting) == ["a1", "b1", "c1", "a2", "a3"]


async def test_light_statements_need_not_wait_for_heavy_ones() -> None:
    admission = Admission(4)
    held = [await admission.enter("a", HEAVY) for _ in range(3)]
    done: list[str] = []
    heavy = asyncio.create_task(queue(admission, "a", HEAVY, done, "heavy"))
    await asyncio.sleep(0)
    await queue(admission, "a", 0, done, "light")
    assert done == ["light"]
    admission.leave(held[0])
    await heavy


async def test_heavy_statements_get_their_turn_among_light_ones() -> None:
    admission = Admission(1)
    held = [await admission.enter("", 0)]
    waiting = (("a", 0, "l1"), ("a", 0, "l2"), ("a", 0, "l3"), ("a", HEAVY, "h1"))
    assert (await in_order(admission, held, *waiting)).index("h1") < 2


async def test_who_waits_may_leave() -> None:
    admission = Admission(1)
    held = await admission.enter("a", 0)
    with pytest.raises(QueryCanceled):
        await admission.enter("a", 0, asyncio.get_running_loop().time() + 0.01)
    task = asyncio.create_task(admission.enter("a", 0))
    await asyncio.sleep(0)
    task.cancel()
    admission.leave(held)
    await asyncio.gather(task, return_exceptions=True)
    assert await asyncio.wait_for(admission.enter("b", HEAVY), 1)


async def test_who_is_called_and_canceled_at_once_gives_the_place_back() -> None:
    admission = Admission(1)
    held = await admission.enter("a", 0)
    task = asyncio.create_task(admission.enter("a", 0))
    await asyncio.sleep(0)
    admission.leave(held)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not await asyncio.wait_for(admission.enter("b", 0), 1)


async def test_a_statement_that_goes_on_waits_for_nobody() -> None:
    admission = Admission(1)
    held = await admission.enter("a", 0)
    admission.reenter(heavy=False)
    admission.leave(held)
    waiting = asyncio.create_task(admission.enter("a", 0))
    await asyncio.sleep(0)
    assert not waiting.done()
    admission.leave(held)
    await waiting

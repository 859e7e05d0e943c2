"""What the relay passes on, keeps and counts, however its bytes are cut."""

import asyncio

import pytest

from pgserver.twin.backend import BackendFailed, TwinBackend


def frame(tag: str, body: bytes = b"") -> bytes:
    return tag.encode() + (len(body) + 4).to_bytes(4) + body


ROW = frame("D", b"\0\1\0\0\0\3abc")
STREAM = (
    frame("1")
    + frame("2")
    + frame("S", b"TimeZone\0UTC\0")
    + ROW * 3
    + frame("C", b"SELECT 3\0")
    + frame("N", b"SLOG\0\0")
    + frame("Z", b"T")
)


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data


def connected(relayed: bytearray) -> TwinBackend:
    backend = TwinBackend(relayed.extend)
    backend.connection_made(Transport())
    return backend


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 10_000])
def test_relay_passes_every_byte_once(step: int) -> None:
    relayed = bytearray()
    backend = connected(relayed)
    for start in range(0, len(STREAM), step):
        backend.data_received(STREAM[start : start + step])
    assert bytes(relayed) == STREAM
    assert (backend.ready, backend.status, backend.answered_in_group) == (1, ord("T"), 3)
    assert backend.parameters == {"TimeZone": "UTC"}


def test_a_large_message_in_small_pieces_is_joined_once() -> None:
    class Piece(bytes):
        """Tells when it is added to others one by one."""

        def __radd__(self, _other: object) -> bytes:
            raise AssertionError("joined piece by piece")

    relayed = bytearray()
    backend = connected(relayed)
    stream = frame("N", b"x" * 10_000) + STREAM
    for start in range(0, len(stream), 100):
        backend.data_received(Piece(stream[start : start + 100]))
    assert bytes(relayed) == stream


@pytest.mark.parametrize("step", [1, 5, 10_000])
async def test_ask_keeps_only_the_answers_to_its_own_messages(step: int) -> None:
    relayed = bytearray()
    backend = connected(relayed)
    backend.send(b"client's Parse", 1)
    asking = asyncio.create_task(backend.ask(b"ours", 2))
    await asyncio.sleep(0)
    notice = frame("N", b"SNOTICE\0\0")
    stream = frame("1") + frame("2") + notice + ROW + frame("C", b"SELECT 1\0")
    for start in range(0, len(stream), step):
        backend.data_received(stream[start : start + step])
    kept = await asking
    assert bytes(relayed) == frame("1") + notice
    assert [chr(tag) for tag, _ in kept] == ["2", "D", "C"]


async def test_error_of_the_client_is_passed_on_and_ours_kept() -> None:
    relayed = bytearray()
    backend = connected(relayed)
    backend.send(b"client's Parse", 1)
    asking = asyncio.create_task(backend.ask(b"ours", 1))
    await asyncio.sleep(0)
    backend.data_received(frame("E", b"C42601\0\0"))
    with pytest.raises(BackendFailed) as failed:
        await asking
    assert failed.value.frame is None
    assert bytes(relayed) == frame("E", b"C42601\0\0")

    backend.data_received(frame("Z", b"I"))
    asking = asyncio.create_task(backend.ask(b"ours", 1))
    await asyncio.sleep(0)
    backend.data_received(frame("E", b"C25P02\0\0"))
    with pytest.raises(BackendFailed) as failed:
        await asking
    assert failed.value.frame == frame("E", b"C25P02\0\0")
    assert bytes(relayed).endswith(frame("Z", b"I"))


def test_hidden_messages_do_not_reach_the_client() -> None:
    relayed = bytearray()
    backend = connected(relayed)
    backend.hidden = frozenset(b"12n")
    backend.data_received(STREAM)
    assert bytes(relayed) == STREAM[10:]

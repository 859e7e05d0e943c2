"""Every message of the registries: decode(encode(m)) == m, however the stream is cut and whatever follows."""

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgserver.protocol import backend, codec, frontend, message
from pgserver.protocol.authentication import AUTHENTICATION
from pgserver.protocol.errors import PostgresError, ProtocolViolation
from tests.support import protocol_samples as samples

LOGIN_TAG = ord("p")
SYNC = frontend.Sync().encode()
READY = backend.ReadyForQuery("I").encode()


def decode(decoder, pieces: Iterable[bytes]) -> list[message.Message]:
    found = []
    for piece in pieces:
        decoder.feed(piece)
        found += decoder
    return found


def check(
    make: Callable[[], object], given_messages: list[message.Message], places: list[int], trailing: bytes
) -> None:
    """Feed the stream whole, byte by byte, cut anywhere, and with the start of another message behind it."""
    stream = b"".join(each.encode() for each in given_messages)
    assert decode(make(), [stream]) == given_messages
    assert decode(make(), [stream[at : at + 1] for at in range(len(stream))]) == given_messages
    assert decode(make(), samples.cuts(stream, places)) == given_messages
    assert decode(make(), [stream + trailing]) == given_messages


def test_every_message_has_samples():
    logged_in = {kind for tag, kind in frontend.FRONTEND.items() if tag != LOGIN_TAG}
    assert set(samples.FRONTEND) == logged_in
    assert set(samples.BACKEND) == set(backend.BACKEND.values())
    assert set(samples.AUTHENTICATION) == set(AUTHENTICATION.values())


@pytest.mark.parametrize("kind", samples.FRONTEND, ids=lambda kind: kind.__name__)
@given(data=st.data(), places=samples.places)
def test_frontend_message(kind, data, places):
    given_messages = data.draw(st.lists(samples.FRONTEND[kind], min_size=1, max_size=3))
    check(codec.FrontendDecoder, given_messages, places, SYNC[:4])


@pytest.mark.parametrize("kind", samples.BACKEND, ids=lambda kind: kind.__name__)
@given(data=st.data(), places=samples.places)
def test_backend_message(kind, data, places):
    given_messages = data.draw(st.lists(samples.BACKEND[kind], min_size=1, max_size=3))
    check(codec.BackendDecoder, given_messages, places, READY[:5])


@pytest.mark.parametrize("kind", samples.LOGIN, ids=lambda kind: kind.__name__)
@given(data=st.data(), places=samples.places)
def test_login_message(kind, data, places):
    def make():
        decoder = codec.FrontendDecoder()
        decoder.expect(kind)
        return decoder

    check(make, [data.draw(samples.LOGIN[kind])], places, b"p\0")


@pytest.mark.parametrize("kind", samples.STARTUP, ids=lambda kind: kind.__name__)
@given(data=st.data(), places=samples.places)
def test_startup_message(kind, data, places):
    check(codec.StartupDecoder, [data.draw(samples.STARTUP[kind])], places, b"\0\0\0")


@given(st.lists(samples.frontend_message, max_size=8), samples.places)
def test_mixed_stream_of_a_client(given_messages, places):
    check(codec.FrontendDecoder, given_messages, places, b"Q\0\0\0\x09abc")


@given(st.lists(samples.backend_message, max_size=8), samples.places)
def test_mixed_stream_of_a_server(given_messages, places):
    check(codec.BackendDecoder, given_messages, places, b"D\0\0\0\x09abc")


def outcomes(decoder, data: bytes) -> list[str]:
    """What a decoder gives for bytes, errors too, up to the error that ends the connection."""
    decoder.feed(data)
    found: list[str] = []
    for _ in range(len(data) + 1):
        try:
            for each in decoder:
                found.append(repr(each))  # noqa: PERF401  # what came before an error counts
        except PostgresError as error:
            found.append(f"{error.severity} {error.sqlstate} {error.message}")
            if error.fatal:
                break
        else:
            break
    return found


bodies = st.binary(max_size=60)


def check_any_body(decode_frame: Callable[[bytes], message.Message], frame: bytes) -> None:
    violation = None
    try:
        decoded = decode_frame(frame)
    except ProtocolViolation as error:  # any other exception fails the test
        violation = error
    if violation is None:
        assert decode_frame(decoded.encode()) == decoded
    else:
        assert violation.severity == "ERROR"


@given(st.sampled_from(sorted(frontend.FRONTEND)), bodies)
def test_any_body_of_a_client_is_a_message_or_a_protocol_violation(tag, body):
    frame = bytes([tag]) + (len(body) + 4).to_bytes(4, "big") + body
    check_any_body(codec.decode_frontend, frame)


@given(st.sampled_from(sorted(backend.BACKEND)), bodies)
def test_any_body_of_a_server_is_a_message_or_a_protocol_violation(tag, body):
    frame = bytes([tag]) + (len(body) + 4).to_bytes(4, "big") + body
    check_any_body(codec.decode_backend, frame)


@st.composite
def damaged_streams(draw):
    """Messages with one byte changed, or no messages at all."""
    stream = b"".join(each.encode() for each in draw(st.lists(samples.frontend_message, min_size=1, max_size=4)))
    at = draw(st.integers(0, len(stream) - 1))
    return (
        draw(st.binary(max_size=30)) if draw(st.booleans()) else stream[:at] + draw(st.binary(max_size=2)) + stream[at:]
    )


@given(damaged_streams(), samples.places)
def test_any_stream_means_the_same_however_it_is_cut(stream, places):
    whole = outcomes(codec.FrontendDecoder(), stream)
    decoder = codec.FrontendDecoder()
    found: list[str] = []
    for piece in samples.cuts(stream, places):
        found += outcomes(decoder, piece)
        if found and found[-1].startswith("FATAL"):
            break
    assert found == whole


@given(
    st.binary(max_size=60)
    | st.binary(max_size=40).map(lambda tail: (len(tail) + 8).to_bytes(4, "big") + b"\0\3\0\0" + tail)
)
def test_any_startup_bytes_end_in_messages_or_one_fatal_error(data):
    for line in outcomes(codec.StartupDecoder(), data)[:-1]:
        assert not line.startswith(("FATAL", "ERROR"))

"""Wrong bytes: what ends the connection, silently or with a word, and what the session survives."""

import struct

import pytest

from pgserver.protocol import codec, frontend, startup
from pgserver.protocol.errors import FeatureNotSupported, PostgresError, ProtocolViolation
from pgserver.protocol.frontend import PasswordMessage, Query, SASLInitialResponse, SASLResponse, Sync

LAYOUT = "invalid startup packet layout: expected terminator as last byte"
SHORT = "insufficient data left in message"
FORMAT = "invalid message format"
STRING = "invalid string in message"


def message(tag: bytes, body: bytes) -> bytes:
    return tag + struct.pack(">i", len(body) + 4) + body


def packet(code: int, body: bytes) -> bytes:
    return struct.pack(">iI", len(body) + 8, code) + body


def failure(decoder, data: bytes) -> PostgresError:
    decoder.feed(data)
    with pytest.raises(PostgresError) as caught:
        list(decoder)
    return caught.value


SURVIVED = {
    "sync with a body": (message(b"S", b"aaaa"), FORMAT),
    "flush with a body": (message(b"H", b"a"), FORMAT),
    "query without NUL": (message(b"Q", b"select 1"), STRING),
    "query with bytes after NUL": (message(b"Q", b"select 1\0x"), FORMAT),
    "describe of kind X": (message(b"D", b"Xa\0"), "invalid DESCRIBE message subtype 88"),
    "close of kind X": (message(b"C", b"Xa\0"), "invalid CLOSE message subtype 88"),
    "describe of kind X, too long": (message(b"D", b"Xa\0b"), FORMAT),
    "describe of nothing": (message(b"D", b""), "no data left in message"),
    "parse cut in its count": (message(b"P", b"\0select 1\0\0"), SHORT),
    "parse with fewer types than it says": (message(b"P", b"\0select 1\0\0\2\0\0\0\1"), SHORT),
    "parse with 65535 types": (message(b"P", b"\0select 1\0\xff\xff"), SHORT),
    "bind with a value longer than the message": (message(b"B", b"\0\0\0\0\0\1\0\0\0\x09a\0\0"), SHORT),
    "bind with a value of length -2": (message(b"B", b"\0\0\0\0\0\1\xff\xff\xff\xfe\0\0"), SHORT),
    "bind cut short": (message(b"B", b"\0\0\0\0\0"), SHORT),
    "bind with bytes left": (message(b"B", b"\0\0\0\0\0\0\0\0z"), FORMAT),
    "bind with 3 formats for 2 values": (
        message(b"B", b"\0\0" + struct.pack(">HhhhHiiH", 3, 0, 0, 0, 2, -1, -1, 0)),
        "bind message has 3 parameter formats but 2 parameters",
    ),
    "call with 2 formats for 1 value": (
        message(b"F", struct.pack(">IHhhHih", 1, 2, 0, 0, 1, -1, 0)),
        "function call message contains 2 argument formats but 1 arguments",
    ),
    "execute cut short": (message(b"E", b"\0\0\0"), SHORT),
    "execute with bytes left": (message(b"E", b"\0\0\0\0\0a"), FORMAT),
}


@pytest.mark.parametrize(("data", "text"), SURVIVED.values(), ids=SURVIVED)
def test_wrong_body_is_an_error_and_the_next_message_is_read(data, text):
    decoder = codec.FrontendDecoder()
    decoder.feed(data[:-1])
    assert list(decoder) == []
    error = failure(decoder, data[-1:] + Sync().encode() + Query(b"select 1").encode())
    assert (error.severity, error.sqlstate, error.message) == ("ERROR", "08P01", text)
    assert list(decoder) == [Sync(), Query(b"select 1")]


BAD_LENGTHS = {
    "length 0": b"Q\0\0\0\0",
    "length 3": b"Q\0\0\0\3",
    "length -1": b"Q\xff\xff\xff\xff",
    "length 2^31 - 1": b"Q\x7f\xff\xff\xff",
    "one over 64 MiB": b"Q" + struct.pack(">i", codec.DEFAULT_MESSAGE_BYTES + 1),
    **{f"{chr(tag)} of 10,001 bytes": bytes([tag]) + struct.pack(">i", 10_001) for tag in b"DECHSXcf"},
}


@pytest.mark.parametrize("header", BAD_LENGTHS.values(), ids=BAD_LENGTHS)
def test_impossible_length_closes_in_silence_before_a_body_is_taken(header):
    decoder = codec.FrontendDecoder()
    error = failure(decoder, header)
    assert isinstance(error, codec.FramingError)
    assert error.silent
    assert error.fatal
    assert decoder.frames.pending == 0


@pytest.mark.parametrize("tag", b"DECHSXcf")
def test_small_message_of_10_000_bytes_is_waited_for(tag):
    decoder = codec.FrontendDecoder()
    decoder.feed(bytes([tag]) + struct.pack(">i", 10_000))
    assert list(decoder) == []


def test_limit_is_of_the_length_word_and_configurable():
    decoder = codec.FrontendDecoder(message_bytes=20)
    decoder.feed(Query(b"a" * 15).encode())
    assert list(decoder) == [Query(b"a" * 15)]
    assert failure(decoder, Query(b"a" * 16).encode()).fatal


@pytest.mark.parametrize("data", [b"!", b"!\0\0\0\4", b"!\xff\xff\xff\xff", b"!" * 100])
def test_unknown_type_is_fatal_from_its_first_byte(data):
    error = failure(codec.FrontendDecoder(), data)
    assert (error.severity, error.sqlstate, error.message) == ("FATAL", "08P01", "invalid frontend message type 33")
    assert isinstance(error, codec.FramingError)
    assert not error.silent


def test_messages_before_a_fatal_error_are_given_and_the_error_stays():
    decoder = codec.FrontendDecoder()
    decoder.feed(Sync().encode() + b"!" + Sync().encode())
    assert next(decoder) == Sync()
    for _ in range(2):
        assert failure(decoder, Sync().encode()).message == "invalid frontend message type 33"


def test_answers_of_the_login_come_only_when_expected():
    decoder = codec.FrontendDecoder()
    assert failure(decoder, PasswordMessage(b"x").encode()).message == "invalid frontend message type 112"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (PasswordMessage, "expected password response, got message type 81"),
        (SASLInitialResponse, "expected SASL response, got message type 81"),
        (SASLResponse, "expected SASL response, got message type 81"),
    ],
)
def test_query_before_the_login_is_done(kind, text):
    decoder = codec.FrontendDecoder()
    decoder.expect(kind)
    error = failure(decoder, Query(b"select 1").encode())
    assert (error.severity, error.sqlstate, error.message) == ("FATAL", "08P01", text)


def test_password_of_70_kb_is_refused_by_its_header():
    decoder = codec.FrontendDecoder()
    decoder.expect(PasswordMessage)
    error = failure(decoder, b"p" + struct.pack(">i", 70_000))
    assert isinstance(error, codec.FramingError)
    assert error.silent


def test_sasl_length_larger_than_the_message():
    decoder = codec.FrontendDecoder()
    decoder.expect(SASLInitialResponse)
    error = failure(decoder, message(b"p", b"SCRAM-SHA-256\0\0\0\0\xffn,,"))
    assert (error.sqlstate, error.message) == ("08P01", SHORT)


def test_login_then_session_in_one_stream():
    decoder = codec.FrontendDecoder()
    decoder.expect(SASLInitialResponse)
    decoder.feed(SASLInitialResponse("SCRAM-SHA-256", b"n,,").encode() + SASLResponse(b"c=").encode() + Sync().encode())
    assert next(decoder) == SASLInitialResponse("SCRAM-SHA-256", b"n,,")
    decoder.expect(SASLResponse)
    assert next(decoder) == SASLResponse(b"c=")
    decoder.expect(None)
    assert next(decoder) == Sync()


SILENT_STARTUP = {
    "length 0": b"\0\0\0\0",
    "length 4": b"\0\0\0\4",
    "length 7": b"\0\0\0\7",
    "negative length": b"\xff\xff\xff\xff",
    "length 2^31 - 1": b"\x7f\xff\xff\xff",
    "one byte over 10,000": struct.pack(">i", 10_005),
    "HTTP": b"GET / HTTP/1.0\r\n\r\n",
    "TLS without asking": b"\x16\x03\x01\x02\x00",
    "protocol 2.0": packet(2 << 16, b""),
    "cancel without key": packet(startup.CANCEL_REQUEST_CODE, b"\0\0\0\1"),
    "cancel with 3 bytes of key": packet(startup.CANCEL_REQUEST_CODE, b"\0\0\0\1abc"),
    "cancel with 257 bytes of key": packet(startup.CANCEL_REQUEST_CODE, b"\0\0\0\1" + b"a" * 257),
    "cancel cut in the process id": packet(startup.CANCEL_REQUEST_CODE, b"\0"),
    "SSLRequest with a body": packet(startup.SSL_REQUEST_CODE, b"abcd"),
}


@pytest.mark.parametrize("data", SILENT_STARTUP.values(), ids=SILENT_STARTUP)
def test_startup_closed_in_silence(data):
    decoder = codec.StartupDecoder()
    error = failure(decoder, data)
    assert isinstance(error, codec.FramingError)
    assert error.silent
    assert decoder.pending == 0


FATAL_STARTUP = {
    "no terminator": (packet(3 << 16, b"user\0postgres\0"), "08P01", LAYOUT),
    "bytes after the terminator": (packet(3 << 16, b"user\0postgres\0\0x"), "08P01", LAYOUT),
    "nothing": (packet(3 << 16, b""), "08P01", LAYOUT),
    "name without value": (packet(3 << 16, b"user\0"), "08P01", LAYOUT),
    "protocol 4.0": (packet(4 << 16, b"\0"), "0A000", "unsupported frontend protocol 4.0: server supports 3.0 to 3.2"),
    "unknown request": (
        packet(1234 << 16 | 1, b""),
        "0A000",
        "unsupported frontend protocol 1234.1: server supports 3.0 to 3.2",
    ),
}


@pytest.mark.parametrize(("data", "sqlstate", "text"), FATAL_STARTUP.values(), ids=FATAL_STARTUP)
def test_startup_refused_with_a_word(data, sqlstate, text):
    decoder = codec.StartupDecoder()
    error = failure(decoder, data)
    assert (error.severity, error.sqlstate, error.message) == ("FATAL", sqlstate, text)
    assert not isinstance(error, codec.FramingError)
    assert failure(decoder, packet(3 << 16, b"\0")) is error


def test_startup_of_exactly_10_000_bytes():
    decoder = codec.StartupDecoder()
    value = "x" * (10_000 - 4 - len("application_name") - 3)
    decoder.feed(startup.StartupMessage({"application_name": value}).encode())
    assert next(decoder).parameters == {"application_name": value}


def test_minor_versions_and_options_are_for_the_session_to_negotiate():
    decoder = codec.StartupDecoder()
    decoder.feed(packet(3 << 16 | 9999, b"user\0u\0_pq_.foo\0bar\0\0"))
    opened = next(decoder)
    assert isinstance(opened, startup.StartupMessage)
    assert (opened.major, opened.minor, opened.protocol_options) == (3, 9999, ("_pq_.foo",))


def test_encryption_is_asked_for_once_each():
    decoder = codec.StartupDecoder()
    decoder.feed(startup.GSSENCRequest().encode() + startup.SSLRequest().encode())
    assert list(decoder) == [startup.GSSENCRequest(), startup.SSLRequest()]
    assert isinstance(failure(decoder, startup.SSLRequest().encode()), FeatureNotSupported)


@pytest.mark.parametrize("request_", [startup.SSLRequest(), startup.GSSENCRequest()])
def test_no_encryption_inside_tls(request_):
    decoder = codec.StartupDecoder(encrypted=True)
    assert isinstance(failure(decoder, request_.encode()), FeatureNotSupported)


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (startup.SSLRequest(), "received unencrypted data after SSL request"),
        (startup.GSSENCRequest(), "received unencrypted data after GSSAPI encryption request"),
    ],
)
def test_plaintext_behind_a_request_for_encryption(request_, text):
    decoder = codec.StartupDecoder()
    decoder.feed(request_.encode())
    assert next(decoder) == request_
    decoder.refuse_early_data(request_)
    decoder.feed(b"\0")
    with pytest.raises(ProtocolViolation, match=text) as caught:
        decoder.refuse_early_data(request_)
    assert caught.value.fatal


def test_what_follows_the_startup_message_goes_to_the_next_decoder():
    decoder = codec.StartupDecoder()
    decoder.feed(packet(3 << 16, b"user\0u\0\0") + Sync().encode())
    assert next(decoder).parameters == {"user": "u"}
    following = codec.FrontendDecoder()
    following.feed(decoder.take_rest())
    assert list(following) == [Sync()]


def test_secrets_stay_out_of_reprs():
    assert "hunter2" not in repr(frontend.PasswordMessage(b"hunter2"))

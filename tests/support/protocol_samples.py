"""Messages to test with: a strategy per message class, and ways to cut a stream."""

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from pgserver.protocol import authentication as auth
from pgserver.protocol import backend, frontend, startup
from pgserver.protocol.message import Message

int16 = st.integers(-(2**15), 2**15 - 1)
int32 = st.integers(-(2**31), 2**31 - 1)
oid = st.integers(0, 2**32 - 1)
raw = st.binary(max_size=40)
cstring = raw.map(lambda value: value.replace(b"\0", b""))
text = cstring.map(lambda value: value.decode("utf-8", "surrogateescape"))
name = text.filter(bool)
value = st.none() | raw
values = st.lists(value, max_size=5).map(tuple)
formats = st.lists(int16, max_size=5).map(tuple)
oids = st.lists(oid, max_size=5).map(tuple)
letters = st.integers(1, 255).map(chr)
reports = st.dictionaries(letters, text, max_size=5)


@st.composite
def formats_and_values(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[bytes | None, ...]]:
    """Values, with formats in one of the three numbers that the protocol allows."""
    given = draw(values)
    count = draw(st.sampled_from([0, 1, len(given)]))
    return tuple(draw(st.lists(int16, min_size=count, max_size=count))), given


def bind(
    portal: str, statement: str, given: tuple[tuple[int, ...], tuple[bytes | None, ...]], results: tuple[int, ...]
):
    return frontend.Bind(portal, statement, given[0], given[1], results)


def function_call(oid: int, given: tuple[tuple[int, ...], tuple[bytes | None, ...]], result: int):
    return frontend.FunctionCall(oid, given[0], given[1], result)


target = st.sampled_from("SP")
FRONTEND: dict[type[Message], SearchStrategy[Message]] = {
    frontend.Query: st.builds(frontend.Query, cstring),
    frontend.Parse: st.builds(frontend.Parse, text, cstring, oids),
    frontend.Bind: st.builds(bind, text, text, formats_and_values(), formats),
    frontend.Describe: st.builds(frontend.Describe, target, text),
    frontend.Execute: st.builds(frontend.Execute, text, int32),
    frontend.Close: st.builds(frontend.Close, target, text),
    frontend.Flush: st.builds(frontend.Flush),
    frontend.Sync: st.builds(frontend.Sync),
    frontend.Terminate: st.builds(frontend.Terminate),
    frontend.CopyData: st.builds(frontend.CopyData, raw),
    frontend.CopyDone: st.builds(frontend.CopyDone),
    frontend.CopyFail: st.builds(frontend.CopyFail, cstring),
    frontend.FunctionCall: st.builds(function_call, oid, formats_and_values(), int16),
}
LOGIN: dict[type[Message], SearchStrategy[Message]] = {
    frontend.PasswordMessage: st.builds(frontend.PasswordMessage, cstring),
    frontend.SASLInitialResponse: st.builds(frontend.SASLInitialResponse, text, value),
    frontend.SASLResponse: st.builds(frontend.SASLResponse, raw),
}
STARTUP: dict[type[Message], SearchStrategy[Message]] = {
    startup.StartupMessage: st.builds(
        startup.StartupMessage, st.dictionaries(name, text, max_size=4), st.integers(3 << 16, (4 << 16) - 1)
    ),
    startup.SSLRequest: st.builds(startup.SSLRequest),
    startup.GSSENCRequest: st.builds(startup.GSSENCRequest),
    startup.CancelRequest: st.builds(startup.CancelRequest, int32, st.binary(min_size=4, max_size=256)),
}
AUTHENTICATION: dict[type[Message], SearchStrategy[Message]] = {
    auth.AuthenticationOk: st.builds(auth.AuthenticationOk),
    auth.AuthenticationKerberosV5: st.builds(auth.AuthenticationKerberosV5),
    auth.AuthenticationCleartextPassword: st.builds(auth.AuthenticationCleartextPassword),
    auth.AuthenticationMD5Password: st.builds(auth.AuthenticationMD5Password, st.binary(min_size=4, max_size=4)),
    auth.AuthenticationGSS: st.builds(auth.AuthenticationGSS),
    auth.AuthenticationGSSContinue: st.builds(auth.AuthenticationGSSContinue, raw),
    auth.AuthenticationSSPI: st.builds(auth.AuthenticationSSPI),
    auth.AuthenticationSASL: st.builds(auth.AuthenticationSASL, st.lists(name, max_size=3).map(tuple)),
    auth.AuthenticationSASLContinue: st.builds(auth.AuthenticationSASLContinue, raw),
    auth.AuthenticationSASLFinal: st.builds(auth.AuthenticationSASLFinal, raw),
}
fields = st.builds(backend.FieldDescription, text, oid, int16, oid, int16, int32, int16)
copy_format = st.integers(0, 255)
BACKEND: dict[type[Message], SearchStrategy[Message]] = {
    auth.Authentication: st.one_of(*AUTHENTICATION.values()),
    backend.BackendKeyData: st.builds(backend.BackendKeyData, int32, raw),
    backend.BindComplete: st.builds(backend.BindComplete),
    backend.CloseComplete: st.builds(backend.CloseComplete),
    backend.CommandComplete: st.builds(backend.CommandComplete, text),
    backend.CopyBothResponse: st.builds(backend.CopyBothResponse, copy_format, formats),
    backend.CopyData: st.builds(backend.CopyData, raw),
    backend.CopyDone: st.builds(backend.CopyDone),
    backend.CopyInResponse: st.builds(backend.CopyInResponse, copy_format, formats),
    backend.CopyOutResponse: st.builds(backend.CopyOutResponse, copy_format, formats),
    backend.DataRow: st.builds(backend.DataRow, values),
    backend.EmptyQueryResponse: st.builds(backend.EmptyQueryResponse),
    backend.ErrorResponse: st.builds(backend.ErrorResponse, reports),
    backend.FunctionCallResponse: st.builds(backend.FunctionCallResponse, value),
    backend.NegotiateProtocolVersion: st.builds(
        backend.NegotiateProtocolVersion, int32, st.lists(text, max_size=3).map(tuple)
    ),
    backend.NoData: st.builds(backend.NoData),
    backend.NoticeResponse: st.builds(backend.NoticeResponse, reports),
    backend.NotificationResponse: st.builds(backend.NotificationResponse, int32, text, text),
    backend.ParameterDescription: st.builds(backend.ParameterDescription, oids),
    backend.ParameterStatus: st.builds(backend.ParameterStatus, text, text),
    backend.ParseComplete: st.builds(backend.ParseComplete),
    backend.PortalSuspended: st.builds(backend.PortalSuspended),
    backend.ReadyForQuery: st.builds(backend.ReadyForQuery, st.sampled_from("ITE")),
    backend.RowDescription: st.builds(backend.RowDescription, st.lists(fields, max_size=4).map(tuple)),
}
frontend_message = st.one_of(*FRONTEND.values())
backend_message = st.one_of(*BACKEND.values())


def cuts(data: bytes, places: list[int]) -> Iterator[bytes]:
    """Cut a stream at these places, taken modulo its length."""
    edges = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return (data[start:end] for start, end in pairwise(edges))


places = st.lists(st.integers(0, 10_000), max_size=6)

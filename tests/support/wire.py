"""Message scripts: what a client sends, and what PostgreSQL answered when the script was recorded.

    # text to say what is shown
    > Parse {"query": "VALUES (1), (2)"}
    > Bind
    > Execute {"max_rows": 1}
    > Sync
    < ParseComplete
    < BindComplete
    < DataRow ["1"]
    < PortalSuspended
    < ReadyForQuery "I"

A run of `>` lines, up to its answers or to an empty line or a comment, is sent at once; the `<` lines below it must
come, and nothing else before the next run's answers.
`make record` writes the `<` lines from a real PostgreSQL. A script talks to a session that has logged in, unless its
first line is `# connection: raw`. `> Raw "hex"` sends bytes; `< Closed` is the end of the connection. Bytes that are
not UTF-8 text are written {"hex": "..."}. OIDs of user types, process ids and the settings reported at login are not
written: each server has its own.
"""

import dataclasses
import json
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgserver.protocol import backend, startup
from pgserver.protocol.authentication import Authentication
from pgserver.protocol.codec import BackendDecoder
from pgserver.protocol.copying import CopyData
from pgserver.protocol.frontend import FRONTEND
from pgserver.protocol.message import Message

RAW_CONNECTION = "# connection: raw"
CLOSED = "Closed"
SILENCE = "(nothing more)"
FIRST_USER_OID = 16384
STARTUP: dict[str, type[Message]] = {
    kind.__name__: kind
    for kind in (startup.StartupMessage, startup.SSLRequest, startup.GSSENCRequest, startup.CancelRequest)
}
KINDS: dict[str, type[Message]] = STARTUP | {kind.__name__: kind for kind in FRONTEND.values()}
DEFAULTS: dict[str, dict[str, Any]] = {
    "Parse": {"statement": ""},
    "Bind": {"portal": "", "statement": ""},
    "Execute": {"portal": ""},
    "Describe": {"name": ""},
    "Close": {"name": ""},
}
SHORT = {"Query": "query", "CopyData": "data", "CopyFail": "reason", "Close": "name", "Describe": "kind"}
VERSIONS = {"3.0": startup.PROTOCOL_3_0, "3.2": startup.PROTOCOL_3_2}


@dataclass(frozen=True, slots=True)
class Step:
    """Messages sent at once, as written and as bytes, and the answers to them, as written."""

    sent: tuple[str, ...]
    data: bytes
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """A message script."""

    path: Path
    raw: bool
    steps: tuple[Step, ...]


def read(path: Path) -> Script:
    """Read a script."""
    text = path.read_text("utf-8")
    steps = [_step(block, path) for block in _blocks(text) if block]
    return Script(path, text.startswith(RAW_CONNECTION), tuple(steps))


def _blocks(text: str) -> Iterator[list[str]]:
    """Cut a script before each run of `>` lines, and at empty lines and comments."""
    block: list[str] = []
    for line in text.splitlines():
        if not line or line[0] == "#":
            yield block
            block = []
            continue
        if line[0] == ">" and block and block[-1][0] == "<":
            yield block
            block = []
        block.append(line)
    yield block


def _step(block: Sequence[str], path: Path) -> Step:
    sent = tuple(line[2:] for line in block if line.startswith("> "))
    answers = tuple(line[2:] for line in block if line.startswith("< "))
    if not sent or len(sent) + len(answers) < len(block):
        raise ValueError(f"{path}: neither sent nor answered: {block}")
    return Step(sent, b"".join(map(encode, sent)), answers)


def encode(line: str) -> bytes:
    """Make the bytes of a `>` line."""
    name, _, text = line.partition(" ")
    value = json.loads(text) if text else {}
    if name == "Raw":
        return bytes.fromhex(value)
    kind = KINDS[name]
    if not isinstance(value, dict) or value.keys() == {"hex"}:
        value = {SHORT[name]: value}
    values = {**DEFAULTS.get(name, {}), **value}
    types = {field.name: field.type for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return kind(**{key: _argument(types[key], each) for key, each in values.items()}).encode()


def _argument(declared: Any, value: Any) -> Any:
    """Make what a message's field wants of what JSON has."""
    name = declared if isinstance(declared, str) else getattr(declared, "__name__", str(declared))
    if isinstance(value, dict) and value.keys() == {"hex"}:
        return bytes.fromhex(value["hex"])
    if isinstance(value, list):
        return tuple(_argument("bytes" if "bytes" in str(declared) else "", each) for each in value)
    if isinstance(value, str):
        return VERSIONS[value] if name == "int" else value.encode() if "bytes" in str(declared) else value
    return value


def describe(message: Message) -> str:
    """Write a message of the server as a script has it."""
    name = type(message).__name__
    value = _content(message)
    return name if value is None else f"{name} {json.dumps(value, ensure_ascii=False)}"


def _content(message: Message) -> Any:
    for kind, content in CONTENTS.items():
        if isinstance(message, kind):
            return content(message)
    values = [getattr(message, f.name) for f in dataclasses.fields(message)]  # type: ignore[arg-type]
    return [_bytes(v) if isinstance(v, bytes) else v for v in values] or None


def _report(report: backend.Report) -> dict[str, str]:
    fields = {"severity": report.severity, "sqlstate": report.sqlstate, "message": report.message}
    return fields | ({"position": report.fields["P"]} if "P" in report.fields else {})


CONTENTS: dict[type[Message], Callable[[Any], Any]] = {
    backend.RowDescription: lambda m: [[f.name, _oid(f.type_oid), f.typmod, f.format] for f in m.fields],
    backend.ParameterDescription: lambda m: [_oid(oid) for oid in m.type_oids],
    backend.DataRow: lambda m: [None if value is None else _bytes(value) for value in m.values],
    backend.CommandComplete: lambda m: m.command,
    backend.ReadyForQuery: lambda m: m.status,
    backend.Report: _report,
    backend.BackendKeyData: lambda _: None,
    backend.NotificationResponse: lambda _: None,
    backend.ParameterStatus: lambda m: [m.name, m.value],
    Authentication: lambda m: m.code,
    CopyData: lambda m: _line(m.data),
}


def _oid(oid: int) -> int | str:
    return oid if oid < FIRST_USER_OID else "user type"


def _line(value: bytes) -> Any:
    """Write a row of COPY: text with a line's end, or bytes."""
    text = value.decode("utf-8", "replace")
    plain = "�" not in text and text.translate({9: None, 10: None}).isprintable()
    return text if plain else {"hex": value.hex()}


def _bytes(value: bytes) -> Any:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return {"hex": value.hex()}
    return text if text.isprintable() or text.isspace() else {"hex": value.hex()}


class Talk:
    """A connection that scripts are sent over."""

    def __init__(self, address: tuple[str, int], parameters: dict[str, str] | None, *, timeout_s: float = 60) -> None:
        """Connect; log in with these parameters, or not at all (None: a raw connection)."""
        self._socket = socket.create_connection(address, timeout=timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._decoder = BackendDecoder()
        self._starting = parameters is None
        self._ready = False
        self._bytes = b""  # answers to SSLRequest and GSSENCRequest: no messages
        if parameters is not None:
            self.send(startup.StartupMessage(parameters).encode())
            while (answer := self.receive()) != 'ReadyForQuery "I"':
                assert not answer.startswith((CLOSED, "ErrorResponse")), answer

    def __enter__(self) -> "Talk":
        return self

    def __exit__(self, *exception: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send; that the server has closed shows in its answers."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def receive(self, timeout_s: float | None = None) -> str:
        """Return the next answer as a script has it; `Closed` at the end.

        Raises: TimeoutError.
        """
        while True:
            if self._bytes:
                first, self._bytes = self._bytes[:1], self._bytes[1:]
                return f'Byte "{first.decode()}"'
            for message in self._decoder:
                self._starting = False
                self._ready = self._ready or isinstance(message, backend.ReadyForQuery)
                if self._ready or not isinstance(message, backend.ParameterStatus):
                    return describe(message)
            if timeout_s is not None:
                self._socket.settimeout(timeout_s)
            try:
                data = self._socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return CLOSED
            if self._starting and data[:1] in (b"S", b"N", b"G"):
                self._bytes += data
            else:
                self._decoder.feed(data)


Pace = Callable[[Talk, bytes], None]


def whole(talk: Talk, data: bytes) -> None:
    """Send all at once."""
    talk.send(data)


def bytewise(talk: Talk, data: bytes) -> None:
    """Send each byte alone."""
    for at in range(len(data)):
        talk.send(data[at : at + 1])


def cut(at: int) -> Pace:
    """Send in two parts."""

    def pace(talk: Talk, data: bytes) -> None:
        talk.send(data[:at])
        talk.send(data[at:])

    return pace


def replay(script: Script, talk: Talk, pace: Pace = whole) -> Iterator[tuple[Step, list[str]]]:
    """Send each step, and give what was answered: as many answers as the script has, or up to the end."""
    for step in script.steps:
        pace(talk, step.data)
        answers: list[str] = []
        while len(answers) < len(step.answers) and not {CLOSED, SILENCE} & set(answers):
            try:
                answers.append(talk.receive())
            except TimeoutError:
                answers.append(SILENCE)
        yield step, answers


def record(script: Script, talk: Talk, *, quiet_s: float = 0.3) -> str:
    """Send each step to a real PostgreSQL and return the script's text with its answers."""
    lines = [line for line in script.path.read_text("utf-8").splitlines() if not line.startswith("< ")]
    recorded: dict[int, Sequence[str]] = {}
    for number, step in enumerate(script.steps):
        talk.send(step.data)
        recorded[number] = list(_until_quiet(talk, quiet_s))
    return "\n".join(_with_answers(lines, script, recorded)) + "\n"


def _until_quiet(talk: Talk, quiet_s: float) -> Iterator[str]:
    while True:
        try:
            answer = talk.receive(quiet_s)
        except TimeoutError:
            return
        yield answer
        if answer == CLOSED:
            return


def _with_answers(lines: Sequence[str], script: Script, recorded: dict[int, Sequence[str]]) -> Iterator[str]:
    number, left = 0, len(script.steps[0].sent)
    for line in lines:
        yield line
        if line.startswith("> "):
            left -= 1
            if left == 0:
                yield from (f"< {answer}" for answer in recorded[number])
                number += 1
                left = len(script.steps[number].sent) if number < len(script.steps) else -1

"""Ask a server one thing and keep all that the protocol shows of the answer: for comparing, not for convenience."""

import select
import time
from dataclasses import dataclass, field
from typing import Literal

import psycopg
from psycopg import pq

Mode = Literal["simple", "text", "binary"]  # simple Query; extended with text results; extended with binary results
MODES: tuple[Mode, ...] = ("simple", "text", "binary")

_ROWS = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.SINGLE_TUPLE)
_DIAGNOSTIC = pq.DiagnosticField


class TooLate(Exception):
    """The server did not answer in time."""


@dataclass(frozen=True, slots=True)
class Column:
    """What RowDescription says of a column, but where it comes from."""

    name: str
    type_oid: int
    typmod: int
    format: int


@dataclass(frozen=True, slots=True)
class Answer:
    """One result: rows and a tag, or an error."""

    columns: tuple[Column, ...] = ()
    rows: list[tuple[bytes | None, ...]] = field(default_factory=list)
    tag: str = ""
    sqlstate: str = ""
    message: str = ""


class Asker:
    """A connection that is asked by simple or extended protocol. User types are known by name."""

    def __init__(self, url: str, *, timeout_s: float = 20) -> None:
        """Connect."""
        self._timeout_s = timeout_s
        self._connection = psycopg.connect(url, autocommit=True)
        self.pg = self._connection.pgconn
        self.type_names = self._type_names()

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()

    @property
    def usable(self) -> bool:
        """Whether the session still lives, outside a transaction."""
        return self.pg.status == pq.ConnStatus.OK and self.pg.transaction_status == pq.TransactionStatus.IDLE

    def ask(self, text: str, mode: Mode = "simple", parameters: list[str | None] | None = None) -> list[Answer]:
        """Send a text and return its results: several only where a simple Query has several statements.

        Raises: TooLate; psycopg.OperationalError when the connection is lost.
        """
        deadline = time.monotonic() + self._timeout_s
        if mode == "simple":
            self.pg.send_query(text.encode())
        else:
            values = None if parameters is None else [None if v is None else v.encode() for v in parameters]
            self.pg.send_query_params(text.encode(), values, result_format=int(mode == "binary"))
        while self.pg.flush():
            self._wait(deadline)
        return self._results(deadline)

    def _results(self, deadline: float) -> list[Answer]:
        answers = []
        while True:
            while self.pg.is_busy():
                self._wait(deadline)
                self.pg.consume_input()
            result = self.pg.get_result()
            if result is None:
                return answers
            answers.append(_answer(result))
            if self.pg.status == pq.ConnStatus.BAD:
                raise psycopg.OperationalError(answers[-1].message or "connection lost")

    def _wait(self, deadline: float) -> None:
        poll = select.poll()
        poll.register(self.pg.socket, select.POLLIN)
        if not poll.poll(max(0, (deadline - time.monotonic()) * 1000)):
            raise TooLate

    def _type_names(self) -> dict[int, str]:
        query = "SELECT oid, oid::regtype::text FROM pg_type WHERE oid >= 16384"
        return {int(oid): name for oid, name in self._connection.execute(query).fetchall()}


def _answer(result: pq.abc.PGresult) -> Answer:
    tag = (result.command_status or b"").decode()
    if result.status in _ROWS:
        columns = tuple(
            Column((result.fname(i) or b"").decode(), result.ftype(i), result.fmod(i), result.fformat(i))
            for i in range(result.nfields)
        )
        rows = [tuple(result.get_value(n, i) for i in range(result.nfields)) for n in range(result.ntuples)]
        return Answer(columns, rows, tag)
    if result.status == pq.ExecStatus.COMMAND_OK:
        return Answer(tag=tag)
    if result.status == pq.ExecStatus.EMPTY_QUERY:
        return Answer(tag="(empty)")
    sqlstate = (result.error_field(_DIAGNOSTIC.SQLSTATE) or b"XX000").decode()
    message = result.error_field(_DIAGNOSTIC.MESSAGE_PRIMARY) or result.error_message or b""
    return Answer(sqlstate=sqlstate, message=message.decode("utf-8", "replace").strip())

"""The engine's child process: runs statements in DuckDB, encodes their rows, sends them as they are asked for.

`python -m pgserver.engine <fd>`; the socket is the only way in, and its end is the end of the process. The main
thread reads frames; each running statement has a thread and a cursor of its own, kept for the next one.
"""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import duckdb
import pyarrow as pa

from pgserver.encode.copy import CopyWriter
from pgserver.encode.encoders import encoders_for
from pgserver.encode.posix_zones import parse_posix
from pgserver.encode.rows import RowChunk, encode_rows
from pgserver.engine.channel import HEADER, INITIAL_CREDIT, Kind, body_of, chunk_parts, frame, request_from
from pgserver.engine.database import DatabaseOptions, S3Access, open_database, quoted, secret
from pgserver.engine.errors import Failure, failure_of
from pgserver.engine.requests import counted
from pgserver.protocol.errors import QueryCanceled

_PR_SET_PDEATHSIG = 1
_BATCH_ROWS = 2048  # DuckDB's vector: the first rows leave as soon as there are that many
_INTERRUPT_EVERY_S = 0.05
_COUNT_EVERY_S = 2.0
_HEARINGS = 8  # runs in search of an error that DuckDB lost; each loses it again once in 200
_STACK_BYTES = 4 << 20  # enough for the deepest expression that DuckDB's parser allows; address space is limited


@dataclass(eq=False)
class Statement:
    """One statement on its way."""

    number: int
    kind: Kind
    body: dict[str, Any]
    credit: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(INITIAL_CREDIT))
    canceled: bool = False
    cursor: duckdb.DuckDBPyConnection | None = None


class Worker:
    """One DuckDB instance and the statements that run in it."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, channel: socket.socket, prefixes: tuple[str, ...]
    ) -> None:
        """Args: a locked instance; the socket to the server; where the lake is."""
        self._connection = connection
        self._channel = channel
        self._prefixes = prefixes
        self._sending = threading.Lock()
        self._statements: dict[int, Statement] = {}
        self._idle: list[SimpleQueue[Statement]] = []
        self._lock = threading.Lock()
        self._worked = threading.Event()  # since requests were counted

    def serve(self) -> None:
        """Take frames until the server is gone."""
        threading.Thread(target=self._interrupt_canceled, daemon=True).start()
        if self._prefixes:
            threading.Thread(target=self._count_requests, daemon=True).start()
        self.send(frame(Kind.READY))
        while (header := receive(self._channel, HEADER.size)) is not None:
            length, kind, number = HEADER.unpack(header)
            content = receive(self._channel, length)
            if content is None:
                return
            self._handle(Kind(kind), number, content)

    def _handle(self, kind: Kind, number: int, content: bytes) -> None:
        if kind in (Kind.RUN, Kind.EXPLAIN):
            self._start(Statement(number, kind, body_of(content)))
        elif kind == Kind.SECRETS:
            access = S3Access(**body_of(content))
            for prefix in self._prefixes:
                self._connection.execute(secret(access, prefix))
        elif (statement := self._statements.get(number)) is None:
            return  # it has ended meanwhile
        elif kind == Kind.CREDIT:
            statement.credit.release()
        elif kind == Kind.CANCEL:
            statement.canceled = True
            statement.credit.release()
            with self._lock:
                if statement.cursor is not None:
                    statement.cursor.interrupt()

    def _count_requests(self) -> None:
        """Tell the server what was asked of object storage; an idle engine sleeps."""
        cursor = self._connection.cursor()
        while self._worked.wait():
            time.sleep(_COUNT_EVERY_S)
            if not self._statements:
                self._worked.clear()
            with contextlib.suppress(duckdb.Error, MemoryError):  # then the next time tells of these
                counts = list(counted(cursor))
                if counts:
                    self.send(frame(Kind.REQUESTS, 0, {"counts": counts}))

    def _start(self, statement: Statement) -> None:
        self._worked.set()
        with self._lock:
            self._statements[statement.number] = statement
            queue = self._idle.pop() if self._idle else None
        if queue is None:
            queue = SimpleQueue()
            try:
                threading.Thread(target=self._work, args=(queue,), daemon=True).start()
            except RuntimeError:  # no memory for its stack
                self._end(statement, failure_of(MemoryError()))
                return
        queue.put(statement)

    def _work(self, queue: "SimpleQueue[Statement]") -> None:
        """Run statements, one after the other, with one cursor."""
        runner = Runner(self._connection, self)
        while True:
            statement = queue.get()
            failure = runner.run(statement)
            with self._lock:
                statement.cursor = None
                self._idle.append(queue)
            self._end(statement, failure)

    def _end(self, statement: Statement, failure: Failure | None) -> None:
        with self._lock:
            del self._statements[statement.number]
        if failure is not None:
            self.send(frame(Kind.ERROR, statement.number, failure.to_json()))
        elif statement.kind == Kind.RUN:
            self.send(frame(Kind.END, statement.number))

    def _interrupt_canceled(self) -> None:
        """Interrupt canceled statements again and again: one that comes before the query starts is lost."""
        while True:
            time.sleep(_INTERRUPT_EVERY_S)
            with self._lock:
                for statement in self._statements.values():
                    if statement.canceled and statement.cursor is not None:
                        statement.cursor.interrupt()

    def send(self, *parts: bytes | memoryview) -> None:
        """Send a frame; the server reads always, so this waits for no client."""
        with self._sending, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            send_all(self._channel, parts)


class Runner:
    """A cursor of its own, and what is known of its settings."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, worker: Worker) -> None:
        """Args: a connection of the instance; where rows are sent."""
        self._connection = connection
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._worker = worker
        self._time_zone = "UTC"

    def run(self, statement: Statement) -> Failure | None:
        """Run a statement to its end; return what went wrong."""
        try:
            cursor = statement.cursor = self._cursor = self._cursor or self._connection.cursor()
            check_canceled(statement)
            if statement.kind == Kind.EXPLAIN:
                self._explain(statement, cursor)
            else:
                self._stream(statement, cursor)
        except Exception as error:  # noqa: BLE001  # whatever it was, the server must hear of it
            failure = failure_of(error)
            if failure.sqlstate == QueryCanceled.sqlstate and not statement.canceled:
                return self._hidden_failure(statement, cursor)
            return failure
        return None

    def _hidden_failure(self, statement: Statement, cursor: duckdb.DuckDBPyConnection) -> Failure:
        """Return why a statement failed that says it was interrupted, though nobody did.

        Where one of DuckDB's threads fails, it interrupts the others by the flag that a cancel sets
        (Executor::PushError), and in one failure of 200 the reader meets the flag before the error. Then the error is
        lost with the execution: only another one brings it out. Rows that were sent are not sent again.
        """
        for _ in range(_HEARINGS):
            try:
                for _batch in cursor.execute(statement.body["sql"]).to_arrow_reader(_BATCH_ROWS):
                    check_canceled(statement)
            except Exception as error:  # noqa: BLE001  # it is what is looked for
                failure = failure_of(error)
                if failure.sqlstate != QueryCanceled.sqlstate or statement.canceled:
                    return failure
        return failure_of(RuntimeError("the error of one of the engine's threads was lost"))

    def _explain(self, statement: Statement, cursor: duckdb.DuckDBPyConnection) -> None:
        rows = cursor.execute("EXPLAIN " + statement.body["sql"]).fetchall()
        self._worker.send(frame(Kind.TEXT, statement.number, {"text": "\n".join(str(row[-1]) for row in rows)}))

    def _stream(self, statement: Statement, cursor: duckdb.DuckDBPyConnection) -> None:
        sql, columns, settings, chunk_bytes, layout = request_from(statement.body)
        if settings.time_zone != self._time_zone:
            cursor.execute(f"SET TimeZone = {quoted(duckdb_zone(settings.time_zone))}")
            self._time_zone = settings.time_zone
        with contextlib.closing(cursor.execute(sql).to_arrow_reader(_BATCH_ROWS)) as reader:
            if layout is None:
                encode = partial(encode_rows, encoders=encoders_for(columns, reader.schema, settings))
                made = chunks(reader, encode, chunk_bytes)
            elif layout.is_file:
                from pgserver.encode.files import FileWriter  # pyarrow.parquet takes a while to import

                made = FileWriter(layout.format, layout.names, reader.schema).chunks(reader)
            else:
                made = chunks(reader, CopyWriter(layout, columns, reader.schema, settings).encode, chunk_bytes)
            for chunk in made:
                statement.credit.acquire()
                check_canceled(statement)
                self._worker.send(*chunk_parts(statement.number, chunk))


def check_canceled(statement: Statement) -> None:
    """Raises: duckdb.InterruptException, as a query raises that is interrupted."""
    if statement.canceled:
        raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")


def duckdb_zone(name: str) -> str:
    """Return DuckDB's name of a zone: a fixed offset of whole hours is no rule there (`<+03>-03`), but Etc/GMT-3."""
    rule = parse_posix(name)
    if rule is None or rule.daylight is not None or rule.standard_offset % 3600:
        return name
    return f"Etc/GMT{-rule.standard_offset // 3600:+d}"


def chunks(
    reader: pa.RecordBatchReader, encode: Callable[[pa.RecordBatch], RowChunk], chunk_bytes: int
) -> Iterator[RowChunk]:
    """Encode a stream: a small chunk first, then ones of about `chunk_bytes`."""
    wanted = 1  # one batch
    while (batch := _gather(reader, wanted)) is not None:
        wanted = max(1, chunk_bytes * batch.num_rows // max(1, batch.nbytes))  # a first guess, by its size in Arrow
        at = 0
        while (left := batch.num_rows - at) > 0:
            chunk = encode(batch.slice(at, left if left < 2 * wanted else wanted))
            at += len(chunk)
            wanted = max(1, chunk_bytes * len(chunk) // len(chunk.data))
            yield chunk


def _gather(reader: pa.RecordBatchReader, rows: int) -> pa.RecordBatch | None:
    """Read batches up to some number of rows and return them as one, None at the end."""
    batches: list[pa.RecordBatch] = []
    gathered = 0
    while gathered < rows:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            break
        if batch.num_rows:
            batches.append(batch)
            gathered += batch.num_rows
    if len(batches) < 2:
        return batches[0] if batches else None
    return pa.concat_batches(batches)


def receive(channel: socket.socket, size: int) -> bytes | None:
    """Read exactly `size` bytes, None when the other side is gone."""
    content = bytearray(size)
    view = memoryview(content)
    while view:
        try:
            count = channel.recv_into(view)
        except ConnectionResetError:
            return None
        if not count:
            return None
        view = view[count:]
    return bytes(content)


def send_all(channel: socket.socket, parts: tuple[bytes | memoryview, ...]) -> None:
    """Send all parts, without joining them."""
    left = [memoryview(part) for part in parts if len(part)]
    while left:
        sent = channel.sendmsg(left)
        while left and sent >= len(left[0]):
            sent -= len(left.pop(0))
        if sent:
            left[0] = left[0][sent:]


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the server is gone, however it went."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before that call
        os._exit(1)


def address_space_bytes() -> int:
    """Return how much this process has mapped."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def main() -> None:
    """Serve the socket whose number is the first argument; the second is the server's process id."""
    die_with_parent(int(sys.argv[2]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the server's to handle
    channel = socket.socket(fileno=int(sys.argv[1]))
    header = receive(channel, HEADER.size)
    content = None if header is None else receive(channel, HEADER.unpack(header)[0])
    if content is None:
        return
    body = body_of(content)
    access = None if body["s3"] is None else S3Access(**body["s3"])
    prefixes = tuple(body["lake_prefixes"])
    options = DatabaseOptions(body["memory_limit_bytes"], body["threads"], body["spill_folder"], prefixes, access)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    connection = open_database(options)
    limit = address_space_bytes() + body["address_space_bytes"]
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    threading.stack_size(_STACK_BYTES)
    try:
        Worker(connection, channel, tuple(prefix for prefix in prefixes if prefix.startswith("s3://"))).serve()
    except Exception:  # noqa: BLE001  # also then threads that still run are not waited for
        traceback.print_exc()
        os._exit(1)
    os._exit(0)  # threads that still run hold nothing that outlives the process

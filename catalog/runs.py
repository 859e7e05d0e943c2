"""The record of the syncs: a row of `bemidb_sync_runs` for each, written when it begins and when it ends."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

from psycopg import Connection

from catalog.database import transaction
from catalog.locks import Locks

Run = Callable[[Callable[[Connection], Any]], Any]

RUNNING, LOST = "running", "lost"
KEPT_DAYS = 90
MAX_ERROR_CHARACTERS = 2000

FORGET_OLD = f"DELETE FROM bemidb_sync_runs WHERE started_at < now() - interval '{KEPT_DAYS} days'"  # noqa: S608
OPEN_RUNS = f"SELECT run_id::text FROM bemidb_sync_runs WHERE outcome = '{RUNNING}'"  # noqa: S608
MARK_LOST = f"""UPDATE bemidb_sync_runs SET outcome = '{LOST}', ended_at = now(), error = 'its process died'
WHERE run_id = %s AND outcome = '{RUNNING}'"""  # noqa: S608
ADD = f"INSERT INTO bemidb_sync_runs (run_id, started_at, outcome) VALUES (%s, now(), '{RUNNING}')"  # noqa: S608
FINISH = """UPDATE bemidb_sync_runs SET ended_at = now(), outcome = %(outcome)s, source_system = %(source_system)s,
source_database = %(source_database)s, source_lsn = %(source_lsn)s, tables = %(tables)s,
tables_failed = %(tables_failed)s, tables_unchanged = %(tables_unchanged)s, rows = %(rows)s, bytes = %(bytes)s,
error = %(error)s WHERE run_id = %(run_id)s"""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run has done. `outcome`: ok, failed (a table, or all of it), interrupted."""

    outcome: str
    source_system: str | None = None
    source_database: str | None = None
    source_lsn: str | None = None
    tables: int = 0
    tables_failed: int = 0
    tables_unchanged: int = 0
    rows: int = 0
    bytes: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RunRow:
    """A row of `bemidb_sync_runs`."""

    run_id: str
    started_at: datetime
    ended_at: datetime | None
    result: RunResult


READ = f"""SELECT run_id::text, started_at, ended_at,
{", ".join(field.name for field in fields(RunResult))} FROM bemidb_sync_runs
ORDER BY started_at DESC LIMIT %s"""  # noqa: S608 - the names of our own fields


def begin_run(run: Run, locks: Locks) -> str:
    """Write that a run begins, and which earlier ones died. Returns: its id, which it keeps locked until it ends.

    Args: what runs a function over a connection to the catalog; the locks of this run.
    Raises: NotReachable; OperatorError.
    """
    run_id = str(uuid4())
    locks.take([("run", run_id)])

    def begin(connection: Connection) -> list[str]:
        with transaction(connection):
            connection.execute(FORGET_OLD)
            open_runs = [row[0] for row in connection.execute(OPEN_RUNS)]
            connection.execute(ADD, (run_id,))
        return open_runs

    for other in run(begin):
        if locks.take([("run", other)]):
            run(partial(_execute, statement=MARK_LOST, parameters=(other,)))
            locks.release([("run", other)])
    return run_id


def end_run(run: Run, run_id: str, result: RunResult) -> None:
    """Write how a run ended.

    Raises: NotReachable; OperatorError.
    """
    values = {field.name: getattr(result, field.name) for field in fields(result)} | {"run_id": run_id}
    values["error"] = result.error[:MAX_ERROR_CHARACTERS] if result.error else None
    run(lambda connection: _execute(connection, FINISH, values))


def read_runs(run: Run, limit: int) -> list[RunRow]:
    """Return the latest runs, the newest first.

    Raises: NotReachable; OperatorError.
    """

    def read(connection: Connection) -> list[RunRow]:
        with transaction(connection):
            return [RunRow(row[0], row[1], row[2], RunResult(*row[3:])) for row in connection.execute(READ, (limit,))]

    rows: list[RunRow] = run(read)
    return rows


def _execute(connection: Connection, statement: str, parameters: Any) -> None:
    with transaction(connection):
        connection.execute(statement, parameters)

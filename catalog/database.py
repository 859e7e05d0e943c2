"""Connections to the catalog's PostgreSQL, and patience with one that is asleep.

Behind pgbouncer in transaction mode neither prepared statements nor session settings survive, and startup options are
refused: so statements are sent unprepared, and timeouts are set inside each transaction.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg
import structlog
from psycopg import Connection, errors
from psycopg.conninfo import make_conninfo

from catalog.errors import NotReachable, OperatorError

log = structlog.get_logger()

CONNECT_TIMEOUT_SECONDS = 10
BEGIN = "BEGIN; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '15s'"
# For the half-open connection: a peer that is gone must not hold a program (or a row lock) for hours.
CONNECTION_PARAMETERS = {
    "connect_timeout": str(CONNECT_TIMEOUT_SECONDS),
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
    "application_name": "bemidb",
}
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 0.25, 5.0

# What the operator must mend, by what the server says (libpq hands no SQLSTATE out for a refused login).
REFUSALS = (
    ("password authentication failed", "the user name or the password is wrong", "correct it"),
    ("SCRAM", "the password is missing or wrong", "put user:password into the URL"),
    ("no password supplied", "a password is needed", "put user:password into the URL"),
    ("no pg_hba.conf entry", "the server does not accept this user from here", "allow it in pg_hba.conf"),
    ("root certificate file", "the server's certificate cannot be verified", "give sslrootcert, or a lesser sslmode"),
    ("certificate verify failed", "the server's certificate is not trusted", "give sslrootcert, or a lesser sslmode"),
    ("server does not support SSL", "the server does not speak TLS", "set sslmode=disable or prefer in the URL"),
    ("invalid sslmode value", "sslmode is not one that exists", "use disable, prefer, require or verify-full"),
    ("invalid integer value", "a number in the URL is not one", "correct the port or the option"),
    ("invalid port number", "the port is not a number between 1 and 65535", "correct it"),
)
# The object in question is named last: 'database "x" does not exist', 'role "y" does not exist'.
MISSING = (
    ("database", "the database does not exist", "create it, or correct the name at the URL's end"),
    ("role", "the user does not exist", "create it, or correct the name in the URL"),
)

T = TypeVar("T")


def connect(variable: str, url: str) -> Connection:
    """Open a connection in autocommit mode.

    Args: the variable that the URL came from, for errors; the URL.
    Raises: OperatorError when it can never work as it is configured; NotReachable when it may work later.
    """
    own = {name: value for name, value in CONNECTION_PARAMETERS.items() if f"{name}=" not in url}
    try:
        connection = psycopg.connect(make_conninfo(url, **own), autocommit=True)
    except psycopg.ProgrammingError as error:
        raise OperatorError(
            variable, "is not a PostgreSQL URL", "write postgresql://user:password@host:5432/database"
        ) from error
    except psycopg.OperationalError as error:
        raise connection_error(variable, error) from None
    connection.prepare_threshold = None
    return connection


def connection_error(variable: str, error: psycopg.Error) -> OperatorError | NotReachable:
    """Tell what the operator must mend from what is merely not there yet; without what libpq may quote of a URL."""
    text = str(error)
    for part, problem, fix in REFUSALS:
        if part in text:
            return OperatorError(variable, problem, fix)
    if "does not exist" in text:
        for part, problem, fix in MISSING:
            if f'{part} "' in text:
                return OperatorError(variable, problem, fix)
    return NotReachable(variable, _reason(text))


def _reason(text: str) -> str:
    known = (
        ("Connection refused", "connection refused"),
        ("timeout expired", "connecting timed out"),
        ("No such file or directory", "no server at that socket"),
        ("could not translate host name", "the host name does not resolve"),
        ("resolve host", "the host name does not resolve"),
        ("starting up", "the server is starting up"),
        ("shutting down", "the server is shutting down"),
        ("recovery", "the server is in recovery"),
        ("too many clients", "the server has no free connection"),
        ("too many connections", "the server has no free connection"),
        ("remaining connection slots", "the server has no free connection"),
    )
    return next((reason for part, reason in known if part in text), "the server cannot be reached")


def is_passing(error: psycopg.Error) -> bool:
    """Tell whether a failed statement may work when it is tried again, and surely was not committed.

    Locks and timeouts, a server that starts, stops, recovers or is full. Not: a broken connection, which says nothing
    about a COMMIT that was under way.
    """
    passing = (
        errors.LockNotAvailable,
        errors.QueryCanceled,
        errors.DeadlockDetected,
        errors.SerializationFailure,
        errors.TooManyConnections,
        errors.CannotConnectNow,
        errors.ReadOnlySqlTransaction,
    )
    return isinstance(error, passing)


@contextmanager
def transaction(connection: Connection) -> Iterator[Connection]:
    """Run statements in one transaction with the timeouts set; commit at the end, roll back on an error."""
    connection.execute(BEGIN)
    try:
        yield connection
    except BaseException:
        if not connection.closed and not connection.broken:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def wait_for(
    attempt: Callable[[], T],
    *,
    what: str,
    timeout_s: float | None,
    pause: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Try until it is there, with growing pauses and a log line for each.

    Args: what to try; its name in the log; how long before giving up (none: never).
    Raises: OperatorError when the time is over.
    """
    started = clock()
    seconds = FIRST_PAUSE_SECONDS
    while True:
        try:
            return attempt()
        except NotReachable as error:
            waited = clock() - started
            if timeout_s is not None and waited + seconds > timeout_s:
                raise OperatorError(
                    error.variable,
                    f"{what} was not reachable within {timeout_s:.0f} s ({error.problem})",
                    "see that it runs and that the address is right",
                ) from error
            log.warning("waiting", what=what, variable=error.variable, problem=error.problem, waited_s=round(waited, 1))
        pause(seconds * random.uniform(0.8, 1.0))  # noqa: S311 - so that several programs do not knock in step
        seconds = min(seconds * 2, LAST_PAUSE_SECONDS)

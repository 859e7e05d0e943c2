"""The login, relayed to the twin: its challenges and the client's answers pass as they are."""

import psycopg
import structlog

from pgserver import metrics
from pgserver.protocol.errors import (
    CannotConnectNow,
    InvalidCatalogName,
    InvalidPassword,
    PostgresError,
    TooManyConnections,
    error_response,
)
from pgserver.protocol.startup import StartupMessage
from pgserver.session.state import Session
from pgserver.twin.backend import BackendLost, open_backend

log = structlog.get_logger()

AUTHENTICATION_OK = b"R\x00\x00\x00\x08\x00\x00\x00\x00"
KEEPALIVES = "bemidb.tcp_keepalives"  # see 060_settings.sql
NOWHERE = "_bemidb_no_such_database"
SHUTTING_DOWN = "the database system is shutting down"


class LoginRelay:
    """What the twin says while a client logs in: passed on message by message, with a look at each.

    The number of sessions is checked a second time where the client has proved who it is: nobody who has not can hold
    a place.
    """

    def __init__(self, session: Session) -> None:
        """Args: the session that may become one."""
        self._session = session
        self.refusal: PostgresError | None = None

    def __call__(self, frame: bytes) -> None:
        """Take one message of the twin."""
        session = self._session
        if frame == AUTHENTICATION_OK:
            self.refusal = check_room(session)
            if self.refusal is None:
                session.services.activity.add(session)
        elif session.twin.failed and frame[:1] == b"E":
            if session.twin.sqlstate == InvalidPassword.sqlstate:
                session.services.door.login_failed(session.client.peer)
                metrics.auth_failures.inc()
                log.info("login_failed", client_addr=session.client.peer)
            elif session.twin.sqlstate == InvalidCatalogName.sqlstate:
                frame = error_response(
                    InvalidCatalogName(f'database "{session.database}" does not exist', severity="FATAL")
                )
        if self.refusal is None:
            session.client.write(frame)


def check_room(session: Session) -> PostgresError | None:
    """Return why one more session may not begin now."""
    activity = session.services.activity
    if activity.draining:
        return CannotConnectNow(SHUTTING_DOWN)
    if not activity.has_room(session.user):
        return TooManyConnections("sorry, too many clients already")
    return None


def check_failures(session: Session) -> None:
    """Refuse an address that has failed too often.

    Raises: TooManyConnections (53300).
    """
    if session.services.door.is_shut(session.client.peer):
        raise TooManyConnections(
            "too many failed logins from this address", hint="Wait five minutes, then give the right password."
        )


async def log_in(session: Session, message: StartupMessage) -> None:
    """Have the twin log the client in.

    Raises: PostgresError for what is refused; ConnectionLost; BackendLost when the twin has refused the client.
    """
    client, twin = session.client, session.twin
    relay = LoginRelay(session)
    try:
        await session.services.twin.ensure_role(session.user)
        await open_backend(twin, session.services.twin.socket_path)
    except (OSError, psycopg.OperationalError) as error:
        raise CannotConnectNow("the database system is starting up", hint="Try again in a moment.") from error
    twin.relay_to(relay, whole_frames=True)
    message = with_our_database(message, session.services.twin.database)
    twin.send(with_keepalives(message, client.keepalives).encode())
    while not twin.ready:
        await until_asked(session, relay)
        if relay.refusal is not None:
            raise relay.refusal
        if twin.authentication:
            twin.authentication = 0
            _, answer = await client.next_message()
            check_failures(session)
            twin.send(answer)
    twin.relay_to(client.write)
    client.start_session()


async def until_asked(session: Session, relay: LoginRelay) -> None:
    """Wait for what the twin wants of the client, or for the end of the login.

    Raises: CannotConnectNow (57P03) when the twin dies; BackendLost when it has refused the client.
    """
    twin = session.twin
    try:
        await twin.until(lambda: bool(twin.authentication or twin.ready or relay.refusal))
    except BackendLost as error:
        if twin.fatal:
            raise
        raise CannotConnectNow("the database system is starting up", hint="Try again in a moment.") from error


def with_our_database(message: StartupMessage, database: str) -> StartupMessage:
    """Send those who want another database than ours to one that is not there: refused once they have logged in.

    The twin has databases besides ours (`postgres`, the templates) that are nobody's.
    """
    wanted = message.parameters.get("database") or message.parameters["user"]
    if wanted == database:
        return message
    return StartupMessage(message.parameters | {"database": NOWHERE}, message.version)


def with_keepalives(message: StartupMessage, keepalives: tuple[int, int, int]) -> StartupMessage:
    """Tell the twin's pg_settings what holds for the client's socket, which is not the twin's own."""
    return StartupMessage(message.parameters | {KEEPALIVES: " ".join(map(str, keepalives))}, message.version)

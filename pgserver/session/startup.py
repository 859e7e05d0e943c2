"""From an open socket to a session: limits are checked, and the login is relayed to the twin."""

import asyncio

import structlog

from pgserver.protocol.codec import FramingError
from pgserver.protocol.errors import (
    CannotConnectNow,
    FeatureNotSupported,
    InvalidAuthorizationSpecification,
    PostgresError,
    TooManyConnections,
    error_response,
)
from pgserver.protocol.startup import CancelRequest, StartupMessage
from pgserver.session.client import Client, ConnectionLost
from pgserver.session.session import serve
from pgserver.session.state import Services, Session
from pgserver.settings import RESERVED_USER
from pgserver.twin.backend import BackendLost, open_backend

log = structlog.get_logger()

LOGIN_TIMEOUT_S = 60


async def accept(client: Client, services: Services, max_connections: int) -> None:
    """Serve a socket from its first byte to its end; whatever goes wrong ends this socket alone."""
    session: Session | None = None
    try:
        async with asyncio.timeout(LOGIN_TIMEOUT_S):
            session = await log_in(client, services, max_connections)
        if session is not None:
            services.activity.add(session)
            await serve(session)
    except FramingError as error:
        if not error.silent:
            client.write(error_response(error))
    except PostgresError as error:
        error.severity = "FATAL"
        client.write(error_response(error))
    except (ConnectionLost, BackendLost, TimeoutError):
        pass
    except Exception:
        log.exception("connection_failed")
    finally:
        if session is not None:
            services.activity.remove(session)
            await session.portals.close_all()
            session.twin.close()
        await client.close()


async def log_in(client: Client, services: Services, max_connections: int) -> Session | None:
    """Go through the startup phase; None when the socket was for a cancel request.

    Raises: PostgresError for what is refused; FramingError; ConnectionLost; BackendLost.
    """
    while True:
        message = await client.next_startup()
        if isinstance(message, CancelRequest):
            await services.activity.cancel(message.process_id, message.key)
            return None
        if isinstance(message, StartupMessage):
            break
        client.write(b"N")
    user = check_startup(message)
    if len(services.activity) >= max_connections:
        raise TooManyConnections("sorry, too many clients already")
    services.lake.require_ready()
    await services.twin.ensure_role(user)
    session = Session(client, services)
    session.user = user
    client.on_lost = session.client_lost
    client.on_slow = session.client_slow
    client.start_login()
    await relay_login(client, session, message)
    return session


def check_startup(message: StartupMessage) -> str:
    """Return the user's name.

    Raises: InvalidAuthorizationSpecification (28000) without one; FeatureNotSupported (0A000) for replication.
    """
    user = message.parameters.get("user", "")
    if not user:
        raise InvalidAuthorizationSpecification("no PostgreSQL user name specified in startup packet")
    if user.startswith((RESERVED_USER, "pg_")):
        raise InvalidAuthorizationSpecification(f'role "{user}" is not permitted to log in')
    if message.parameters.get("replication", "false").lower() not in ("false", "off", "no", "0"):
        raise FeatureNotSupported("replication connections are not supported")
    return user


async def relay_login(client: Client, session: Session, message: StartupMessage) -> None:
    """Have the twin log the client in: its challenges and the client's answers pass as they are."""
    twin = session.twin
    try:
        await open_backend(twin, session.services.twin.socket_path)
    except OSError as error:
        raise CannotConnectNow("the database system is starting up", hint="Try again in a moment.") from error
    twin.send(message.encode())
    while not twin.ready:
        await twin.until(lambda: bool(twin.authentication or twin.ready))
        if twin.authentication:
            twin.authentication = 0
            _, answer = await client.next_message()
            twin.send(answer)
    client.start_session()

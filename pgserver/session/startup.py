"""From an open socket to a session, and to its end: what is refused before the login, and what is said at the end."""

import asyncio

import structlog

from pgserver import metrics
from pgserver.protocol.codec import FramingError
from pgserver.protocol.errors import (
    FeatureNotSupported,
    InvalidAuthorizationSpecification,
    InvalidPassword,
    PostgresError,
    error_response,
)
from pgserver.protocol.startup import CancelRequest, GSSENCRequest, SSLRequest, StartupMessage
from pgserver.session.client import Client, ConnectionLost
from pgserver.session.login import check_failures, check_room, log_in
from pgserver.session.session import serve
from pgserver.session.state import Services, Session
from pgserver.settings import RESERVED_USER
from pgserver.twin.backend import BackendLost

log = structlog.get_logger()


async def accept(client: Client, services: Services) -> None:
    """Serve a socket from its first byte to its end; whatever goes wrong ends this socket alone."""
    session = Session(client, services)
    try:
        async with asyncio.timeout(services.login_rules.authentication_timeout_s):
            with services.door.sockets.enter(client.peer, client.abort):
                begun = await begin(session)
        if begun:
            metrics.connections.inc()
            await serve(session)
            session.say_farewell()
    except FramingError as error:
        if not error.silent:
            client.write(error_response(error))
    except PostgresError as error:
        metrics.connections_rejected.labels(error.condition).inc()
        error.severity = "FATAL"
        client.write(error_response(error))
    except (ConnectionLost, BackendLost, TimeoutError):
        pass
    except Exception:
        log.exception("connection_failed")
    finally:
        services.activity.remove(session)
        await session.portals.end()
        session.twin.close()
        await client.close()


async def begin(session: Session) -> bool:
    """Go through the startup phase; False when the socket was for a cancel request.

    Raises: PostgresError for what is refused; FramingError; ConnectionLost; BackendLost.
    """
    client, services = session.client, session.services
    while True:
        message = await client.next_startup()
        if isinstance(message, SSLRequest | GSSENCRequest):
            await client.answer_encryption(message)
        elif isinstance(message, CancelRequest):
            await cancel(session, message)
            return False
        else:
            break
    assert isinstance(message, StartupMessage)
    session.user = check_startup(message)
    session.database = message.parameters.get("database") or session.user
    check_door(session)
    client.on_lost = session.client_lost
    client.on_slow = session.client_slow
    client.start_login()
    with services.door.logins.enter(client.peer, client.abort):
        await log_in(session, message)
    return True


async def cancel(session: Session, request: CancelRequest) -> None:
    """Pass a cancel request on, if it is one of ours; nothing is answered in any case."""
    services, peer = session.services, session.client.peer
    outcome = "refused"
    if services.door.admits(peer) and services.door.may_cancel(peer):
        found = await services.activity.cancel(request.process_id, request.key)
        outcome = "passed" if found else "unknown"
    metrics.cancel_requests.labels(outcome).inc()
    log.debug("cancel_request", outcome=outcome, client_addr=peer)


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


def check_door(session: Session) -> None:
    """Refuse what needs no password to be refused.

    Raises: PostgresError: 28000, 28P01, 53300 or 57P03.
    """
    services, peer = session.services, session.client.peer
    if not services.door.admits(peer):
        raise InvalidAuthorizationSpecification(f'connections from "{peer}" are not allowed')
    if services.login_rules.tls_required and not session.client.encrypted:
        raise InvalidAuthorizationSpecification("connections without TLS are not allowed", hint="Use sslmode=require.")
    check_failures(session)
    if session.user == services.twin.admin_name:
        services.door.login_failed(peer)
        raise InvalidPassword(f'password authentication failed for user "{session.user}"')
    refusal = check_room(session)
    if refusal is not None:
        raise refusal
    services.lake.require_ready()

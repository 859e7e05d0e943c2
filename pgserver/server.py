"""Listen, accept, reload, drain: the life of the server process."""

import asyncio
import contextlib
import errno
import signal
import ssl
from typing import TYPE_CHECKING

import psycopg
import structlog

from catalog.errors import OperatorError
from catalog.logs import configure_logs
from pgserver.assembly import Parts, assemble, watch
from pgserver.connection import ClientConnection, ConnectionOptions
from pgserver.metrics import twin_restarts
from pgserver.session.startup import accept
from pgserver.session.state import shut_down
from pgserver.settings import ServerSettings, read_log_level
from pgserver.tls import Certificates
from pgserver.users import read_users

if TYPE_CHECKING:
    from pgserver.http import HttpServer

log = structlog.get_logger()

END_S = 5.0  # for sessions that are told to end at once
VACUUM_EVERY_S = 3600.0


class Server:
    """Twin, engine, catalog and the listening socket.

    SIGTERM drains: no new sessions, what runs may finish. A second one, or SIGINT, ends all at once. SIGHUP reads
    users, certificates and the log level again.
    """

    def __init__(self, settings: ServerSettings) -> None:
        """Args: the settings, read once."""
        self._settings = settings
        self._sockets: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()
        self._failure: BaseException | None = None
        self._certificates: Certificates | None = None
        self._parts: Parts | None = None
        self._reloading: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT.

        Raises: OperatorError when it cannot start as it is configured.
        """
        loop = asyncio.get_running_loop()
        starting = asyncio.current_task()
        assert starting is not None
        loop.add_signal_handler(signal.SIGTERM, self._stop, starting, False)
        loop.add_signal_handler(signal.SIGINT, self._stop, starting, True)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        try:
            await self._serve()
        except asyncio.CancelledError:
            log.info("stopped_while_starting")

    def _stop(self, starting: "asyncio.Task[None]", hurry: bool) -> None:
        """Hear of SIGTERM (drain, the second time hurry) or SIGINT (hurry)."""
        if hurry or self._stopping.is_set():
            self._hurrying.set()
        self._stopping.set()
        if self._parts is None:
            starting.cancel()

    async def _serve(self) -> None:
        settings = self._settings
        async with contextlib.AsyncExitStack() as stack:
            http = self._open_http(stack)
            users = self._read_users()
            if settings.tls_cert is not None and settings.tls_key is not None:
                self._certificates = Certificates(settings.tls_cert, settings.tls_key)
            listener = await self._listen()
            stack.callback(listener.close)
            self._parts = await assemble(settings, users, stack, self._fail)
            if http is not None:
                http.show(self._parts)
            watch(stack, self._parts.services.twin.supervise(on_down=twin_restarts.inc), self._fail)
            watch(stack, self._vacuum(), self._fail)
            services = self._parts.services
            watch(stack, services.statistics.publish(services.twin.data_folder), self._fail)
            await listener.start_serving()
            log.info("listening", host=settings.host, port=settings.port)
            await self._stopping.wait()
            await self._drain(self._parts)
            listener.close()
            await self._end(self._parts)
        if self._failure is not None:
            raise self._failure

    def _open_http(self, stack: contextlib.AsyncExitStack) -> "HttpServer | None":
        """Open the operator's port, where there is one: it answers while all else starts."""
        settings = self._settings
        if settings.http_port is None:
            return None
        from pgserver.http import HttpServer  # it takes a while to import

        http = HttpServer(settings.http_host, settings.http_port, settings.data_dir / "spill")
        stack.push_async_callback(http.stop)
        http.start()
        return http

    async def _listen(self) -> asyncio.Server:
        """Take the port first: a second server must not touch the first one's folder."""
        host, port = self._settings.host, self._settings.port
        options = ConnectionOptions(self._tls_context, self._settings.write_timeout_s)
        loop = asyncio.get_running_loop()
        try:
            return await loop.create_server(
                lambda: ClientConnection(self._connected, options), host, port, backlog=512, start_serving=False
            )
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise OperatorError(
                    "BEMIDB_PORT", f"port {port} is in use", "stop the other program, or choose another"
                ) from error
            raise OperatorError("BEMIDB_HOST", f"cannot listen on {host}", "give an address of this machine") from error

    def _tls_context(self) -> ssl.SSLContext | None:
        return None if self._certificates is None else self._certificates.context

    def _connected(self, client: ClientConnection) -> None:
        assert self._parts is not None
        task = asyncio.create_task(accept(client, self._parts.services))
        self._sockets.add(task)
        task.add_done_callback(self._sockets.discard)

    def _fail(self, error: BaseException) -> None:
        """Hear that a part has failed for good."""
        self._failure = error
        self._hurrying.set()
        self._stopping.set()

    async def _vacuum(self) -> None:
        assert self._parts is not None
        while True:
            await asyncio.sleep(VACUUM_EVERY_S)
            try:
                await self._parts.services.twin.vacuum()
            except psycopg.Error as error:
                log.warning("twin_vacuum_failed", problem=type(error).__name__)

    # Reload

    def _read_users(self) -> dict[str, str] | None:
        settings = self._settings
        return None if settings.users_file is None else read_users(settings.users_file, settings.user)

    def _reload(self) -> None:
        """Hear of SIGHUP. What cannot be read leaves the old in force."""
        if self._parts is not None:
            self._reloading = asyncio.create_task(self._reload_all(self._parts))

    async def _reload_all(self, parts: Parts) -> None:
        try:
            configure_logs(read_log_level(self._settings), self._settings.log_format)
            if self._certificates is not None:
                self._certificates.reload()
            users = self._read_users()
            if users is not None:
                await parts.services.twin.set_users(users)
        except OperatorError as error:
            log.error("reload_failed", variable=error.variable, problem=error.problem)
        except psycopg.Error as error:
            log.error("reload_failed", problem=type(error).__name__)
        else:
            log.info("reloaded")

    # End

    async def _drain(self, parts: Parts) -> None:
        """Let what runs finish; sessions that do nothing end now, and nobody new comes in."""
        activity = parts.services.activity
        activity.draining = True
        log.info("draining", sessions=len(activity), seconds=self._settings.drain_seconds)
        for session in activity.sessions():
            if session.resting and session.between_transactions:
                session.end(shut_down())
        deadline = asyncio.get_running_loop().time() + self._settings.drain_seconds
        hurrying = asyncio.create_task(self._hurrying.wait())
        while len(activity) and not hurrying.done():
            left_s = deadline - asyncio.get_running_loop().time()
            if left_s <= 0:
                break
            await asyncio.wait({hurrying, *self._sockets}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        hurrying.cancel()

    async def _end(self, parts: Parts) -> None:
        """End all sessions, whatever they do."""
        log.info("stopping", sessions=len(parts.services.activity))
        for session in parts.services.activity.sessions():
            session.end(shut_down())
        if self._sockets:
            _, left = await asyncio.wait(tuple(self._sockets), timeout=END_S)
            for task in left:
                task.cancel()

"""The twin as a process: a private PostgreSQL, its start and end, who may log in, connections of the server's own.

Nothing in the twin is worth keeping: what cannot be trusted any more (another version's files, a cluster that the
machine's crash may have hurt, for it runs without fsync) is made anew.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import psycopg
import structlog
from psycopg import errors
from pydantic import SecretStr

from catalog.errors import OperatorError
from catalog.postgres import PostgresFailed, PrivatePostgres
from pgserver.twin import install, state
from pgserver.twin.folder import TwinFolder
from pgserver.twin.schema import CatalogRow, LakeSchema, SchemaKeeper
from pgserver.twin.types import Connection

OWN_CONNECTIONS = 32  # analysis, bridge and these, besides one backend per session
LOGINS_AT_ONCE = 64  # who is about to log in has a backend, too
LOCK_TIMEOUT_MS = 200
RESTART_SECONDS = 60.0

BOOTSTRAP_HBA = "local all {admin} trust\n"
# A session gets into our database only. The admin's password is known to this process alone, which gives it in clear:
# nobody listens on a unix socket.
HBA = """\
local all {admin} password
local {closed} all reject
local all all {method}
"""

log = structlog.get_logger()


class TwinSettings(Protocol):
    """What the twin reads of the server's settings.

    With neither user nor password any user name logs in; with a user, that one alone.
    """

    @property
    def database(self) -> str: ...

    @property
    def user(self) -> str | None: ...

    @property
    def password(self) -> SecretStr | None: ...

    @property
    def max_connections(self) -> int: ...

    @property
    def port(self) -> int: ...


class Twin:
    """The server's private PostgreSQL; one server has it at a time."""

    def __init__(
        self,
        settings: TwinSettings,
        folder: Path,
        more_users: Mapping[str, str] | None = None,
        process_bytes: int | None = None,
    ) -> None:
        """Nothing is started yet.

        Args: the settings; a folder of its own, made when it is missing; who may log in besides the user of the
        settings, each with a password or SCRAM verifier; memory of each of its processes (none: all).
        """
        self._settings = settings
        self._users = self._all_users(more_users)
        self._admin = install.admin_name(settings.user, others=more_users is not None)
        self._owner = settings.user or install.OWNER
        self._folder = TwinFolder(folder.absolute())
        self._password = secrets.token_urlsafe(24)
        self._keeper = SchemaKeeper(self._owner)
        self._connections: dict[str, Connection] = {}
        self._roles: set[str] = set()
        self._roles_lock = asyncio.Lock()
        self._shown: set[str] = set()  # of `install.ON_DEMAND`
        self._stopping = asyncio.Event()
        self._postgres = PrivatePostgres(
            self._folder.cluster,
            settings=self._cluster_settings(),
            superuser=self._admin,
            initdb_args=install.initdb_arguments(),
            socket_port=settings.port,
            process_bytes=process_bytes,
        )

    @property
    def socket_path(self) -> Path:
        """The unix socket that sessions connect to."""
        return self._postgres.socket_path

    @property
    def data_folder(self) -> Path:
        """The cluster's data folder: relative names of files that its functions read begin there."""
        return self._folder.cluster / "data"

    @property
    def database(self) -> str:
        """The one database that sessions get into."""
        return self._settings.database

    @property
    def admin_name(self) -> str:
        """The superuser, as whom no client may log in."""
        return self._admin

    @property
    def admin_password(self) -> str:
        """The superuser's, made by this process; for `plan.analysis`, which speaks the protocol itself."""
        return self._password

    def alive(self) -> bool:
        """Tell whether the twin accepts connections now."""
        return self._postgres.alive()

    async def take_folder(self) -> None:
        """Make sure that no other server uses the folder, from now to `stop`.

        Raises: OperatorError when one does, or the folder cannot be used.
        """
        await asyncio.to_thread(self._folder.lock)

    async def show(self, name: str) -> None:
        """Make what is made when somebody first asks for it. Args: a key of `install.ON_DEMAND`."""
        if name not in self._shown:
            async with self._roles_lock:
                await install.show(await self._connection("roles"), name, self._owner)
            self._shown.add(name)

    @property
    def owner(self) -> str:
        """The role that owns the lake's tables; all who log in are members of it."""
        return self._owner

    async def start(self) -> None:
        """Start PostgreSQL, see that database, files and roles are this version's, lock the door.

        Raises: OperatorError when another server has the folder, or names or folder cannot be used.
        """
        self._shown.clear()
        install.check_names(self._settings.database, self._settings.user)
        started = time.monotonic()
        await self.take_folder()
        try:
            await asyncio.to_thread(self._start_postgres)
            await self._set_up()
        except BaseException:
            await self.stop()
            raise
        log.info("twin_started", duration_ms=round((time.monotonic() - started) * 1000))

    async def stop(self) -> None:
        """End PostgreSQL and let go of the folder."""
        self._stopping.set()
        for connection in self._connections.values():
            await connection.close()
        self._connections.clear()
        await asyncio.to_thread(self._postgres.stop)
        self._folder.unlock()

    async def admin(self, database: str | None = None) -> Connection:
        """Open a superuser's connection, autocommit, with a short `lock_timeout`; the caller closes it."""
        connection = await psycopg.AsyncConnection.connect(
            host=str(self._postgres.socket_folder),
            port=self._postgres.port,
            user=self._admin,
            password=self._password,
            dbname=database or self._settings.database,
            application_name="bemidb",
            options=f"-c lock_timeout={LOCK_TIMEOUT_MS} -c event_triggers=off",
            autocommit=True,
        )
        await connection.execute(install.SETTINGS)
        return connection

    async def ensure_role(self, name: str) -> None:
        """Make sure that this user can log in, where any may; else the twin itself says what is wrong with it."""
        if self._users is not None or name in self._roles or not install.is_role_name(name):
            return
        async with self._roles_lock:
            await install.ensure_role(await self._connection("roles"), self._owner, name)
        self._roles.add(name)

    def _all_users(self, more: Mapping[str, str] | None) -> dict[str, str] | None:
        user, password = self._settings.user, self._settings.password
        if user is None and more is None:
            return None
        own = {} if user is None or password is None else {user: password.get_secret_value()}
        return own | dict(more or {})

    async def set_users(self, more: Mapping[str, str]) -> None:
        """Let others log in from now on, see `__init__`; sessions go on as they are."""
        assert self._users is not None, "where any name may log in there are no users to change"
        users = self._all_users(more)
        async with self._roles_lock:
            await install.prepare_roles(await self._connection("roles"), self._owner, users)
        self._users = users

    async def apply(self, rows: Sequence[CatalogRow]) -> LakeSchema:
        """Bring the twin's tables up to the catalog's rows, see `pgserver.twin.schema`."""
        return await self._keeper.apply(await self._connection("schema"), rows)

    async def note_runs(self, runs: str) -> None:
        """Have `bemidb.sync_runs` show these runs: a list in JSON, see `sql/on_demand/bemidb.sql`."""
        await state.note_runs(await self._connection("runs"), runs)

    async def vacuum(self) -> None:
        """Clean the twin's own catalog, which autovacuum does not: call it now and then."""
        connection = await self.admin()
        try:
            cleaned = await install.vacuum(connection)
        finally:
            await connection.close()
        log.debug("twin_vacuumed", catalogs=cleaned)

    async def died(self) -> None:
        """Return when PostgreSQL, as it runs now, has ended."""
        loop = asyncio.get_running_loop()
        try:
            fd = os.pidfd_open(self._postgres.pid)
        except (OSError, ValueError):
            return
        ended = asyncio.Event()
        loop.add_reader(fd, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(fd)
            os.close(fd)

    async def supervise(
        self,
        on_down: Callable[[], None] = lambda: None,
        on_up: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Have PostgreSQL back whenever it has died; runs until it is cancelled or the twin stops.

        Its guardian starts it again by itself; where that one was killed too, we do.
        """
        while not self._stopping.is_set():
            await self.died()
            if self._stopping.is_set():
                return
            log.error("twin_died")
            on_down()
            began = time.monotonic()
            await self._come_back()
            if self._stopping.is_set():
                return
            log.info("twin_back", duration_ms=round((time.monotonic() - began) * 1000))
            if on_up is not None:
                await on_up()

    async def _come_back(self) -> None:
        pause_seconds = 0.02
        while not await self._is_back():
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 1.2, 1.0)

    async def _is_back(self) -> bool:
        if self._stopping.is_set():
            return True
        if not self._postgres.alive():
            try:
                await asyncio.to_thread(self._postgres.start)
            except (PostgresFailed, OperatorError) as error:
                log.warning("twin_restart_failed", problem=str(error))
                return False
        try:
            await self._connection("schema")
        except psycopg.OperationalError:
            return False
        return True

    async def _connection(self, purpose: str) -> Connection:
        """Return our own connection for a purpose, opened again when it was lost."""
        connection = self._connections.get(purpose)
        if connection is not None and not connection.closed:
            try:
                await connection.execute("SELECT 1")
            except psycopg.OperationalError:
                await connection.close()
            else:
                return connection
        self._connections[purpose] = connection = await self.admin()
        return connection

    # The process

    def _start_postgres(self) -> None:
        self._folder.prepare(self._admin)
        self._folder.write_hba(BOOTSTRAP_HBA.format(admin=self._admin))
        try:
            self._postgres.start()
        except PostgresFailed as error:
            log.warning("twin_made_anew", reason=str(error))
            self._folder.clear()
            self._folder.write_hba(BOOTSTRAP_HBA.format(admin=self._admin))
            try:
                self._postgres.start()
            except PostgresFailed as again:
                raise OperatorError(
                    "BEMIDB_DATA_DIR", f"its PostgreSQL does not start: {again}", f"see {self._postgres.log_file}"
                ) from again

    def _reload(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._postgres.pid, signal.SIGHUP)

    def _cluster_settings(self) -> dict[str, str]:
        return {
            "hba_file": str(self._folder.hba_file),
            "max_connections": str(self._settings.max_connections + LOGINS_AT_ONCE + OWN_CONNECTIONS),
            "authentication_timeout": "600",  # the server in front has one of its own
            "client_connection_check_interval": "500ms",  # a statement whose session is gone ends
            "fsync": "off",
            "full_page_writes": "off",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "autovacuum": "off",
            "shared_buffers": "32MB",
            "max_locks_per_transaction": "256",  # many tables change in one transaction
            "max_notify_queue_pages": "4096",
            "io_method": "sync",  # no worker processes for a database without rows
            # What statements say and what errors quote is the users'.
            "log_min_messages": "fatal",
            "log_min_error_statement": "panic",
        }

    # The inside

    async def _set_up(self) -> None:
        await self._take_password()
        try:
            connection = await self.admin()
            current = await install.is_current(connection, self._owner)
        except errors.InvalidCatalogName:
            current = False
        except psycopg.OperationalError as error:
            if "does not exist" not in str(error):
                raise
            current = False
        else:
            if not current:
                await connection.close()
        if not current:
            maintenance = await self.admin("template1")
            try:
                await install.make_owner(maintenance, self._owner)
                await install.recreate_database(maintenance, self._settings.database, self._owner)
            finally:
                await maintenance.close()
            connection = await self.admin()
            await install.run_files(connection, self._owner)
        self._connections["schema"] = connection
        await install.drop_orphans(connection)
        await install.prepare_roles(connection, self._owner, self._users)

    async def _take_password(self) -> None:
        """Give the superuser this process' password, then shut the door that let us in without one."""
        connection = await self._without_password()
        try:
            await install.set_admin_password(connection, self._password)
        finally:
            await connection.close()
        closed = ",".join(name for name in install.EVERYWHERE if name != self._settings.database)
        method = "trust" if self._users is None else "scram-sha-256"
        await asyncio.to_thread(self._folder.write_hba, HBA.format(admin=self._admin, closed=closed, method=method))
        self._reload()
        deadline = time.monotonic() + RESTART_SECONDS
        while True:
            try:
                connection = await self._bare_connection()
            except psycopg.OperationalError:
                return
            await connection.close()
            assert time.monotonic() < deadline, "PostgreSQL does not reload its configuration"
            await asyncio.sleep(0.002)

    async def _without_password(self) -> Connection:
        """Connect by the door that is open at start; a cluster that a killed server left has to be told of it."""
        deadline = time.monotonic() + RESTART_SECONDS
        while True:
            try:
                return await self._bare_connection()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                self._reload()
                await asyncio.sleep(0.02)

    async def _bare_connection(self) -> Connection:
        return await psycopg.AsyncConnection.connect(
            host=str(self._postgres.socket_folder),
            port=self._postgres.port,
            user=self._admin,
            password="",
            dbname="template1",
            autocommit=True,
        )

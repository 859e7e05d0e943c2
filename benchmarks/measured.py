"""A program that ran to its end: how long it took, how much of the processor, and how much memory at most."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used, its own threads and the children that it waited for."""

    seconds: float
    cpu_s: float
    peak_mb: float


def measured(arguments: Sequence[str], variables: Mapping[str, str]) -> Usage:
    """Run Python with these arguments.

    Args: the arguments; variables to set besides our own (an empty value unsets).
    """
    environment = {name: value for name, value in {**os.environ, **variables}.items() if value}
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL)
    peak_mb = 0.0
    ended, status, usage = os.wait4(process.pid, os.WNOHANG)
    while not ended:
        peak_mb = max(peak_mb, _peak_mb(process.pid))
        time.sleep(LOOK_SECONDS)
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)[:80]} failed")
    return Usage(seconds, usage.ru_utime + usage.ru_stime, peak_mb)


def _peak_mb(pid: int) -> float:
    """Ask the kernel for the highest resident memory so far; that of `wait4` may be what was forked, ours."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0

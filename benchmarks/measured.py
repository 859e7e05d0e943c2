"""A program that ran to its end: how long it took, how much of the processor, and how much memory at most."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


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
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)[:80]} failed")
    return Usage(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)

"""Child processes that never outlive us, and that a Ctrl-C in the terminal does not hit before we say so."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

GRACE_SECONDS = 40  # a server may drain for 30
_PR_SET_PDEATHSIG = 1


@contextlib.contextmanager
def program(
    module: str, environment: Mapping[str, str] | None = None, *, quiet: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python -m module`; it is ended when the block is left, and by the kernel if we are killed.

    Args: the module; variables to set besides our own (an empty value unsets); whether to drop its standard output.
    """
    variables = {**os.environ, **(environment or {})}
    child = start(
        module,
        env={name: value for name, value in variables.items() if value},
        stdout=subprocess.DEVNULL if quiet else None,
    )
    try:
        yield child
    finally:
        end(child)


def start(module: str, **options: Any) -> subprocess.Popen[bytes]:
    """Start `python -m module` with these options of Popen; the kernel ends it with the thread that calls."""
    return subprocess.Popen(
        [sys.executable, "-m", module],
        start_new_session=True,
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        **options,
    )


def end(child: subprocess.Popen[bytes]) -> None:
    """Ask a child to end, wait; an impatient user's next Ctrl-C asks again, and that is the last time of asking."""
    for wait_seconds in (GRACE_SECONDS, 5):
        if child.poll() is not None:
            return
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            child.wait(wait_seconds)
    if child.poll() is None:
        child.kill()
        child.wait()


def raise_on_signals() -> None:
    """Make SIGTERM and SIGHUP what Ctrl-C is, so that blocks are left in order."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup make run
            signal.signal(number, interrupt)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

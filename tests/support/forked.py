"""Programs of ours in processes forked from one that has imported them: they work from their first moment.

Of a run that ends soon, such as a start that must fail, the imports are nearly all of the time.
"""

import atexit
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.support.forked_imports"])


def start(module: str, environment: Mapping[str, str], folder: Path, *arguments: str) -> ForkServerProcess:
    """Start `python -m module` with these variables and no others; what it prints comes into the folder."""
    process = _FORKS.Process(target=_run, args=([module, *arguments], dict(environment), folder))
    process.start()
    return process


def run(
    module: str, environment: Mapping[str, str], *arguments: str, timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run `python -m module` to its end.

    Raises: subprocess.TimeoutExpired.
    """
    with tempfile.TemporaryDirectory() as folder:
        process = start(module, environment, Path(folder), *arguments)
        process.join(timeout_s)
        late = process.exitcode is None
        if late:
            process.kill()
            process.join()
        out, err = (Path(folder, name).read_text("utf-8") for name in ("stdout", "stderr"))
        if late:
            raise subprocess.TimeoutExpired(module, timeout_s, out, err)
        assert process.exitcode is not None
        return subprocess.CompletedProcess(module, process.exitcode, out, err)


def _run(command: list[str], environment: dict[str, str], folder: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(Path(__file__).parents[2])
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(folder / name, os.O_WRONLY | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    sys.argv = command
    module = command[0]
    sys.modules.pop(f"{module}.__main__", None)  # runpy warns of one that was imported
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()  # a fork ends without

"""Run the benchmarks (all, or those named) and write results.md: `python -m benchmarks.run [overhead sync ...]`."""

import datetime
import importlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.figure import Figure

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.md"
HISTORY = "## History\n"

INTRODUCTION = """# Results

Written by `make bench`. Each figure is a ratio to a reference that was measured in the same run, or a bound that holds
whatever the machine; absolute numbers depend on it. No test is timed: these are the only timings.
"""


def benchmarks(names: list[str]) -> list[str]:
    """Return the names of the benchmarks to run."""
    known = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    unknown = set(names) - set(known)
    if unknown:
        raise SystemExit(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return names or known


def measure(names: list[str]) -> Iterator[Figure]:
    """Run them one after the other; print each figure as soon as it is known."""
    for name in names:
        print(f"{name}:", flush=True)
        for figure in importlib.import_module(f"benchmarks.bench_{name}").run():
            verdict = "" if figure.holds() else f"   MISSES {figure.bar}"
            print(f"  {figure.name}: {figure.text()}{verdict}   ({figure.detail})", flush=True)
            yield figure


def machine() -> str:
    """Return one line about where this ran."""
    model = platform.processor() or platform.machine()
    if (cpuinfo := Path("/proc/cpuinfo")).exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    memory_gb = psutil.virtual_memory().total / 1e9
    load = os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} cores, {memory_gb:.0f} GB, Python {platform.python_version()}, load {load:.1f}"


def commit() -> str:
    """Return the short name of the commit that was measured."""
    shown = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    return shown.stdout.strip() or "unknown"


def write(figures: list[Figure]) -> None:
    """Put the figures on top of results.md, and a line for each into its history."""
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    before = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    history = before.partition(HISTORY)[2].strip().splitlines()[2:]
    rows = [f"| {f.name} | {f.text()} | {f.bar}{'' if f.holds() else ' **missed**'} | {f.detail} |" for f in figures]
    told = [f"| {today} | {commit()} | {f.name} | {f.text()} |" for f in figures]
    lines = [
        INTRODUCTION,
        f"## Latest: {today}, commit {commit()}\n\n{machine()}\n",
        "| figure | value | bar | made of |\n| --- | --- | --- | --- |",
        *rows,
        f"\n{HISTORY}\n| date | commit | figure | value |\n| --- | --- | --- | --- |",
        *told,
        *history,
    ]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> int:
    """Return 1 when a figure misses its bar."""
    figures = list(measure(benchmarks(sys.argv[1:])))
    write(figures)
    return 0 if all(figure.holds() for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())

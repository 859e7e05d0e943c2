"""`python -m syncer`: copy a Postgres into the lake."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TextIO, cast

from rich.console import Console
from rich.file_proxy import FileProxy

import catalog.without_pandas  # noqa: F401  # for its effect
from catalog.errors import NotReachable, OperatorError
from catalog.logs import configure_logs
from catalog.settings import load_settings
from syncer.checks import check, show_plan
from syncer.run import sync
from syncer.settings import CURSORS, DESTINATION_SCHEMA, EXCLUDE, INCLUDE, SORT, SyncSettings
from syncer.verify import verify

EXIT_TABLES_FAILED = 1
EXIT_NOT_STARTED = 2
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Command:
    """What the program can do."""

    help: str
    run: Callable[[SyncSettings, Console], bool]


COMMANDS = {
    "sync": Command("copy the chosen tables, all visible at once (the default)", sync),
    "verify": Command("compare counts and column checksums of source and lake; exit code 1 at a difference", verify),
}

# What `sync` does instead with an option of that name.
INSTEAD = {
    "--check": Command("only try the connections and rights", check),
    "--dry-run": Command("only print what would be copied, and how", show_plan),
}

# Options that set a variable for this run.
OPTIONS = {
    "--include": (INCLUDE, "tables to copy: schema.table, comma-separated, * as wildcard"),
    "--exclude": (EXCLUDE, "tables to leave out"),
    "--schema": (DESTINATION_SCHEMA, "schema of the lake to copy into"),
    "--jobs": ("BEMIDB_SYNC_JOBS", "tables, or parts of big ones, copied at a time"),
    "--cursor": (CURSORS, "tables to copy incrementally: schema.table:column, comma-separated"),
    "--sort": (SORT, "columns to sort tables by: schema.table:column, comma-separated"),
    "--summary-json": ("BEMIDB_SYNC_SUMMARY_JSON", "file to write the run's summary to"),
}

# Options without a value that set a variable to true.
FLAGS = {
    "--drop-missing": ("BEMIDB_SYNC_DROP_MISSING", "drop tables from the lake that are gone at the source"),
    "--take-over": ("BEMIDB_SYNC_TAKE_OVER", "replace tables of the lake that came from another source"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns: the exit code: 0, 1 when a table failed, 2 when nothing could be done."""
    options = _parser().parse_args(arguments)
    console = Console()
    try:
        for option, (variable, _) in (OPTIONS | FLAGS).items():
            value = getattr(options, option.removeprefix("--").replace("-", "_"))
            if value is not None:
                os.environ[variable] = value
        settings = load_settings(SyncSettings)
        signal.signal(signal.SIGTERM, _interrupt)
        if console.is_terminal and sys.stderr.isatty():
            # Log lines go above the bars, not into them.
            sys.stderr = cast(TextIO, FileProxy(console, sys.stderr))
        configure_logs(settings.log_level, settings.log_format)
        command = INSTEAD[options.instead] if options.instead else COMMANDS[options.command]
        return 0 if command.run(settings, console) else EXIT_TABLES_FAILED
    except (OperatorError, NotReachable) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_NOT_STARTED
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: what had not become visible yet keeps its previous content\n")
        return EXIT_INTERRUPTED


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m syncer", description="Copy a PostgreSQL database into the lake. Set by variables, see docs."
    )
    commands = "; ".join(f"{name}: {command.help}" for name, command in COMMANDS.items())
    parser.add_argument("command", nargs="?", choices=tuple(COMMANDS), default="sync", help=commands)
    for option, (variable, text) in OPTIONS.items():
        parser.add_argument(option, metavar="VALUE", help=f"{text} ({variable})")
    only = parser.add_mutually_exclusive_group()
    for option, instead in INSTEAD.items():
        only.add_argument(option, dest="instead", action="store_const", const=option, help=instead.help)
    for option, (variable, text) in FLAGS.items():
        parser.add_argument(option, action="store_const", const="true", help=f"{text} ({variable})")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""`python -m pgserver`: serve the lake on the Postgres protocol."""

import argparse
import asyncio
import sys

import catalog.without_pandas  # noqa: F401  # for its effect
from catalog.errors import OperatorError
from catalog.logs import configure_logs
from catalog.settings import load_settings
from pgserver.machine import allow_many_files
from pgserver.server import Server
from pgserver.settings import ServerSettings, read_log_level

FAILED_START = 2


def new_loop() -> asyncio.AbstractEventLoop:
    """Return a fast event loop, or asyncio's own where uvloop has no wheel."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def main() -> int:
    """Read the settings, serve, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pgserver", description="Serve the lake on the Postgres protocol.")
    parser.epilog = "All settings are environment variables: see docs/configuration.md."
    parser.parse_args()
    try:
        settings = load_settings(ServerSettings)
        configure_logs(read_log_level(settings), settings.log_format)
        allow_many_files()
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(Server(settings).run())
    except OperatorError as error:
        sys.stderr.write(f"pgserver: {error}\n")
        return FAILED_START
    return 0


if __name__ == "__main__":
    sys.exit(main())

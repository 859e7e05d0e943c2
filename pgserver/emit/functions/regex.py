"""Regular expressions."""

from pgserver.emit.rules import Rules, table

REGEX: Rules = table()

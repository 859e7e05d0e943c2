"""Functions of numbers."""

from pgserver.emit.rules import Rules, table

MATH: Rules = table()

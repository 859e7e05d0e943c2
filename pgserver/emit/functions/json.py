"""Functions of json and jsonb."""

from pgserver.emit.rules import Rules, table

JSON: Rules = table()

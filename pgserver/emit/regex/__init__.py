"""Regular expressions: which of Postgres' (ARE) mean the same in DuckDB (RE2), and how they are written there."""

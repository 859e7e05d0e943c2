"""Names of the session values that emitted SQL may ask for."""

NOW = "now"
STATEMENT_TIMESTAMP = "statement_timestamp"
CURRENT_USER = "current_user"
SESSION_USER = "session_user"
CURRENT_SCHEMA = "current_schema"
CURRENT_DATABASE = "current_database"

TIMES = frozenset({NOW, STATEMENT_TIMESTAMP})

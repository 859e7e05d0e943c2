"""Functions that ask the session: the time of its transaction, its user. The twin knows; a hole takes the answer."""

from pgserver.emit import sessions
from pgserver.emit.rules import Call, Rules, built, table
from pgserver.emit.values import Value


def transaction_time(call: Call) -> Value:
    """When the transaction began."""
    return call.result(call.session(sessions.NOW), atom=True)


def statement_time(call: Call) -> Value:
    """When the statement arrived."""
    return call.result(call.session(sessions.STATEMENT_TIMESTAMP), atom=True)


SESSION: Rules = table(
    built("now()", transaction_time),
    built("transaction_timestamp()", transaction_time),
    built("statement_timestamp()", statement_time),
)

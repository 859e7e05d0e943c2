"""Errors as the client sees them: `PostgresError` and its class per SQLSTATE; ErrorResponse from and to them."""

from pgserver.protocol.backend import ErrorResponse, NoticeResponse, Report
from pgserver.protocol.postgres_error import BY_SQLSTATE, PostgresError
from pgserver.protocol.sqlstates import *  # noqa: F403  # the classes are the point of this module
from pgserver.protocol.sqlstates import __all__ as _generated

_OWN_FIELDS = frozenset("SVCMDHP")


def error_response(error: PostgresError) -> bytes:
    """Return the ErrorResponse message; its fields are in Postgres' order."""
    return ErrorResponse(_fields(error, error.severity, error.sqlstate)).encode()


def notice_response(
    message: str, *, severity: str = "NOTICE", sqlstate: str = "00000", hint: str | None = None
) -> bytes:
    """Return a NoticeResponse message."""
    return NoticeResponse(_fields(PostgresError(message, hint=hint), severity, sqlstate)).encode()


def error_from(report: Report) -> PostgresError:
    """Return the error that a server reported, as the class of its SQLSTATE; every field is kept.

    A SQLSTATE that no class has (RAISE may invent one) gives a plain PostgresError that carries it.
    """
    fields = report.fields
    position = fields.get("P", "")
    error = BY_SQLSTATE.get(report.sqlstate, PostgresError)(
        report.message,
        detail=fields.get("D"),
        hint=fields.get("H"),
        position=int(position) if position.isdecimal() else None,
        severity=report.severity,
        extra={letter: value for letter, value in fields.items() if letter not in _OWN_FIELDS},
    )
    error.sqlstate = report.sqlstate
    return error


def _fields(error: PostgresError, severity: str, sqlstate: str) -> dict[str, str]:
    position = None if error.position is None else str(error.position)
    given = {
        "S": severity,
        "V": severity,
        "C": sqlstate,
        "M": error.message,
        "D": error.detail,
        "H": error.hint,
        "P": position,
        **error.extra,
    }
    # An ErrorResponse cannot hold NUL; a message that quotes a client's bytes might.
    return {letter: value.replace("\0", "") for letter, value in given.items() if value is not None}


__all__ = ["BY_SQLSTATE", "PostgresError", "error_from", "error_response", "notice_response"]
__all__ += _generated

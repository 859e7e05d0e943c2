"""The root of the error tree. Its leaves are generated into `sqlstates.py`; import all of them from `errors.py`.

PostgresError
  ProtocolViolation (08P01)     the body of one message is wrong: ERROR, the session lives
    FramingError                the stream is wrong: FATAL, the connection must close (codec.py)
  UndefinedTable (42P01), ...   one class per condition of Postgres' errcodes.txt
"""

from collections.abc import Mapping
from typing import ClassVar

BY_SQLSTATE: dict[str, type["PostgresError"]] = {}


class PostgresError(Exception):
    """What becomes an ErrorResponse. `extra` holds further fields by their letter (Error and Notice Message Fields)."""

    sqlstate: str = "XX000"
    condition: ClassVar[str] = "internal_error"

    def __init_subclass__(cls, *, code: str | None = None, condition: str | None = None) -> None:
        """Register the class under its SQLSTATE; a subclass without a code keeps its parent's."""
        super().__init_subclass__()
        if code is None or condition is None:
            return
        if code in BY_SQLSTATE:
            raise TypeError(f"SQLSTATE {code} belongs to {BY_SQLSTATE[code].__name__} already")
        cls.sqlstate = code
        cls.condition = condition
        BY_SQLSTATE[code] = cls

    def __init__(
        self,
        message: str,
        *,
        detail: str | None = None,
        hint: str | None = None,
        position: int | None = None,
        severity: str = "ERROR",
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """Keep the parts. `position` counts characters of the query, from 1."""
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.hint = hint
        self.position = position
        self.severity = severity
        self.extra: Mapping[str, str] = extra or {}

    @property
    def fatal(self) -> bool:
        """Whether the connection ends with this error."""
        return self.severity != "ERROR"

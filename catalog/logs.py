"""Logs: an event and fields on standard error, one line each; never the user's values, never a secret."""

import logging
import sys
from typing import Literal

import structlog
from structlog.types import Processor

QUIET = (
    "pyiceberg",
    "botocore",
    "boto3",
    "s3transfer",
    "urllib3",
    "sqlalchemy",
    "fsspec",
    "s3fs",
    "psycopg",
    "asyncio",
)

# Without the values of local variables: those are the user's.
TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


class _Level:
    """The level in force."""

    number = logging.INFO


_level = _Level()


def logs_debug() -> bool:
    """Whether lines at level debug are written: what would only go into one need not be put together."""
    return _level.number <= logging.DEBUG


def configure_logs(level: str, log_format: Literal["console", "json"]) -> None:
    """Send our events, and what the libraries have to say from warning up, to standard error.

    Standard error, so that a program's output can be piped. Colours only on a terminal.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    _level.number = number
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
    ]
    renderers: list[Processor]
    if log_format == "json":
        renderers = [TRACEBACKS, structlog.processors.JSONRenderer()]
    else:
        renderers = [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), timestamp_key="ts", exception_formatter=structlog.dev.plain_traceback
            )
        ]
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,  # a reload may change the level
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)
    for name in QUIET:
        # Below warning these write SQL, URLs and headers.
        logging.getLogger(name).setLevel(max(number, logging.WARNING))

"""DuckDB's errors as SQLSTATEs: a table, and what a client may not read is cut out of the text.

Rows of a stream that has begun fail as OSError, with the kind in the text: so the text alone is read.
"""

import re
from dataclasses import asdict, dataclass
from typing import Any, Self

from pgserver.protocol.errors import FeatureNotSupported, PostgresError


class EngineError(PostgresError):
    """A statement failed in the engine.

    `retryable_on_bridge`: Postgres itself may have an answer, since only DuckDB's way of computing it failed.
    """

    def __init__(self, failure: "Failure") -> None:
        """Take a failure as the child reported it."""
        super().__init__(failure.message, detail=failure.detail, hint=failure.hint)
        self.sqlstate = failure.sqlstate
        self.retryable_on_bridge = failure.retryable_on_bridge

    @property
    def blames_rule(self) -> bool:
        """Whether DuckDB did not even understand the statement: what Postgres had accepted was emitted wrongly."""
        return self.retryable_on_bridge and (self.sqlstate[:2] in ("42", "3F") or self.sqlstate == "XX000")


@dataclass(frozen=True, slots=True)
class Failure:
    """What the child tells of an error. `poisoned`: the instance is of no use any more."""

    sqlstate: str
    message: str
    detail: str | None = None
    hint: str | None = None
    retryable_on_bridge: bool = False
    poisoned: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Read what `to_json` gave."""
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class _Rule:
    """The first rule whose kind and pattern fit decides."""

    kind: str  # as DuckDB's text begins, before " Error: "; "" for any
    pattern: str
    sqlstate: str
    bridge: bool = True
    message: str | None = None  # instead of DuckDB's


_MEMORY = "out of memory"
_DISK = "could not write to temporary file"
_READ = "could not read a data file of the lake"
_CORRUPT = "a data file of the lake is corrupted"
_CANCELED = "canceling statement due to user request"
_DEEP = "stack depth limit exceeded"

# `error('22012')` is how a macro says which of Postgres' errors it means.
_RAISED = {
    "22012": "division by zero",
    "22003": "value out of range",
    "22008": "timestamp out of range",
    "22011": "negative substring length not allowed",
    "22023": "invalid parameter value",
    "2201F": "cannot take square root of a negative number",
    "2201E": "cannot take logarithm of a number that is not positive",
}

_TOO_LARGE = r"(?i)(?:overflow|out of range|doesn't fit|can't be cast)"

_RULES = (
    _Rule("INTERRUPT", "", "57014", bridge=False, message=_CANCELED),
    _Rule("", r"max_temp_directory_size|No space left", "53100", bridge=False, message=_DISK),
    _Rule("Out of Memory", "", "53200", bridge=False, message=_MEMORY),
    _Rule("", r"std::bad_alloc|bad allocation|malloc|realloc", "53200", bridge=False, message=_MEMORY),
    _Rule("Parser", r"memory exhausted|expression depth", "54001", message=_DEEP),
    _Rule("", r"[Mm]ax expression depth|expression depth limit|stack overflow", "54001", message=_DEEP),
    _Rule("Parser", "", "42601"),
    _Rule("Syntax", "", "42601"),
    _Rule("Binder", r"does not have a column|Referenced column|column .* not found", "42703"),
    _Rule("Binder", r"Ambiguous", "42702"),
    _Rule("Binder", r"Referenced table|Table .* not found", "42P01"),
    _Rule("Binder", r"No function matches|Could not choose a best candidate", "42883"),
    _Rule("Binder", "", "42804"),
    _Rule("Catalog", r"Table with name|View with name", "42P01"),
    _Rule("Catalog", r"Function with name|Macro", "42883"),
    _Rule("Catalog", r"Schema with name", "3F000"),
    _Rule("Catalog", r"already exists", "42P07"),
    _Rule("Catalog", "", "42704"),
    _Rule("Conversion", r"(?i)(date|timestamp|time|interval)\b.*(out of|not in timestamp) range", "22008"),
    _Rule("Conversion", r"invalid (date|timestamp|time) field format", "22007"),
    _Rule("", rf"{_TOO_LARGE}.*INT64", "22003", message="bigint out of range"),
    _Rule("", rf"{_TOO_LARGE}.*INT32", "22003", message="integer out of range"),
    _Rule("", rf"{_TOO_LARGE}.*INT16", "22003", message="smallint out of range"),
    _Rule("", r"(?i)(overflow|out of range|casting value).*DECIMAL", "22003", message="numeric field overflow"),
    _Rule("Conversion", _TOO_LARGE, "22003"),
    _Rule("Conversion", "", "22P02"),
    _Rule("Out of Range", r"take square root of a negative", "2201F"),
    _Rule("Out of Range", r"take logarithm", "2201E"),
    _Rule("Out of Range", "", "22003"),
    _Rule("Invalid Input", r"No magic bytes|too small to be a Parquet|[Pp]arquet.*corrupt|TProtocolException", "XX001",
          bridge=False, message=_CORRUPT),
    _Rule("Invalid Input", r"Attempting to execute an unsuccessful|TransactionContext Error", "25P02", bridge=False),
    _Rule("Invalid Input", r"More than one row returned by a subquery", "21000",
          message="more than one row returned by a subquery used as an expression"),
    _Rule("Invalid Input", "", "22023"),
    _Rule("Invalid", "", "22023"),
    _Rule("Mismatch Type", "", "42804"),
    _Rule("Permission", "", "42501", bridge=False, message="permission denied"),
    _Rule("Not implemented", "", "0A000"),
    _Rule("Constraint", r"NOT NULL", "23502"),
    _Rule("Constraint", "", "23000"),
    _Rule("HTTP", "", "58030", bridge=False, message=_READ),
    _Rule("IO", r"No magic bytes|too small to be a Parquet|corrupt", "XX001", bridge=False, message=_CORRUPT),
    _Rule("IO", "", "58030", bridge=False, message=_READ),
    _Rule("TransactionContext", "", "25000", bridge=False),
    _Rule("Serialization", "", "XX001", bridge=False, message=_CORRUPT),
)  # fmt: skip

_KIND = re.compile(
    r"(?:[A-Za-z.]*(?:Exception|OSError): )?(?P<kind>[A-Za-z][A-Za-z ]*?) Error: (?P<text>.*)", re.DOTALL
)
_POISONED = re.compile(r"^FATAL|has been invalidated|database is invalidated", re.IGNORECASE)
_SECRETS = (
    re.compile(r"""['"]?\b(?:s3|s3a|s3n|r2|gcs|gs|https?|file)://[^\s'"]*['"]?""", re.IGNORECASE),
    re.compile(r"""(?<![\w.])(?:/[\w.@%+=,~-]+){2,}/?"""),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{8,}\b"),
    re.compile(r"(?i)\b(?:secret|key_id|session_token|authorization|x-amz-[a-z-]+)\b\s*[:=]\s*\S+"),
)
_HIDDEN = "(hidden)"
_MAX_CHARACTERS = 1000


def failure_of(error: BaseException) -> Failure:
    """Return what to tell of an exception that DuckDB, Arrow or Python raised while a statement ran."""
    if isinstance(error, EngineError):
        return Failure(error.sqlstate, error.message, error.detail, error.hint, error.retryable_on_bridge)
    if isinstance(error, PostgresError):  # an encoder's
        unsupported = isinstance(error, FeatureNotSupported)
        return Failure(error.sqlstate, error.message, error.detail, error.hint, retryable_on_bridge=unsupported)
    if isinstance(error, MemoryError):  # ArrowMemoryError is one
        return Failure("53200", _MEMORY)
    text = str(error)
    match = _KIND.match(text)
    kind, rest = (match["kind"].strip(), match["text"]) if match else ("", text)
    if _POISONED.search(text):
        return Failure("XX000", "the engine failed", poisoned=True)
    raised = rest.strip()
    if raised in _RAISED:
        return Failure(raised, _RAISED[raised], retryable_on_bridge=True)
    bridge = "bridge" in raised.split("\n", 1)[0]
    for rule in _RULES:
        if rule.kind.lower() in ("", kind.lower()) and re.search(rule.pattern, rest):
            return Failure(rule.sqlstate, rule.message or clean(rest), retryable_on_bridge=rule.bridge or bridge)
    return Failure("XX000", clean(rest) if kind else "the engine failed", retryable_on_bridge=True)


def clean(text: str) -> str:
    """Return the first lines of an engine's message, without paths, URLs, keys, quoted SQL or stack traces."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(("LINE ", "Stack Trace", "This error signals", "For more information")):
            break
        if line.strip():
            lines.append(line.strip())
    cleaned = " ".join(lines)
    for pattern in _SECRETS:
        cleaned = pattern.sub(_HIDDEN, cleaned)
    return cleaned[:_MAX_CHARACTERS]

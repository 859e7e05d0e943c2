"""DuckDB's errors as the client sees them."""

import duckdb
import pytest

from pgserver.engine.errors import EngineError, Failure, clean, failure_of
from pgserver.protocol.errors import FeatureNotSupported, ProgramLimitExceeded


@pytest.mark.parametrize(
    ("text", "sqlstate", "bridge"),
    [
        ("INTERRUPT Error: Interrupted!", "57014", False),
        ("Out of Memory Error: could not allocate block of size 256.0 KiB", "53200", False),
        ("Out of Memory Error: failed to offload data: max_temp_directory_size exceeded", "53100", False),
        ("Invalid Input Error: bridge", "22023", True),
        ("Invalid Input Error: 22012", "22012", True),
        ("Out of Range Error: Overflow in multiplication of INT64 (1 * 2)!", "22003", True),
        ("Conversion Error: date field value out of range: \"2024-02-30\"", "22008", True),
        ("HTTP Error: HTTP GET error on 'https://b.s3.amazonaws.com/wh/x' (HTTP 403)", "58030", False),
        ("IO Error: Could not read from file \"s3://b/x\": timed out", "58030", False),
        ("Invalid Input Error: No magic bytes found at end of file 's3://b/wh/x.parquet'", "XX001", False),
        ("Permission Error: Cannot access file \"/etc/passwd\" - disabled", "42501", False),
        ("Not implemented Error: nope", "0A000", True),
        ("Constraint Error: NOT NULL constraint failed: t.c1", "23502", True),
        ("std::bad_alloc", "53200", False),
        ("something nobody knows", "XX000", True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("error", [duckdb.Error, OSError])
def test_the_text_decides_since_a_stream_fails_as_oserror(error, text: str, sqlstate: str, bridge: bool) -> None:
    failure = failure_of(error(text))
    assert (failure.sqlstate, failure.retryable_on_bridge, failure.poisoned) == (sqlstate, bridge, False)


@pytest.mark.parametrize(
    "text",
    [
        "FATAL Error: Failed: database has been invalidated because of a previous fatal error.",
        "INTERNAL Error: database has been invalidated",
    ],
)
def test_an_instance_that_is_broken_says_so(text: str) -> None:
    assert failure_of(duckdb.Error(text)).poisoned


def test_memory_and_our_own_errors() -> None:
    assert failure_of(MemoryError("malloc of size 2000000064 failed")).sqlstate == "53200"
    assert failure_of(ProgramLimitExceeded("too long")) == Failure("54000", "too long")
    assert failure_of(FeatureNotSupported("no binary form")).retryable_on_bridge


@pytest.mark.parametrize(
    "secret",
    [
        "s3://bucket/wh/data/00000-1.parquet",
        "https://account.r2.cloudflarestorage.com/bucket/x?X-Amz-Signature=abc",
        "file:///home/user/.bemidb/warehouse/x.parquet",
        "/home/user/.bemidb/warehouse/x.parquet",
        "AKIAIOSFODNN7EXAMPLE",
        "secret=abcdef",
    ],
)
def test_nothing_of_the_house_is_told(secret: str) -> None:
    message = clean(
        f"could not read '{secret}' for some reason\n\nLINE 1: SELECT x FROM y\nStack Trace:\n/usr/lib/x.so"
    )
    assert secret not in message
    assert message.startswith("could not read")
    assert message.endswith("for some reason")


def test_user_s_words_stay() -> None:
    text = "Could not convert string '12/31' to INT32, a/b or 1/2"
    assert clean(text) == text


def test_a_failure_survives_its_way_to_the_server() -> None:
    failure = failure_of(duckdb.Error("Conversion Error: Could not convert string 'x' to INT32"))
    error = EngineError(Failure.from_json(failure.to_json()))
    assert (error.sqlstate, error.retryable_on_bridge) == ("22P02", True)

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.copy_messages import blank_heads, ends, read_error

# What may stand within a row: newlines before a `d` above all, and no NUL.
ROW = st.lists(st.sampled_from(["\nd", "d", "\n", "a", ",", "é", "\x01\x01\x01", "Z"]), max_size=8)


def message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


@given(st.lists(ROW, max_size=6), st.integers(0, 40), st.booleans())
def test_heads_of_whole_rows_become_a_column(rows: list[list[str]], missing: int, notice: bool) -> None:
    texts = ["".join(row).encode() + b"\n" for row in rows]
    tail = message(b"N", b"\nd\0\0\0\5,\0") if notice else b""
    stream = b"".join(message(b"d", text) for text in texts) + tail
    filled = max(0, len(stream) - missing)
    expected, end = b"", 0
    for text in texts:
        if end + 5 + len(text) > filled:
            break
        expected += b"0000," + text
        end += 5 + len(text)
    buffer = bytearray(stream) + bytearray(10)
    assert blank_heads(buffer, filled) == end
    assert buffer[:end] == expected
    assert buffer[end:] == stream[end:] + bytes(10)


def test_a_notice_between_rows_ends_what_is_blanked() -> None:
    stream = message(b"d", b"1\n") + message(b"N", b"x\0\0") + message(b"d", b"2\n")
    buffer = bytearray(stream)
    assert blank_heads(buffer, len(buffer)) == 7
    assert buffer == b"0000,1\n" + stream[7:]


def test_the_end_is_known() -> None:
    said = message(b"d", b"Z\n") + message(b"c", b"") + message(b"C", b"COPY 1\0") + message(b"Z", b"T")
    assert [size for size in range(len(said) + 1) if ends(bytearray(said), size)] == [len(said)]


@pytest.mark.parametrize(
    ("sqlstate", "kind"), [("57014", psycopg.errors.QueryCanceled), ("XX999", psycopg.DatabaseError)]
)
def test_an_error_is_psycopgs(sqlstate: str, kind: type[psycopg.Error]) -> None:
    error = read_error(b"SERROR\0C" + sqlstate.encode() + b"\0Mso not\0Dbecause\0\0")
    assert type(error) is kind
    assert (error.sqlstate, error.diag.message_primary, error.diag.message_detail) == (sqlstate, "so not", "because")

"""Reading within bounds; writing what cannot be read as something else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgserver.protocol.buffer import Reader, Writer, strict_text
from pgserver.protocol.errors import CharacterNotInRepertoire, ProtocolViolation

READS = {
    "byte": lambda reader: reader.byte(),
    "int16": lambda reader: reader.int16(),
    "uint16": lambda reader: reader.uint16(),
    "int32": lambda reader: reader.int32(),
    "uint32": lambda reader: reader.uint32(),
    "int16s": lambda reader: reader.int16s(1),
    "uint32s": lambda reader: reader.uint32s(1),
    "take": lambda reader: reader.take(1),
    "value": lambda reader: reader.value(),
    "cstring": lambda reader: reader.cstring(),
    "text": lambda reader: reader.text(),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_read_past_the_end(read):
    with pytest.raises(ProtocolViolation):
        read(Reader(b"no more", 7))


def test_negative_size_is_no_way_back():
    reader = Reader(b"abc")
    reader.take(2)
    with pytest.raises(ProtocolViolation, match="insufficient data"):
        reader.take(-1)
    assert reader.rest() == b"c"


@pytest.mark.parametrize("write", [lambda body: body.text("a\0b"), lambda body: body.cstring(b"a\0b")])
def test_no_nul_is_written_into_a_string(write):
    with pytest.raises(ValueError, match="NUL"):
        write(Writer())


@given(st.binary())
def test_strict_text_is_what_utf8_decodes(raw):
    try:
        expected = raw.decode()
    except UnicodeDecodeError:
        expected = "\0"
    if "\0" in expected:
        with pytest.raises(CharacterNotInRepertoire):
            strict_text(raw)
    else:
        assert strict_text(raw) == expected


@pytest.mark.parametrize(
    ("raw", "spelled"),
    [
        (b"a\xff", "0xff"),
        (b"\xc3", "0xc3"),
        (b"\xc3\x28", "0xc3 0x28"),
        (b"\xed\xa0\x80", "0xed 0xa0 0x80"),
        (b"\xf5\x80\x80\x80", "0xf5 0x80 0x80 0x80"),
        (b"a\0b", "0x00"),
    ],
)
def test_strict_text_names_the_bytes(raw, spelled):
    with pytest.raises(CharacterNotInRepertoire) as caught:
        strict_text(raw)
    assert str(caught.value) == f'invalid byte sequence for encoding "UTF8": {spelled}'

"""Text in other encodings than UTF-8. Source: PostgreSQL documentation, section "Character Set Support"."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pgserver.encode.pieces import BYTES, Piece, constant, join
from pgserver.protocol.errors import FeatureNotSupported, UntranslatableCharacter

UNCHANGED = frozenset(("UTF8", "UNICODE", "SQLASCII"))
LATIN = {1: 1, 2: 2, 3: 3, 4: 4, 5: 9, 6: 10, 7: 13, 8: 14, 9: 15, 10: 16}  # LATINn is ISO 8859 part m
PAGES = (866, 874, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258)
OTHERS = """
KOI8R=koi8_r KOI8=koi8_r KOI8U=koi8_u ALT=cp866 WIN=cp1251 TCVN=cp1258 EUCJP=euc_jp EUCJIS2004=euc_jis_2004
SJIS=cp932 SHIFTJIS=cp932 MSKANJI=cp932 SHIFTJIS2004=shift_jis_2004 EUCKR=euc_kr UHC=cp949 WIN949=cp949 JOHAB=johab
EUCCN=gb2312 GBK=gbk WIN936=gbk GB18030=gb18030 BIG5=cp950 WIN950=cp950
"""
CODECS = {
    **{f"LATIN{number}": f"iso8859_{part}" for number, part in LATIN.items()},
    **{f"ISO8859{part}": f"iso8859_{part}" for part in (*LATIN.values(), 5, 6, 7, 8)},
    **{f"WIN{page}": f"cp{page}" for page in PAGES},
    **dict(pair.split("=") for pair in OTHERS.split()),
}


def canonical_name(encoding: str) -> str:
    """Return an encoding's name as Postgres compares them: letters and digits alone."""
    return "".join(character for character in encoding if character.isalnum()).upper()


def encoded_lines(line: Sequence[Piece], rows: int, encoding: str) -> list[Piece]:
    """Return UTF-8 pieces of rows without NUL as they are in another encoding.

    Raises: FeatureNotSupported (0A000) for an encoding without a codec; UntranslatableCharacter (22P05).
    """
    name = canonical_name(encoding)
    if name in UNCHANGED:
        return list(line)
    if name not in CODECS:
        raise FeatureNotSupported(f'rows of the lake are not available in encoding "{encoding}"')
    ended = join([*line, constant(b"\0", rows)], rows)
    data = np.frombuffer(ended.buffers()[2], dtype=np.uint8)
    if len(data) and int(data.max()) < 0x80:
        return list(line)
    encoded = np.frombuffer(_encoded(data.tobytes().decode(), name, encoding), dtype=np.uint8)
    ends = np.flatnonzero(encoded == 0)  # no byte of a character of several bytes is 0
    offsets = np.zeros(rows + 1, dtype=np.int64)
    offsets[1:] = ends - np.arange(rows)
    kept = np.delete(encoded, ends)
    return [pa.Array.from_buffers(BYTES, rows, [None, pa.py_buffer(offsets), pa.py_buffer(kept)])]


def _encoded(text: str, name: str, encoding: str) -> bytes:
    try:
        return text.encode(CODECS[name])
    except UnicodeEncodeError as error:
        sequence = " ".join(f"0x{byte:02x}" for byte in text[error.start].encode())
        raise UntranslatableCharacter(
            f'character with byte sequence {sequence} in encoding "UTF8" has no equivalent in encoding "{encoding}"'
        ) from error

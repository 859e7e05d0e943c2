"""Dates, times and timestamps as Postgres' text, in every DateStyle.

A style is a row of tokens, each of which becomes one piece. Years outside 1 .. 9999 and infinities take the same
tokens, with pieces of varying width.
Source: Postgres' EncodeDateOnly, EncodeDateTime, EncodeTimezone (utils/adt/datetime.c).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pgserver.encode.calendar import DAY_MICROS, Civil, civil, clock, iso_dates
from pgserver.encode.digits import fraction_pieces, padded, selected
from pgserver.encode.pieces import (
    TEXT,
    ColumnEncoder,
    Field,
    Ints,
    Mask,
    Piece,
    constant,
    field,
    mask,
    numbers,
    to_bytes,
    validity,
)
from pgserver.encode.zones import LocalType, Zone, zone

DATE_INFINITY = 2**31 - 1  # DuckDB's sentinels, kept by Arrow and Iceberg
TIMESTAMP_INFINITY = 2**63 - 1
_FIRST_DAY = -719_162  # 0001-01-01
_LAST_DAY = 2_932_896  # 9999-12-31

# Tokens: Ymd an ISO date, Y m d its fields, T the clock with its fraction, a b the names of weekday and month,
# z a numeric offset, Z a space and the zone's abbreviation; all else is itself.
_DATES = {
    ("ISO", False): "Ymd", ("ISO", True): "Ymd",
    ("SQL", False): "m/d/Y", ("SQL", True): "d/m/Y",
    ("German", False): "d.m.Y", ("German", True): "d.m.Y",
    ("Postgres", False): "m-d-Y", ("Postgres", True): "d-m-Y",
}  # fmt: skip
_TIMESTAMPS = {
    ("ISO", False): "Ymd Tz", ("ISO", True): "Ymd Tz",
    ("SQL", False): "m/d/Y TZ", ("SQL", True): "d/m/Y TZ",
    ("German", False): "d.m.Y TZ", ("German", True): "d.m.Y TZ",
    ("Postgres", False): "a b d T YZ", ("Postgres", True): "a d b T YZ",
}  # fmt: skip
_WEEKDAYS = [b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat"]
_MONTHS = [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"]


@dataclass(frozen=True, slots=True)
class _Local:
    """Local date and time of each row, and the zone's types where the type has a zone."""

    days: Ints
    micros: Ints  # of the day
    ordinary: bool  # every year is in 1 .. 9999
    kinds: npt.NDArray[np.intp] | None = None
    types: tuple[LocalType, ...] = ()


def date_text(date_style: str) -> ColumnEncoder:
    """Return the encoder of date32."""
    layout = _tokens(_DATES[_style(date_style)])

    def encode(array: pa.Array) -> Field:
        days = numbers(array, np.int32)
        valid = validity(array)
        if _within(days, _FIRST_DAY, _LAST_DAY):
            return field(_pieces(layout, _Local(days.astype(np.int64), days, True)), valid)
        infinite = np.abs(days.astype(np.int64)) == DATE_INFINITY
        wide = np.where(infinite, 0, days.astype(np.int64))
        pieces = _pieces(layout, _Local(wide, wide, False))
        return field(_with_infinities(pieces, infinite, days > 0), valid)

    return encode


def time_text(array: pa.Array) -> Field:
    """Encode time64[us]: HH:MM:SS and what there is of a fraction."""
    micros = numbers(array, np.int64)
    seconds = micros // 1_000_000
    return field([clock(seconds), *fraction_pieces(micros - seconds * 1_000_000)], validity(array))


def timestamp_text(date_style: str, time_zone: str | None) -> ColumnEncoder:
    """Return the encoder of timestamp[us]: without a zone when `time_zone` is None, else shown in that zone."""
    layout = _tokens(_TIMESTAMPS[_style(date_style)])
    if time_zone is None:
        layout = [token for token in layout if token not in ("z", "Z")]
    shown = None if time_zone is None else zone(time_zone)

    def encode(array: pa.Array) -> Field:
        micros = numbers(array, np.int64)
        valid = validity(array)
        low, high = (int(micros.min()), int(micros.max())) if len(micros) else (0, 0)
        infinite = None
        if high == TIMESTAMP_INFINITY or low <= -TIMESTAMP_INFINITY:
            infinite = (micros == TIMESTAMP_INFINITY) | (micros == -TIMESTAMP_INFINITY)
            local = _local(np.where(infinite, 0, micros), shown)
            return field(_with_infinities(_pieces(layout, local), infinite, micros > 0), valid)
        return field(_pieces(layout, _local(micros, shown)), valid)

    return encode


def _style(date_style: str) -> tuple[str, bool]:
    """Read a DateStyle such as `SQL, DMY`."""
    style, _, order = date_style.partition(",")
    return style.strip(), order.strip() == "DMY"


def _tokens(layout: str) -> list[str]:
    return ["Ymd", *layout[3:]] if layout.startswith("Ymd") else list(layout)


def _within(values: npt.NDArray[np.signedinteger], low: int, high: int) -> bool:
    return not len(values) or (int(values.min()) >= low and int(values.max()) <= high)


def _local(micros: Ints, shown: Zone | None) -> _Local:
    kinds: npt.NDArray[np.intp] | None = None
    types: tuple[LocalType, ...] = ()
    seconds = micros // 1_000_000
    if shown is not None:
        types = shown.types
        kinds = shown.lookup(seconds)
        # Seconds and their fraction apart: an offset must not overflow at the ends of the range.
        fraction = micros - seconds * 1_000_000
        seconds = seconds + np.array([kind.offset for kind in types], dtype=np.int64).take(kinds)
        days = seconds // 86_400
        return _Local(
            days, (seconds - days * 86_400) * 1_000_000 + fraction, _within(days, _FIRST_DAY, _LAST_DAY), kinds, types
        )
    days = seconds // 86_400
    return _Local(days, micros - days * DAY_MICROS, _within(days, _FIRST_DAY, _LAST_DAY), kinds, types)


def _pieces(layout: Sequence[str], local: _Local) -> list[Piece]:
    """Return the pieces of a layout's tokens."""
    if local.ordinary and set(layout) <= {"Ymd", " ", "T", "z"}:
        date = Civil(local.days, local.days, local.days)  # not looked at
    else:
        date = civil(local.days)
    pieces = _pieces_of(layout, local, date)
    if not local.ordinary:
        pieces.append(selected(date.year <= 0, [b"", b" BC"]))
    return pieces


def _pieces_of(layout: Sequence[str], local: _Local, date: Civil) -> list[Piece]:
    return [piece for token in layout for piece in _token(token, local, date)]


def _token(token: str, local: _Local, date: Civil) -> list[Piece]:
    if token == "Ymd":  # noqa: S105  # a token of a layout
        return [iso_dates(local.days)] if local.ordinary else _pieces_of("Y-m-d", local, date)
    match token:
        case "Y":
            return [_years(date.year, local.ordinary)]
        case "m":
            return [padded(date.month, 2)]
        case "d":
            return [padded(date.day, 2)]
        case "a":
            return [selected((local.days + 4) % 7, _WEEKDAYS)]
        case "b":
            return [selected(date.month - 1, _MONTHS)]
        case "T":
            seconds = local.micros // 1_000_000
            return [clock(seconds), *fraction_pieces(local.micros - seconds * 1_000_000)]
        case "z":
            return [_by_kind(local, [_offset(kind.offset) for kind in local.types])]
        case "Z":
            return [_by_kind(local, [b" " + kind.abbreviation.encode() for kind in local.types])]
        case _:
            return [constant(token.encode(), len(local.days))]


def _years(years: Ints, ordinary: bool) -> Piece:
    """Return years with at least four digits; those before Christ by their number there."""
    if ordinary:
        return padded(years, 4)
    counted = np.where(years > 0, years, 1 - years)
    return to_bytes(pc.utf8_lpad(pc.cast(pa.array(counted), TEXT), 4, padding="0"))


def _by_kind(local: _Local, texts: list[bytes]) -> Piece:
    """Return the text of each row's local type; a constant where the rows' texts are all the same."""
    assert local.kinds is not None
    used = np.flatnonzero(np.bincount(local.kinds, minlength=len(texts)))
    if len({texts[kind] for kind in used}) == 1:
        return constant(texts[int(used[0])], len(local.kinds))
    narrow = np.zeros(len(texts), dtype=np.intp)
    narrow[used] = np.arange(len(used))
    return selected(narrow.take(local.kinds), [texts[kind] for kind in used])


def _offset(seconds: int) -> bytes:
    """Return an offset as Postgres prints it: +05:30, -08, +01:36:45."""
    rest = abs(seconds)
    parts = [rest // 3600, rest // 60 % 60, rest % 60]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return ("+" if seconds >= 0 else "-").encode() + b":".join(b"%02d" % part for part in parts)


def _with_infinities(pieces: Sequence[Piece], infinite: Mask, positive: Mask) -> list[Piece]:
    """Empty the pieces of infinite rows and add the words instead."""
    finite = pa.array(~infinite)
    words = selected(np.where(infinite, np.where(positive, 1, 2), 0), [b"", b"infinity", b"-infinity"])
    return [*(mask(piece, finite) for piece in pieces), words]

"""The shape of encoded rows. `encode_rows` lays a batch out as DataRow messages (see the Postgres docs, Message Formats)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class WireColumn:
    """How one result column goes over the wire: the type that the twin described and the client's format code."""

    type_oid: int
    typmod: int
    format: int  # 0 text, 1 binary


@dataclass(frozen=True, slots=True)
class WireSettings:
    """The session's settings that change a value's text form."""

    time_zone: str = "UTC"
    date_style: str = "ISO, MDY"
    interval_style: str = "postgres"
    bytea_output: str = "hex"
    extra_float_digits: int = 1


@dataclass(frozen=True, slots=True)
class RowChunk:
    """n encoded rows: one buffer of n messages, and n + 1 byte offsets into it (int64)."""

    data: bytes | memoryview
    offsets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.offsets) - 1

    def split(self, rows: int) -> tuple["RowChunk", "RowChunk"]:
        """Return the first `rows` rows and the rest, without copying."""
        cut = int(self.offsets[rows])
        view = memoryview(self.data)
        return (
            RowChunk(view[:cut], self.offsets[: rows + 1]),
            RowChunk(view[cut:], self.offsets[rows:] - cut),
        )

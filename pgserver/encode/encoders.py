"""From result columns to their encoders."""

from collections.abc import Sequence

import pyarrow as pa

from pgserver.encode import binary, text
from pgserver.encode.memo import memoized
from pgserver.encode.pieces import ColumnEncoder
from pgserver.encode.rows import WireColumn, WireSettings


def encoder_for(column: WireColumn, arrow: pa.DataType, settings: WireSettings) -> ColumnEncoder:
    """Return the encoder of a column in the format that the client asked for."""
    choose = binary.encoder_for if column.format else text.encoder_for
    return choose(column, arrow, settings)


def encoders_for(columns: Sequence[WireColumn], schema: pa.Schema, settings: WireSettings) -> list[ColumnEncoder]:
    """Return one encoder a column, in order.

    Args: what the client was told of each column; the schema of the batches to come.
    """
    kinds = zip(columns, schema.types, strict=True)
    return [memoized(encoder_for(column, kind, settings), kind) for column, kind in kinds]

"""From COPY to Parquet: read, convert and write at the same time, with a bound on what lies between."""

from collections.abc import Callable, Generator, Iterator

import psycopg
import pyarrow as pa
from psycopg import sql

from catalog.tables import TableTarget
from syncer.convert import Converter
from syncer.describe import SourceTable
from syncer.extract import ALL, Batch, extract
from syncer.pipeline import ahead
from syncer.write import FileWriter

AHEAD_BYTES = 16 << 20


def write_rows(
    connection: psycopg.Connection,
    table: SourceTable,
    target: TableTarget,
    writer: FileWriter,
    each: Callable[[pa.Table], object],
    where: sql.Composable = ALL,
) -> None:
    """Write a table's rows, or those for which a condition is true; the writer stays open.

    Args: a connection in the run's snapshot; what is read, where to, with what; what else to do with each batch, which
    may stop it all with an error.
    Raises: psycopg.Error; OSError (storage); Unrepresentable; NotText; RewrittenMeanwhile.
    """
    converter = Converter(target.columns, target.arrow_schema)
    blocks = ahead(extract(connection, table, where), AHEAD_BYTES, f"read {table.label}")
    arrow = ahead(_converted(blocks, converter), AHEAD_BYTES, f"convert {table.label}")
    try:
        for rows in arrow:
            writer.add(rows)
            each(rows)
            del rows
    except BaseException:
        arrow.close()
        raise


def _converted(blocks: Generator[Batch, None, None], converter: Converter) -> Iterator[pa.Table]:
    try:
        for batch in blocks:
            rows = converter.convert(batch.block)
            del batch  # both may be large: nothing is kept longer than needed
            yield rows
            del rows
    finally:
        blocks.close()

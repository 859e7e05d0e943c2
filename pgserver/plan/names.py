"""The twin's names of functions, operators and types: read once, and types again whenever the schema changes."""

from pgserver.emit.reading.names import QUERY_FUNCTIONS, QUERY_OPERATORS, QUERY_TYPES, CatalogNames
from pgserver.twin.cluster import Twin


async def read_names(twin: Twin) -> CatalogNames:
    """Ask the twin for what the emitter's tables are keyed by."""
    connection = await twin.admin()
    try:
        results = [
            await (await connection.execute(query)).fetchall()
            for query in (QUERY_FUNCTIONS, QUERY_OPERATORS, QUERY_TYPES)
        ]
    finally:
        await connection.close()
    return CatalogNames.build(*results)

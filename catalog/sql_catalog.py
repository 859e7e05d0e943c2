"""PyIceberg's SqlCatalog over the same connections as ours. Only imported where it is used: SQLAlchemy is heavy."""

from collections.abc import Callable
from typing import Any

import psycopg
from pyiceberg.catalog import MetastoreCatalog
from pyiceberg.catalog.sql import SqlCatalog
from sqlalchemy import Connection, create_engine, event

TIMEOUTS = "SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '15s'"


class LakeSqlCatalog(SqlCatalog):
    """A SqlCatalog that opens its connections with a function, so that libpq, not SQLAlchemy, reads the URL."""

    def __init__(self, name: str, connect: Callable[[], psycopg.Connection[Any]], **properties: str) -> None:
        """Make the engine; SqlCatalog's own initialiser knows only SQLAlchemy URLs.

        Raises: what `connect` raises, or SQLAlchemy: the schema is looked at now.
        """
        MetastoreCatalog.__init__(self, name, **properties)

        def creator() -> psycopg.Connection[Any]:
            connection = connect()
            connection.autocommit = False
            return connection

        self.engine = create_engine("postgresql+psycopg://", creator=creator, pool_pre_ping=True, pool_size=2)
        event.listen(self.engine, "begin", _set_timeouts)
        self._init_catalog()


def _set_timeouts(connection: Connection) -> None:
    connection.exec_driver_sql(TIMEOUTS)

"""Connections of psycopg to PostgreSQL and to us."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.conftest import Source
from tests.support.programs import Program

Connection = psycopg.Connection[Any]
OPTIONS = "-c TimeZone=UTC -c search_path=nasty,public"


@pytest.fixture
def theirs(source: Source) -> Iterator[Connection]:
    with psycopg.connect(source.url, autocommit=True, options=OPTIONS) as connection:
        yield connection


@pytest.fixture
def ours(server: Program) -> Iterator[Connection]:
    with psycopg.connect(server.url(), autocommit=True, options=OPTIONS) as connection:
        yield connection

"""A locked DuckDB: what may be loaded is loaded, then every door is shut for good.

The order of the statements matters: most of them can only be said before the next ones. GLOBAL matters too: a plain SET
binds this connection only, and statements run on cursors, which are others. DuckDB calls its settings defence in depth
and no sandbox; the gate is the twin and the emitter, and this process has nothing to steal.
"""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from pgserver.engine import requests

EXTENSIONS = ("httpfs", "avro", "iceberg")
MACROS = "emit/macros"  # of the package pgserver: the functions that emitted SQL calls
EMPTY_FILE = "emit/empty.parquet"  # and the one file outside the lake that it reads


@dataclass(frozen=True, slots=True)
class S3Access:
    """How the bucket is reached."""

    key_id: str
    secret: str = field(repr=False)
    session_token: str | None = field(repr=False)
    region: str
    endpoint: str | None  # host or host:port; none: AWS' own
    use_ssl: bool


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """All that one instance is told."""

    memory_limit_bytes: int
    threads: int
    spill_folder: str  # nobody else's
    lake_prefixes: tuple[str, ...]  # s3://bucket/prefix, or file:///folder
    s3: S3Access | None


def open_database(options: DatabaseOptions) -> duckdb.DuckDBPyConnection:
    """Return a connection of a new instance that reads below the lake's prefixes, and nothing else.

    Raises: duckdb.Error, FileNotFoundError (an extension's package is missing).
    """
    connection = duckdb.connect(":memory:")
    for statement in statements(options):
        connection.execute(statement)
    return connection


def statements(options: DatabaseOptions) -> Iterator[str]:
    """Yield the statements that lock an instance down, in their order."""
    yield from (f"LOAD {quoted(str(extension_path(name)))}" for name in EXTENSIONS)
    yield "SET GLOBAL allow_persistent_secrets = false"  # before the first secret
    yield "SET GLOBAL secret_directory = '/nonexistent'"
    yield from _NETWORK  # a secret keeps the settings that it is made under
    if options.s3 is not None:
        yield from (secret(options.s3, prefix) for prefix in options.lake_prefixes if prefix.startswith("s3://"))
        yield requests.ENABLE
    yield f"SET GLOBAL temp_directory = {quoted(options.spill_folder)}"
    yield f"SET GLOBAL memory_limit = '{options.memory_limit_bytes // 1_000_000}MB'"
    yield f"SET GLOBAL threads = {options.threads}"
    yield from _CACHES
    yield from _SEMANTICS
    for macros in sorted((Path(__file__).parent.parent / MACROS).glob("*.sql")):
        yield macros.read_text(encoding="utf-8")
    yield from _LOCKS
    prefixes = ", ".join(quoted(prefix) for prefix in allowed_prefixes(options.lake_prefixes))
    yield f"SET GLOBAL allowed_directories = [{prefixes}]"
    yield f"SET GLOBAL allowed_paths = [{quoted(str(Path(__file__).parent.parent / EMPTY_FILE))}]"
    yield "SET GLOBAL allowed_configs = ['timezone']"  # the one setting that a statement brings along
    yield "SET GLOBAL enable_external_access = false"
    yield "SET GLOBAL lock_configuration = true"


def allowed_prefixes(lake_prefixes: tuple[str, ...]) -> list[str]:
    """Return the prefixes with a slash at the end (`wh` must not open `wh2`); a folder also as a plain path."""
    allowed: list[str] = []
    for prefix in lake_prefixes:
        assert prefix.strip("/"), "a blank prefix would open the working directory"
        folder = prefix.rstrip("/") + "/"
        allowed.append(folder)
        if folder.startswith("file://"):
            allowed.append(folder.removeprefix("file://"))
    return allowed


def secret(access: S3Access, prefix: str) -> str:
    """Return the statement that makes the key of a prefix known, in place of an older one."""
    parts = {
        "KEY_ID": access.key_id,
        "SECRET": access.secret,
        "SESSION_TOKEN": access.session_token,
        "REGION": access.region,
        "ENDPOINT": access.endpoint,
        "URL_STYLE": None if access.endpoint is None else "path",
        "SCOPE": prefix.rstrip("/") + "/",
    }
    given = ", ".join(f"{name} {quoted(value)}" for name, value in parts.items() if value is not None)
    ssl = "true" if access.use_ssl else "false"
    return f"CREATE OR REPLACE SECRET {name_of(prefix)} (TYPE s3, {given}, USE_SSL {ssl})"


def name_of(prefix: str) -> str:
    """Return a secret's name, quoted."""
    return '"lake ' + prefix.replace('"', '""') + '"'


def extension_path(name: str) -> Path:
    """Return the signed file that an extension's package from PyPI brings.

    Raises: FileNotFoundError.
    """
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"the package duckdb-extension-{name} is not installed")
    path = Path(spec.origin).parent / f"extensions/v{duckdb.__version__}/{name}.duckdb_extension"
    if not path.is_file():
        raise FileNotFoundError(f"the package duckdb-extension-{name} is not for DuckDB {duckdb.__version__}")
    return path


def quoted(text: str) -> str:
    """Return a string literal."""
    return "'" + text.replace("'", "''") + "'"


_NETWORK = (
    # No ?s3_endpoint= in a URL, no globs. enable_global_s3_configuration must stay true: it is what makes this setting
    # reach the cursors; AWS_* variables, which it would also let in, are not in this process' environment.
    "SET GLOBAL s3_url_compatibility_mode = true",
    "SET GLOBAL http_timeout = 10",
    "SET GLOBAL http_retries = 2",  # DuckDB's own 4 tries of 30 s keep a statement for two minutes
)

# A data file never changes, so nothing is looked at twice: a hot query asks object storage for nothing.
_CACHES = (
    "SET GLOBAL parquet_metadata_cache = true",
    "SET GLOBAL enable_http_metadata_cache = true",
    "SET GLOBAL enable_external_file_cache = true",
    "SET GLOBAL validate_external_file_cache = 'NO_VALIDATION'",
)

# What makes DuckDB's answers Postgres' (shared/semantics/README.md), and what the encoders expect.
_SEMANTICS = (
    "SET GLOBAL TimeZone = 'UTC'",
    "SET GLOBAL integer_division = true",
    "SET GLOBAL default_null_order = 'NULLS_LAST_ON_ASC_FIRST_ON_DESC'",
    "SET GLOBAL order_by_non_integer_literal = true",
    "SET GLOBAL ieee_floating_point_ops = true",
    "SET GLOBAL scalar_subquery_error_on_multiple_rows = true",
    "SET GLOBAL preserve_insertion_order = true",
    "SET GLOBAL old_implicit_casting = false",
    "SET GLOBAL arrow_large_buffer_size = true",  # a batch of wide rows passes 2 GiB
)

_LOCKS = (
    "SET GLOBAL autoinstall_known_extensions = false",
    "SET GLOBAL autoload_known_extensions = false",
    "SET GLOBAL allow_community_extensions = false",
    "SET GLOBAL allow_unsigned_extensions = false",
    "SET GLOBAL allow_unredacted_secrets = false",
    "SET GLOBAL python_enable_replacements = false",  # else Python's variables are tables
)

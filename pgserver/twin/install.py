"""What a twin has besides the lake's tables: its database, the SQL files of `sql/`, roles."""

import ctypes
import hashlib
from collections.abc import Mapping
from importlib.resources import files

import structlog
from psycopg import errors

from catalog.errors import OperatorError
from pgserver.twin import ddl
from pgserver.twin.names import fits, literal, quote
from pgserver.twin.types import Connection

ADMIN = "bemidb_admin"
POSTGRES = "postgres"  # the superuser's name nearly everywhere
OWNER = "bemidb"  # of the lake's tables, where no user is configured
TEMPLATES = ("template0", "template1")
EVERYWHERE = (*TEMPLATES, "postgres")  # databases that every cluster has

SETTINGS = "SET search_path = pg_catalog; SET allow_system_table_mods = on; SET client_min_messages = warning"

# A label of nothing, see `state.py`.
MADE_OF = "SELECT label FROM pg_seclabel WHERE objoid = 0 AND classoid = 0 AND provider = 'bemidb files'"
NOTE = "INSERT INTO pg_seclabel (objoid, classoid, objsubid, provider, label) VALUES (0, 0, 0, 'bemidb files', %s)"
SCRAM = "SCRAM-SHA-256$"
# Relations that are as they should be only when somebody has asked for them, each by a file of `sql/on_demand`.
ON_DEMAND = {
    "pg_stat_statements": "pg_catalog.pg_stat_statements",
    "bemidb": "bemidb.sync_runs",
    "pg_event_trigger": "pg_catalog.pg_event_trigger",
}
# Each of them is then a view, or has the rule of one.
MISSING = "SELECT coalesce(bool_and(NOT relhasrules), true) FROM pg_class WHERE oid = to_regclass(%s)"
OWNED = {"bemidb": ("SCHEMA bemidb", "VIEW bemidb.sync_runs", "VIEW bemidb.tables")}  # those of the lake's owner
LC_ALL_MASK = 0x1FBF  # locale.h of glibc
MIN_DEAD_ROWS = 1000
LITTERED = "SELECT relname FROM pg_stat_sys_tables WHERE schemaname = 'pg_catalog' AND n_dead_tup >= %s"

log = structlog.get_logger()


def check_names(database: str, user: str | None) -> None:
    """Refuse names that a twin cannot have.

    Raises: OperatorError naming the variable.
    """
    if database in TEMPLATES or not fits(database):
        raise OperatorError("BEMIDB_DATABASE", f"{database!r} cannot be a database's name", "choose another name")
    if user is not None and not is_role_name(user):
        raise OperatorError("BEMIDB_USER", f"{user!r} cannot be a user's name", "choose another name")


def admin_name(user: str | None, *, others: bool) -> str:
    """Name the superuser, who owns the system's objects: as usual where nobody can want to log in by that name.

    Args: the configured user; whether others may log in, too.
    """
    return POSTGRES if user not in (None, POSTGRES) and not others else ADMIN


def initdb_arguments() -> tuple[str, ...]:
    """Return initdb's arguments: sessions begin in UTC, so that servers over one lake answer alike on all machines."""
    return ("--set=timezone=UTC", *_locale_arguments())


def _locale_arguments() -> tuple[str, ...]:
    """Return those for the C library's UTF-8 locale, as most servers have one, if this machine has it.

    Collation is Postgres' own anyway; this is for what it asks the library: the kinds of letters in full text search.
    """
    libc = ctypes.CDLL(None)
    libc.newlocale.restype = ctypes.c_void_p
    found = libc.newlocale(LC_ALL_MASK, b"C.UTF-8", None)
    if found:
        libc.freelocale(ctypes.c_void_p(found))
    return ("--locale=C.UTF-8",) if found else ()


def is_role_name(name: str) -> bool:
    """Tell whether a client may log in by this name at all."""
    return fits(name) and not name.startswith("pg_") and name not in (ADMIN, "public", "none")


def sql_files() -> list[str]:
    """Return the texts of `sql/*.sql` in the order of their names."""
    folder = files("pgserver.twin") / "sql"
    return [file.read_text() for file in sorted(folder.iterdir(), key=lambda f: f.name) if file.name.endswith(".sql")]


def on_demand(name: str) -> str:
    """Return the text of a file of `sql/on_demand`."""
    return (files("pgserver.twin") / "sql" / "on_demand" / f"{name}.sql").read_text()


async def show(connection: Connection, name: str, owner: str) -> None:
    """Make what a file of `sql/on_demand` makes, if it is not there."""
    async with connection.transaction():
        row = await (await connection.execute(MISSING, [ON_DEMAND[name]])).fetchone()
        if row == (True,):
            await connection.execute("SET LOCAL allow_system_table_mods = on")
            await connection.execute(on_demand(name).encode())
            for owned in OWNED.get(name, ()):
                await connection.execute(f"ALTER {owned} OWNER TO {quote(owner)}".encode())


def fingerprint(owner: str) -> str:
    """Return what tells whether a database was made by this version of the program, for this owner."""
    parts = [str(ddl.FORMAT), owner, *sql_files(), *map(on_demand, ON_DEMAND)]
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


async def is_current(connection: Connection, owner: str) -> bool:
    """Tell whether a database was made by this version of the program, for this owner."""
    cursor = await connection.execute(MADE_OF)
    return await cursor.fetchone() == (fingerprint(owner),)


async def recreate_database(maintenance: Connection, name: str, owner: str) -> None:
    """Make our database new and empty, and drop what an earlier configuration or version left.

    Nothing is lost: the catalog has it all. Args: a connection to template1; the database's name; a role.
    """
    rows = await (await maintenance.execute("SELECT datname FROM pg_database")).fetchall()
    present = {str(row[0]) for row in rows}
    for database in sorted(present - {*EVERYWHERE} | present & {name}):
        await maintenance.execute(f"DROP DATABASE {quote(database)} WITH (FORCE)".encode())
    # Two checkpoints, which cost nothing without fsync, instead of each block of it in the write-ahead log.
    statement = f"CREATE DATABASE {quote(name)} OWNER {quote(owner)} TEMPLATE template0 STRATEGY file_copy"
    await maintenance.execute(statement.encode())
    log.info("twin_database_made", database=name)


async def run_files(connection: Connection, owner: str) -> None:
    """Run the SQL files in a new database: all of them or none."""
    async with connection.transaction():
        for text in sql_files():
            await connection.execute(text.encode())
        await connection.execute(NOTE, [fingerprint(owner)])


async def drop_orphans(connection: Connection) -> None:
    """Drop temporary objects of sessions that a crash ended; only while there is no session."""
    rows = await (
        await connection.execute(
            "SELECT nspname FROM pg_namespace n WHERE nspname ~ '^pg_temp_' AND "
            "(EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid)"
            " OR EXISTS (SELECT FROM pg_type t WHERE t.typnamespace = n.oid)"
            " OR EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = n.oid))"
        )
    ).fetchall()
    for (namespace,) in rows:
        await connection.execute(f"DROP SCHEMA {quote(str(namespace))} CASCADE".encode())


async def vacuum(connection: Connection) -> int:
    """Clean system catalogs of what temporary tables and replaced tables left. Returns how many needed it."""
    rows = await (await connection.execute(LITTERED, [MIN_DEAD_ROWS])).fetchall()
    for (name,) in rows:
        await connection.execute(f"VACUUM (SKIP_LOCKED, TRUNCATE false) pg_catalog.{quote(str(name))}".encode())
    return len(rows)


async def make_owner(connection: Connection, owner: str) -> None:
    """Make the role that owns the database and all that the lake has in it; who logs in is this role or a member of it.

    So the lake's tables have no access list, as at the source, where it is mostly their owner who reads them.
    """
    row = await (await connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [owner])).fetchone()
    if row is None:
        await connection.execute(f"CREATE ROLE {quote(owner)}".encode())


async def prepare_roles(connection: Connection, owner: str, users: Mapping[str, str] | None) -> None:
    """With configured users, see that these roles can log in and no others.

    Args: a connection of the superuser; the owner; password or SCRAM verifier by user, None where any name may log in.
    """
    if users is None:
        return
    rows = await (await connection.execute("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_'")).fetchall()
    present = {str(row[0]) for row in rows}
    for name in sorted(present - {connection.info.user, owner, *users}):
        try:
            await connection.execute(f"DROP ROLE {quote(name)}".encode())
        except errors.DependentObjectsStillExist:
            await connection.execute(f"ALTER ROLE {quote(name)} NOLOGIN PASSWORD NULL".encode())
    if owner not in users:
        await connection.execute(f"ALTER ROLE {quote(owner)} NOLOGIN PASSWORD NULL".encode())
    for name, secret in users.items():
        await ensure_role(connection, owner, name)
        await set_password(connection, name, secret)


async def ensure_role(connection: Connection, owner: str, name: str) -> None:
    """Make an ordinary user who can log in and has the owner's privileges."""
    query = """SELECT r.rolcanlogin, r.rolname = o.rolname OR EXISTS (
            SELECT FROM pg_auth_members m WHERE m.roleid = o.oid AND m.member = r.oid)
        FROM pg_roles r, pg_roles o WHERE r.rolname = %s AND o.rolname = %s"""
    row = await (await connection.execute(query, [name, owner])).fetchone()
    if row == (True, True):
        return
    statement = f"{'CREATE' if row is None else 'ALTER'} ROLE {quote(name)} LOGIN"
    if name != owner:
        statement += f"; GRANT {quote(owner)} TO {quote(name)} WITH INHERIT TRUE, SET FALSE"
    await connection.execute(statement.encode())


async def set_password(connection: Connection, name: str, secret: str) -> None:
    """Set a password, given as it is or as a SCRAM verifier; its text does not leave this process."""
    verifier = secret if secret.startswith(SCRAM) else encrypt(connection, name, secret)
    await connection.execute(f"ALTER ROLE {quote(name)} PASSWORD {literal(verifier)}".encode())


async def set_admin_password(connection: Connection, password: str) -> None:
    """Set the superuser's password: random, so that making a guess slow is not worth the time at each login."""
    admin = quote(connection.info.user)
    await connection.execute(f"SET scram_iterations = 1; ALTER ROLE {admin} PASSWORD {literal(password)}".encode())


def encrypt(connection: Connection, name: str, password: str) -> str:
    """Return the SCRAM verifier of a password."""
    encoded = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
    return encoded.decode()

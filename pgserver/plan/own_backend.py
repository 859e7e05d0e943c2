"""What only the session's own backend can compute: it reads or changes what that backend has, and no other."""

import re

from pgserver.emit.reading.names import CatalogNames

FUNCTION = re.compile(r":funcid\s(\d+)")
OF_SESSIONS = frozenset(
    (
        *("current_setting", "set_config", "pg_show_all_settings", "setseed", "pg_cursor", "pg_prepared_statement"),
        *("nextval", "currval", "lastval", "setval", "pg_backend_pid", "pg_my_temp_schema", "pg_is_other_temp_schema"),
        *("pg_listening_channels", "pg_notify", "pg_export_snapshot", "pg_cancel_backend", "pg_terminate_backend"),
        *("txid_current", "txid_current_if_assigned", "txid_current_snapshot", "pg_current_snapshot"),
        *("pg_current_xact_id", "pg_current_xact_id_if_assigned", "pg_stat_get_activity", "pg_lock_status"),
    )
)
LOCKS = re.compile(r"pg_(try_)?advisory_")


def own_function(tree: str, names: CatalogNames) -> str:
    """Return the name of a function of the session's own that a query tree calls; empty when there is none."""
    for oid in FUNCTION.findall(tree):
        name = names.functions.get(int(oid), "").partition("(")[0]
        if name in OF_SESSIONS or LOCKS.match(name):
            return name
    return ""

"""Time zones: whose rules DuckDB knows as Postgres does.

Both have the tz database, of different releases. `RULES` stands among a statement's assumptions where it converts
between instants and the session's clock: it holds in all zones but those of `UNLIKE`, which a test keeps complete.
"""

import re
from collections.abc import Callable
from typing import Final

from pgserver.emit.rules import Call
from pgserver.emit.values import Value

RULES: Final = "TimeZone rules"
UNLIKE: Final = frozenset({"America/Vancouver", "Canada/Pacific", "Asia/Gaza", "Asia/Hebron"})
UTC: Final = frozenset({"UTC", "Etc/UTC", "Etc/GMT"})
_REGION = re.compile(r"UTC|[A-Z][A-Za-z_-]*(/[A-Za-z0-9_+-]+)+")


def alike(name: str) -> bool:
    """Tell whether both databases convert times of a zone alike, at every instant."""
    return name not in UNLIKE


def to_local(call: Call, value: Value) -> str:
    """Write what a clock of the session's zone shows at an instant."""
    call.assume(RULES)
    return f"pg_local({value.sql})"


def to_instant(call: Call, sql: str) -> str:
    """Write the instant at which a clock of the session's zone shows a time."""
    call.assume(RULES)
    return f"pg_instant({sql})"


def local_now(assume: Callable[[str], None], now: str) -> str:
    """Write what the session's clock shows at an instant that is a constant of the statement."""
    assume(RULES)
    return f"pg_local({now})"


def zone_name(call: Call, value: Value) -> str:
    """Return the zone that an argument names.

    Abbreviations, which in Postgres go before names (CET is always one hour), have no slash.
    Raises: NoRule for a name that is no constant, no name of a region, or of rules that differ.
    """
    name = value.constant.value if value.constant is not None else None
    if not isinstance(name, str) or not _REGION.fullmatch(name) or not alike(name):
        raise call.no_rule("of a zone that is not one name of a region")
    return name

"""What Postgres can compute, by type, read from its own catalog; and the columns to compute it of."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import psycopg

from pgserver.emit.aggregates.table import AGGREGATES
from pgserver.emit.casts.table import CASTS
from pgserver.emit.functions.table import FUNCTIONS
from pgserver.emit.nodes.windows import WINDOW_FUNCTIONS
from pgserver.emit.operators.table import OPERATORS

SCALARS = (
    "boolean", "smallint", "integer", "bigint", "oid", "real", "double precision", "numeric", "text",
    "character varying", "character", "name", '"char"', "date", "timestamp without time zone",
    "timestamp with time zone", "time without time zone", "interval", "uuid", "bytea", "json", "jsonb",
    "jsonpath",
)  # fmt: skip
MOOD = "nasty.mood"
TYPES = frozenset((*SCALARS, MOOD, *(f"{name}[]" for name in (*SCALARS, MOOD))))

# Polymorphic arguments stand for each of these in turn.
SAMPLES = (
    "integer", "bigint", "numeric", "double precision", "text", "boolean", "date", "timestamp without time zone",
    "timestamp with time zone", "uuid",
)  # fmt: skip
POLYMORPHIC = {
    "anyelement": SAMPLES, "anynonarray": SAMPLES, "anycompatible": SAMPLES, "anyarray": SAMPLES, "any": SAMPLES,
    '"any"': SAMPLES, "anycompatiblenonarray": SAMPLES, "anycompatiblearray": SAMPLES, "anyenum": (MOOD,),
}  # fmt: skip

# They show the clock, the session or the server, wait, or take long; or their answer depends on the order of rows.
NOT_ASKED = re.compile(
    r"(pg_|has_|to_reg|inet_|txid_|current_|session_|col_desc|obj_desc|shobj_|row_security|getdatabase|ts_|hash|binary_up"
    r"|age$|now$|timeofday|(statement|transaction|clock)_timestamp|version|format_type|query_to|table_to|database_to"
    r"|schema_to|cursor_to|xml|amvalidate|satisfies_hash|row_security|icu_|unicode_|setseed|.*_support$|.*sel$|.*_transfn"
    r"|.*_accum|.*_combine|.*_final|.*_serialize|.*_deserialize|.*_sortsupport|.*_skipsupport|in_range|.*_inv$|.*_larger$"
    r"|.*_smaller$|.*send$|.*recv$|.*out$|.*typmod.*|suppress_redundant|mxid_age|unistr|fmgr_|plpgsql_|factorial$)"
)
FLOAT_SUMS = re.compile(r"(sum|avg|stddev.*|var.*|regr_.*|corr|covar_.*)\((real|double precision)")

QUERY_FUNCTIONS = """
SELECT proname, prokind::text, oid::regprocedure::text, format_type(prorettype, NULL),
    coalesce((SELECT array_agg(format_type(t, NULL) ORDER BY i)
        FROM unnest(proargtypes) WITH ORDINALITY a(t, i)), '{}'),
    CASE WHEN provariadic <> 0 THEN format_type(provariadic, NULL) END
FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind IN ('f', 'a', 'w') AND NOT proretset
    AND provolatile IN ('i', 's')
    AND oid NOT IN (SELECT aggfnoid FROM pg_aggregate WHERE aggkind <> 'n')
"""
QUERY_OPERATORS = """
SELECT oprname, oid::regoperator::text, format_type(oprresult, NULL), oprleft::int, format_type(oprleft, NULL),
    format_type(oprright, NULL)
FROM pg_operator WHERE oprcode <> 0
"""
QUERY_CASTS = """
SELECT format_type(castsource, NULL), format_type(casttarget, NULL), castfunc::regprocedure::text, castmethod::text
FROM pg_cast WHERE castcontext <> 'p'
"""
QUERY_COLUMNS = """
SELECT quote_ident(nspname) || '.' || quote_ident(relname), quote_ident(attname), format_type(atttypid, NULL),
    EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary AND attnum = ANY(indkey))
FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
WHERE nspname = 'nasty' AND relkind = 'r' AND attnum > 0 ORDER BY relname, attnum
"""


@dataclass(frozen=True, slots=True)
class Signature:
    """Something to call. `key` is how rules name it, `ruled` whether one does."""

    kind: str  # f: function, o: operator, c: cast, a: aggregate, w: window function
    name: str
    key: str
    args: tuple[str, ...]
    result: str
    ruled: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `keys` are the columns of its primary key."""

    name: str
    columns: tuple[tuple[str, str], ...]  # name, type
    keys: tuple[str, ...]


@dataclass(slots=True)
class Catalog:
    """Signatures by kind and result type, then by name and by key: a choice by turns is not drowned by overloads."""

    tables: list[Table]
    by_result: dict[tuple[str, str], list[list[list[Signature]]]] = field(default_factory=dict)
    ruled: dict[str, list[list[list[Signature]]]] = field(default_factory=dict)
    unruled: dict[str, list[list[list[Signature]]]] = field(default_factory=dict)

    @classmethod
    def read(cls, connection: "psycopg.Connection[tuple[object, ...]]") -> "Catalog":
        """Ask Postgres."""
        signatures = [
            found
            for signature in (*_functions(connection), *_operators(connection), *_casts(connection))
            for found in _concrete(signature)
            if {*found.args, found.result} <= TYPES
        ]
        catalog = cls(_tables(connection))
        for ruled, index in ((True, catalog.ruled), (False, catalog.unruled)):
            for kind in "foca w".replace(" ", ""):
                index[kind] = _nested([s for s in signatures if s.kind == kind and s.ruled is ruled])
        for kind in "foc":
            for result in TYPES:
                catalog.by_result[kind, result] = _nested(
                    [s for s in signatures if s.kind == kind and s.result == result and s.ruled]
                )
        return catalog


def _nested(signatures: Sequence[Signature]) -> list[list[list[Signature]]]:
    names: dict[str, dict[str, list[Signature]]] = defaultdict(lambda: defaultdict(list))
    for signature in sorted(signatures, key=lambda s: (s.name, s.key, s.args, s.result)):
        names[signature.name][signature.key].append(signature)
    return [list(keys.values()) for keys in names.values()]


def _concrete(signature: Signature) -> Iterator[Signature]:
    """Yield a signature for each type that its polymorphic arguments may have."""
    kinds = [kind for kind in signature.args if kind in POLYMORPHIC]
    if not kinds:
        yield signature
        return
    for element in POLYMORPHIC[kinds[0]]:
        args = tuple(_stands_for(kind, element) for kind in signature.args)
        yield Signature(
            signature.kind, signature.name, signature.key, args, _stands_for(signature.result, element), signature.ruled
        )


def _stands_for(kind: str, element: str) -> str:
    if kind not in POLYMORPHIC:
        return kind
    return f"{element}[]" if kind.endswith("array") and "non" not in kind else element


def _functions(connection: "psycopg.Connection[tuple[object, ...]]") -> Iterator[Signature]:
    rules = {"f": FUNCTIONS.keys(), "a": AGGREGATES.keys(), "w": WINDOW_FUNCTIONS.keys()}
    casts = CASTS.keys() | {row[2] for row in connection.execute(QUERY_CASTS)}
    for name, kind, key, result, args, variadic in connection.execute(QUERY_FUNCTIONS).fetchall():
        assert isinstance(name, str)
        assert isinstance(args, list)
        if variadic is not None:
            args = [*args[:-1], variadic, variadic]
        if not NOT_ASKED.match(name) and key not in casts and not FLOAT_SUMS.match(str(key)):
            yield Signature(str(kind), name, str(key), tuple(args), str(result), key in rules[str(kind)])


def _operators(connection: "psycopg.Connection[tuple[object, ...]]") -> Iterator[Signature]:
    for name, key, result, unary, left, right in connection.execute(QUERY_OPERATORS).fetchall():
        args = (str(left), str(right)) if unary else (str(right),)
        yield Signature("o", str(name), str(key), args, str(result), key in OPERATORS)


def _casts(connection: "psycopg.Connection[tuple[object, ...]]") -> Iterator[Signature]:
    """Yield the casts of pg_cast, and those through text: which of these have a rule is not in a table."""
    known = set()
    for source, target, function, method in connection.execute(QUERY_CASTS).fetchall():
        known.add((source, target))
        ruled = function in CASTS or function in FUNCTIONS or method == "b"
        yield Signature("c", str(target), f"{source} -> {target}", (str(source),), str(target), ruled)
    for kind in sorted(TYPES):
        for source, target in ((kind, "text"), (kind, "character varying"), ("text", kind)):
            if source != target and (source, target) not in known:
                known.add((source, target))
                yield Signature("c", target, f"{source} -> {target}", (source,), target, target == "text")
    for kind in ("numeric", "character varying", "character", "timestamp without time zone", "interval"):
        yield Signature("c", f"{kind}(n)", f"{kind}(n)", (kind,), kind, True)


def _tables(connection: "psycopg.Connection[tuple[object, ...]]") -> list[Table]:
    columns: dict[str, list[tuple[str, str]]] = defaultdict(list)
    keys: dict[str, list[str]] = defaultdict(list)
    for table, column, kind, is_key in connection.execute(QUERY_COLUMNS).fetchall():
        columns[str(table)].append((str(column), str(kind)))
        if is_key:
            keys[str(table)].append(str(column))
    return [Table(name, tuple(found), tuple(keys[name])) for name, found in columns.items()]

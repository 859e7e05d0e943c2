"""The verdict on a statement: the emitter alone, between Postgres and DuckDB over the same rows.

The engine's rows, no rule, or an error: the bridge answers the latter two. Never other rows.
"""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Literal

import duckdb
import psycopg

from pgserver.emit.errors import NoRule
from pgserver.emit.query import emit
from pgserver.emit.reading.tree import parse_tree
from pgserver.encode.rows import WireColumn, WireSettings
from pgserver.engine.errors import failure_of
from tests.compat.generator.queries import Statement
from tests.support.comparing import is_ordered
from tests.support.emit_lab import EmitLab, Row, decode

RESCUED = (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException)
# Subqueries where DuckDB has none. What else it does not bind is a rule's fault.
UNBOUND = re.compile(
    r"subqueries in lambda|Referenced table .* not found|non-inner join on subquery|correlated|expression depth"
)
SPARED = re.compile("statement timeout|cache lookup failed")  # the latter is a fault of Postgres: ("char", x) < (...)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a statement.

    `refused`: Postgres does not analyse it; `bridge`: no rule, or an error that the bridge answers.
    """

    kind: Literal["refused", "bridge", "engine", "wrong"]
    detail: str = ""


class NoAnswer(Exception):
    """The engine gave no rows."""

    def __init__(self, verdict: Verdict) -> None:
        """Keep what that means."""
        super().__init__(verdict.detail)
        self.verdict = verdict


class Judge:
    """Asks both sides in one time zone after the other."""

    def __init__(self, lab: EmitLab) -> None:
        """Begin in UTC."""
        self.lab = lab
        self._zone = "UTC"

    def judge(self, statement: Statement, text: str | None = None) -> Verdict:
        """Run a statement, or a shorter text of it, on both sides."""
        text = statement.text if text is None else text
        self._set_zone(statement.zone)
        try:
            ours = self._ours(text)
        except NoAnswer as reason:
            return reason.verdict
        try:
            theirs = self.lab.theirs(text)
        except (ValueError, psycopg.Error) as error:
            if statement.certain and not SPARED.search(str(error)) and self._is_planned(text):
                return Verdict("wrong", f"no error: {str(error).strip()}")
            return Verdict("bridge", "Postgres raises")
        if ours == theirs or (not is_ordered(text) and Counter(ours) == Counter(theirs)):
            return Verdict("engine")
        return Verdict("wrong", _difference(ours, theirs))

    def _set_zone(self, zone: str) -> None:
        if zone != self._zone:
            for side in (self.lab.reader, self.lab.analyst, self.lab.duckdb):
                side.execute(f"SET TimeZone = '{zone}'")
            self._zone = zone

    def _ours(self, text: str) -> list[Row]:
        """Return the engine's rows.

        Raises: NoAnswer.
        """
        try:
            tree, columns, _ = self.lab.tree(text)
        except ValueError as error:
            raise NoAnswer(Verdict("refused", str(error).strip())) from error
        try:
            emitted = emit(parse_tree(tree)[0], names=self.lab.names, relations=self.lab.views, outputs=columns)
        except NoRule as error:
            raise NoAnswer(Verdict("bridge", error.construct)) from error
        except Exception as error:
            raise NoAnswer(Verdict("wrong", f"the emitter raises {type(error).__name__}: {error}")) from error
        if not emitted.relids or (self._zone != "UTC" and "TimeZone" in emitted.assumes):
            raise NoAnswer(Verdict("bridge", "no table" if not emitted.relids else "TimeZone"))
        wire = tuple(WireColumn(column.type_oid, column.typmod, 0) for column in columns)
        try:
            return self._run(self.lab.render(emitted), wire)
        except RESCUED as error:
            rescued = failure_of(error).retryable_on_bridge
            raise NoAnswer(Verdict("bridge" if rescued else "wrong", f"error: {str(error)[:150]}")) from error
        except duckdb.Error as error:
            kind: Literal["bridge", "wrong"] = "bridge" if UNBOUND.search(str(error)) else "wrong"
            raise NoAnswer(Verdict(kind, f"a rule's fault: {str(error)[:300]}")) from error

    def _run(self, sql: str, wire: tuple[WireColumn, ...]) -> list[Row]:
        """Run in DuckDB and return the rows in text format, as the session's zone shows them."""
        settings = WireSettings(time_zone=self._zone)
        reader = self.lab.duckdb.execute(sql).to_arrow_reader(10_000)
        return [row for batch in reader for row in decode(batch, wire, settings)]

    def _is_planned(self, text: str) -> bool:
        """Tell whether Postgres makes a plan: what it raises while it does, the twin raises for us, at Bind."""
        try:
            self.lab.theirs(f"EXPLAIN {text}")
        except (ValueError, psycopg.Error):
            return False
        return True


def _difference(ours: list[Row], theirs: list[Row]) -> str:
    extra, missing = Counter(ours) - Counter(theirs), Counter(theirs) - Counter(ours)
    if not extra and not missing:
        return "another order"
    some, others = list(extra.elements())[:2], list(missing.elements())[:2]
    return f"{some} instead of {others} ({extra.total()} of {len(theirs)} rows)"

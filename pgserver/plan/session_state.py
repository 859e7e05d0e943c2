"""What a lake statement must know of its session: asked of its own backend, in the statement's transaction."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from pgserver.emit.times import zones
from pgserver.encode.rows import WireSettings
from pgserver.plan.backends import AnalysisContext

UNITS_MS = {"us": 0.001, "ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}

BRIDGED = ("xmlbinary", "default_text_search_config", "lc_monetary", "lc_numeric", "lc_time")

UNCONVERTED = frozenset(("UTF8", "SQL_ASCII"))

UTC_NAMES = frozenset(("UTC", "Etc/UTC", "GMT", "Etc/GMT"))

STATE_SQL = b"""SELECT (extract(epoch FROM now()) * 1000000)::int8,
(extract(epoch FROM statement_timestamp()) * 1000000)::int8,
current_user, session_user, current_database(), coalesce(current_schema(), ''), current_setting('search_path'),
current_setting('transaction_isolation'), current_setting('TimeZone'), current_setting('DateStyle'),
current_setting('IntervalStyle'), current_setting('bytea_output'), current_setting('extra_float_digits'),
current_setting('statement_timeout'), current_setting('client_encoding'),
current_setting('standard_conforming_strings'), pg_my_temp_schema()::int8,
current_setting('idle_session_timeout'), current_setting('transaction_timeout'),
current_setting('transform_null_equals'), current_setting('array_nulls'), current_setting('xmloption'),
current_setting('xmlbinary'), current_setting('default_text_search_config'), current_setting('lc_monetary'),
current_setting('lc_numeric'), current_setting('lc_time')"""


@dataclass(frozen=True, slots=True)
class SessionState:
    """A session's settings at one moment. Times are microseconds since 1970, UTC."""

    now_us: int
    statement_us: int
    current_user: str
    session_user: str
    current_database: str
    current_schema: str
    search_path: str
    isolation: str
    time_zone: str
    date_style: str
    interval_style: str
    bytea_output: str
    extra_float_digits: int
    statement_timeout_ms: int
    client_encoding: str
    standard_conforming_strings: str
    temp_schema: int
    idle_session_timeout_ms: int
    transaction_timeout_ms: int
    transform_null_equals: str = "off"
    array_nulls: str = "on"
    xmloption: str = "content"
    bridged: tuple[tuple[str, str], ...] = ()  # what only functions of Postgres' read

    @classmethod
    def read(cls, row: list[str]) -> Self:
        """Decode the row that `STATE_SQL` returns."""
        now, statement, user, session_user, database, schema, search_path, isolation = row[:8]
        zone, dates, intervals, bytea, digits, timeout, encoding, strings, temp_schema, idle, transaction = row[8:19]
        null_equals, nulls, xml = row[19:22]
        return cls(
            now_us=int(now),
            statement_us=int(statement),
            current_user=user,
            session_user=session_user,
            current_database=database,
            current_schema=schema,
            search_path=search_path,
            isolation=isolation,
            time_zone=zone,
            date_style=dates,
            interval_style=intervals,
            bytea_output=bytea,
            extra_float_digits=int(digits),
            statement_timeout_ms=milliseconds(timeout),
            client_encoding=encoding,
            standard_conforming_strings=strings,
            temp_schema=int(temp_schema),
            idle_session_timeout_ms=milliseconds(idle),
            transaction_timeout_ms=milliseconds(transaction),
            transform_null_equals=null_equals,
            array_nulls=nulls,
            xmloption=xml,
            bridged=tuple(zip(BRIDGED, row[22:], strict=True)),
        )

    @property
    def timed_by_twin(self) -> bool:
        """Whether the twin must know of each statement, since it ends sessions by the clock."""
        return bool(self.idle_session_timeout_ms or self.transaction_timeout_ms)

    @property
    def converts(self) -> bool:
        """Whether the client's texts are in another encoding than the lake's: PostgreSQL converts them, we do not."""
        return self.client_encoding not in UNCONVERTED

    @property
    def analysis(self) -> AnalysisContext:
        """The part that changes how a text is read."""
        return AnalysisContext(
            role=self.current_user,
            search_path=self.search_path,
            time_zone=self.time_zone,
            date_style=self.date_style,
            interval_style=self.interval_style,
            client_encoding=self.client_encoding,
            standard_conforming_strings=self.standard_conforming_strings,
            transform_null_equals=self.transform_null_equals,
            array_nulls=self.array_nulls,
            xmloption=self.xmloption,
        )

    @property
    def reads_as_reported(self) -> bool:
        """Whether what Postgres reports of settings is all that changes how a text is read."""
        return (self.transform_null_equals, self.array_nulls, self.xmloption) == ("off", "on", "content")

    @property
    def wire(self) -> WireSettings:
        """The part that changes how a value is printed."""
        return WireSettings(
            time_zone=self.time_zone,
            date_style=self.date_style,
            interval_style=self.interval_style,
            bytea_output=self.bytea_output,
            extra_float_digits=self.extra_float_digits,
        )

    @property
    def printing(self) -> Mapping[str, str]:
        """The settings that change how values are printed, or what functions make of them, by their names."""
        printed = {"bytea_output": self.bytea_output, "extra_float_digits": str(self.extra_float_digits)}
        return printed | dict(self.bridged)

    @property
    def plain(self) -> Self:
        """The same session with the settings that a copy between two databases has."""
        return replace(
            self,
            time_zone="UTC",
            date_style="ISO, MDY",
            interval_style="postgres",
            bytea_output="hex",
            extra_float_digits=1,
        )

    def differs(self, setting: str) -> bool:
        """Whether a setting that changes texts is not at its default."""
        now, default = {
            "DateStyle": (self.date_style, "ISO, MDY"),
            "TimeZone": ("UTC" if self.time_zone in UTC_NAMES else self.time_zone, "UTC"),
            "IntervalStyle": (self.interval_style, "postgres"),
            "bytea_output": (self.bytea_output, "hex"),
            "extra_float_digits": (self.extra_float_digits, 1),
            zones.RULES: (zones.alike(self.time_zone), True),
        }[setting]
        return now != default

    @property
    def values(self) -> Mapping[str, str | int]:
        """The values of what a statement may ask for by name: `now()`, `current_user`, ..."""
        return {
            "now": self.now_us,
            "statement_timestamp": self.statement_us,
            "current_user": self.current_user,
            "session_user": self.session_user,
            "current_database": self.current_database,
            "current_schema": self.current_schema,
        }


def milliseconds(setting: str) -> int:
    """Read a duration as SHOW prints it: "0", "1500ms", "30s", "5min"."""
    match = re.fullmatch(r"(\d+)(us|ms|s|min|h|d)?", setting)
    assert match is not None, setting
    return int(int(match[1]) * UNITS_MS[match[2] or "ms"])

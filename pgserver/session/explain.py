"""EXPLAIN of a lake statement: which way it goes and why, the snapshots and files it reads, DuckDB's plan.

The twin explains the statement on its empty tables first: it checks the options.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pgserver.encode.rows import RowChunk
from pgserver.executors.base import BRIDGE, Explained
from pgserver.plan.compiler import LakeStatement
from pgserver.plan.planner import Parameter, Scan
from pgserver.plan.session_state import SessionState
from pgserver.plan.utility import Explain, ExplainPrepared, Option, is_on
from pgserver.session import lake, plans, prepared, probes
from pgserver.session.cursor import LakePortal, Rows
from pgserver.session.plans import Value
from pgserver.session.portals import Outcome
from pgserver.session.state import Session
from pgserver.twin.backend import Message

ROW_DESCRIPTION = ord("T")
PAGE_BYTES = 8192
NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Options:
    """What is shown, and how."""

    analyze: bool
    verbose: bool
    costs: bool
    timing: bool
    summary: bool
    format: str

    @classmethod
    def read(cls, options: Sequence[Option]) -> "Options":
        """Read options that Postgres has accepted; the last one of a name counts."""
        given = {option.name: option.value for option in options}
        analyze = "analyze" in given and is_on(given["analyze"])
        return cls(
            analyze=analyze,
            verbose="verbose" in given and is_on(given["verbose"]),
            costs=is_on(given.get("costs")),
            timing=analyze and is_on(given.get("timing")),
            summary=is_on(given["summary"]) if "summary" in given else analyze,
            format=str(given.get("format", "text")).lower(),
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """What running a statement has shown."""

    first_ms: float
    total_ms: float
    rows: int


async def begin(session: Session, explain: Explain, parameters: tuple[Parameter, ...]) -> Outcome:
    """Have the twin check the statement, and return the plan's rows.

    Raises: BackendFailed.
    """
    query = explain.query
    values = parameters or (Parameter(0, None),) * len(query.parameters)  # GENERIC_PLAN has none
    messages = await probes.check(session, explain.probe, query.parameters, values)
    return _outcome(session, query, values, Options.read(explain.options), messages)


async def begin_prepared(session: Session, explain: ExplainPrepared) -> Outcome:
    """Have the twin check EXPLAIN EXECUTE, and return the plan's rows.

    Raises: BackendFailed; FeatureNotSupported.
    """
    query = prepared.prepared(session, explain.execute.name)
    assert query is not None
    messages = await probes.check(session, explain.probe, (), ())
    values = await prepared.evaluate(session, explain.execute, query)
    return _outcome(session, query, values, Options.read(explain.options), messages)


def _outcome(
    session: Session,
    query: LakeStatement,
    parameters: tuple[Parameter, ...],
    options: Options,
    messages: Sequence[Message],
) -> Outcome:
    assert session.settings is not None
    description = next(frame for tag, frame in messages if tag == ROW_DESCRIPTION)
    rows = _rows(session, query, parameters, options, session.settings)
    return Outcome("EXPLAIN", rows, counted=False, description=description)


async def _rows(
    session: Session,
    query: LakeStatement,
    parameters: tuple[Parameter, ...],
    options: Options,
    state: SessionState,
) -> Rows:
    begun = time.monotonic_ns()
    pins = session.services.planner.pin(query, await lake.pins_of(session, state))
    explained = await session.services.dispatcher.explain(query, parameters, state, pins)
    planning_ms = (time.monotonic_ns() - begun) / NS_PER_MS
    measured = await _measure(session, query, parameters, state, pins) if options.analyze else None
    tree = _tree(explained, options, measured)
    summary: dict[str, Value] = {"Planning Time": round(planning_ms, 3)} if options.summary else {}
    if measured is not None and options.summary:
        summary["Execution Time"] = round(measured.total_ms, 3)
    yield text_rows(plans.render(tree, explained.plan, summary, options.format))


async def _measure(
    session: Session,
    query: LakeStatement,
    parameters: tuple[Parameter, ...],
    state: SessionState,
    pins: dict[int, str],
) -> Measured:
    """Run the statement, and throw its rows away."""
    begun = time.monotonic_ns()
    portal = LakePortal(query, parameters, (0,) * len(query.fields), pins=pins)
    rows = 0
    try:
        await lake.start(session, portal, state)
        first_ms = (time.monotonic_ns() - begun) / NS_PER_MS
        async for chunk in portal.forward(None):
            rows += len(chunk)
    finally:
        await portal.close()
    return Measured(first_ms, (time.monotonic_ns() - begun) / NS_PER_MS, rows)


def _tree(explained: Explained, options: Options, measured: Measured | None) -> dict[str, Value]:
    node: dict[str, Value] = {"Node Type": f"{explained.way} Query", "Parallel Aware": False, "Async Capable": False}
    largest = max((scan.chosen.rows for scan in explained.scans), default=0)
    pages = sum(scan.chosen.bytes for scan in explained.scans) / PAGE_BYTES
    if options.costs:
        node |= _costs(pages, measured.rows if measured is not None else largest)
    if measured is not None:
        if options.timing:
            node |= {
                "Actual Startup Time": round(measured.first_ms, 3),
                "Actual Total Time": round(measured.total_ms, 3),
            }
        node |= {"Actual Rows": float(measured.rows), "Actual Loops": 1}
    if explained.way == BRIDGE:
        node["Reason"] = f"the engine has no rule for {explained.reason}"
    if explained.scans:
        node["Plans"] = [_scan(scan, options) for scan in explained.scans]
    return node


def _scan(scan: Scan, options: Options) -> dict[str, Value]:
    table, chosen = scan.table, scan.chosen
    node: dict[str, Value] = {
        "Node Type": "Lake Scan",
        "Parent Relationship": "Member",
        "Parallel Aware": False,
        "Async Capable": False,
        "Relation Name": table.name,
        **({"Schema": table.namespace} if options.verbose or options.format != "text" else {}),
        "Alias": table.name,
    }
    if options.costs:
        node |= _costs(chosen.bytes / PAGE_BYTES, chosen.rows)
    node |= {
        "Snapshot": chosen.snapshot_id,
        "Files Read": len(chosen.files),
        "Files Total": len(scan.whole.files),
        "Bytes Read": chosen.bytes,
        "Bytes Total": scan.whole.bytes,
        "Rows in Files": chosen.rows,
    }
    if chosen.has_deletes:
        node["Deletes"] = True
    return node


def _costs(pages: float, rows: int) -> dict[str, Value]:
    return {"Startup Cost": 0.0, "Total Cost": round(pages, 2), "Plan Rows": rows, "Plan Width": 0}


def text_rows(texts: Sequence[str]) -> RowChunk:
    """Lay out rows of one text, which has the same bytes in both formats."""
    frames = []
    for text in texts:
        value = text.encode()
        frames.append(b"D" + (len(value) + 10).to_bytes(4) + b"\0\1" + len(value).to_bytes(4) + value)
    offsets = np.zeros(len(frames) + 1, dtype=np.int64)
    np.cumsum([len(frame) for frame in frames], out=offsets[1:])
    return RowChunk(b"".join(frames), offsets)

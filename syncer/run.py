"""One sync: choose, describe, copy every table, report."""

import time
from contextlib import closing

import structlog
from rich.console import Console

from catalog.database import wait_for
from catalog.locks import Locks
from catalog.storage import Warehouse
from catalog.tables import LakeCatalog
from syncer.copying import Stage
from syncer.ownership import settle_gone
from syncer.plan import plan_run
from syncer.progress import Outcome, RunProgress, show_summary
from syncer.record import Record
from syncer.settings import SyncSettings
from syncer.source import PATIENCE_SECONDS, Source
from syncer.turns import Turns
from syncer.unchanged import last

log = structlog.get_logger()


def sync(settings: SyncSettings, console: Console) -> bool:
    """Copy the chosen tables.

    Returns: whether all of them were copied.
    Raises: OperatorError when the run cannot begin.
    """
    started = time.monotonic()
    warehouse = Warehouse.open(settings)
    wait_for(lambda: warehouse.check(write=True), what="the warehouse", timeout_s=PATIENCE_SECONDS)
    lake = LakeCatalog.open(settings, warehouse)
    with closing(lake), closing(lake.locks()) as locks:
        wait_for(lake.ensure_schema, what="the catalog", timeout_s=PATIENCE_SECONDS)
        with Record(lake, locks) as record:
            for last_time in (False, True):
                with closing(Source.open(settings.source_url.get_secret_value())) as source:
                    record.source = source
                    record.outcomes, lost = copy_tables(settings, source, lake, warehouse, locks, console)
                if not lost or last_time:
                    break
                # What is not visible yet was not changed, so that all can be copied again from another moment.
                log.warning("run_restarted", reason="the source ended the connection that holds the run's snapshot")
            record.seconds = time.monotonic() - started
    if settings.summary_json is not None:
        record.write_summary(settings.summary_json)
    show_summary(console, record.outcomes, record.seconds)
    return all(outcome.error is None for outcome in record.outcomes)


def copy_tables(
    settings: SyncSettings, source: Source, lake: LakeCatalog, warehouse: Warehouse, locks: Locks, console: Console
) -> tuple[list[Outcome], bool]:
    """Copy the chosen tables, and see to those that are gone.

    Returns: how each ended; whether nothing was changed because the source's snapshot was lost.
    Raises: OperatorError before anything is copied.
    """
    plan = plan_run(source, lake, settings)
    with RunProgress(console) as progress:
        stage = Stage(settings, source, lake, warehouse, locks, progress)
        turns = Turns(stage)
        outcomes = turns.copy_all(last(plan.tables, plan.rows), plan.recorded)
    if turns.snapshot_lost:
        return outcomes, True
    settle_gone(lake, plan.gone, source.synced_at, drop=settings.drop_missing)
    return outcomes, False

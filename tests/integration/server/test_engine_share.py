"""TPC-H and ClickBench run in the engine, all of it: the log names each statement that takes the bridge."""

from pathlib import Path

import pytest

from sample import tpch
from tests.support import statements
from tests.support.asking import Asker
from tests.support.programs import Program

CLICKBENCH = Path(__file__).parents[2] / "compat/sql/clickbench/queries.sql"
QUERIES = {
    "TPC-H": [(f"q{number}", query) for number, query in tpch.queries()],
    "ClickBench": [(f"q{number}", s.text) for number, s in enumerate(statements.read(CLICKBENCH), start=1)],
}


@pytest.mark.parametrize("name", QUERIES)
def test_all_queries_run_in_the_engine(name: str, server: Program) -> None:
    bridged: dict[str, list[str]] = {}
    asker = Asker(server.url(options="-csearch_path%3Dpublic%2Cclickbench"))
    for number, query in QUERIES[name]:
        before = server.log_bytes()
        (answer,) = asker.ask(query)
        assert not answer.sqlstate, f"{number}: {answer.message}"
        if reasons := server.bridge_reasons(before):
            bridged[number] = reasons
    asker.close()
    total = len(QUERIES[name])
    print(f"{name}: {total - len(bridged)} of {total} in the engine")  # noqa: T201  # `pytest -s` shows the share
    assert total in (22, 43)
    assert not bridged

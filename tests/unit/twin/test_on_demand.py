"""What is made in the twin when somebody first asks for it."""

import pytest

from pgserver.plan.statement import mentions
from pgserver.session.observers import ON_DEMAND, ON_DEMAND_WORDS
from pgserver.twin import install


def test_each_has_a_file_and_a_name_to_ask_for() -> None:
    assert ON_DEMAND.keys() == install.ON_DEMAND.keys()
    for name in ON_DEMAND:
        assert "CREATE VIEW" in install.on_demand(name)
        assert install.on_demand(name) not in install.sql_files()


@pytest.mark.parametrize("name", ON_DEMAND)
def test_it_is_asked_for_by_its_name_in_any_case(name: str) -> None:
    relation = install.ON_DEMAND[name].encode()
    assert ON_DEMAND[name].search(b"SELECT * FROM " + relation.upper())
    assert mentions(b"SELECT * FROM " + relation.upper(), *ON_DEMAND_WORDS)  # else no pattern is looked for
    assert not ON_DEMAND[name].search(
        b"SELECT table_catalog FROM information_schema.tables WHERE table_catalog = 'bemidb'"
    )

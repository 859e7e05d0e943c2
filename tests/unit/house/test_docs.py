"""What the documents say is compared with what there is."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from catalog.settings import variable_of
from sample.settings import SampleSettings
from syncer.settings import SyncSettings
from tools import configuration, engine

ROOT = Path(__file__).parents[3]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
DOCUMENTS = [ROOT / "README.md", ROOT / "tests" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TARGETS = dict(re.findall(r"^([a-z-]+):.*?## (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE))
VARIABLES = {
    variable_of(name, field)
    for settings in (SampleSettings, SyncSettings)
    for name, field in settings.model_fields.items()
}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_list_of_signatures_is_what_make_docs_writes() -> None:
    assert engine.FILE.read_text(encoding="utf-8") == engine.page(), "run `make docs`"


def test_configuration_is_what_make_docs_writes() -> None:
    assert configuration.FILE.read_text(encoding="utf-8") == configuration.page(), "run `make docs`"


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        file = (document.parent / path) if path else document
        assert file.exists(), f"{relative(document)} links to {target}"
        if anchor:
            assert anchor in anchors(file), f"{relative(document)} links to {target}"


def anchors(file: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_variables_in_documents_exist(document: Path) -> None:
    named = set(
        re.findall(
            r"\b(?:BEMIDB|SOURCE_POSTGRES|DESTINATION|CATALOG)_[A-Z0-9_]+\b", document.read_text(encoding="utf-8")
        )
    )
    named = {name for name in named if not name.startswith("BEMIDB_TEST_")}  # the tests' own
    assert named <= VARIABLES, relative(document)


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_make_targets_in_documents_exist(document: Path) -> None:
    named = set(re.findall(r"[`\n ]make ([a-z-]+)(?=[`\n ])", document.read_text(encoding="utf-8")))
    named -= {"sure"}
    assert named <= TARGETS.keys(), relative(document)


def test_every_make_target_has_one_line_of_help() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert phony[1].split() == list(TARGETS)


def test_every_dependency_has_its_reason_written() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    reasons = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    wanted = [
        *project["dependencies"],
        *project["optional-dependencies"]["dev"],
        *project["optional-dependencies"]["sample"],
    ]
    missing = [name for name in (Requirement(text).name for text in wanted) if f"`{name}`" not in reasons]
    assert missing == []


@pytest.mark.parametrize("record", DECISIONS, ids=relative)
def test_a_decision_is_short_and_whole(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    assert re.match(r"\d{4}-[a-z0-9-]+\.md", record.name)
    assert len(text.splitlines()) <= 20
    parts = ("**Context.**", "**Decision.**", "**Figures.**", "**Price.**", "**Look again when**")
    positions = [text.find(part) for part in parts]
    assert -1 not in positions
    assert positions == sorted(positions)

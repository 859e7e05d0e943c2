"""Write docs/configuration.md from the settings classes (`make docs`); a test compares."""

import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo

from catalog.settings import CatalogSettings, variable_of
from pgserver.settings import ServerSettings
from sample.settings import SampleSettings
from syncer.settings import SyncSettings

FILE = Path(__file__).parent.parent / "docs" / "configuration.md"

INTRODUCTION = """# Configuration

<!-- Written by `make docs` from the settings classes: do not edit. -->

Everything is set by environment variables, read once at start. An empty variable counts as unset. A wrong value ends
the program with exit code 2 and one line that names the variable and the fix; secrets are never printed.
"""

SECTIONS: tuple[tuple[str, str, type[CatalogSettings], type[CatalogSettings] | None], ...] = (
    ("Both programs", "The lake: its catalog, its warehouse, and the logs.", CatalogSettings, None),
    ("Server", "`python -m pgserver`, besides the above.", ServerSettings, CatalogSettings),
    ("Syncer", "`python -m syncer`, besides those of both programs.", SyncSettings, CatalogSettings),
    ("Sample", "`make run`, besides those of the server.", SampleSettings, ServerSettings),
)


def page() -> str:
    """Return the text of docs/configuration.md."""
    parts = [INTRODUCTION]
    for title, sentence, settings, base in SECTIONS:
        inherited = base.model_fields if base else {}
        own = {name: field for name, field in settings.model_fields.items() if name not in inherited}
        rows = "\n".join(_rows(own))
        parts.append(f"## {title}\n\n{sentence}\n\n| variable | default | meaning |\n| --- | --- | --- |\n{rows}\n")
    return "\n".join(parts)


def _rows(fields: dict[str, FieldInfo]) -> Iterator[str]:
    for name, field in fields.items():
        assert field.description, f"{name} has no description"
        meaning = field.description.replace("|", "\\|")
        names = ", ".join(f"`{variable}`" for variable in _variables(name, field))
        yield f"| {names} | {_default(field)} | {meaning} |"


def _variables(name: str, field: FieldInfo) -> list[str]:
    """Return the variable's name, and the older ones that are understood too."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return [choice for choice in alias.choices if isinstance(choice, str)]
    return [variable_of(name, field)]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if field.default_factory is not None or value is None or value in ("", ()):
        return "unset"  # its description says what that means
    assert not isinstance(value, SecretStr), "a secret has no default"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def main() -> int:
    """Write the page."""
    FILE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

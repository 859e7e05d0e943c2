"""Once imported, no library of this process imports pandas: import it first, in a program's `__main__`.

pyarrow imports pandas wherever it is installed, for nothing that we do: half a second and 20 MB for each process.
`None` in `sys.modules` would confuse it.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Hidden(MetaPathFinder):
    """Finds pandas, and says that it is not there."""

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        if name == "pandas":
            raise ModuleNotFoundError("pandas is hidden", name=name)
        return None


sys.meta_path.insert(0, _Hidden())

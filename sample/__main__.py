"""`python -m sample` serves the sample; `python -m sample psql [option...]` asks it."""

import sys

from catalog.errors import OperatorError
from catalog.settings import load_settings
from sample.run import psql, run
from sample.settings import SampleSettings


def main() -> int:
    """Return the exit code."""
    try:
        settings = load_settings(SampleSettings)
        if sys.argv[1:2] == ["psql"]:
            return psql(settings, sys.argv[2:])
        return run(settings)
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())

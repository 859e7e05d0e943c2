"""What the process imports that programs are forked from, see `forked`."""

import pgserver.__main__  # noqa: F401
import syncer.__main__  # noqa: F401
import tests.support.forked  # noqa: F401

"""`python -m pgserver.engine <fd> <server's pid>`: an engine. The server starts it, nobody else."""

import catalog.without_pandas  # noqa: F401  # for its effect
from pgserver.engine.worker import main

main()

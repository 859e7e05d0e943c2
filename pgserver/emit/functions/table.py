"""Functions, keyed by what `regprocedure` prints: a module a family. Casts are in `casts.py`."""

from pgserver.emit.functions.arrays import ARRAYS
from pgserver.emit.functions.bytea import BYTEA
from pgserver.emit.functions.dates import DATES
from pgserver.emit.functions.formatting import FORMATTING
from pgserver.emit.functions.joining import JOINING
from pgserver.emit.functions.json import JSON
from pgserver.emit.functions.math import MATH
from pgserver.emit.functions.number_formats import NUMBER_FORMATS
from pgserver.emit.functions.numerics import NUMERICS
from pgserver.emit.functions.regex import REGEX
from pgserver.emit.functions.session import SESSION
from pgserver.emit.functions.text import TEXT
from pgserver.emit.operators.jsonpaths import JSONPATH_FUNCTIONS
from pgserver.emit.rules import Rules, table

FAMILIES = (
    MATH,
    NUMERICS,
    TEXT,
    JOINING,
    BYTEA,
    REGEX,
    FORMATTING,
    NUMBER_FORMATS,
    DATES,
    SESSION,
    JSON,
    JSONPATH_FUNCTIONS,
    ARRAYS,
)
FUNCTIONS: Rules = table(*(family.values() for family in FAMILIES))

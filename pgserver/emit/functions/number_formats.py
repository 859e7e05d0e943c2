"""to_char of numbers: constant patterns of digits, one group mark at each thousand, a point, FM and literal text.

A number that is too wide for its pattern is #. NaN and infinity, and floats of more digits than they have, are the
bridge's.
Source: `NUM_processor` in src/backend/utils/adt/formatting.c.
"""

import re
from dataclasses import dataclass

from pgserver.emit import kinds
from pgserver.emit.literals import text_literal
from pgserver.emit.numeric import MAX_DIGITS, scaled
from pgserver.emit.rules import Call, Rules, built, table
from pgserver.emit.texts import constant_text
from pgserver.emit.values import Value

PATTERN = re.compile(r"""
    (?P<fill>FM)?
    (?P<prefix>(?:"[^"\\]*"|[$€£%/() ])*)
    (?P<whole>[09][09,G]*)
    (?:[.D](?P<decimals>[09]+))?
    (?P<suffix>(?:"[^"\\]*"|[$€£%/() ])*)
""", re.VERBOSE)  # fmt: skip
GROUPED = re.compile(r"[09]{1,3}(,[09]{3})+")
EXACT_DIGITS = {kinds.FLOAT4: 6, kinds.FLOAT8: 15}  # of which Postgres prints no more


@dataclass(frozen=True, slots=True)
class Format:
    """A pattern: its places before and behind the point, how many digits there are at least, and the literals."""

    fill: bool
    prefix: str
    wide: str  # what is shown of a number that has more places
    places: int
    least: int
    grouped: bool
    decimals: int
    kept: int  # decimals that FM keeps though they are zeros
    width: int
    suffix: str


def parse(call: Call, pattern: str) -> Format:
    """Read a pattern.

    Raises: NoRule.
    """
    found = PATTERN.fullmatch(pattern)
    if found is None:
        raise call.no_rule("with a pattern of other marks")
    whole, decimals = found["whole"].replace("G", ","), found["decimals"] or ""
    if "," in whole and not GROUPED.fullmatch(whole):
        raise call.no_rule("with a pattern of other groups")
    digits = whole.replace(",", "")
    least = len(digits) - digits.index("0") if "0" in digits else int(not decimals)
    if least > 3 and "," in whole:
        raise call.no_rule("with zeros in groups")
    return Format(
        fill=not found["fill"],
        prefix=found["prefix"].replace('"', ""),
        wide=re.sub("[09]", "#", whole) + ("." + "#" * len(decimals) if decimals else ""),
        places=len(digits),
        least=least,
        grouped="," in whole,
        decimals=len(decimals),
        kept=decimals.rfind("0") + 1,
        width=1 + len(whole) + (len(decimals) + 1 if decimals else 0),
        suffix=found["suffix"].replace('"', ""),
    )


def to_char(call: Call) -> Value:
    """Format a number."""
    pattern = constant_text(call.args[1])
    if pattern is None:
        raise call.no_rule("with a pattern that is not a constant")
    shape = parse(call, pattern)
    text = _rounded(call, call.args[0], shape)
    shared = f"{text}, {text_literal(shape.wide)}, {shape.places}, {shape.least}, {str(shape.grouped).lower()}"
    body = f"pg_number_padded({shared}, {shape.width})" if shape.fill else f"pg_number_short({shared}, {shape.kept})"
    before = f"{text_literal(shape.prefix)} || " if shape.prefix else ""
    after = f" || {text_literal(shape.suffix)}" if shape.suffix else ""
    return call.result(before + body + after)


def _rounded(call: Call, value: Value, shape: Format) -> str:
    """Return the SQL of a number's text with as many decimals as the pattern has."""
    if value.type in EXACT_DIGITS:
        limit = EXACT_DIGITS[value.type] - shape.decimals
        if limit < 1:
            raise call.no_rule("with more decimals than a float has")
        return f"pg_fixed({value.sql}, '%.{shape.decimals}f', 1e{limit})"
    if value.type == kinds.NUMERIC:
        return f"CAST(CAST({scaled(value).sql} AS DECIMAL({MAX_DIGITS},{shape.decimals})) AS VARCHAR)"
    text = f"CAST({value.sql} AS VARCHAR)"
    return f"{text} || '.{'0' * shape.decimals}'" if shape.decimals else text


NUMBER_FORMATS: Rules = table(
    built(f"to_char({kind},text)", to_char) for kind in ("integer", "bigint", "numeric", "real", "double precision")
)

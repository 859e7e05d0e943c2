"""Square roots and squares of numerics, with as many digits as Postgres gives.

Source: src/backend/utils/adt/numeric.c, `numeric_sqrt`, `power_var_int`.
"""

from pgserver.emit.numeric import base_10000, display_of, from_text, unscaled
from pgserver.emit.rules import Call
from pgserver.emit.values import Value, numeric_of


def square_root(call: Call) -> Value:
    """The square root, to 16 significant digits or more."""
    digits, scale = unscaled(call.args[0])
    multiplier, weight = base_10000(scale)
    return from_text(f"pg_sqrt({digits}, {multiplier}, {weight}, {scale}, {display_of(call.args[0])})")


def square(call: Call) -> Value:
    """The second power, to 16 significant digits or more; other powers are the bridge's."""
    base, exponent = call.args
    if exponent.constant is None or exponent.constant.value != 2:
        raise call.no_rule("to what is not the constant 2")
    digits, scale = unscaled(base)
    if scale > 8:  # Postgres rounds a product of so many digits before it is complete
        raise call.no_rule("of so many decimals")
    shown = f"greatest({display_of(base)}, {numeric_of(exponent).scale})"
    return from_text(f"pg_square({digits}, {scale}, {shown})")

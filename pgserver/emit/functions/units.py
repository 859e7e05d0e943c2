"""Words for units of time, which Postgres takes in many spellings."""

from typing import Final

from pgserver.emit.rules import Call

_SPELLINGS: Final = {
    "microseconds": ("microsecond", "us", "usec", "usecs", "usecond", "useconds"),
    "milliseconds": ("millisecond", "ms", "msec", "msecs", "msecond", "mseconds"),
    "second": ("seconds", "s", "sec", "secs"),
    "minute": ("minutes", "m", "min", "mins"),
    "hour": ("hours", "h", "hr", "hrs"),
    "day": ("days", "d"),
    "week": ("weeks", "w"),
    "month": ("months", "mon", "mons"),
    "quarter": ("qtr",),
    "year": ("years", "y", "yr", "yrs"),
    "decade": ("decades", "dec", "decs"),
    "century": ("centuries", "c", "cent"),
    "millennium": ("millennia", "mil", "mils"),
}
_UNITS: Final = {word: unit for unit, words in _SPELLINGS.items() for word in words}


def unit_of(call: Call) -> str:
    """Return the unit or field that the first argument names, in its longest spelling.

    Raises: NoRule when it is no constant.
    """
    word = call.args[0].constant.value if call.args[0].constant is not None else None
    if not isinstance(word, str) or not word.isascii():
        raise call.no_rule("of a field that is not a constant")
    return _UNITS.get(word.lower(), word.lower())

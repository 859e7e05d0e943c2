"""Patterns of to_char for dates and times, taken apart, and each of their fields in DuckDB's SQL.

Source: Data Type Formatting Functions; `DCH_keywords` in src/backend/utils/adt/formatting.c. What is not in the tables
here has no rule: FX, TM, SP, fields of other calendars.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from pgserver.emit.errors import NoRule
from pgserver.emit.literals import text_literal

ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_YEAR, _SECOND_OF_DAY = "year({t})", "(hour({t}) * 3600 + minute({t}) * 60 + second({t}))"

# Codes of strftime, and with FM, which leaves out padding.
CODES: dict[str, tuple[str, str]] = {
    "HH24": ("%H", "%-H"), "HH12": ("%I", "%-I"), "HH": ("%I", "%-I"), "MI": ("%M", "%-M"), "SS": ("%S", "%-S"),
    "MM": ("%m", "%-m"), "DD": ("%d", "%-d"), "DDD": ("%j", "%-j"), "YYYY": ("%Y", ""),
    "YY": ("%y", ""), "US": ("%f", ""), "FF6": ("%f", ""), "MS": ("%g", ""), "FF3": ("%g", ""), "IW": ("%V", ""),
    "ID": ("%u", "%u"),
}  # fmt: skip
# Fields that are numbers of a width that FM leaves out.
NUMBERS: dict[str, tuple[str, int]] = {
    "YYYY": (_YEAR, 4), "YYY": (f"{_YEAR} % 1000", 3), "YY": (f"{_YEAR} % 100", 2), "Y": (f"{_YEAR} % 10", 1),
    "IYYY": ("isoyear({t})", 4), "IYY": ("isoyear({t}) % 1000", 3), "IY": ("isoyear({t}) % 100", 2),
    "I": ("isoyear({t}) % 10", 1), "IW": ("weekofyear({t})", 2), "WW": ("((dayofyear({t}) - 1) // 7 + 1)", 2),
    "W": ("((day({t}) - 1) // 7 + 1)", 1), "D": ("(dayofweek({t}) + 1)", 1), "Q": ("quarter({t})", 1),
    "CC": (f"(({_YEAR} + 99) // 100)", 2), "SSSS": (_SECOND_OF_DAY, 1), "SSSSS": (_SECOND_OF_DAY, 1),
    "J": ("CAST(julian(CAST({t} AS DATE)) AS BIGINT)", 1),
}  # fmt: skip
NAMES = {"MONTH": ("%B", 9), "MON": ("%b", 0), "DAY": ("%A", 9), "DY": ("%a", 0)}
# Fields that a form writes; some of them of how many seconds the clock is ahead of UTC, {o}.
_MINUTES = "lpad(CAST(abs({o}) % 3600 // 60 AS VARCHAR), 2, '0')"
_HOURS = "CASE WHEN {o} < 0 THEN '-' ELSE '+' END || lpad(CAST(abs({o}) // 3600 AS VARCHAR), 2, '0')"
FORMS = {f"FF{digits}": f"left(strftime({{t}}, '%f'), {digits})" for digits in (1, 2, 4, 5)} | {
    "TZH": _HOURS,
    "TZM": _MINUTES,
    "OF": f"{_HOURS} || CASE WHEN abs({{o}}) % 3600 <> 0 THEN ':' || {_MINUTES} ELSE '' END",
}
HALVES = {"AM": "%p", "PM": "%p", "A.M.": "", "P.M.": ""}
ERAS = {"BC": "AD", "AD": "AD", "B.C.": "A.D.", "A.D.": "A.D."}
UNKNOWN = ("TZ", "FX", "IDDD")
UPPER = (*CODES, *NUMBERS, *NAMES, *FORMS, *HALVES, *ERAS, *UNKNOWN, "RM", "Y,YYY")
KEYWORDS = frozenset((*UPPER, *(name.lower() for name in UPPER), "Month", "Mon", "Day", "Dy"))
LONGEST = max(map(len, KEYWORDS))


@dataclass(frozen=True, slots=True)
class Field:
    """A keyword of a pattern, as it is spelled; whether FM stands before it, and what (TH, th) behind it."""

    keyword: str
    fill: bool
    ordinal: str


def parse(pattern: str) -> Iterator[str | Field]:
    """Give literal texts and fields in their order.

    Raises: NoRule.
    """
    position = 0
    while position < len(pattern):
        if pattern[position] == '"':
            end = pattern.find('"', position + 1)
            if end < 0:
                _refuse()
            yield pattern[position + 1 : end]
            position = end + 1
            continue
        fill = pattern.startswith(("FM", "fm"), position)
        start = position + 2 * fill
        keyword = _keyword(pattern, start)
        if not keyword:
            if fill or pattern.startswith(("TM", "tm"), position):
                _refuse()
            yield pattern[position]
            position += 1
            continue
        position = start + len(keyword)
        ordinal = pattern[position : position + 2] if pattern.startswith(("TH", "th"), position) else ""
        if pattern.startswith("SP", position):
            _refuse()
        position += len(ordinal)
        yield Field(keyword, not fill, ordinal)


def _keyword(pattern: str, start: int) -> str:
    found = (pattern[start : start + length] for length in range(LONGEST, 0, -1))
    return next((word for word in found if word in KEYWORDS), "")


def _refuse() -> NoReturn:
    raise NoRule("a pattern of to_char that is not in the tables")


def formatted(pattern: str, moment: str, offset: str = "0") -> str:
    """Return the SQL of a finite timestamp's text.

    Args: the pattern; the timestamp; of how many seconds it is ahead of UTC.
    Raises: NoRule.
    """
    if "\\" in pattern:
        _refuse()
    pieces: list[str] = []
    code = ""  # what one strftime writes
    for item in parse(pattern):
        text = item.replace("%", "%%") if isinstance(item, str) else _code(item)
        if text is not None:
            code += text
            continue
        assert isinstance(item, Field)
        pieces.extend((_strftime(code, moment), _expression(item).replace("{t}", moment).replace("{o}", offset)))
        code = ""
    pieces.append(_strftime(code, moment))
    return " || ".join(piece for piece in pieces if piece) or "''"


def _strftime(code: str, moment: str) -> str:
    if "%" not in code.replace("%%", ""):
        return text_literal(code.replace("%%", "%")) if code else ""
    return f"strftime({moment}, {text_literal(code)})"


def _code(field: Field) -> str | None:
    """Return the field as a code of strftime; None where it has none."""
    name = field.keyword.upper()
    if field.ordinal:
        return None
    if name in CODES:
        return CODES[name][not field.fill] or None
    if field.keyword in ("AM", "PM"):
        return "%p"
    if field.keyword in ("Mon", "Dy") or (field.keyword in ("Month", "Day") and not field.fill):
        return NAMES[name][0]
    if name in ERAS:
        return ERAS[name] if field.keyword.isupper() else ERAS[name].lower()
    return None


def _expression(field: Field) -> str:
    """Return the SQL of a field of the timestamp {t}."""
    name = field.keyword.upper()
    if field.ordinal:
        if name not in CODES and name not in NUMBERS:
            _refuse()
        plain = Field(field.keyword, field.fill, "")
        code = _code(plain)
        written = f"strftime({{t}}, '{code}')" if code else _expression(plain)
        ordinal = f"pg_ordinal({written})"
        return f"{written} || {f'upper({ordinal})' if field.ordinal == 'TH' else ordinal}"
    if name in NUMBERS:
        return number(*NUMBERS[name], fill=field.fill)
    if name in NAMES:
        return _name(field)
    if name in FORMS and (field.fill or name != "OF"):
        return f"({FORMS[name]})"
    if name in HALVES:
        return _half(field.keyword)
    if name == "RM":
        return _roman(field)
    if name == "Y,YYY":
        return f"CAST({_YEAR} // 1000 AS VARCHAR) || ',' || lpad(CAST({_YEAR} % 1000 AS VARCHAR), 3, '0')"
    if name in CODES and not field.fill:  # a fraction of the second, which FM does not change
        return f"strftime({{t}}, '{CODES[name][0]}')"
    _refuse()


def number(sql: str, width: int, *, fill: bool) -> str:
    """Return the SQL of a number's text, filled with zeros to a width."""
    text = f"CAST({sql} AS VARCHAR)"
    if not fill or width == 1:
        return text
    return f"CASE WHEN {sql} < {10 ** (width - 1)} THEN lpad({text}, {width}, '0') ELSE {text} END"


def _name(field: Field) -> str:
    code, width = NAMES[field.keyword.upper()]
    text = f"strftime({{t}}, '{code}')"
    if field.keyword.isupper() or field.keyword.islower():
        text = f"{'upper' if field.keyword.isupper() else 'lower'}({text})"
    return f"rpad({text}, {width}, ' ')" if width and field.fill else text


def _half(keyword: str) -> str:
    before, after = ("a.m.", "p.m.") if "." in keyword else ("am", "pm")
    if keyword.isupper():
        before, after = before.upper(), after.upper()
    return f"CASE WHEN hour({{t}}) < 12 THEN '{before}' ELSE '{after}' END"


def _roman(field: Field) -> str:
    names = [name if field.keyword == "RM" else name.lower() for name in ROMAN]
    text = f"list_extract([{', '.join(text_literal(name) for name in names)}], month({{t}}))"
    return f"rpad({text}, 4, ' ')" if field.fill else text

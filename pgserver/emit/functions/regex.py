"""Regular expressions: functions with a constant pattern of which both engines find the same matches."""

import re
from collections.abc import Iterator

from pgserver.emit.literals import text_literal
from pgserver.emit.operators.patterns import like_escape, match_test, regex_of, similar_to_escape, subject
from pgserver.emit.regex.compiled import Regex
from pgserver.emit.rules import Call, Rule, Rules, built, table
from pgserver.emit.texts import constant_integer, constant_text
from pgserver.emit.values import Value

REFERENCE = re.compile(r"\\(\d|&|\\)?|([^\\]+)", re.DOTALL)


def flags_of(call: Call, place: int, *, known: str = "ics") -> str:
    """Return the flags that a call is given, "" where it is given none.

    Raises: NoRule for one that is not known.
    """
    if place >= len(call.args):
        return ""
    flags = constant_text(call.args[place])
    if flags is None or not set(flags) <= set(known):
        raise call.no_rule("with other flags")
    return flags


def regex(call: Call, flags: str = "") -> Regex:
    """Return the pattern, the second argument; of i and c the last one counts."""
    cases = [flag for flag in flags if flag in "ic"]
    return regex_of(call, call.args[1], ignore_case=cases[-1:] == ["i"])


def extracted(call: Call, found: Regex, group: int) -> str:
    """Return the SQL of a group of the first match, which is known to be there."""
    return f"regexp_extract({subject(call.args[0], found)}, {text_literal(found.re2)}, {group}, 's')"


def regexp_like(call: Call) -> Value:
    """Tell whether there is a match."""
    return call.result(match_test(call.args[0], regex(call, flags_of(call, 2))))


def regexp_instr(call: Call) -> Value:
    """Return the place of the first match, 0 where there is none: what comes before is the shortest that can."""
    found = regex(call)
    before = f"regexp_extract({call.args[0].sql}, {text_literal(f'^(.*?)(?:{found.re2})')}, 1, 's')"
    place = f"CASE WHEN {match_test(call.args[0], found)} THEN CAST(length({before}) + 1 AS INTEGER)"
    return call.result(f"{place} WHEN {call.args[0].operand} IS NOT NULL THEN 0 END", atom=True)


def regexp_substr(call: Call) -> Value:
    """Return the first match, or the nth from the start."""
    found = regex(call)
    found.check_match()
    if len(call.args) > 2 and constant_integer(call.args[2]) != 1:
        raise call.no_rule("from another place than the start")
    place = 1 if len(call.args) < 4 else constant_integer(call.args[3])
    if place is None or place < 1:
        raise call.no_rule("of a place that is no constant")
    if place == 1:
        return _first(call, found, 0)
    _check_progress(call, found)
    return call.result(f"list_extract({_all(call, found)}, {place})", atom=True)


def substring_match(call: Call) -> Value:
    """SUBSTRING ... FROM pattern: the first group, or the match where there is no group."""
    found = regex(call)
    found.check_match(with_groups=found.groups > 0)
    return _first(call, found, min(found.groups, 1))


def _first(call: Call, found: Regex, group: int) -> Value:
    text = extracted(call, found, group)
    if group == 0 and not found.nullable:  # DuckDB gives an empty text where there is no match
        return call.result(f"nullif({text}, '')", atom=True)
    return call.result(f"CASE WHEN {match_test(call.args[0], found)} THEN {text} END", atom=True)


def regexp_match(call: Call) -> Value:
    """Return the groups of the first match, or the match where there is no group, in an array."""
    return call.result(_match(call, regex(call, flags_of(call, 2))), atom=True)


def _match(call: Call, found: Regex) -> str:
    found.check_match(with_groups=found.groups > 0)
    groups = range(1, found.groups + 1) if found.groups else (0,)
    texts = ", ".join(extracted(call, found, group) for group in groups)
    return f"CASE WHEN {match_test(call.args[0], found)} THEN [{texts}] END"


def regexp_matches(call: Call) -> str:
    """Return the SQL of a list of the groups of the first match, or with the flag g of all matches."""
    flags = flags_of(call, 2, known="gics")
    if "g" not in flags:
        return f"list_filter([{_match(call, regex(call, flags))}], lambda m_: m_ IS NOT NULL)"
    found = regex(call, flags)
    found.check_match(with_groups=found.groups > 0)
    _check_progress(call, found)
    if found.groups > 1:
        raise call.no_rule("of several groups in all matches")
    matches = f"regexp_extract_all({subject(call.args[0], found)}, {text_literal(found.re2)}, {found.groups}, 's')"
    return f"list_transform({matches}, lambda m_: [m_])"


def regexp_count(call: Call) -> Value:
    """Count the matches."""
    if len(call.args) > 2 and constant_integer(call.args[2]) != 1:
        raise call.no_rule("from another place than the start")
    found = regex(call, flags_of(call, 3))
    _check_progress(call, found)
    return call.result(f"CAST(len({_all(call, found)}) AS INTEGER)", atom=True)


def regexp_split_to_array(call: Call) -> Value:
    """Split at each match."""
    found = regex(call, flags_of(call, 2))
    _check_progress(call, found)
    if "^" in found.re2.replace("[^", ""):  # DuckDB looks for it at the start of each rest
        raise call.no_rule("at an anchor")
    sql = f"string_split_regex({subject(call.args[0], found)}, {text_literal(found.re2)}, 's')"
    return call.result(sql, atom=True)


def _all(call: Call, found: Regex) -> str:
    return f"regexp_extract_all({subject(call.args[0], found)}, {text_literal(found.re2)}, 0, 's')"


def _check_progress(call: Call, found: Regex) -> None:
    """Refuse a pattern that matches an empty text: the engines go on differently after it."""
    found.check_match()
    if found.nullable:
        raise call.no_rule("with a pattern that matches nothing")


def regexp_replace(call: Call) -> Value:
    """Replace the first match, or with the flag g all of them."""
    flags = flags_of(call, 3, known="gics")
    found = regex(call, flags)
    replacement = constant_text(call.args[2])
    if replacement is None:
        raise call.no_rule("with a replacement that is not a constant")
    text, with_groups = _replacement(call, replacement, found.groups)
    found.check_match(with_groups=with_groups)
    if "g" in flags:
        _check_progress(call, found)
    options = "'gs'" if "g" in flags else "'s'"
    pattern = text_literal(found.re2)
    sql = f"regexp_replace({subject(call.args[0], found)}, {pattern}, {text_literal(text)}, {options})"
    return call.result(sql, atom=True)


def _replacement(call: Call, text: str, groups: int) -> tuple[str, bool]:
    """Write a replacement for RE2, and tell whether it names a group."""
    pieces: list[str] = []
    with_groups = False
    for reference in REFERENCE.finditer(text):
        name, literal = reference.groups()
        if literal is not None:
            pieces.append(literal)
        elif name == "&":
            pieces.append("\\0")
        elif name is not None and name != "\\" and name != "0":
            if int(name) > groups:
                raise call.no_rule("with a replacement that names no group")
            with_groups = True
            pieces.append(f"\\{name}")
        else:
            pieces.append("\\\\" + (name if name == "0" else ""))
    return "".join(pieces), with_groups


def _rules() -> Iterator[Rule]:
    yield built("regexp_like(text,text)", regexp_like)
    yield built("regexp_like(text,text,text)", regexp_like)
    yield built("regexp_instr(text,text)", regexp_instr)
    for rest in ("", ",integer", ",integer,integer"):
        yield built(f"regexp_substr(text,text{rest})", regexp_substr)
    for rest in ("", ",integer", ",integer,text"):
        yield built(f"regexp_count(text,text{rest})", regexp_count)
    for rest in ("", ",text"):
        yield built(f"regexp_match(text,text{rest})", regexp_match)
        yield built(f"regexp_split_to_array(text,text{rest})", regexp_split_to_array)
        yield built(f"regexp_replace(text,text,text{rest})", regexp_replace)


REGEX: Rules = table(
    _rules(),
    built('"substring"(text,text)', substring_match),
    built("similar_to_escape(text)", similar_to_escape),
    built("similar_to_escape(text,text)", similar_to_escape),
    built("like_escape(text,text)", like_escape),
)

"""A rule: how one resolved signature is written in DuckDB's SQL. Rules stand in tables, one row each.

A signature is spelled as `regprocedure` or `regoperator` prints it. In a form, `$1` is an argument. Without a rule a
signature is the bridge's: the tables are an allow-list.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from pgserver.emit.errors import NoRule
from pgserver.emit.kinds import NUMERIC
from pgserver.emit.reading.names import CatalogNames
from pgserver.emit.values import Numeric, Value


@dataclass(frozen=True, slots=True)
class Call:
    """A function or operator to write: its signature, its arguments, and the type that Postgres gives the result.

    `assume` notes a setting whose default the text relies on; `session` gives the hole of a session value. `collation`
    is that of the arguments: all of them order text by bytes, some of them fold the case of ASCII only.
    """

    signature: str
    args: tuple[Value, ...]
    type: int
    names: CatalogNames
    assume: Callable[[str], None]
    session: Callable[[str], str]
    typmod: int = -1
    collation: int = 0

    def result(self, sql: str, *, atom: bool = False, numeric: Numeric | None = None, typmod: int = -1) -> Value:
        """Return an expression of the result type."""
        return Value(sql, self.type, typmod, atom=atom, numeric=numeric)

    def no_rule(self, why: str = "") -> NoRule:
        """Name the signature as what has no rule."""
        return NoRule(f"function {self.signature}" + (f" ({why})" if why else ""))


Build = Callable[[Call], Value]


@dataclass(frozen=True, slots=True)
class Rule:
    """A row. `opaque` rules also take values that DuckDB does not compute with."""

    signature: str
    build: Build = field(repr=False)
    form: str = ""
    opaque: bool = False

    def apply(self, call: Call) -> Value:
        """Write a call.

        Raises: NoRule where an argument is of a type that only Postgres computes with.
        """
        if not self.opaque and any(arg.opaque for arg in call.args):
            raise call.no_rule("of a value that DuckDB holds as text")
        return self.build(call)


Rules = Mapping[str, Rule]


def table(*rows: "Rule | Iterable[Rule]") -> Rules:
    """Return a table of rules; a signature must stand in one row only."""
    rules: dict[str, Rule] = {}
    for row in rows:
        for rule in [row] if isinstance(row, Rule) else row:
            if rule.signature in rules:
                raise ValueError(f"two rules for {rule.signature}")
            rules[rule.signature] = rule
    return rules


def built(signature: str, build: Build, *, opaque: bool = False) -> Rule:
    """A rule that a function of the call computes."""
    return Rule(signature, build, opaque=opaque)


MACRO = "pg_"
MAX_NESTED = 2  # macros in arguments that go without a name


def rewritten(signature: str, form: str, *, numeric: tuple[int, int] | None = None) -> Rule:
    """A rule by a form. A numeric result needs its (precision, scale), the same for all values."""
    write = template(form)
    atom = _is_atom(form)
    repeats = MACRO in form or any(form.count(f"${number}") > 1 for number in range(1, 10))
    held = Numeric(*numeric) if numeric else None

    def build(call: Call) -> Value:
        if call.type == NUMERIC and held is None:
            raise call.no_rule("a numeric of unknown scale")
        if repeats and nested(call.args):
            return call.result(named_once(call.args, write), numeric=held, atom=True)
        return call.result(write(call.args), atom=atom, numeric=held)

    return Rule(signature, build, form)


def nested(args: tuple[Value, ...]) -> bool:
    """Tell whether macros stand in arguments, within others."""
    return sum(arg.sql.count(MACRO) for arg in args) > MAX_NESTED


def named_once(args: tuple[Value, ...], write: Callable[[tuple[Value, ...]], str]) -> str:
    """Write a form over values that a lambda names.

    Most macros name their arguments several times: nested, what DuckDB plans would double and double. It costs 15 ns a
    row, so the first levels go without. The coalesce keeps the field's name: DuckDB forgets that of a macro's call when
    it binds a correlated subquery again.
    """
    fields = ", ".join(f"'a{index}': coalesce({arg.sql})" for index, arg in enumerate(args))
    names = tuple(replace(arg, sql=f"arg_['a{index}']", atom=True) for index, arg in enumerate(args))
    return f"list_transform([{{{fields}}}], lambda arg_: {write(names)})[1]"


def same(signature: str) -> Rule:
    """DuckDB has the function, or the operator, under the same name and with the same meaning."""
    return renamed(signature, to=signature.partition("(")[0])


def renamed(signature: str, *, to: str) -> Rule:
    """DuckDB has the function under another name, or the operator under another symbol."""
    kinds = signature[signature.index("(") + 1 : -1]
    arity = len(kinds.split(",")) if kinds else 0
    if to[0].isalpha() or to[0] == "_":
        form = f"{to}({', '.join(f'${index + 1}' for index in range(arity))})"
    elif kinds.startswith("NONE,"):
        form = f"{to} $1"
    else:
        form = f"$1 {to} $2"
    return rewritten(signature, form)


_HOLE = re.compile(r"\$(\d)")


def template(form: str) -> Callable[[tuple[Value, ...]], str]:
    """Compile a form. Arguments get parentheses where they stand beside an operator, none inside `f(...)` or CAST."""
    pieces = _HOLE.split(form)
    texts, numbers = pieces[0::2], [int(number) - 1 for number in pieces[1::2]]
    closed = [_closed(texts[index], texts[index + 1]) for index in range(len(numbers))]

    def write(args: tuple[Value, ...]) -> str:
        parts = [texts[0]]
        for number, bare, text in zip(numbers, closed, texts[1:], strict=True):
            parts.append(args[number].sql if bare else args[number].operand)
            parts.append(text)
        return "".join(parts)

    return write


def _closed(before: str, after: str) -> bool:
    opened = before.endswith(("(", ", ", "[")) or before == ""
    shut = after.startswith((")", ",", "]", " AS ")) or after == ""
    return opened and shut


def _is_atom(form: str) -> bool:
    """Tell whether a form is one call, one CASE or one CAST, which needs no parentheses."""
    if form.startswith("CASE ") and form.endswith(" END") and form.count("CASE ") == 1:
        return True
    match = re.match(r"[A-Za-z_]\w*\(", form)
    if match is None:
        return bool(re.fullmatch(r"\$\d|[\w.]+", form))
    depth = 0
    for position, character in enumerate(form):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0 and position >= match.end() - 1:
            return position == len(form) - 1
    return False

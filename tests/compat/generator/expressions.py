"""Random expressions of a wanted type, from the signatures of the catalog, mostly from those that have a rule."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.compat.generator import values
from tests.compat.generator.catalog import Catalog, Signature
from tests.compat.generator.tree import Node, expression, items, sql

RULED = 0.97  # of the signatures; one without a rule takes the whole statement to the bridge
TYPMODS = {
    "numeric(n)": ("numeric(10,2)", "numeric(38,10)", "numeric(5,0)", "numeric(3,3)", "numeric(20,6)"),
    "character varying(n)": ("varchar(3)", "varchar(30)", "varchar(1)"),
    "character(n)": ("char(3)", "char(10)", "char(1)"),
    "timestamp without time zone(n)": ("timestamp(0)", "timestamp(3)"),
    "interval(n)": ("interval(0)", "interval(3)"),
}
UNORDERED = ("array_agg", "string_agg", "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg", "any_value",
             "json_agg_strict", "jsonb_agg_strict", "json_object_agg_strict", "jsonb_object_agg_strict")  # fmt: skip
EXACT = frozenset((  # equal values are one value, or the emitter must not group by them
    "smallint", "integer", "bigint", "text", "date", "boolean", "uuid", "numeric", "timestamp without time zone",
    "timestamp with time zone", "character varying", "character", "nasty.mood", "bytea", "interval", "oid", "name",
    "time without time zone", "jsonb", '"char"', "integer[]",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A column that an expression may name."""

    sql: str
    type: str


@dataclass(slots=True)
class Scope:
    """What the expressions of a query may use. `order` makes rows, and what is collected of them, come in one order."""

    columns: list[Column]
    order: list[str]
    sublink: "Callable[[str, Scope], Node | None]"


class Expressions:
    """Grows expressions; `random` decides all."""

    def __init__(self, catalog: Catalog, random: Random) -> None:
        """Take the signatures."""
        self.catalog = catalog
        self.random = random
        self._texts = values.text_literals()

    def grow(self, wanted: str, scope: Scope, depth: int) -> Node:
        """Return an expression of a type."""
        chance = self.random.random()
        if depth <= 0 or chance < 0.2:
            return self.leaf(wanted, scope)
        if wanted == "boolean" and chance < 0.5:
            return self.condition(scope, depth)
        if chance > 0.88:
            return self._branch(wanted, scope, depth - 1)
        if chance > 0.85:
            sublink = scope.sublink(wanted, scope)
            if sublink is not None:
                return sublink
        signature = self.producer(wanted)
        return self.call(signature, scope, depth - 1) if signature else self.leaf(wanted, scope)

    def producer(self, wanted: str) -> Signature | None:
        """Choose a signature with this result: by name, then by key, then among what a polymorphic one stands for."""
        kind = self.random.choice("fffooooc")
        nested = self.catalog.by_result.get((kind, wanted)) or self.catalog.by_result.get(("c", wanted))
        if nested and self.random.random() < RULED:
            return self.random.choice(self.random.choice(self.random.choice(nested)))
        return None

    def leaf(self, wanted: str, scope: Scope) -> Node:
        """Return a column or a constant."""
        columns = [column for column in scope.columns if column.type == wanted]
        if columns and self.random.random() < 0.8:
            return expression(wanted, self.random.choice(columns).sql)
        literals = self._texts if wanted == "text" else values.LITERALS.get(wanted, ())
        if literals and self.random.random() < 0.96:
            return expression(wanted, self.random.choice(literals))
        return expression(wanted, f"NULL::{wanted}")

    def call(self, signature: Signature, scope: Scope, depth: int) -> Node:
        """Write a call of a function, an operator or a cast."""
        args = [self._argument(signature, place, kind, scope, depth) for place, kind in enumerate(signature.args)]
        result = signature.result
        if signature.kind == "c":
            target = self.random.choice(TYPMODS.get(signature.name, (signature.name,)))
            return expression(result, "CAST(", args[0], f" AS {target})")
        if signature.kind == "o":
            if len(args) == 1:
                return expression(result, f"({signature.name} ", args[0], ")")
            return expression(result, "(", args[0], f" {signature.name} ", args[1], ")")
        parts: list[str | Node] = [f'"{signature.name}"(']
        for index, arg in enumerate(args):
            parts += [", ", arg] if index else [arg]
        return expression(result, *parts, ")")

    def _argument(self, signature: Signature, place: int, kind: str, scope: Scope, depth: int) -> Node:
        pool = values.hinted(signature.name, place, kind)
        if pool and self.random.random() < 0.93:
            return expression(kind, self.random.choice(pool))
        return self.grow(kind, scope, depth)

    def condition(self, scope: Scope, depth: int) -> Node:
        """Return a boolean expression in a syntax of its own."""
        write = self.random.choice((
            self._and_or, self._and_or, self._not, self._in_list, self._between, self._null_test, self._truth_test,
            self._distinct_from, self._any_array, self._row_compare,
        ))  # fmt: skip
        return write(scope, depth - 1)

    def _and_or(self, scope: Scope, depth: int) -> Node:
        terms = [self.grow("boolean", scope, depth) for _ in range(self.random.choice((2, 2, 3)))]
        return expression("boolean", "(", items(terms, self.random.choice((" AND ", " OR "))), ")")

    def _not(self, scope: Scope, depth: int) -> Node:
        return expression("boolean", "(NOT ", self.grow("boolean", scope, depth), ")")

    def any_type(self, scope: Scope) -> str:
        """Return the type of a column, or any with constants."""
        if scope.columns and self.random.random() < 0.7:
            kind = self.random.choice(scope.columns).type
            if kind in values.LITERALS or kind == "text":
                return kind
        return self.random.choice(
            ("integer", "numeric", "text", "date", "double precision", "timestamp without time zone")
        )

    def _in_list(self, scope: Scope, depth: int) -> Node:
        kind = self.any_type(scope)
        members = [self.leaf(kind, scope) for _ in range(self.random.choice((1, 2, 4)))]
        word = self.random.choice((" IN (", " IN (", " NOT IN ("))
        return expression("boolean", "(", self.grow(kind, scope, depth), word, items(members), "))")

    def _between(self, scope: Scope, depth: int) -> Node:
        kind = self.any_type(scope)
        one, low, high = self.grow(kind, scope, depth), self.leaf(kind, scope), self.leaf(kind, scope)
        word = self.random.choice((" BETWEEN ", " NOT BETWEEN ", " BETWEEN SYMMETRIC "))
        return expression("boolean", "(", one, word, low, " AND ", high, ")")

    def _null_test(self, scope: Scope, depth: int) -> Node:
        word = self.random.choice((" IS NULL)", " IS NOT NULL)"))
        return expression("boolean", "(", self.grow(self.any_type(scope), scope, depth), word)

    def _truth_test(self, scope: Scope, depth: int) -> Node:
        word = self.random.choice(("TRUE", "FALSE", "UNKNOWN", "NOT TRUE", "NOT FALSE", "NOT UNKNOWN"))
        return expression("boolean", "(", self.grow("boolean", scope, depth), f" IS {word})")

    def _distinct_from(self, scope: Scope, depth: int) -> Node:
        kind = self.any_type(scope)
        word = self.random.choice((" IS DISTINCT FROM ", " IS NOT DISTINCT FROM "))
        return expression("boolean", "(", self.grow(kind, scope, depth), word, self.leaf(kind, scope), ")")

    def _any_array(self, scope: Scope, depth: int) -> Node:
        kind = self.any_type(scope)
        members = items([self.leaf(kind, scope) for _ in range(self.random.choice((1, 2, 3)))])
        word = self.random.choice(("= ANY", "<> ALL", "< ANY", ">= ALL", "<> ANY"))
        return expression("boolean", "(", self.grow(kind, scope, depth), f" {word} (ARRAY[", members, "]))")

    def _row_compare(self, scope: Scope, depth: int) -> Node:
        one, other = self.any_type(scope), self.any_type(scope)
        lefts = sql(self.grow(one, scope, depth), ", ", self.grow(other, scope, depth))
        rights = sql(self.leaf(one, scope), ", ", self.leaf(other, scope))
        symbol = self.random.choice(("=", "<>", "<", "<=", ">", ">="))
        return expression("boolean", "((", lefts, f") {symbol} (", rights, "))")

    def _branch(self, wanted: str, scope: Scope, depth: int) -> Node:
        """Return CASE, COALESCE, NULLIF, GREATEST or LEAST."""
        word = self.random.choice(("CASE", "CASE", "COALESCE", "NULLIF", "GREATEST", "LEAST"))
        if word == "CASE":
            return self._case(wanted, scope, depth)
        if word == "NULLIF":
            return expression(wanted, "NULLIF(", self.grow(wanted, scope, depth), ", ", self.leaf(wanted, scope), ")")
        members = [self.grow(wanted, scope, depth) for _ in range(self.random.choice((2, 3)))]
        return expression(wanted, f"{word}(", items(members), ")")

    def _case(self, wanted: str, scope: Scope, depth: int) -> Node:
        operand = self.any_type(scope) if self.random.random() < 0.3 else ""
        whens = [
            sql(
                "WHEN ",
                self.leaf(operand, scope) if operand else self.grow("boolean", scope, depth),
                " THEN ",
                self.grow(wanted, scope, depth),
            )
            for _ in range(self.random.choice((1, 1, 2)))
        ]
        parts: list[str | Node] = ["CASE "]
        if operand:
            parts += [self.grow(operand, scope, depth), " "]
        parts.append(items(whens, " "))
        if self.random.random() < 0.7:
            parts += [" ELSE ", self.grow(wanted, scope, depth)]
        return expression(wanted, *parts, " END")

    def aggregate(self, signature: Signature, scope: Scope, depth: int, *, over: bool = False) -> Node:
        """Write an aggregate with its modifiers."""
        args = [self._argument(signature, place, kind, scope, depth) for place, kind in enumerate(signature.args)]
        parts: list[str | Node] = [f'"{signature.name}"(']
        chance = self.random.random()
        if not args:
            parts.append("*")
        elif chance < 0.2 and not over and set(signature.args) <= EXACT:
            parts.append("DISTINCT ")
        for index, arg in enumerate(args):
            parts += [", ", arg] if index else [arg]
        distinct = "DISTINCT " in parts
        if not distinct and not over and args and signature.name in UNORDERED:
            key = self.grow(self.any_type(scope), scope, depth - 1)
            parts += [
                " ORDER BY ",
                key,
                self.random.choice(("", " DESC", " NULLS FIRST")),
                "".join(f", {k}" for k in scope.order),
            ]
        parts.append(")")
        if self.random.random() < 0.25:
            parts += [sql(" FILTER (WHERE ", self.grow("boolean", scope, depth - 1), ")")]
        return expression(signature.result, *parts)

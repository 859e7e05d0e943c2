"""Why a statement was not emitted. None of these is an answer: the planner takes another way."""

# What a rule of ours that is wrong may raise. It is logged, and no statement needs it: the bridge has its answer.
FAULTS = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, AssertionError)


class NoRule(Exception):
    """A node or a signature has no proved DuckDB form: the bridge answers.

    Args: the construct, readable: "function to_char(timestamp without time zone,text)".
    """

    def __init__(self, construct: str) -> None:
        """Keep the construct: EXPLAIN and the log name it."""
        super().__init__(construct)
        self.construct = construct


class TooDeep(NoRule):
    """A tree is nested deeper than we walk (54001 where no other way is left)."""

    def __init__(self) -> None:
        """Name the limit as the construct."""
        super().__init__("an expression nested too deeply")


class NeedsTwin(Exception):
    """A parameter's text is one that only Postgres can read ('yesterday' as a date).

    Ask the twin for canonical text.
    """

    def __init__(self, type_oid: int) -> None:
        """Keep the type, never the value."""
        super().__init__(f"text of type {type_oid} is not in canonical form")
        self.type_oid = type_oid


class TreeError(NoRule):
    """A query tree's text is not what `nodeToString` of PostgreSQL 18 writes."""

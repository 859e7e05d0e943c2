"""Failures that only the operator can mend."""


class OperatorError(Exception):
    """A program cannot start or go on as it is configured; it ends with one line and exit code 2.

    Args: the variable (or option) to change; what is wrong with it, without a secret; what to do about it.
    """

    def __init__(self, variable: str, problem: str, fix: str) -> None:
        """Keep the three parts; the text is the line that the operator reads."""
        super().__init__(f"{variable}: {problem}; {fix}")
        self.variable = variable
        self.problem = problem
        self.fix = fix

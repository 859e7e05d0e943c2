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


class NotReachable(Exception):
    """A catalog, a source or a store is not there yet, or not now: worth waiting for. Nothing was changed.

    Args: the variable that says where it is; what happened, without a secret.
    """

    def __init__(self, variable: str, problem: str) -> None:
        """Keep both parts."""
        super().__init__(f"{variable}: {problem}")
        self.variable = variable
        self.problem = problem


class CommitConflict(Exception):
    """Another writer changed the table so that this commit cannot be made; nothing was changed by us."""


class CommitOutcomeUnknown(Exception):
    """The reply to COMMIT was lost and the catalog cannot be asked: the commit may be there or not. Delete nothing."""


class CorruptMetadata(ValueError):
    """A metadata file or manifest of the lake cannot be read as what it should be."""

"""What the twin would let a user do, and this server does not."""

from pglast import ast

from pgserver.plan.statement import Statement, parse
from pgserver.protocol.errors import InsufficientPrivilege


def refuse_role_changes(statement: Statement) -> None:
    """Refuse ALTER ROLE and ALTER USER: who may log in, and how, is the operator's to say.

    A user may change the password and the settings of the own role in PostgreSQL; here others may use that role, too.

    Raises: InsufficientPrivilege (42501).
    """
    if statement.word != "ALTER":
        return
    if isinstance(parse(statement.text), ast.AlterRoleStmt | ast.AlterRoleSetStmt):
        raise InsufficientPrivilege(
            "permission denied to alter role", hint="Users are kept in the server's configuration."
        )

"""The file of users, in the format of pgbouncer's: `"name" "secret"`, a line each; `;` and `#` begin a comment."""

import re
from pathlib import Path

from catalog.errors import OperatorError
from pgserver.twin.install import SCRAM, is_role_name

VARIABLE = "BEMIDB_USERS_FILE"
LINE = re.compile(r'\s*"((?:[^"]|"")*)"\s+"((?:[^"]|"")*)"\s*(?:[;#].*)?')
VERIFIER = re.compile(r"SCRAM-SHA-256\$\d+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]{44}:[A-Za-z0-9+/=]{44}")
MD5 = re.compile(r"md5[0-9a-f]{32}")
MAX_BYTES = 1 << 20


def read_users(path: Path, taken: str | None) -> dict[str, str]:
    """Return password or SCRAM verifier by user.

    Args: the file; the user that has its password elsewhere.
    Raises: OperatorError naming the line, never a secret.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode()
    except OSError as error:
        raise OperatorError(VARIABLE, f"{path} cannot be read ({error.strerror})", "give a readable file") from error
    except UnicodeDecodeError as error:
        raise OperatorError(VARIABLE, f"{path} is not UTF-8", "save it as UTF-8") from error
    if len(content) > MAX_BYTES:
        raise OperatorError(VARIABLE, f"{path} has more than {MAX_BYTES} bytes", "give a file of users")
    users: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip()[0] in ";#":
            continue
        match = LINE.fullmatch(line)
        name, secret = (part.replace('""', '"') for part in match.groups()) if match else ("", "")
        problem = _problem(name, secret, {*users, taken}) if match else "is not a user"
        if problem:
            raise OperatorError(
                VARIABLE, f"line {number} {problem}", 'write "name" "password or SCRAM verifier" in double quotes'
            )
        users[name] = secret
    return users


def _problem(name: str, secret: str, taken: set[str | None]) -> str | None:
    if not is_role_name(name) or name.startswith("bemidb_"):
        return "has a name that no user can have"
    if name in taken:
        return f"gives {name!r} a second time"
    if not secret or "\0" in secret:
        return "has no password"
    if MD5.fullmatch(secret):
        return "has an MD5 hash, which is not supported"
    if secret.startswith(SCRAM) and not VERIFIER.fullmatch(secret):
        return "has a SCRAM verifier that is not whole"
    return None

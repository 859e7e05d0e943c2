from pathlib import Path

import pytest

from catalog.errors import OperatorError
from pgserver.users import read_users

VERIFIER = f"SCRAM-SHA-256$4096:c2FsdA==${'A' * 43}=:{'B' * 43}="


def test_names_and_secrets_are_read(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text(
        f'; people\n\n"alice" "a ""quoted"" secret"\n  "b""b"\t"x;y" # her\n"scram" "{VERIFIER}" ; verifier\n'
    )
    assert read_users(file, None) == {"alice": 'a "quoted" secret', 'b"b': "x;y", "scram": VERIFIER}


def test_no_error_tells_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text('"alice" "hunter2"\n"alice" "hunter3"\n')
    with pytest.raises(OperatorError) as error:
        read_users(file, None)
    assert "hunter" not in str(error.value)


def test_the_configured_user_is_not_given_twice(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text('"owner" "x"\n')
    with pytest.raises(OperatorError, match="a second time"):
        read_users(file, "owner")

"""The tree of errors, its names, and ErrorResponse from and to it."""

import importlib.util
from pathlib import Path

import psycopg.errors
import pytest

from pgserver.protocol import codec, errors, message, sqlstates
from pgserver.protocol.backend import CommandComplete, CopyInResponse, ErrorResponse, NoticeResponse
from pgserver.protocol.errors import BY_SQLSTATE, PostgresError, UndefinedTable

TOOL = Path(__file__).parents[3] / "tools" / "update_sqlstates.py"
FULL = {
    "S": "ERROR",
    "V": "ERROR",
    "C": "42P01",
    "M": "relation does not exist",
    "D": "detail",
    "H": "hint",
    "P": "15",
    "W": "context",
    "F": "parse_relation.c",
    "L": "1449",
    "R": "parserOpenTable",
}


def test_generated_file_is_up_to_date():
    spec = importlib.util.spec_from_file_location("update_sqlstates", TOOL)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.render(list(tool.read_conditions(tool.default_source().read_text()))) == tool.TARGET.read_text()


def test_every_error_of_psycopg_is_there_under_its_name():
    renamed = {"InternalError_": "InternalError"}
    theirs = {
        kind.sqlstate: renamed.get(name, name)
        for name, kind in vars(psycopg.errors).items()
        if isinstance(kind, type)
        and issubclass(kind, psycopg.Error)
        and kind.sqlstate
        and kind.sqlstate[:2] not in ("01", "02")
    }
    ours = {sqlstate: kind.__name__ for sqlstate, kind in BY_SQLSTATE.items()}
    del theirs["72000"]  # snapshot_too_old: gone since PostgreSQL 17
    assert len(theirs) > 200
    assert {sqlstate: ours.get(sqlstate) for sqlstate in theirs} == theirs


def test_every_class_knows_its_condition():
    for sqlstate, kind in BY_SQLSTATE.items():
        assert (kind.sqlstate, kind.condition) == (sqlstate, sqlstates.CONDITIONS[sqlstate])
        assert getattr(errors, kind.__name__) is kind


def test_sqlstate_given_twice_fails_at_import():
    with pytest.raises(TypeError, match="42P01 belongs to UndefinedTable"):
        type("Second", (PostgresError,), {}, code="42P01", condition="undefined_table")
    assert BY_SQLSTATE["42P01"] is UndefinedTable


def test_tag_given_twice_fails_at_import():
    other = type("Other", (message.Message,), {"tag": b"C"})
    with pytest.raises(TypeError, match="CommandComplete"):
        message.registry(CommandComplete, CopyInResponse, other)


def test_subclass_without_code_keeps_that_of_its_parent():
    assert codec.FramingError("x", silent=True).sqlstate == "08P01"
    assert BY_SQLSTATE["08P01"] is errors.ProtocolViolation


def test_error_to_response():
    error = UndefinedTable('relation "x" does not exist', hint="look", position=15, severity="FATAL")
    report = codec.decode_backend(errors.error_response(error))
    assert isinstance(report, ErrorResponse)
    expected = {"S": "FATAL", "V": "FATAL", "C": "42P01", "M": 'relation "x" does not exist', "H": "look", "P": "15"}
    assert report.fields == expected


def test_response_to_error_and_back_keeps_every_field():
    error = errors.error_from(ErrorResponse(FULL))
    assert type(error) is UndefinedTable
    assert (error.message, error.detail, error.position, error.fatal) == (
        "relation does not exist",
        "detail",
        15,
        False,
    )
    report = codec.decode_backend(errors.error_response(error))
    assert isinstance(report, ErrorResponse)
    assert report.fields == FULL


def test_invented_sqlstate_survives():
    error = errors.error_from(ErrorResponse({"S": "ERROR", "C": "BEM01", "M": "raised"}))
    assert type(error) is PostgresError
    assert error.sqlstate == "BEM01"
    assert b"CBEM01\0" in errors.error_response(error)
    assert PostgresError.sqlstate == "XX000"


def test_nul_in_a_message_starts_no_field():
    report = codec.decode_backend(errors.error_response(UndefinedTable("a\0Hb")))
    assert isinstance(report, ErrorResponse)
    assert report.message == "aHb"
    assert "H" not in report.fields


def test_notice():
    report = codec.decode_backend(errors.notice_response("careful", severity="WARNING", sqlstate="01000", hint="h"))
    assert isinstance(report, NoticeResponse)
    assert report.fields == {"S": "WARNING", "V": "WARNING", "C": "01000", "M": "careful", "H": "h"}

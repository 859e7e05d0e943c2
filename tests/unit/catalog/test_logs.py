import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from catalog.logs import configure_logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def test_json_logs_are_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    structlog.get_logger().info("statement_finished", rows=3)
    structlog.get_logger().debug("hidden")
    logging.getLogger("botocore").warning("slow %s", "store")
    logging.getLogger("botocore").info("hidden")
    captured = capsys.readouterr()
    first, second = (json.loads(line) for line in captured.err.splitlines())
    assert (first["event"], first["rows"], first["level"]) == ("statement_finished", 3, "info")
    assert (second["event"], second["logger"]) == ("slow store", "botocore")
    assert captured.out == ""


def test_console_logs_have_no_colours_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("debug", "console")
    structlog.get_logger().debug("waiting", waited_s=1.5)
    line = capsys.readouterr().err
    assert "waiting" in line
    assert "waited_s=1.5" in line
    assert "\x1b" not in line

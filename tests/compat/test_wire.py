"""Message scripts, recorded from PostgreSQL, replayed on our server: unchanged, whole, byte by byte, cut anywhere."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support import wire
from tests.support.record import FOLDER, LOGIN

SCRIPTS = sorted(FOLDER.glob("*.wire"))
PACES = {"whole": wire.whole, "bytewise": wire.bytewise}


@pytest.fixture
def address(candidate_url: str) -> tuple[str, int]:
    parts = urlsplit(candidate_url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


@pytest.mark.parametrize("pace", PACES.values(), ids=PACES)
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_answers_message_for_message(path: Path, pace: wire.Pace, address: tuple[str, int]) -> None:
    check(path, pace, address)


@pytest.mark.slow
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_answers_however_the_bytes_are_cut(path: Path, address: tuple[str, int]) -> None:
    longest = max(len(step.data) for step in wire.read(path).steps)
    for at in range(1, longest):
        check(path, wire.cut(at), address)


def check(path: Path, pace: wire.Pace, address: tuple[str, int]) -> None:
    script = wire.read(path)
    with wire.Talk(address, None if script.raw else LOGIN) as talk:
        for step, answers in wire.replay(script, talk, pace):
            assert answers == list(step.answers), f"after {step.sent}"

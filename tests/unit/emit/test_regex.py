"""Regular expressions: what is read, how it is written for RE2, and where both engines find the same match."""

import pytest

from pgserver.emit.errors import NoRule
from pgserver.emit.regex.compiled import Regex, compiled


def read(pattern: str, *, ignore_case: bool = False, ascii_only: bool = False) -> Regex:
    return compiled(pattern, ignore_case=ignore_case, ascii_only=ascii_only)


@pytest.mark.parametrize(
    ("pattern", "re2"),
    [
        ("abc", "abc"),
        (r"\d+-[a-f]{2,3}", r"[0-9]+-[a-f]{2,3}"),
        ("^(?:a|b)*$", "^(?:a|b)*$"),
        (r"\.\*\(", r"\x{2E}\x{2A}\x{28}"),
        (".[^a]", ".[^a]"),
        ("[]a-]", r"[\x{2D}\x{5D}a]"),
        ("(?i)x1", "[Xx]1"),
        ("(?i)[k]", r"[Kk\x{0}]"),
        (r"\w", r"[0-9A-Z\x{5F}a-z\p{L}]"),
        (r"\Aa\Z", "^a$"),
        ("é☃", r"\x{E9}\x{2603}"),
    ],
)
def test_is_written_for_re2(pattern: str, re2: str) -> None:
    assert read(pattern).re2 == re2


@pytest.mark.parametrize(
    "pattern",
    [
        "(", ")", "[", "[]", "[a", "a**", "*a", "a{2,1}", "a{256}", "a{", "a{x}", "^*", "()", "(a|)", r"\y", r"\1",
        r"(a)\1", r"\x41", "(?=a)", "(?<=a)", "(?n)a", "***=a", "[[.a.]]", "[[=a=]]", "[[:<:]]", "[b-a]", r"[\s-x]",
        "[a-c-e]", r"[\W]", "a\\", "[[:word", "(?i",
    ],
)  # fmt: skip
def test_is_left_to_the_bridge(pattern: str) -> None:
    with pytest.raises(NoRule):
        read(pattern)


def test_parentheses_without_end_are_refused_before_the_stack_is_full() -> None:
    with pytest.raises(NoRule):
        read("(" * 10_000)


def test_classes_are_those_of_ascii_under_a_collation_of_ascii() -> None:
    assert read(r"\w", ascii_only=True).re2 == r"[0-9A-Z\x{5F}a-z]"
    assert read("é", ignore_case=True, ascii_only=True).re2 == r"\x{E9}"


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        ("abc", ("abc", False, False)),
        ("^a.", None),
        (r"^a\.$", ("a.", True, True)),
        ("b$", ("b", False, True)),
        ("", ("", False, False)),
        ("^", ("", True, False)),
        ("a$b", None),
        ("(a)", None),
    ],
)
def test_a_plain_text_is_known_as_one(pattern: str, literal: tuple[str, bool, bool] | None) -> None:
    assert read(pattern).literal() == literal


@pytest.mark.parametrize(
    "pattern",
    [
        "a+", r"(\d{4})-(\d\d?)-(\d+)", "[^@]+@.*", "(?:ab|cd)+", ".*x", "<(.*?)>", "^(.*?),", r"a{2,3}b",
        "(?:a(?:b)?)?", r"^\s+|\s+$", "x|yz", r"\w+\d",
    ],
)  # fmt: skip
def test_a_match_is_determined(pattern: str) -> None:
    read(pattern).check_match(with_groups=True)


@pytest.mark.parametrize(
    "pattern",
    [
        "a|ab",
        "(?:a|ab)(?:c|bcd)?",
        "a?(?:ab)?",
        ".*?x.*",
        r"\w+\d?",
        "(?:a*|b)c",
        "a*a*b",
        "a+?b*",
        r"(?:\d{1,3}\d)+",
        ".*a.*",
    ],
)
def test_a_match_may_differ(pattern: str) -> None:
    with pytest.raises(NoRule):
        read(pattern).check_match()


@pytest.mark.parametrize("pattern", ["(a)?b", "(a)|b", "(a)+", "(?:(a)b)*c"])
def test_a_group_may_take_no_part(pattern: str) -> None:
    read(pattern).check_match()
    with pytest.raises(NoRule):
        read(pattern).check_match(with_groups=True)

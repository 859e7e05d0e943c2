"""Sets of characters of a regular expression: exact as RE2 writes them, and as ranges that are a little too large.

Postgres' classes are those of C.UTF-8: ASCII digits, letters by Unicode 16. RE2's letters are of another Unicode, and
they are not Postgres' in scripts whose vowels are marks; so a text that is matched with them goes through `pg_plain`.
Under a collation that knows ASCII only (C, POSIX) the classes are ASCII's.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pgserver.emit.errors import NoRule

Range = tuple[int, int]
LAST = 0x10FFFF
FIRST_AFTER_ASCII = 0x80


@dataclass(frozen=True, slots=True)
class CharSet:
    """Ranges of characters, and RE2's names of the characters beyond ASCII that belong to them."""

    ranges: tuple[Range, ...]
    beyond: tuple[str, ...] = ()
    negated: bool = False

    def covers(self) -> tuple[Range, ...]:
        """Return ranges that hold all of the set, and perhaps more."""
        if self.negated:
            return _complement(self.ranges)
        return merged((*self.ranges, (FIRST_AFTER_ASCII, LAST))) if self.beyond else self.ranges

    def overlaps(self, other: "CharSet") -> bool:
        """Tell whether both sets may share a character."""
        return any(a <= d and c <= b for a, b in self.covers() for c, d in other.covers())

    def single(self) -> str | None:
        """Return the character of a set of one."""
        if self.negated or self.beyond or len(self.ranges) != 1 or self.ranges[0][0] != self.ranges[0][1]:
            return None
        return chr(self.ranges[0][0])

    def re2(self) -> str:
        """Write the set."""
        character = self.single()
        if character is not None:
            return escaped(character)
        if self.negated and not self.ranges and not self.beyond:
            return "."
        inside = "".join(_written(first, last) for first, last in self.ranges) + "".join(self.beyond)
        if inside in FOLDED and not self.negated:
            inside += "\\x{0}"  # which no text has
        return f"[{'^' if self.negated else ''}{inside}]"


ANY = CharSet((), negated=True)
FOLDED = ("Kk", "Ss")  # RE2 takes them for a letter in any case, and so finds the Kelvin sign and the long s as well


def escaped(character: str) -> str:
    """Write a character so that it is nothing else."""
    if character.isascii() and (character.isalnum() or character in " _-,:;@#%&=<>/'\"!~`"):
        return character
    return f"\\x{{{ord(character):X}}}"


def _written(first: int, last: int) -> str:
    return escaped_in_class(first) if first == last else f"{escaped_in_class(first)}-{escaped_in_class(last)}"


def escaped_in_class(code: int) -> str:
    """Write a character of a class."""
    character = chr(code)
    return character if character.isascii() and character.isalnum() else f"\\x{{{code:X}}}"


def merged(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """Return the same characters as ranges in order that do not touch."""
    result: list[Range] = []
    for first, last in sorted(ranges):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(last, result[-1][1]))
        else:
            result.append((first, last))
    return tuple(result)


def _complement(ranges: Iterable[Range]) -> tuple[Range, ...]:
    result: list[Range] = []
    start = 0
    for first, last in ranges:
        if start < first:
            result.append((start, first - 1))
        start = last + 1
    if start <= LAST:
        result.append((start, LAST))
    return tuple(result)


def union(sets: Iterable[CharSet], *, negated: bool = False) -> CharSet:
    """Return what is in one of the sets, of which none is negated; or what is in none of them."""
    parts = list(sets)
    assert not any(part.negated for part in parts)
    beyond = tuple(dict.fromkeys(name for part in parts for name in part.beyond))
    return CharSet(merged(found for part in parts for found in part.ranges), beyond, negated)


def span(first: str, last: str) -> CharSet:
    """Return the characters from one to another."""
    return CharSet(((ord(first), ord(last)),))


DIGITS, UPPER, LOWER = (0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)
SPACES = ((0x9, 0xD), (0x20, 0x20))
MORE: dict[str, tuple[Range, ...]] = {
    "cntrl": ((0x80, 0x9F),),
    "space": (
        (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F),
        (0x205F, 0x205F), (0x3000, 0x3000),
    ),
}  # fmt: skip
OTHER_LOWER = r"\x{AA}\x{BA}\x{2B0}-\x{2B8}\x{2C0}\x{2C1}\x{2E0}-\x{2E4}\x{37A}\x{2071}\x{207F}\x{2090}-\x{209C}"
ASCII_CLASSES: dict[str, tuple[Range, ...]] = {
    "alpha": (UPPER, LOWER),
    "alnum": (DIGITS, UPPER, LOWER),
    "word": (DIGITS, UPPER, (0x5F, 0x5F), LOWER),
    "upper": (UPPER,),
    "lower": (LOWER,),
    "ascii": ((0x0, 0x7F),),
    "cntrl": ((0x1, 0x1F), (0x7F, 0x7F)),
    "digit": (DIGITS,),
    "xdigit": (DIGITS, (0x41, 0x46), (0x61, 0x66)),
    "space": SPACES,
    "blank": ((0x9, 0x9), (0x20, 0x20)),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
}
BEYOND = {
    "alpha": (r"\p{L}",),
    "alnum": (r"\p{L}",),
    "word": (r"\p{L}",),
    "upper": (r"\p{Lu}",),
    "lower": (r"\p{Ll}", OTHER_LOWER),
    "punct": (r"\p{P}", r"\p{S}"),
}


def named(name: str, *, ascii_only: bool) -> CharSet:
    """Return a class by its name.

    Raises: NoRule for one that is not in the tables.
    """
    if name not in ASCII_CLASSES:
        raise NoRule(f"the character class {name}")
    ranges = ASCII_CLASSES[name]
    if ascii_only:
        return CharSet(ranges)
    if name in MORE:
        return CharSet(merged((*ranges, *MORE[name])))
    return CharSet(ranges, BEYOND.get(name, ()))


NEWER = frozenset("\u1c89\u1c8a\u019b\u0264\ua7cb\ua7cc\ua7cd\ua7da\ua7db\ua7dc") | frozenset(
    map(chr, (*range(0x10D50, 0x10D66), *range(0x10D70, 0x10D86)))
)  # letters whose other case only Unicode 16 knows


def in_both_cases(character: str, *, ascii_only: bool) -> CharSet:
    """Return what matches a character when case is ignored: its small and its capital form, as single characters.

    Raises: NoRule for a character of which Python may not know the forms as Postgres does.
    """
    if character.isascii() or not ascii_only:
        small, capital = character.lower(), character.upper()
    else:
        small = capital = character
    if character == "ß":
        small = capital = character
    if len(small) != 1 or len(capital) != 1 or character in NEWER or not _is_usual(character):
        raise NoRule("a letter whose cases are odd")
    return union((span(small, small), span(capital, capital)))


def _is_usual(character: str) -> bool:
    return ord(character) < 0x250 or 0x370 <= ord(character) < 0x530 or not character.isalpha() or _caseless(character)


def _caseless(character: str) -> bool:
    return 0x3040 <= ord(character) < 0xA000 or 0xAC00 <= ord(character) < 0xD7A4  # kana, Han, Hangul


def span_in_both_cases(first: str, last: str, *, ascii_only: bool) -> CharSet:
    """Return what matches a range when case is ignored.

    Raises: NoRule for a range beyond ASCII.
    """
    if not last.isascii():
        raise NoRule("a range of letters beyond ASCII, in both cases")
    singles = [in_both_cases(chr(code), ascii_only=ascii_only) for code in range(ord(first), ord(last) + 1)]
    return union(singles)

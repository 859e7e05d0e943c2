"""One answer of a benchmark, and how repeated measurements become it."""

import operator
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_COMPARE = {">=": operator.ge, "<=": operator.le, "<": operator.lt}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its bar: `>= 0.9` or the like; empty where it is only told."""

    name: str
    value: float
    unit: str
    bar: str
    detail: str  # what the number was made of: absolute values, spread

    def holds(self) -> bool:
        """Tell whether the number is on the right side of its bar."""
        if not self.bar:
            return True
        sign, bound = self.bar.split()
        return bool(_COMPARE[sign](self.value, float(bound)))

    def text(self) -> str:
        """Return the number with its unit."""
        return f"{self.value:.2f}{'' if self.unit == 'x' else ' '}{self.unit}"


def seconds(action: Callable[[], object]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def in_turns(
    ours: Callable[[], object], reference: Callable[[], object], times: int
) -> tuple[list[float], list[float]]:
    """Measure two calls in turns, after one run of each unmeasured: what disturbs one disturbs the other too."""
    ours()
    reference()
    pairs = [(seconds(ours), seconds(reference)) for _ in range(times)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def speed_ratio(ours: Sequence[float], reference: Sequence[float]) -> tuple[float, str]:
    """Return how many times as fast we are (by medians), and the spread over the pairs."""
    ratio = statistics.median(reference) / statistics.median(ours)
    pairs = [other / mine for mine, other in zip(ours, reference, strict=True)]
    return ratio, f"spread {min(pairs):.2f} to {max(pairs):.2f} in {len(pairs)} pairs"

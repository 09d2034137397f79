"""How much a correction takes away.

Belongs here: size by severity, shrunk excess and share of the target. Not here: when it holds (lifecycle), how several
of one target combine (consumers).
"""

from dataclasses import dataclass

from amc_learning.learning.corrections.rules import (
    FULL_CUT_EXCESS,
    LARGEST_CUT,
    LARGEST_RAISE_POINTS,
    SHRINKAGE_CASES,
    SMALLEST_FACTOR,
    TAG_THRESHOLD,
)


@dataclass(frozen=True)
class CorrectionSize:
    """Either a factor or a raise in points; the other is None."""

    factor: float | None
    raise_points: float | None


def shrunk_rate(n_failures: float, n_cases: float, base_rate: float) -> float:
    """Failure rate pulled towards the base rate as if `SHRINKAGE_CASES` more cases had failed at that rate.

    >>> round(shrunk_rate(20, 20, 0.4), 3)
    0.7
    """
    return (n_failures + SHRINKAGE_CASES * base_rate) / (n_cases + SHRINKAGE_CASES)


def correction_size(
    kind: str, *, severity: str, n_failures: int, n_cases: int, base_rate: float | None, target_share: float
) -> CorrectionSize:
    """Bounded size of a correction: the severity's largest cut, less where the excess or the pattern's share is small.

    Args:
        kind: tag_threshold raises points, every other kind multiplies by a factor.
        severity: low, medium, high or critical.
        n_failures: of the pattern.
        n_cases: of the pattern.
        base_rate: failure rate it is compared with; None when there was nothing to compare with: then no cut is due.
        target_share: share of the target's cases that belong to the pattern: the excess is theirs alone, while the
            correction meets all.

    Returns:
        factor in [`SMALLEST_FACTOR`, 1], in thousandths; or raise in [0, `LARGEST_RAISE_POINTS`], in tenths.

    >>> correction_size("confidence", severity="high", n_failures=20, n_cases=20, base_rate=0.4, target_share=1.0)
    CorrectionSize(factor=0.65, raise_points=None)
    """
    excess = 0.0 if base_rate is None else max(shrunk_rate(n_failures, n_cases, base_rate) - base_rate, 0.0)
    cut = LARGEST_CUT[severity] * min(excess / FULL_CUT_EXCESS, 1.0) * min(max(target_share, 0.0), 1.0)
    if kind == TAG_THRESHOLD:
        points = LARGEST_RAISE_POINTS * cut / LARGEST_CUT["critical"]
        return CorrectionSize(None, min(round(points, 1), LARGEST_RAISE_POINTS))
    return CorrectionSize(max(round(1.0 - cut, 3), SMALLEST_FACTOR), None)


def size_bounds(kind: str) -> tuple[float, float]:
    """Smallest and largest size of this kind."""
    return (0.0, LARGEST_RAISE_POINTS) if kind == TAG_THRESHOLD else (SMALLEST_FACTOR, 1.0)

"""How rules refuse values that cannot be meant.

Belongs here: raising the first complaint. Not here: what the bounds are (rules.py, truths.py).
"""

from collections.abc import Mapping


def refuse(checks: Mapping[str, bool]) -> None:
    """Raise the first complaint that is not met.

    Args:
        checks: complaint to whether its bound is kept, the most basic first.

    Raises:
        ValueError: a bound is not kept, with its complaint.

    >>> refuse({"n is -1; it may not be negative": False})
    Traceback (most recent call last):
    ValueError: n is -1; it may not be negative
    """
    for complaint, is_kept in checks.items():
        if not is_kept:
            raise ValueError(complaint)

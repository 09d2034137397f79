"""The noise baseline: a random score that behaves like a real one and carries nothing.

Belongs here: how it is drawn. Not here: what it is compared with.
"""

from hashlib import blake2b

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

ANCHOR_DAYS = 61
"""Calendar days between independent draws of a symbol: its score then persists like an AR(1) of about .98 a session."""


def persistent_noise(symbols: npt.NDArray[np.object_], days: Integers) -> Floats:
    """Standard normal, independent between symbols, drifting slowly over the days of one symbol.

    A function of symbol and day alone, so that a day has the same noise in every week that looks at it.

    Args:
        symbols: one name per row.
        days: days since 1970 of each row, from 0.

    >>> persistent_noise(np.array(["ABC", "ABC", "XYZ"], dtype=object), np.array([16000, 16001, 16000])).round(2)
    array([-1.81, -1.85, -0.22])
    """
    names, of_row = np.unique(symbols.astype(str), return_inverse=True)
    anchor, since = np.divmod(days, ANCHOR_DAYS)
    n_anchors = int(anchor.max(initial=0)) + 2
    drawn = np.empty((len(names), n_anchors))
    for row, name in enumerate(names.tolist()):
        seed = int.from_bytes(blake2b(name.encode(), digest_size=16).digest(), "big")
        drawn[row] = np.random.default_rng(seed).standard_normal(n_anchors)
    passed = since / ANCHOR_DAYS
    between = (1 - passed) * drawn[of_row, anchor] + passed * drawn[of_row, anchor + 1]
    noise: Floats = between / np.sqrt((1 - passed) ** 2 + passed**2)
    return noise

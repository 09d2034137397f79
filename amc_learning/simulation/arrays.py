"""Names for the arrays of the simulation; their shapes are said where they are used."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

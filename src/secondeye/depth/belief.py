"""How far something is believed that a number speaks for."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def belief_in(value: float, ends: tuple[float, float]) -> float:
    """0 up to the first of the ends, 1 from the second on, and evenly between."""
    return min(max((value - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)


def beliefs_in(values: Array, ends: tuple[float, float]) -> Array:
    """The same for each of many values."""
    return np.asarray(np.clip((values - ends[0]) / np.float32(ends[1] - ends[0]), 0, 1), np.float32)

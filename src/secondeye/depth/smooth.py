"""Smoothing that stops at the picture's edges.

Source: He, Sun, Tang, "Guided Image Filtering" (2013); ours weighs each value by how far it is trusted.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def filter_guided(values: Array, grey: Array, radius_px: int, epsilon: float, weight: Array | None = None) -> Array:
    """Window by window the line values = a * grey + b that fits best, averaged over the windows.

    Args:
        values: (h, w) float32.
        grey: (h, w) float32, 0 to 1.
        radius_px: half a window.
        epsilon: grey variance below which an edge counts as flat.
        weight: (h, w) float32 >= 0, how far each value is trusted: what is not trusted takes the line of what is
            trusted in its windows, and 0 where there is none.

    Returns:
        (h, w) float32.
    """
    trust = np.ones_like(values) if weight is None else weight
    trust_grey, trust_value = trust * grey, trust * values
    known: Array = np.maximum(_box_sum(trust, radius_px), np.float32(1e-12))
    mean_grey, mean_value = _box_sum(trust_grey, radius_px) / known, _box_sum(trust_value, radius_px) / known
    variance: Array = np.maximum(_box_sum(trust_grey * grey, radius_px) / known - mean_grey * mean_grey, np.float32(0))
    covariance = _box_sum(trust_value * grey, radius_px) / known - mean_grey * mean_value
    slope: Array = covariance / (variance + np.float32(epsilon))
    offset = mean_value - slope * mean_grey
    total = _box_sum(known, radius_px)
    line: Array = (_box_sum(slope * known, radius_px) * grey + _box_sum(offset * known, radius_px)) / total
    return line


def _box_sum(values: Array, radius_px: int) -> Array:
    """Sums over (2 radius + 1) squared windows, cut off at the borders."""
    side = 2 * radius_px + 1
    sums = cv2.boxFilter(values, cv2.CV_32F, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(sums, np.float32)

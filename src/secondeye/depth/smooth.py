"""Smoothing that stops at the picture's edges.

Source: He, Sun, Tang, "Guided Image Filtering" (2013).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def filter_guided(values: Array, grey: Array, radius_px: int, epsilon: float) -> Array:
    """Window by window the line values = a * grey + b that fits best, averaged over the windows.

    Args:
        values: (h, w) float32.
        grey: (h, w) float32, 0 to 1.
        radius_px: half a window.
        epsilon: grey variance below which an edge counts as flat.

    Returns:
        (h, w) float32.
    """
    count = _box_sum(np.ones_like(values), radius_px)
    mean_grey, mean_value = _box_sum(grey, radius_px) / count, _box_sum(values, radius_px) / count
    variance: Array = np.maximum(_box_sum(grey * grey, radius_px) / count - mean_grey * mean_grey, np.float32(0))
    covariance = _box_sum(values * grey, radius_px) / count - mean_grey * mean_value
    slope: Array = covariance / (variance + np.float32(epsilon))
    offset = mean_value - slope * mean_grey
    total = _box_sum(count, radius_px)
    line: Array = (_box_sum(slope * count, radius_px) * grey + _box_sum(offset * count, radius_px)) / total
    return line


def _box_sum(values: Array, radius_px: int) -> Array:
    """Sums over (2 radius + 1) squared windows, cut off at the borders."""
    side = 2 * radius_px + 1
    sums = cv2.boxFilter(values, cv2.CV_32F, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(sums, np.float32)
